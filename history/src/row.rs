//! Rows: what one attempt saw, or why there is nothing.

use std::sync::Arc;

use jiff::Timestamp;
use utakata_model::{
    ActionName, MetricName, Quality, ReadingValue, Readings, TargetName, reading::Attributes,
};

use crate::time::Millis;

/// The number of a series within its source, given once.
pub type ColumnId = u32;
/// The number of a target and an action, given once.
pub type SourceId = u32;

/// The longest code of a hole, in bytes.
pub const MAX_CODE: usize = 64;

/// A record to be kept.
#[derive(Debug, Clone)]
pub enum Record {
    /// The readings of an attempt.
    Readings {
        readings: Arc<Readings>,
        heard: Timestamp,
    },
    /// An attempt that saw nothing.
    Missed {
        target: TargetName,
        action: ActionName,
        /// The time at which it ended.
        seen: Timestamp,
        heard: Timestamp,
        /// The code of the problem: `unreachable`, `breaker-open`, ...
        code: Arc<str>,
    },
}

impl Record {
    pub fn heard(&self) -> Timestamp {
        match self {
            Self::Readings { heard, .. } | Self::Missed { heard, .. } => *heard,
        }
    }
}

/// An attempt to read one source: its times and its content.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub seen: Millis,
    pub heard: Millis,
    pub content: Content,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// The values, each column at most once.
    Values(Vec<(ColumnId, Sample)>),
    /// The code of the reason why there is none.
    Hole(Arc<str>),
}

/// A value and the extent to which it can be trusted.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub value: ReadingValue,
    pub quality: Quality,
}

/// The values of one metric with one set of attributes of one target, seen by one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    pub source: SourceId,
    pub column: ColumnId,
    pub target: TargetName,
    pub action: ActionName,
    pub metric: MetricName,
    pub attributes: Attributes,
    pub unit: Arc<str>,
}

/// A moment of a series: a value, or the reason why there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    pub seen: Timestamp,
    pub heard: Timestamp,
    pub what: What,
}

#[derive(Debug, Clone, PartialEq)]
pub enum What {
    Value(Sample),
    /// The code of the problem, or one of [`crate::gap`].
    Hole(Arc<str>),
}

impl Point {
    /// Returns the value, if it is a number.
    pub fn number(&self) -> Option<f64> {
        match &self.what {
            What::Value(Sample {
                value: ReadingValue::Number(number),
                ..
            }) => Some(*number),
            What::Value(_) | What::Hole(_) => None,
        }
    }
}
