//! Conditions on raw values.

use regex::Regex;

use crate::raw::{Literal, Raw};

/// A test of a raw value that may be missing.
#[derive(Debug, Clone)]
pub struct Test {
    /// The value that is expected.
    pub wanted: Expectation,
    /// `true` if the condition also holds when there is no value.
    pub or_absent: bool,
}

/// A value that is expected.
#[derive(Debug, Clone)]
pub enum Expectation {
    /// One of these values.
    OneOf(Vec<Literal>),
    /// None of these values; an absent one is none of them.
    NoneOf(Vec<Literal>),
    /// No value.
    Absent,
    /// Any value.
    Present,
    /// A number above the first and below the second.
    Between(f64, f64),
    /// A text that matches.
    Matches(Regex),
    /// A text that does not match, or no value.
    Unlike(Regex),
}

impl Test {
    /// Returns true if the condition holds for a value, or for its absence.
    pub fn holds(&self, raw: Option<&Raw<'_>>) -> bool {
        let Some(raw) = raw else {
            let bears = matches!(
                self.wanted,
                Expectation::Absent | Expectation::NoneOf(_) | Expectation::Unlike(_)
            );
            return self.or_absent || bears;
        };
        match &self.wanted {
            Expectation::OneOf(values) => values.iter().any(|value| value.is(raw)),
            Expectation::NoneOf(values) => !values.iter().any(|value| value.is(raw)),
            Expectation::Absent => false,
            Expectation::Present => true,
            Expectation::Between(above, below) => raw
                .number()
                .is_some_and(|number| number > *above && number < *below),
            Expectation::Matches(pattern) => pattern.is_match(&raw.text()),
            Expectation::Unlike(pattern) => !pattern.is_match(&raw.text()),
        }
    }
}
