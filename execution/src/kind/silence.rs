//! Evidence about a target in an attempt: it answers, it does not, or neither is certain.

use jiff::Timestamp;
use utakata_model::{
    BreakerState, BreakerStatus, Cure, Outcome, OutcomeStatus, Problem, TargetName,
};

use crate::worker::answer::End;

/// Codes of problems that say nothing about the target: it was not asked, or the worker is at
/// fault.
const SAY_NOTHING: [&str; 12] = [
    "bad-address",
    "bad-credential",
    "bad-parameters",
    "credential-withheld",
    "ending",
    "no-such-action",
    "over-capacity",
    "worker-lost",
    "worker-malformed",
    "worker-panic",
    "wrong-class",
    "wrong-kind",
];

/// The codes of problems that mean that a target did not answer.
#[derive(Debug)]
pub(super) struct Silences(Vec<String>);

/// The evidence in an outcome about its target.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Sign {
    Answer,
    Silence(Problem),
    Nothing,
}

impl Silences {
    pub(super) fn new(codes: Vec<String>) -> Self {
        Self(codes)
    }

    pub(super) fn sign(&self, outcome: &Outcome) -> Sign {
        if outcome.ran_by.is_none() {
            return Sign::Nothing;
        }
        match (outcome.status, &outcome.problem) {
            (OutcomeStatus::Succeeded, _) => Sign::Answer,
            (OutcomeStatus::Cancelled | OutcomeStatus::Expired, _) => Sign::Nothing,
            (OutcomeStatus::Failed | OutcomeStatus::Unknown, Some(problem))
                if self.has(problem) =>
            {
                Sign::Silence(problem.clone())
            }
            (OutcomeStatus::Failed, Some(problem)) if !SAY_NOTHING.contains(&&*problem.code) => {
                Sign::Answer
            }
            (OutcomeStatus::Failed | OutcomeStatus::Unknown, _) => Sign::Nothing,
        }
    }

    /// Returns true if an answer may mean that the target is silent, so that asking again would be
    /// useless.
    pub(super) fn is_silence(&self, end: &Result<End, Problem>) -> bool {
        match end {
            Ok(end) if end.status == OutcomeStatus::Succeeded => false,
            Ok(end) => end
                .problem
                .as_ref()
                .is_some_and(|problem| self.has(problem)),
            Err(_) => true,
        }
    }

    fn has(&self, problem: &Problem) -> bool {
        self.0.iter().any(|code| **code == *problem.code)
    }
}

/// Returns the problem of a read whose target is left alone.
pub(super) fn left_alone(target: &TargetName, status: &BreakerStatus) -> Problem {
    let BreakerStatus {
        state,
        since,
        until,
        failures,
        problem,
        ..
    } = status;
    let (since, until) = (whole_seconds(*since), whole_seconds(*until));
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

fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use utakata_model::{EnvironmentId, RanBy, WorkerId};

    use super::*;
    use crate::{
        kind::outcome,
        samples::{release, task},
    };

    fn outcome(status: OutcomeStatus, code: Option<&str>, has_worker: bool) -> Outcome {
        let problem = code.map(|code| Problem::new(code, Cure::Retry, "it says so"));
        let outcome = outcome::not_begun(
            task("a"),
            status,
            outcome::expired(),
            Duration::ZERO,
            Timestamp::UNIX_EPOCH,
        );
        let ran_by = RanBy {
            environment: EnvironmentId::new("here").unwrap(),
            worker: WorkerId::new("echo-1").unwrap(),
            release: release("echo", "1").id.clone(),
        };
        Outcome {
            problem,
            ran_by: has_worker.then_some(ran_by),
            ..outcome
        }
    }

    #[test]
    fn only_what_a_worker_has_seen_says_anything_of_a_target() {
        use OutcomeStatus::{Cancelled, Expired, Failed, Succeeded, Unknown};
        let silences = Silences::new(vec!["unreachable".into()]);
        for (status, code, expect) in [
            (Succeeded, None, "answer"),
            (Failed, Some("unreachable"), "silence"),
            (Unknown, Some("unreachable"), "silence"),
            (Failed, Some("refused"), "answer"),
            (Unknown, Some("refused"), "nothing"),
            (Failed, Some("worker-lost"), "nothing"),
            (Failed, None, "nothing"),
            (Expired, Some("unreachable"), "nothing"),
            (Cancelled, None, "nothing"),
        ] {
            let sign = silences.sign(&outcome(status, code, true));
            let name = match sign {
                Sign::Answer => "answer",
                Sign::Silence(_) => "silence",
                Sign::Nothing => "nothing",
            };
            assert_eq!(name, expect, "{status:?} {code:?}");
            let without_worker = silences.sign(&outcome(status, code, false));
            assert_eq!(without_worker, Sign::Nothing, "{status:?} {code:?}");
        }
    }
}
