//! The order of what is shown.

use std::cmp::Ordering;

use clap::ValueEnum;
use utakata_model::ReadingValue;

use crate::output::natural;

/// By what readings are sorted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    /// Those whose value has changed while it was watched, then the others, each by name
    #[default]
    Changed,
    /// By target, metric and attributes; 2 goes before 10
    Name,
    /// The largest value first
    Value,
    /// What was seen last first
    Age,
}

impl Sort {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Name => "name",
            Self::Value => "value",
            Self::Age => "age",
        }
    }

    /// The next one.
    pub fn next(self) -> Self {
        match self {
            Self::Changed => Self::Name,
            Self::Name => Self::Value,
            Self::Value => Self::Age,
            Self::Age => Self::Changed,
        }
    }
}

/// The largest number first; texts after all numbers.
pub fn largest(a: &ReadingValue, b: &ReadingValue) -> Ordering {
    match (a, b) {
        (ReadingValue::Number(a), ReadingValue::Number(b)) => b.total_cmp(a),
        (ReadingValue::Number(_), ReadingValue::Text(_)) => Ordering::Less,
        (ReadingValue::Text(_), ReadingValue::Number(_)) => Ordering::Greater,
        (ReadingValue::Text(a), ReadingValue::Text(b)) => natural::compare(a, b),
    }
}
