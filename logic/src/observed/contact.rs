//! The part of a target in the end of an attempt. Pure.

use utakata_model::{Outcome, OutcomeStatus};

/// Codes of reads that did not reach an environment.
const NOT_DELIVERED: [&str; 2] = ["interconnect-away", "queue-full"];
/// Codes of attempts whose worker was at fault, or had no time.
const OF_WORKERS: [&str; 6] = [
    "ending",
    "over-capacity",
    "worker-flood",
    "worker-lost",
    "worker-malformed",
    "worker-panic",
];

/// The part of a target in the end of an attempt to observe it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contact {
    /// It answered.
    Answer,
    /// A worker asked it in vain, or it is left alone because one did.
    InVain,
    /// Nobody asked it: its environment is paused or gone, or it was no device's fault.
    None,
}

impl Contact {
    /// Returns the part of the target in the end of an attempt.
    pub fn of(outcome: &Outcome) -> Self {
        match outcome.status {
            OutcomeStatus::Succeeded => return Self::Answer,
            OutcomeStatus::Cancelled | OutcomeStatus::Expired => return Self::None,
            OutcomeStatus::Failed | OutcomeStatus::Unknown => {}
        }
        let code = outcome.problem.as_ref().map(|problem| &*problem.code);
        let is_of_target = match (&outcome.ran_by, code) {
            (Some(_), code) => !code.is_some_and(|code| OF_WORKERS.contains(&code)),
            (None, code) => code == Some("breaker-open"),
        };
        match is_of_target {
            true => Self::InVain,
            false => Self::None,
        }
    }
}

/// Returns true if no environment began a read: it waited for too long, or never arrived.
pub fn is_not_begun(outcome: &Outcome) -> bool {
    let code = outcome.problem.as_ref().map(|problem| &*problem.code);
    outcome.status == OutcomeStatus::Expired
        || (outcome.ran_by.is_none() && code.is_some_and(|code| NOT_DELIVERED.contains(&code)))
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use jiff::Timestamp;
    use utakata_model::{
        Class, Cure, EnvironmentId, OperationId, Origin, Problem, RanBy, ReleaseId, TaskId,
        WorkerId, outcome::Timings,
    };

    use super::*;

    fn outcome(status: OutcomeStatus, code: Option<&str>, has_worker: bool) -> Outcome {
        let release: ReleaseId = serde_json::from_value(serde_json::json!({
            "kind": "pdu", "version": "1", "digest": "pdu",
        }))
        .unwrap();
        let ran_by = RanBy {
            environment: EnvironmentId::new("here").unwrap(),
            worker: WorkerId::new("pdu-1").unwrap(),
            release: Arc::new(release),
        };
        Outcome {
            task: TaskId::generate(),
            attempt: 1,
            origin: Origin::Operation(OperationId::generate()),
            target: "t".parse().unwrap(),
            action: "read".parse().unwrap(),
            class: Class::Observe,
            status,
            problem: code.map(|code| Problem::new(code, Cure::Retry, "it says so")),
            result: None,
            missing: Vec::new(),
            recognition: None,
            ran_by: has_worker.then_some(ran_by),
            permit: None,
            is_over: false,
            timings: Timings {
                ended: Timestamp::UNIX_EPOCH,
                waited: Duration::ZERO,
                ran: Duration::ZERO,
            },
        }
    }

    #[test]
    fn only_an_attempt_of_a_worker_on_a_target_is_in_vain() {
        use OutcomeStatus::{Cancelled, Expired, Failed, Succeeded, Unknown};
        for (status, code, has_worker, expect, is_left) in [
            (Succeeded, None, true, Contact::Answer, false),
            (Failed, Some("unreachable"), true, Contact::InVain, false),
            (Unknown, Some("timeout"), true, Contact::InVain, false),
            (Failed, Some("breaker-open"), false, Contact::InVain, false),
            (Failed, Some("worker-lost"), true, Contact::None, false),
            (
                Failed,
                Some("credential-withheld"),
                false,
                Contact::None,
                false,
            ),
            (Failed, Some("no-release"), false, Contact::None, false),
            (
                Failed,
                Some("interconnect-away"),
                false,
                Contact::None,
                true,
            ),
            (Failed, Some("queue-full"), false, Contact::None, true),
            (Expired, Some("expired"), false, Contact::None, true),
            (Expired, Some("draining"), false, Contact::None, true),
            (Expired, Some("no-answer"), false, Contact::None, true),
            (Cancelled, None, false, Contact::None, false),
        ] {
            let outcome = outcome(status, code, has_worker);
            let found = (Contact::of(&outcome), is_not_begun(&outcome));
            assert_eq!(found, (expect, is_left), "{status:?} {code:?}");
        }
    }
}
