//! What one raw value means.

mod number;

use std::sync::Arc;

use regex::Regex;
use utakata_model::{MetricName, Quality, ReadingValue};

use crate::{
    convert::Convert,
    form::{self, Invalid},
    metric::Nature,
    raw::{Literal, Raw},
    states::{Named, Names},
};
pub use number::Number;

/// The meaning of a raw value.
#[derive(Debug, Clone)]
pub struct Meaning {
    pub metric: MetricName,
    /// UCUM unit.
    pub unit: Arc<str>,
    /// The way from the raw value to the reading.
    pub kind: Kind,
    /// Raw values that mean "there is none".
    pub missing: Missing,
    /// Attributes of this metric alone.
    pub attributes: Vec<(Arc<str>, Arc<str>)>,
}

/// The way from a raw value to a reading.
#[derive(Debug, Clone)]
pub enum Kind {
    Number(Number),
    /// A state by name.
    State {
        /// Names of raw values.
        names: Names,
        /// The name of all others.
        other: Option<Arc<str>>,
    },
    /// The text as it is.
    Text,
}

/// Raw values that mean "there is none".
#[derive(Debug, Clone, Default)]
pub struct Missing {
    /// These.
    pub values: Vec<Literal>,
    /// Numbers below the first and above the second.
    pub outside: Option<(f64, f64)>,
    /// Texts that match.
    pub matches: Vec<Regex>,
}

/// The scale and unit that something beside a raw value says of it.
#[derive(Debug, Clone, Copy)]
pub struct Scaling {
    /// It is multiplied by `10^exponent`,
    pub exponent: i32,
    /// by this,
    pub times: f64,
    /// divided by this,
    pub divide: f64,
    /// and converted by the unit that the device says it has.
    pub unit: StatedUnit,
}

/// The unit that a device says a number has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatedUnit {
    /// That of the profile, or nothing is asked.
    Own,
    /// Another one.
    Other(Convert),
    /// It should say, and does not: the number is suspect.
    Unknown,
}

/// The interpretation of a raw value.
#[derive(Debug, Clone, PartialEq)]
pub enum Interpretation {
    Reading(ReadingValue, Quality),
    /// The device says that there is none.
    Nothing,
    /// It should be a number and is none.
    NoNumber,
}

impl Scaling {
    /// The number is as it is.
    pub const NONE: Self = Self {
        exponent: 0,
        times: 1.0,
        divide: 1.0,
        unit: StatedUnit::Own,
    };
}

impl Meaning {
    /// Returns what the keys of a metric mean. Errors: the sentence that says what is wrong.
    pub fn compile(form: &form::Value, named: &Named) -> Result<Self, String> {
        let Some(metric) = &form.metric else {
            return Err("a metric needs its name: metric = \"hw.temperature\"".into());
        };
        let attributes = form.attributes.iter();
        Ok(Self {
            metric: metric.clone(),
            unit: form.unit.as_str().into(),
            kind: kind(form, metric.as_str(), named)?,
            missing: Missing::compile(&form.invalid.0)?,
            attributes: attributes
                .map(|(key, text)| (Arc::from(key.as_str()), Arc::from(text.as_str())))
                .collect(),
        })
    }

    /// Returns what is seen in a raw value.
    pub fn read(&self, raw: &Raw<'_>, scaling: &Scaling) -> Interpretation {
        let is_total = matches!(&self.kind, Kind::Number(number) if number.nature == Nature::Total);
        if self.missing.has(raw, is_total) {
            return Interpretation::Nothing;
        }
        match &self.kind {
            Kind::Number(number) => number.read(raw, scaling, &self.unit),
            Kind::State { names, other } => match (names.name(raw), other) {
                (Some(name), _) | (None, Some(name)) => {
                    Interpretation::Reading(ReadingValue::Text(name.clone()), Quality::Good)
                }
                (None, None) => {
                    Interpretation::Reading(ReadingValue::Text(raw.text().into()), Quality::Suspect)
                }
            },
            Kind::Text => match raw.text() {
                text if text.is_empty() => Interpretation::Nothing,
                text => Interpretation::Reading(ReadingValue::Text(text.into()), Quality::Good),
            },
        }
    }
}

impl Missing {
    fn compile(forms: &[Invalid]) -> Result<Self, String> {
        let mut missing = Self::default();
        for form in forms {
            match form {
                Invalid::Is(literal) => missing.values.push(literal.clone()),
                Invalid::Range(range) => {
                    if range.below.is_none() && range.above.is_none() && range.matches.is_none() {
                        return Err("\"invalid\" needs \"below\", \"above\" or \"matches\"".into());
                    }
                    if let Some(text) = &range.matches {
                        missing.matches.push(form::pattern(text)?);
                    }
                    if range.below.is_some() || range.above.is_some() {
                        missing.outside = Some((
                            range.below.unwrap_or(f64::NEG_INFINITY),
                            range.above.unwrap_or(f64::INFINITY),
                        ));
                    }
                }
            }
        }
        Ok(missing)
    }

    /// Returns whether a raw value means that there is none.
    fn has(&self, raw: &Raw<'_>, is_total: bool) -> bool {
        self.values.iter().any(|value| value.means(raw))
            || self.outside.is_some_and(|(low, high)| {
                let signed = raw.wrapped().filter(|_| !is_total);
                let is_outside = |number: f64| number < low || number > high;
                raw.number().is_some_and(is_outside)
                    || signed.is_some_and(|number| is_outside(number as f64))
            })
            || (!self.matches.is_empty() && {
                let text = raw.text();
                self.matches.iter().any(|pattern| pattern.is_match(&text))
            })
    }
}

fn kind(form: &form::Value, metric: &str, named: &Named) -> Result<Kind, String> {
    let numeric = form.factor.is_some()
        || form.min.is_some()
        || form.max.is_some()
        || form.valid.is_some()
        || form.number.is_some()
        || form.convert.is_some();
    if form.text || !form.states.is_empty() {
        if numeric || !form.unit.is_empty() {
            return Err(format!(
                "\"{metric}\" is a {}: it cannot have a unit, a factor or limits",
                if form.text { "text" } else { "state" }
            ));
        }
        if form.text {
            return Ok(Kind::Text);
        }
        return Ok(Kind::State {
            names: Names::compile(&form.states, named)?,
            other: form.other.as_deref().map(Arc::from),
        });
    }
    if form.unit.is_empty() {
        return Err(format!(
            "\"{metric}\" needs a unit (UCUM; \"1\" for a ratio), states, or text = true"
        ));
    }
    Number::compile(form, metric).map(Kind::Number)
}

#[cfg(test)]
mod tests;
