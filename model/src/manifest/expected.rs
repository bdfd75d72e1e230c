//! The expected result of reading a target back after a control action. Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    Tolerance, Verify,
    placeholder::{self, Unknown},
};
use crate::{ActionName, MetricName, Quality, Reading, ReadingValue};

/// The relative difference below which numbers are equal: a target that counts in tenths answers
/// 22.900000000000002 for 22.9.
const ROUNDING: f64 = 1e-9;

/// A read-back and its expected result: the `verify` of an action, filled with the parameters of a
/// task.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// The observe action that reads the target back.
    pub action: ActionName,
    /// The parameters of that action.
    pub parameters: Map<String, Value>,
    metric: MetricName,
    /// The attributes that the reading must have.
    pub attributes: BTreeMap<String, String>,
    /// The value that proves the effect. Absent if it is a parameter that was not given: then no
    /// value proves anything.
    pub value: Option<Value>,
    /// Further values that prove it.
    any: Vec<Value>,
    /// The difference up to which a number counts as a value.
    tolerance: Option<Tolerance>,
    /// The value on the way to the effect, if there must be one.
    through: Through,
}

/// The value that a target shows on its way to an effect.
#[derive(Debug, Clone, PartialEq)]
enum Through {
    /// No particular value.
    Nothing,
    /// This value. Absent if it is a parameter that was not given: then no value is the right one.
    Value(Option<Value>),
}

impl Expected {
    /// Fills the `verify` of an action with the parameters of a control task.
    ///
    /// # Errors
    /// The place to look at depends on a parameter that was not given.
    pub fn new(verify: &Verify, parameters: &Value) -> Result<Self, Unknown> {
        let values = |name: &str| Ok(parameters.get(name).cloned());
        let attribute = |(key, text): (&String, &String)| {
            let value = placeholder::fill_one(&text.as_str().into(), &values)?;
            let text = text_of(&value).ok_or_else(|| Unknown { name: key.clone() })?;
            Ok((key.clone(), text))
        };
        Ok(Self {
            action: verify.action.clone(),
            parameters: placeholder::fill(&verify.parameters, &values)?,
            metric: verify.metric.clone(),
            attributes: verify
                .attributes
                .iter()
                .map(attribute)
                .collect::<Result<_, _>>()?,
            value: placeholder::fill_one(&verify.value, &values).ok(),
            any: verify
                .any
                .iter()
                .filter_map(|value| placeholder::fill_one(value, &values).ok())
                .collect(),
            tolerance: verify.tolerance,
            through: match &verify.through {
                None => Through::Nothing,
                Some(through) => Through::Value(placeholder::fill_one(through, &values).ok()),
            },
        })
    }

    /// Returns true if the readings show the effect. `None` if they are doubtful, missing or
    /// contradictory.
    pub fn is_shown(&self, readings: &[Reading]) -> Option<bool> {
        self.has(self.seen(readings)?)
    }

    /// Returns true if a value is one of those that prove the effect. `None` if it cannot be
    /// compared with the first of them.
    fn has(&self, seen: &ReadingValue) -> Option<bool> {
        let is = |expected: &Value| same(expected, seen, self.tolerance);
        let first = is(self.value.as_ref()?);
        match self.any.iter().any(|other| is(other) == Some(true)) {
            true => Some(true),
            false => first,
        }
    }

    /// Returns true if the readings show the state on the way to the effect.
    pub fn is_passing(&self, readings: &[Reading]) -> bool {
        match (&self.through, self.seen(readings)) {
            (Through::Value(Some(through)), Some(seen)) => same(through, seen, None) == Some(true),
            _ => false,
        }
    }

    /// Returns true if a value is the one that the action brings about.
    pub fn is_effect(&self, value: &ReadingValue) -> bool {
        self.has(value) == Some(true)
    }

    /// Returns the single trustworthy value to look at, if there is exactly one.
    pub fn seen<'a>(&self, readings: &'a [Reading]) -> Option<&'a ReadingValue> {
        self.reading(readings).map(|reading| &reading.value)
    }

    /// Returns the reading that has this value.
    pub fn reading<'a>(&self, readings: &'a [Reading]) -> Option<&'a Reading> {
        let mut meant = readings.iter().filter(|reading| self.means(reading));
        let first = meant.next().filter(|reading| is_trusted(reading))?;
        let agrees = |other: &Reading| is_trusted(other) && other.value == first.value;
        meant.all(agrees).then_some(first)
    }

    fn means(&self, reading: &Reading) -> bool {
        let has = |(key, text): (&String, &String)| {
            let found = reading.attributes.get(key.as_str());
            found.is_some_and(|found| **found == **text)
        };
        reading.metric == self.metric && self.attributes.iter().all(has)
    }
}

fn is_trusted(reading: &Reading) -> bool {
    let is_number = match reading.value {
        ReadingValue::Number(number) => number.is_finite(),
        ReadingValue::Text(_) => true,
    };
    reading.quality == Quality::Good && is_number
}

/// Returns true if a value is the expected one, or `None` if the two cannot be compared.
fn same(expected: &Value, seen: &ReadingValue, tolerance: Option<Tolerance>) -> Option<bool> {
    let is_near = |expected: f64, seen: f64| {
        let is_within = tolerance.is_some_and(|tolerance| tolerance.has(expected, seen));
        is_within || is_near(expected, seen)
    };
    match (expected, seen) {
        (Value::String(expected), ReadingValue::Text(seen)) => Some(**expected == **seen),
        (Value::Bool(expected), ReadingValue::Text(seen)) => Some(expected.to_string() == **seen),
        (Value::String(expected), ReadingValue::Number(seen)) => {
            number(expected).map(|expected| is_near(expected, *seen))
        }
        (Value::Number(expected), ReadingValue::Number(seen)) => {
            expected.as_f64().map(|expected| is_near(expected, *seen))
        }
        (Value::Number(expected), ReadingValue::Text(seen)) => {
            let (expected, seen) = expected.as_f64().zip(number(seen))?;
            Some(is_near(expected, seen))
        }
        _ => None,
    }
}

fn number(text: &str) -> Option<f64> {
    text.trim()
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
}

fn is_near(one: f64, other: f64) -> bool {
    (one - other).abs() <= ROUNDING * one.abs().max(other.abs())
}

/// Returns the form in which an attribute has the value.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
