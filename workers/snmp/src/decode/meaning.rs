//! What one raw value means.

use async_snmp::Value;
use utakata_worker_sdk::model::{Quality, ReadingValue};

use crate::{
    profile::{Kind, Meaning, Names, Raw},
    value,
};

/// What other columns of the row say of a number.
#[derive(Debug, Clone, Copy)]
pub struct Scaling {
    /// It is multiplied by `10^exponent`,
    pub exponent: i32,
    /// and by this.
    pub times: f64,
}

impl Scaling {
    /// The number is as it is.
    pub const NONE: Self = Self {
        exponent: 0,
        times: 1.0,
    };
}

/// The reading in a raw value; `None` when there is none.
pub fn read(meaning: &Meaning, value: &Value, scaling: Scaling) -> Option<(ReadingValue, Quality)> {
    if value::is_absent(value) || meaning.invalid.iter().any(|raw| equals(raw, value)) {
        return None;
    }
    match &meaning.reading {
        Kind::Number {
            multiply,
            divide,
            offset,
            range,
        } => {
            let raw = value::as_number(value)? * scaling.times;
            let number = shift(raw * multiply / divide, scaling.exponent) + offset;
            let plausible = number >= range.0 && number <= range.1;
            number
                .is_finite()
                .then_some((ReadingValue::Number(number), quality(plausible)))
        }
        Kind::State { names, other } => match (names.of(value), other) {
            (Some(name), _) | (None, Some(name)) => {
                Some((ReadingValue::Text(name.clone()), Quality::Good))
            }
            (None, None) => value::as_shared_text(value)
                .map(|text| (ReadingValue::Text(text), Quality::Suspect)),
        },
        Kind::Text => value::as_shared_text(value)
            .filter(|text| !text.is_empty())
            .map(|text| (ReadingValue::Text(text), Quality::Good)),
    }
}

fn quality(plausible: bool) -> Quality {
    if plausible {
        Quality::Good
    } else {
        Quality::Suspect
    }
}

/// `number * 10^exponent`, divided where the exponent is negative: 154 by 10 is 15.4, exactly.
fn shift(number: f64, exponent: i32) -> f64 {
    match exponent {
        0 => number,
        1.. => number * 10_f64.powi(exponent),
        _ => number / 10_f64.powi(-exponent),
    }
}

impl Names {
    /// The name of a raw value.
    pub fn of(&self, value: &Value) -> Option<&std::sync::Arc<str>> {
        self.0
            .iter()
            .find(|(raw, _)| equals(raw, value))
            .map(|(_, name)| name)
    }
}

/// Whether a value is this raw one. Numbers that a device writes as text are numbers too.
pub fn equals(raw: &Raw, value: &Value) -> bool {
    match raw {
        Raw::Number(number) => match value {
            Value::OctetString(_) => value::as_number(value) == Some(*number as f64),
            _ => value::as_integer(value) == Some(*number),
        },
        Raw::Text(text) => match value {
            Value::OctetString(bytes) => bytes.as_ref() == text.as_ref(),
            _ => value::as_text(value).is_some_and(|shown| shown.as_bytes() == text.as_ref()),
        },
    }
}
