//! The comparison of a candidate's answers with those of the stable release. Pure.
//!
//! ```text
//! stable reads ─► candidate reads ─► (mismatches: stable reads once more)
//!   before                              after
//! ```
//!
//! A number agrees if it lies between before and after, or close to either: a value that moves is
//! not a difference, but a wrong unit is. A reading that only the candidate has is not a difference
//! either, since new releases are made to read more. A reading that it no longer has is one. Apart
//! from its readings, the result of an action has no form that could be compared.

use std::{collections::BTreeMap, sync::Arc};

use utakata_model::{
    MetricName, OutcomeStatus, Problem, Reading, ReadingValue, RolloutId, reading::Attributes,
};

/// The relative difference up to which numbers are equal, allowing for different ways of computing
/// them.
const SAME: f64 = 1e-9;
/// The name of a difference that is not in a reading.
const OUTCOME: &str = "outcome";

/// The answer of a release to a read.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadAnswer {
    status: OutcomeStatus,
    code: Option<Arc<str>>,
    readings: Vec<Reading>,
}

/// A difference between two answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The metric with its attributes, or `outcome`.
    pub what: String,
    pub stable: String,
    pub candidate: String,
}

/// A read that the candidate repeats.
#[derive(Debug)]
pub struct RepeatedRead {
    /// The rollout for which it is repeated.
    pub rollout: RolloutId,
    /// The answer of the stable release.
    pub before: ReadAnswer,
    /// The answer of the candidate, once the stable release is asked again.
    pub candidate: Option<ReadAnswer>,
}

type Key<'r> = (&'r MetricName, &'r Attributes);

impl ReadAnswer {
    /// Builds the answer that a worker gave.
    pub fn new(status: OutcomeStatus, problem: Option<&Problem>, readings: Vec<Reading>) -> Self {
        Self {
            status,
            code: problem.map(|problem| problem.code.clone()),
            readings,
        }
    }

    /// Builds an answer for one that is missing or could not be read.
    pub fn failed(code: &str) -> Self {
        Self {
            status: OutcomeStatus::Failed,
            code: Some(code.into()),
            readings: Vec::new(),
        }
    }

    /// Returns true if both ended in the same status.
    pub fn ended_as(&self, other: &Self) -> bool {
        self.status == other.status && self.code == other.code
    }

    fn by_key(&self) -> BTreeMap<Key<'_>, &Reading> {
        let readings = self.readings.iter();
        readings
            .map(|reading| ((&reading.metric, &reading.attributes), reading))
            .collect()
    }

    fn outcome(&self) -> String {
        let status = format!("{:?}", self.status).to_lowercase();
        match &self.code {
            Some(code) => format!("{status} ({code})"),
            None => status,
        }
    }
}

/// Returns the differences between a candidate's answer and those of the stable release, before
/// and, if it was asked again, after. `tolerance` is the permitted difference of a number, as a
/// fraction of it.
pub fn compare(
    before: &ReadAnswer,
    candidate: &ReadAnswer,
    after: Option<&ReadAnswer>,
    tolerance: f64,
) -> Vec<Mismatch> {
    let agrees = |stable: &ReadAnswer| stable.ended_as(candidate);
    if !agrees(before) && !after.is_some_and(agrees) {
        return vec![Mismatch {
            what: OUTCOME.into(),
            stable: before.outcome(),
            candidate: candidate.outcome(),
        }];
    }
    let (answered, later) = (candidate.by_key(), after.map(ReadAnswer::by_key));
    let mut mismatches = Vec::new();
    for (key, first) in before.by_key() {
        let last = match &later {
            Some(later) => match later.get(&key) {
                Some(last) => last,
                // It is present only at times.
                None => continue,
            },
            None => first,
        };
        let found = answered.get(&key).copied();
        if !found.is_some_and(|found| is_alike(found, first, last, tolerance)) {
            mismatches.push(Mismatch {
                what: name(first),
                stable: value(first),
                candidate: found.map_or_else(|| "nothing".into(), value),
            });
        }
    }
    mismatches
}

fn is_alike(found: &Reading, first: &Reading, last: &Reading, tolerance: f64) -> bool {
    if found.unit != first.unit && found.unit != last.unit {
        return false;
    }
    match (&found.value, &first.value, &last.value) {
        (ReadingValue::Number(found), ReadingValue::Number(first), ReadingValue::Number(last)) => {
            is_between(*found, *first, *last, tolerance)
        }
        (found, first, last) => found == first || found == last,
    }
}

fn is_between(found: f64, first: f64, last: f64, tolerance: f64) -> bool {
    let room = tolerance.max(SAME) * first.abs().max(last.abs());
    (first.min(last) - room..=first.max(last) + room).contains(&found)
}

fn name(reading: &Reading) -> String {
    let mut name = reading.metric.to_string();
    if !reading.attributes.is_empty() {
        let attributes = reading.attributes.iter();
        let attributes: Vec<_> = attributes
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        name = format!("{name}{{{}}}", attributes.join(","));
    }
    name
}

fn value(reading: &Reading) -> String {
    format!("{} {}", reading.value, reading.unit)
        .trim_end()
        .into()
}

#[cfg(test)]
mod tests;
