//! Readings: observed values, named and measured after OpenTelemetry's hardware conventions.
//!
//! Metric names and attributes: <https://opentelemetry.io/docs/specs/semconv/hardware/>
//! (`hw.temperature`, `hw.power`, `hw.voltage`, `hw.status`, ...; attributes `hw.id`,
//! `hw.name`, `hw.sensor_location`, ...). Units: UCUM (<https://ucum.org>): `Cel`, `W`, `V`,
//! `A`, `J`, `s`, `By`, `Hz`, `1`, `%`, `{outlet}`.

mod attributes;
pub mod shared;
mod written;

use std::{fmt, ops::Deref, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use attributes::Attributes;
use written::Written;

use crate::{ActionName, MetricName, TargetName, TaskKey};

/// The readings of one attempt on one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Readings {
    /// The target that was read.
    pub target: TargetName,
    /// The observe action that obtained them.
    pub action: ActionName,
    /// The attempt that obtained them.
    #[schema(value_type = Object)]
    pub seen_by: TaskKey,
    /// The time of the observation.
    #[schema(value_type = String, format = "date-time")]
    pub time: Timestamp,
    /// The values. Each combination of metric and attributes occurs at most once.
    pub readings: Vec<Reading>,
}

/// One value of one metric.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(from = "Written")]
pub struct Reading {
    /// The measured quantity. It is the same at each read, and most devices have it in common with
    /// others, so all of them share it. A reading reads as if it had its parts itself.
    pub of: Arc<Measurand>,
    /// The observed value.
    pub value: ReadingValue,
    /// The extent to which the value can be trusted.
    pub quality: Quality,
}

/// Something of a target that is measured.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Measurand {
    /// The metric of its values.
    pub metric: MetricName,
    /// The attributes that distinguish it from others: `hw.id`, `hw.name`,
    /// `network.interface.name`, `outlet`, ...
    pub attributes: Attributes,
    /// The UCUM unit of its values; empty for a state.
    pub unit: Arc<str>,
}

impl Deref for Reading {
    type Target = Measurand;

    fn deref(&self) -> &Measurand {
        &self.of
    }
}

/// The attributes that describe something that another attribute already identifies.
const DESCRIPTIONS: [&str; 2] = ["hw.name", "hw.location"];
/// The attributes that identify one of several, so that no description is needed.
const IDENTIFIERS: [&str; 6] = ["hw.id", "snmp.index", "outlet", "inlet", "phase", "bank"];

/// Returns true if an attribute is a description. Descriptions change (an outlet is renamed, a fan
/// is called "Fan 1, failed") while the thing described stays the same.
pub fn is_description(key: &str) -> bool {
    DESCRIPTIONS.contains(&key)
}

/// Returns true if an attribute identifies one of several.
pub fn is_identifier(key: &str) -> bool {
    IDENTIFIERS.contains(&key)
}

/// Returns the attributes that, with its metric, make up a series of values: all of them, but
/// without descriptions if another attribute identifies the thing already.
pub fn identity(attributes: &Attributes) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
    let is_identified = attributes.keys().any(|key| is_identifier(key));
    attributes
        .iter()
        .filter(move |(key, _)| !(is_identified && is_description(key)))
}

/// A number, or a state by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum ReadingValue {
    /// A number, in the unit of the reading.
    Number(f64),
    /// A state (`on`, `ok`) or a text (a serial number).
    #[schema(value_type = String)]
    Text(Arc<str>),
}

impl ReadingValue {
    /// Returns the value as a parameter of an action. A whole number stays one in JSON.
    pub fn to_json(&self) -> serde_json::Value {
        /// The limit up to which every whole number is exact.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        match self {
            #[allow(
                clippy::cast_possible_truncation,
                reason = "it is whole and small enough"
            )]
            Self::Number(number) if number.fract() == 0.0 && number.abs() < EXACT => {
                (*number as i64).into()
            }
            Self::Number(number) => (*number).into(),
            Self::Text(text) => text.as_ref().into(),
        }
    }
}

impl fmt::Display for ReadingValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.pad(text),
        }
    }
}

/// The extent to which a reading can be trusted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Quality {
    /// The value is as the target reported it, and plausible.
    #[default]
    Good,
    /// The target itself doubts the value, or its profile does not allow it.
    Suspect,
    /// The value is older than its schedule allows. Set by the logic environment, never by a
    /// worker.
    Stale,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_no_part_of_what_is_identified_already() {
        for (given, expect) in [
            (
                &["hw.id", "hw.name", "hw.type"][..],
                &["hw.id", "hw.type"][..],
            ),
            (&["hw.name", "outlet"], &["outlet"]),
            (&["hw.name", "hw.type"], &["hw.name", "hw.type"]),
            (&["hw.name"], &["hw.name"]),
        ] {
            let attributes = given.iter().map(|key| (Arc::from(*key), Arc::from("x")));
            let attributes: Attributes = attributes.collect();
            let found: Vec<&str> = identity(&attributes).map(|(key, _)| &**key).collect();
            assert_eq!(found, expect, "{given:?}");
        }
    }

    #[test]
    fn a_reading_has_this_form_on_the_wire() {
        let reading = Reading {
            of: Measurand {
                metric: MetricName::new("hw.temperature").unwrap(),
                attributes: Attributes::from([("hw.id".into(), "inlet".into())]),
                unit: "Cel".into(),
            }
            .into(),
            value: ReadingValue::Number(24.5),
            quality: Quality::Good,
        };
        let json = r#"{"metric":"hw.temperature","attributes":{"hw.id":"inlet"},"value":24.5,"unit":"Cel","quality":"good"}"#;
        assert_eq!(serde_json::to_string(&reading).unwrap(), json);
        assert_eq!(serde_json::from_str::<Reading>(json).unwrap(), reading);
    }

    #[test]
    fn a_reading_takes_little_more_than_its_value_and_shares_what_was_measured() {
        assert_eq!(size_of::<Reading>(), 32);
        let json = r#"{"metric":"hw.power","attributes":{"hw.id":"inlet"},"value":1,"unit":"W"}"#;
        let read = || serde_json::from_str::<Reading>(json).unwrap();
        assert!(Arc::ptr_eq(&read().of, &read().of));
    }
}
