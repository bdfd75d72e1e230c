//! Answers of workers, checked: anything impossible in them becomes a problem, never a reading.

use std::{collections::HashSet, sync::Arc, time::Duration};

use serde_json::value::RawValue;
use utakata_model::{
    Cure, Gaps, Missing, OutcomeStatus, Problem, Quality, Reading, Recognition, TaskKey, missing,
    quantity, reading::shared,
};
use utakata_protocol::{Malformed, outcome_status, reading_from_wire, v1::AttemptOutcome};
use utakata_rollout::compare::ReadAnswer;

/// The number of readings in one answer.
pub(crate) const MAX_READINGS: usize = 100_000;
/// The size of a result, in bytes.
pub(crate) const MAX_RESULT: usize = 1024 * 1024;
/// The length of a problem's longest sentence, in bytes.
const MAX_MESSAGE: usize = 4096;
/// The length of a problem's longest code, in bytes.
const MAX_CODE: usize = 64;

/// The end of an attempt, as its worker reports it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) key: TaskKey,
    /// The end, or the mistake in the answer.
    pub(crate) end: Result<End, Problem>,
    /// The time for which the worker had it, according to the worker.
    pub(crate) ran: Duration,
}

/// The end of an attempt.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) status: OutcomeStatus,
    pub(crate) problem: Option<Problem>,
    pub(crate) readings: Vec<Reading>,
    pub(crate) result: Option<Arc<RawValue>>,
    pub(crate) missing: Vec<Missing>,
    pub(crate) recognition: Option<Arc<Recognition>>,
}

impl Answer {
    /// Checks a worker's message.
    ///
    /// # Errors
    /// It does not name the attempt.
    pub(crate) fn from_wire(reported: AttemptOutcome) -> Result<Self, Malformed> {
        let key = reported.key()?;
        let ran = Duration::from_micros(reported.ran_microseconds);
        let end = end(reported).map_err(|wrong| malformed(&wrong));
        Ok(Self { key, end, ran })
    }

    /// Returns the part that is compared when a read is repeated.
    pub(crate) fn as_read(&self) -> ReadAnswer {
        match &self.end {
            Ok(end) => {
                let problem = end.problem.as_ref();
                ReadAnswer::new(end.status, problem, end.readings.clone())
            }
            Err(problem) => ReadAnswer::failed(&problem.code),
        }
    }
}

/// Returns the problem of a worker with an impossible answer.
fn malformed(wrong: &str) -> Problem {
    let message = format!("the worker gave an impossible answer: {wrong}; replace the worker");
    Problem::new("worker-malformed", Cure::Bug, message)
}

fn end(reported: AttemptOutcome) -> Result<End, String> {
    let status = outcome_status(reported.status).map_err(|error| error.to_string())?;
    let problem = reported.problem.map(Problem::from);
    // Limited again: a worker may be written with anything.
    let missing = match status {
        OutcomeStatus::Succeeded => gaps(reported.missing),
        _ => Vec::new(),
    };
    let problem = problem_for(status, problem)?;
    Ok(End {
        status,
        // Readers of problems alone see that it is incomplete, too.
        problem: problem.or_else(|| missing::problem(&missing)),
        readings: readings(reported.readings)?,
        result: result(reported.result)?,
        missing,
        recognition: reported
            .recognition
            .map(|reported| shared::recognition(Recognition::from(reported).bounded())),
    })
}

fn gaps(reported: Vec<utakata_protocol::v1::Missing>) -> Vec<Missing> {
    let reported = reported.into_iter().map(Missing::from);
    reported.collect::<Gaps>().into_entries()
}

/// Returns a problem where there must be one. A success may have one, too: a reading that was left
/// out, or an answer that was too large to send.
fn problem_for(
    status: OutcomeStatus,
    reported: Option<Problem>,
) -> Result<Option<Problem>, String> {
    match (status, reported) {
        (_, Some(problem)) if problem.code.is_empty() || problem.code.len() > MAX_CODE => {
            Err("its problem has no code, or one that is too long".into())
        }
        (_, Some(problem)) if problem.message.len() > MAX_MESSAGE => Err(format!(
            "the message of its problem has {} bytes",
            problem.message.len()
        )),
        (_, Some(problem)) => Ok(Some(problem)),
        (OutcomeStatus::Succeeded | OutcomeStatus::Cancelled | OutcomeStatus::Expired, None) => {
            Ok(None)
        }
        (_, None) => Err("it failed without a reason".into()),
    }
}

fn readings(reported: Vec<utakata_protocol::v1::Reading>) -> Result<Vec<Reading>, String> {
    if reported.len() > MAX_READINGS {
        return Err(format!(
            "it has {} readings, more than {MAX_READINGS}",
            reported.len()
        ));
    }
    let mut readings: Vec<Reading> = reported
        .into_iter()
        .map(|reported| reading_from_wire(reported).map(judged))
        .collect::<Result<_, _>>()
        .map_err(|error| utakata_model::chain(&error))?;
    // They were collected where the larger message was, and are kept until the next ones.
    readings.shrink_to_fit();
    match twice(&readings) {
        Some(reading) => Err(format!(
            "it has two readings of {} with the same attributes",
            reading.metric
        )),
        None => Ok(readings),
    }
}

/// Returns a reading, suspect if it is not possible: whichever worker reports it, a value that
/// means "not equipped" is believed by nobody.
fn judged(reading: Reading) -> Reading {
    if reading.quality != Quality::Good || quantity::is_possible(&reading) {
        return reading;
    }
    Reading {
        quality: Quality::Suspect,
        ..reading
    }
}

/// Returns the first reading whose metric and attributes occurred before.
fn twice(readings: &[Reading]) -> Option<&Reading> {
    if readings.len() < 2 {
        return None;
    }
    let mut seen =
        HashSet::with_capacity_and_hasher(readings.len(), foldhash::fast::RandomState::default());
    readings
        .iter()
        .find(|reading| !seen.insert((&reading.metric, &reading.attributes)))
}

fn result(reported: Vec<u8>) -> Result<Option<Arc<RawValue>>, String> {
    if reported.is_empty() {
        return Ok(None);
    }
    if reported.len() > MAX_RESULT {
        return Err(format!(
            "its result has {} bytes, more than {MAX_RESULT}",
            reported.len()
        ));
    }
    let text = String::from_utf8(reported).map_err(|_| "its result is not UTF-8".to_owned())?;
    RawValue::from_string(text)
        .map(|json| Some(json.into()))
        .map_err(|error| format!("its result is not JSON ({error})"))
}

#[cfg(test)]
mod tests;
