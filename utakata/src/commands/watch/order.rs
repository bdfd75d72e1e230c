//! The order of readings.

use std::cmp::Ordering;

use clap::ValueEnum;
use utakata_model::ReadingValue;

use crate::output::natural;

/// The order of readings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    /// Values that have changed while watching come first, then the others, each by name
    #[default]
    Changed,
    /// By target, metric and attributes; 2 comes before 10
    Name,
    /// Largest value first
    Value,
    /// Latest first
    Age,
}

impl Sort {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Name => "name",
            Self::Value => "value",
            Self::Age => "age",
        }
    }

    /// Returns the order that follows when the user switches.
    pub fn next(self) -> Self {
        match self {
            Self::Changed => Self::Name,
            Self::Name => Self::Value,
            Self::Value => Self::Age,
            Self::Age => Self::Changed,
        }
    }
}

/// Compares so that the largest number comes first, and texts after all numbers.
pub fn largest(a: &ReadingValue, b: &ReadingValue) -> Ordering {
    match (a, b) {
        (ReadingValue::Number(a), ReadingValue::Number(b)) => b.total_cmp(a),
        (ReadingValue::Number(_), ReadingValue::Text(_)) => Ordering::Less,
        (ReadingValue::Text(_), ReadingValue::Number(_)) => Ordering::Greater,
        (ReadingValue::Text(a), ReadingValue::Text(b)) => natural::compare(a, b),
    }
}
