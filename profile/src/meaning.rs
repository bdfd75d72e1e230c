//! The meaning of one raw value.

mod number;

use std::sync::Arc;

use regex::Regex;
use utakata_model::{MetricName, Quality, ReadingValue, quantity::Nature};

use crate::{
    convert::Convert,
    form::{self, Invalid},
    raw::{Literal, Raw},
    states::{Named, Names},
};
pub use number::Number;

/// The meaning of a raw value.
#[derive(Debug, Clone)]
pub struct Meaning {
    pub metric: MetricName,
    /// The UCUM unit of the reading.
    pub unit: Arc<str>,
    /// The conversion from the raw value to the reading.
    pub kind: Kind,
    /// The raw values that mean "there is none".
    pub missing: Missing,
    /// The attributes of this metric alone.
    pub attributes: Vec<(Arc<str>, Arc<str>)>,
}

/// The conversion of a raw value to a reading.
#[derive(Debug, Clone)]
pub enum Kind {
    Number(Number),
    /// A named state.
    State {
        /// The names by raw value.
        names: Names,
        /// The name of all other raw values.
        other: Option<Arc<str>>,
    },
    /// The text unchanged.
    Text,
}

/// Raw values that mean "not available".
#[derive(Debug, Clone, Default)]
pub struct Missing {
    /// Single values.
    pub values: Vec<Literal>,
    /// The numbers below the first limit and above the second.
    pub outside: Option<(f64, f64)>,
    /// The texts that match.
    pub matches: Vec<Regex>,
}

/// The scale and unit that something else than the raw value declares for it.
#[derive(Debug, Clone, Copy)]
pub struct Scaling {
    /// The power of ten by which it is multiplied,
    pub exponent: i32,
    /// the multiplier,
    pub times: f64,
    /// the divisor,
    pub divide: f64,
    /// and the unit that the device states, from which it is converted.
    pub unit: StatedUnit,
}

/// The unit that a device states for a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatedUnit {
    /// The unit of the profile, or one that is not asked for.
    Own,
    /// Another unit, with its conversion.
    Other(Convert),
    /// The device should state a unit and does not, so the number is suspect.
    Unknown,
}

/// The result of interpreting a raw value.
#[derive(Debug, Clone, PartialEq)]
pub enum Interpretation {
    Reading(ReadingValue, Quality),
    /// The device reports that there is no value.
    Nothing,
    /// The value should be a number and is not.
    NoNumber,
}

impl Scaling {
    /// The scaling that leaves a number unchanged.
    pub const NONE: Self = Self {
        exponent: 0,
        times: 1.0,
        divide: 1.0,
        unit: StatedUnit::Own,
    };
}

impl Meaning {
    /// Compiles the keys of a metric.
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

    /// Interprets a raw value.
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

    /// Returns true if a raw value means that there is none.
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
