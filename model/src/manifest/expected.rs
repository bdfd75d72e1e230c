//! What reading a target back should show after a control action. Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    Verify,
    placeholder::{self, Unknown},
};
use crate::{ActionName, MetricName, Quality, Reading, ReadingValue};

/// Numbers that differ by less than this part of them are the same: a target that counts in
/// tenths answers 22.900000000000002 for 22.9.
const ROUNDING: f64 = 1e-9;

/// A read-back, and what it should show: the `verify` of an action, with the parameters of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// The observe action that reads it back.
    pub action: ActionName,
    /// Its parameters.
    pub parameters: Map<String, Value>,
    metric: MetricName,
    /// The attributes that the reading must have.
    pub attributes: BTreeMap<String, String>,
    /// Absent where it is a parameter that was not given: then no value tells anything.
    pub value: Option<Value>,
    /// The value on the way to it, where there must be one.
    through: Through,
}

/// The value that a target shows on the way to an effect.
#[derive(Debug, Clone, PartialEq)]
enum Through {
    /// Nothing in particular.
    Nothing,
    /// This value; absent where it is a parameter that was not given: then nothing is that value.
    Value(Option<Value>),
}

impl Expected {
    /// Puts the parameters of a control task into the `verify` of its action.
    ///
    /// # Errors
    /// Where to look depends on a parameter that was not given.
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
            through: match &verify.through {
                None => Through::Nothing,
                Some(through) => Through::Value(placeholder::fill_one(through, &values).ok()),
            },
        })
    }

    /// Returns whether readings show the effect. `None`: what is doubtful, missing or contradictory
    /// says nothing.
    pub fn is_shown(&self, readings: &[Reading]) -> Option<bool> {
        same(self.value.as_ref()?, self.seen(readings)?)
    }

    /// Returns whether readings show what the target passes through on the way to the effect.
    pub fn is_passing(&self, readings: &[Reading]) -> bool {
        match (&self.through, self.seen(readings)) {
            (Through::Value(Some(through)), Some(seen)) => same(through, seen) == Some(true),
            _ => false,
        }
    }

    /// Returns whether a value is the one that the action brings about.
    pub fn is_effect(&self, value: &ReadingValue) -> bool {
        let expected = self.value.as_ref();
        expected.and_then(|expected| same(expected, value)) == Some(true)
    }

    /// The one value that is there to be looked at, if it can be trusted.
    pub fn seen<'a>(&self, readings: &'a [Reading]) -> Option<&'a ReadingValue> {
        self.reading(readings).map(|reading| &reading.value)
    }

    /// The reading of that value.
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

/// Returns whether a value is the expected one; `None` where the two cannot be compared.
fn same(expected: &Value, seen: &ReadingValue) -> Option<bool> {
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

/// As an attribute has it.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
