//! Conditions: what is asked of a raw value.

use regex::Regex;

use crate::raw::{Literal, Raw};

/// A test of a raw value that may be absent.
#[derive(Debug, Clone)]
pub struct Test {
    /// The expectation of a value.
    pub wanted: Expectation,
    /// `true` if it holds, too, when there is no value.
    pub or_absent: bool,
}

/// The expectation of a value.
#[derive(Debug, Clone)]
pub enum Expectation {
    /// It is one of these.
    OneOf(Vec<Literal>),
    /// It is none of these; so is what is absent.
    NoneOf(Vec<Literal>),
    /// There is none.
    Absent,
    /// There is one.
    Present,
    /// It is a number above the first and below the second.
    Between(f64, f64),
    /// Its text matches.
    Matches(Regex),
    /// Its text does not match; nor does what is absent.
    Unlike(Regex),
}

impl Test {
    /// Returns whether it holds for what a device has, or has not.
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
