//! What one raw value means.

use std::sync::Arc;

use regex::Regex;
use utakata_model::{MetricName, Quality, ReadingValue};

use crate::{
    convert::Convert,
    form::{self, Invalid},
    metric::{Nature, Plausible},
    number::Find,
    raw::{Literal, Raw},
    sentinel::{self, Sentinel},
    states::{Named, Names},
    text,
};

/// What a raw value means.
#[derive(Debug, Clone)]
pub struct Meaning {
    /// The metric.
    pub metric: MetricName,
    /// UCUM unit.
    pub unit: Arc<str>,
    /// How the raw value becomes the reading.
    pub kind: Kind,
    /// Raw values that mean "there is none".
    pub missing: Missing,
    /// Attributes of this metric alone.
    pub attributes: Vec<(Arc<str>, Arc<str>)>,
}

/// How a raw value becomes a reading.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A number.
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

/// A number: `raw * multiply / divide + offset`, then converted.
#[derive(Debug, Clone)]
pub struct Number {
    /// Multiplied by this,
    pub multiply: f64,
    /// divided by this (so that tenths come out exact),
    pub divide: f64,
    /// this is added,
    pub offset: f64,
    /// and it is converted.
    pub convert: Option<Convert>,
    /// Where in a text it is.
    pub find: Find,
    /// There is none outside of this.
    pub valid: (f64, f64),
    /// Suspect outside of this.
    pub range: (f64, f64),
    /// How numbers of the metric behave.
    pub nature: Nature,
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

/// What something beside a raw value says of it.
#[derive(Debug, Clone, Copy)]
pub struct Scaling {
    /// It is multiplied by `10^exponent`,
    pub exponent: i32,
    /// by this,
    pub times: f64,
    /// divided by this,
    pub divide: f64,
    /// and converted by the unit that the device says it has.
    pub unit: UnitTold,
}

/// The unit that a device says a number has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitTold {
    /// That of the profile, or nothing is asked.
    Own,
    /// Another one.
    Other(Convert),
    /// It should say, and does not: the number is suspect.
    Unknown,
}

/// What was seen in a raw value.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// A reading.
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
        unit: UnitTold::Own,
    };
}

impl Meaning {
    /// What the keys of a metric mean. Errors: the sentence that says what is wrong.
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

    /// What is seen in a raw value.
    pub fn read(&self, raw: &Raw<'_>, scaling: &Scaling) -> Seen {
        let is_total = matches!(&self.kind, Kind::Number(number) if number.nature == Nature::Total);
        if self.missing.has(raw, is_total) {
            return Seen::Nothing;
        }
        match &self.kind {
            Kind::Number(number) => number.read(raw, scaling, &self.unit),
            Kind::State { names, other } => match (names.name(raw), other) {
                (Some(name), _) | (None, Some(name)) => {
                    Seen::Reading(ReadingValue::Text(name.clone()), Quality::Good)
                }
                (None, None) => {
                    Seen::Reading(ReadingValue::Text(raw.text().into()), Quality::Suspect)
                }
            },
            Kind::Text => match raw.text() {
                text if text.is_empty() => Seen::Nothing,
                text => Seen::Reading(ReadingValue::Text(text.into()), Quality::Good),
            },
        }
    }
}

impl Number {
    fn read(&self, raw: &Raw<'_>, scaling: &Scaling, unit: &str) -> Seen {
        let (number, sentinel, doubt) = match raw {
            Raw::Integer(number) => (
                self.scaled(*number as f64, scaling),
                sentinel::of(raw),
                false,
            ),
            Raw::Unsigned(number, _) => (
                self.scaled(*number as f64, scaling),
                sentinel::of(raw),
                false,
            ),
            Raw::Float(number) => (self.scaled(*number, scaling), sentinel::of(raw), false),
            Raw::Bytes(bytes) => match text::of(bytes) {
                Some(text) => match self.in_text(&text, scaling, unit) {
                    Some(found) => found,
                    None => return Seen::NoNumber,
                },
                None => return Seen::NoNumber,
            },
            Raw::Text(text) => match self.in_text(text, scaling, unit) {
                Some(found) => found,
                None => return Seen::NoNumber,
            },
        };
        let is_doubtful = doubt || scaling.unit == UnitTold::Unknown;
        self.judge(number, raw, sentinel, is_doubtful, scaling)
    }

    /// The number in a text, whether it is a sentinel, and whether it is doubtful.
    fn in_text(
        &self,
        text: &str,
        scaling: &Scaling,
        unit: &str,
    ) -> Option<(f64, Option<Sentinel>, bool)> {
        let found = self.find.in_text(text, unit)?;
        let sentinel = sentinel::of_number(found.number);
        let own_factor = self.multiply / self.divide;
        let number = match found.spelling {
            Some(spelling) if own_factor == 1.0 => {
                self.scaled(spelling.apply(found.number), scaling)
            }
            // The profile's factor says the same, or the unit is written before it is applied.
            Some(spelling)
                if spelling.is_plain()
                    || (spelling.convert.is_none()
                        && (spelling.multiply / spelling.divide - own_factor).abs()
                            < own_factor.abs() * 1e-9) =>
            {
                self.scaled(found.number, scaling)
            }
            Some(_) => return None,
            None => self.scaled(found.number, scaling),
        };
        Some((number, sentinel, found.is_doubtful))
    }

    fn scaled(&self, raw: f64, scaling: &Scaling) -> f64 {
        let raw = raw * scaling.times / scaling.divide;
        let number = shift(raw * self.multiply / self.divide, scaling.exponent) + self.offset;
        let number = match scaling.unit {
            UnitTold::Other(convert) => convert.apply(number),
            UnitTold::Own | UnitTold::Unknown => number,
        };
        self.convert.map_or(number, |convert| convert.apply(number))
    }

    fn judge(
        &self,
        number: f64,
        raw: &Raw<'_>,
        sentinel: Option<Sentinel>,
        is_doubtful: bool,
        scaling: &Scaling,
    ) -> Seen {
        if !number.is_finite() {
            return Seen::Nothing;
        }
        let is_plausible = number >= self.range.0 && number <= self.range.1;
        let sentinel = self.sentinel(sentinel, raw);
        if self.is_none(sentinel, raw, is_plausible) {
            return Seen::Nothing;
        }
        let mut number = number;
        let mut is_good = is_plausible && sentinel.is_none();
        let may_be_negative = self.range.0 < 0.0 && self.nature == Nature::Measured;
        if !is_plausible
            && may_be_negative
            && let Some(negative) = raw.wrapped()
        {
            // -50 in a type without sign. Nothing else makes such a number of a measurement.
            number = self.scaled(negative as f64, scaling);
            is_good = number >= self.range.0 && number <= self.range.1;
        }
        match number >= self.valid.0 && number <= self.valid.1 {
            true => seen(number, is_good && !is_doubtful),
            false => Seen::Nothing,
        }
    }

    /// The sentinel that a raw value is for this metric.
    fn sentinel(&self, sentinel: Option<Sentinel>, raw: &Raw<'_>) -> Option<Sentinel> {
        match self.nature {
            Nature::Measured => sentinel,
            Nature::Amount => sentinel.filter(|sentinel| *sentinel == Sentinel::Certain),
            // It passes through every number, and through all ones once in 136 years.
            Nature::Total => raw.is_all_ones().then_some(Sentinel::Certain),
        }
    }

    /// Whether a number means that there is none.
    fn is_none(&self, sentinel: Option<Sentinel>, raw: &Raw<'_>, is_plausible: bool) -> bool {
        match sentinel {
            Some(Sentinel::Certain) => true,
            Some(Sentinel::Likely) => !is_plausible,
            // -1 of what cannot be negative.
            None => !is_plausible && self.range.0 >= 0.0 && raw.number() == Some(-1.0),
        }
    }
}

fn seen(number: f64, is_good: bool) -> Seen {
    let quality = match is_good {
        true => Quality::Good,
        false => Quality::Suspect,
    };
    Seen::Reading(ReadingValue::Number(number), quality)
}

/// `number * 10^exponent`, divided where the exponent is negative: 154 by 10 is 15.4, exactly.
fn shift(number: f64, exponent: i32) -> f64 {
    match exponent {
        0 => number,
        1.. => number * 10_f64.powi(exponent),
        _ => number / 10_f64.powi(-exponent),
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

    /// Whether a raw value means that there is none.
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
    number(form, metric).map(Kind::Number)
}

fn number(form: &form::Value, metric: &str) -> Result<Number, String> {
    let (multiply, divide) = fraction(form.factor.unwrap_or(1.0));
    let convert = form.convert.as_deref().map(Convert::parse).transpose()?;
    if let Some(convert) = convert.filter(|convert| convert.unit() != form.unit) {
        return Err(format!(
            "\"convert\" makes {} of \"{metric}\", and its unit is {}",
            convert.unit(),
            form.unit
        ));
    }
    let plausible = Plausible::of(metric, &form.unit);
    let range = (
        form.min.unwrap_or(plausible.range.0),
        form.max.unwrap_or(plausible.range.1),
    );
    let valid = form.valid.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
    for (what, (low, high)) in [("\"min\" and \"max\"", range), ("\"valid\"", valid)] {
        if low > high {
            return Err(format!(
                "{what} of \"{metric}\" leave nothing: {low} to {high}"
            ));
        }
    }
    Ok(Number {
        multiply,
        divide,
        offset: form.offset,
        convert,
        find: form
            .number
            .as_deref()
            .map(Find::parse)
            .transpose()?
            .unwrap_or_default(),
        valid,
        range,
        nature: plausible.nature,
    })
}

/// A factor as a whole divisor where it is one: 37 / 10 is 3.7, while 37 * 0.1 is not.
fn fraction(factor: f64) -> (f64, f64) {
    let divisor = (1.0 / factor).round();
    if factor.abs() < 1.0 && divisor.is_finite() && (divisor * factor - 1.0).abs() < 1e-12 {
        (1.0, divisor)
    } else {
        (factor, 1.0)
    }
}

#[cfg(test)]
mod tests;
