//! One rule on one series, as it is stored.

use std::{
    fmt::Write as _,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_alarm::{Facts, State};
use utakata_model::{
    AlarmId, AlarmName, Severity, TargetName,
    reading::{self, Attributes},
};

/// One rule on one series, with its alarm if there is one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub rule: AlarmName,
    pub target: TargetName,
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
    #[serde(default)]
    pub unit: Arc<str>,
    pub state: State,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm: Option<Box<Alarm>>,
}

/// An alarm, from when it was raised until it is over and seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    pub id: AlarmId,
    /// The number of its last change.
    pub number: u64,
    pub raised: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<Timestamp>,
    pub severity: Severity,
    /// The sentence when it last changed.
    pub text: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub what_to_do: String,
    pub facts: Facts,
    /// True once everything that could explain it was asked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asked: bool,
    /// True if something explained it that is over: it has a moment to be over, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub was_explained: bool,
}

/// The identity of a record in this process.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub target: TargetName,
    pub rule: AlarmName,
    /// A hash of the attributes that make up the series.
    pub series: u64,
}

impl Record {
    pub fn key(&self) -> Key {
        Key {
            target: self.target.clone(),
            rule: self.rule.clone(),
            series: series(&self.attributes),
        }
    }

    /// Returns the text that names it in the store.
    pub fn name(&self) -> String {
        let mut name = format!("{}/{}", self.target, self.rule);
        for (key, value) in reading::identity(&self.attributes) {
            // Writing to a text cannot fail.
            let _ = write!(name, "/{key}={value}");
        }
        name
    }

    pub fn is_active(&self) -> bool {
        self.alarm.as_ref().is_some_and(|alarm| alarm.facts.active)
    }
}

/// Returns the identity of a series within a target and a metric, the same throughout this process.
pub fn series(attributes: &Attributes) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (key, value) in reading::identity(attributes) {
        key.hash(&mut hasher);
        value.hash(&mut hasher);
    }
    hasher.finish()
}
