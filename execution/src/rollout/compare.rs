//! Whether a candidate answers a read as the stable release does. Pure.
//!
//! ```text
//! stable reads ─► candidate reads ─► (differs: stable reads once more)
//!   before                              after
//! ```
//!
//! A number agrees if it lies between before and after, or near either: values that move are
//! no difference, and a wrong unit is. What only the candidate reads is no difference either:
//! to read more is what new releases are made for. What it does not read any more is one.
//! The result of an action besides its readings has no form that could be compared.

use std::{collections::BTreeMap, sync::Arc};

use utakata_model::{
    MetricName, OutcomeStatus, Problem, Reading, ReadingValue, reading::Attributes,
};

use crate::worker::answer::End;

/// Numbers that differ by no more than this part of them are the same, however they were
/// reckoned.
const SAME: f64 = 1e-9;
/// Where in an answer the difference is, if not in a reading.
const OUTCOME: &str = "outcome";

/// What a release said.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    status: OutcomeStatus,
    code: Option<Arc<str>>,
    readings: Vec<Reading>,
}

/// In what two answers differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Differs {
    /// A metric with its attributes, or `outcome`.
    pub(crate) what: String,
    /// What the stable release says.
    pub(crate) stable: String,
    /// What the candidate says.
    pub(crate) candidate: String,
}

type Key<'r> = (&'r MetricName, &'r Attributes);

impl Seen {
    /// As a worker has answered.
    pub(crate) fn of(end: &Result<End, Problem>) -> Self {
        match end {
            Ok(end) => Self {
                status: end.status,
                code: end.problem.as_ref().map(|problem| problem.code.clone()),
                readings: end.readings.clone(),
            },
            Err(problem) => Self::failed(&problem.code),
        }
    }

    /// No answer, or none that could be read.
    pub(crate) fn failed(code: &str) -> Self {
        Self {
            status: OutcomeStatus::Failed,
            code: Some(code.into()),
            readings: Vec::new(),
        }
    }

    /// Whether both ended alike.
    pub(crate) fn ended_as(&self, other: &Self) -> bool {
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

/// In what a candidate's answer differs from those of the stable release before, and after if
/// it was asked again. `tolerance`: by how much a number may differ, as a share of it.
pub(crate) fn compare(
    before: &Seen,
    candidate: &Seen,
    after: Option<&Seen>,
    tolerance: f64,
) -> Vec<Differs> {
    let agrees = |stable: &Seen| stable.ended_as(candidate);
    if !agrees(before) && !after.is_some_and(agrees) {
        return vec![Differs {
            what: OUTCOME.into(),
            stable: before.outcome(),
            candidate: candidate.outcome(),
        }];
    }
    let (said, later) = (candidate.by_key(), after.map(Seen::by_key));
    let mut differs = Vec::new();
    for (key, first) in before.by_key() {
        let last = match &later {
            Some(later) => match later.get(&key) {
                Some(last) => last,
                // It comes and goes.
                None => continue,
            },
            None => first,
        };
        let found = said.get(&key).copied();
        if !found.is_some_and(|found| is_alike(found, first, last, tolerance)) {
            differs.push(Differs {
                what: name(first),
                stable: value(first),
                candidate: found.map_or_else(|| "nothing".into(), value),
            });
        }
    }
    differs
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
