//! Whether a candidate answers a read as the stable release does. Pure.
//!
//! ```text
//! stable reads ─► candidate reads ─► (mismatches: stable reads once more)
//!   before                              after
//! ```
//!
//! A number agrees if it lies between before and after, or near either: values that move are
//! no difference, and a wrong unit is. What only the candidate reads is no difference either:
//! to read more is what new releases are made for. What it does not read any more is one.
//! The result of an action besides its readings has no form that could be compared.

use std::{collections::BTreeMap, sync::Arc};

use utakata_model::{
    MetricName, OutcomeStatus, Problem, Reading, ReadingValue, RolloutId, reading::Attributes,
};

/// Numbers that differ by no more than this part of them are the same, however they were
/// reckoned.
const SAME: f64 = 1e-9;
/// Where in an answer the difference is, if not in a reading.
const OUTCOME: &str = "outcome";

/// What a release answered to a read.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadAnswer {
    status: OutcomeStatus,
    code: Option<Arc<str>>,
    readings: Vec<Reading>,
}

/// A difference between two answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// A metric with its attributes, or `outcome`.
    pub what: String,
    /// The value of the stable release.
    pub stable: String,
    /// The value of the candidate.
    pub candidate: String,
}

/// A read that the candidate was asked to repeat.
#[derive(Debug)]
pub struct RepeatedRead {
    /// The rollout for which it is repeated.
    pub rollout: RolloutId,
    /// What the stable release had answered.
    pub before: ReadAnswer,
    /// What the candidate answered, when the stable release is asked again.
    pub candidate: Option<ReadAnswer>,
}

type Key<'r> = (&'r MetricName, &'r Attributes);

impl ReadAnswer {
    /// Returns what a worker answered.
    pub fn new(status: OutcomeStatus, problem: Option<&Problem>, readings: Vec<Reading>) -> Self {
        Self {
            status,
            code: problem.map(|problem| problem.code.clone()),
            readings,
        }
    }

    /// Returns the place of an answer that is missing, or that could not be read.
    pub fn failed(code: &str) -> Self {
        Self {
            status: OutcomeStatus::Failed,
            code: Some(code.into()),
            readings: Vec::new(),
        }
    }

    /// Returns whether both ended alike.
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

/// In what a candidate's answer mismatches from those of the stable release before, and after if
/// it was asked again. `tolerance`: by how much a number may differ, as a share of it.
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
                // It comes and goes.
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
