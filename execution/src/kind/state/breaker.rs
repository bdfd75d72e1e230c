//! What outcomes tell of targets, and targets that are left alone.

use jiff::Timestamp;
use tokio::time::Instant;
use utakata_model::{
    BreakerState, BreakerStatus, Class, Cure, Outcome, OutcomeStatus, Problem, TargetName,
};

use super::State;
use crate::pool::lanes::Waiting;

/// Targets that are told of.
const TOLD_MOST: usize = 1000;
/// Problems that say nothing of the target: it was not asked, or the worker is at fault.
const SAY_NOTHING: [&str; 11] = [
    "bad-address",
    "bad-credential",
    "bad-parameters",
    "ending",
    "no-such-action",
    "over-capacity",
    "worker-lost",
    "worker-malformed",
    "worker-panic",
    "wrong-class",
    "wrong-kind",
];

/// What an outcome tells of its target.
pub(super) enum Heard {
    Answer,
    Silence(Problem),
    Nothing,
}

impl State {
    /// The targets that are left alone.
    pub(in crate::kind) fn breakers(&self, now: Instant) -> Vec<BreakerStatus> {
        self.lanes.breakers(TOLD_MOST, now)
    }

    /// Learns whether a target answers. If it does not any more, nobody waits for it.
    pub(super) fn hear(
        &mut self,
        heard: &Heard,
        target: &TargetName,
        now: Instant,
        clock: Timestamp,
    ) {
        let silence = match heard {
            Heard::Answer => None,
            Heard::Silence(problem) => Some(problem),
            Heard::Nothing => return,
        };
        if self.lanes.hear(target, silence, now, clock) {
            tracing::debug!(%target, "target does not answer and is left alone");
            for waiting in self.lanes.take_reads(target) {
                if let Some(problem) = self.left_alone(&waiting, now) {
                    self.end_waiting(waiting, OutcomeStatus::Failed, problem, now, clock);
                }
            }
        }
    }

    /// What an outcome tells of which target, and when.
    pub(super) fn heard(&self, outcome: &Outcome) -> (Heard, TargetName, Timestamp) {
        let heard = self.heard_of(outcome);
        (heard, outcome.target.clone(), outcome.timings.ended)
    }

    fn heard_of(&self, outcome: &Outcome) -> Heard {
        if outcome.ran_by.is_none() {
            return Heard::Nothing;
        }
        let is_silence = |problem: &Problem| self.silences.iter().any(|c| **c == *problem.code);
        let problem = outcome.problem.as_ref();
        match (outcome.status, problem) {
            (OutcomeStatus::Succeeded, _) => Heard::Answer,
            (OutcomeStatus::Cancelled | OutcomeStatus::Expired, _) => Heard::Nothing,
            (OutcomeStatus::Failed | OutcomeStatus::Unknown, Some(problem))
                if is_silence(problem) =>
            {
                Heard::Silence(problem.clone())
            }
            (OutcomeStatus::Failed, Some(problem)) if !SAY_NOTHING.contains(&&*problem.code) => {
                Heard::Answer
            }
            (OutcomeStatus::Failed | OutcomeStatus::Unknown, _) => Heard::Nothing,
        }
    }

    /// Why a read fails at once: its target is left alone. Control waits instead.
    pub(super) fn left_alone(&self, waiting: &Waiting, now: Instant) -> Option<Problem> {
        if waiting.task.class == Class::Control {
            return None;
        }
        let target = &waiting.task.target.name;
        Some(problem(target, &self.lanes.broken(target, now)?))
    }
}

fn problem(target: &TargetName, status: &BreakerStatus) -> Problem {
    let BreakerStatus {
        state,
        since,
        until,
        failures,
        problem,
        ..
    } = status;
    let (since, until) = (short(*since), short(*until));
    let next = match state {
        BreakerState::Open => format!("it is left alone until {until}"),
        BreakerState::HalfOpen => "it is being tried at this moment".into(),
    };
    let message = format!(
        "{target} was not asked: it did not answer {failures} times in a row, since {since}; \
         {next}. What was seen last: {}",
        problem.message
    );
    Problem::new("breaker-open", Cure::Retry, message)
}

/// A time without the parts of a second.
fn short(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
