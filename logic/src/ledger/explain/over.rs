//! Explanations of what is over, and waits for nothing.

use jiff::Timestamp;
use utakata_api::{ledger::Explanation, operation::Counts};
use utakata_model::{OperationState, Outcome, TaskState, duration};

/// Explains a task that is no longer in the ledger.
pub fn ended(state: TaskState, outcome: Option<&Outcome>) -> Explanation {
    let problem = outcome.and_then(|outcome| outcome.problem.as_ref());
    let why = problem.map_or_else(String::new, |problem| format!(": {problem}"));
    let at: Option<Timestamp> = outcome.map(|outcome| outcome.timings.ended);
    let took = outcome.map(|outcome| outcome.timings.ran);
    let took = took.filter(|took| !took.is_zero());
    let took = took.map_or_else(String::new, |took| {
        format!(" (the worker had it for {})", duration::format(took))
    });
    Explanation {
        waits_for: "ended".into(),
        says: format!("it has ended: {}{took}{why}", state.as_str()),
        since: at,
        until: None,
        cure: None,
    }
}

/// Explains an operation that is no longer in the ledger, or a read, which never was.
pub fn over(state: Option<OperationState>, counts: &Counts) -> Explanation {
    let left = counts.queued;
    if state.is_none() && left > 0 {
        return Explanation {
            waits_for: "running".into(),
            says: format!("{left} reads have not ended: they end by themselves"),
            since: None,
            until: None,
            cure: None,
        };
    }
    let told = [
        (counts.succeeded, "succeeded"),
        (counts.failed, "failed"),
        (counts.unknown, "unknown"),
        (counts.expired, "expired"),
        (counts.cancelled, "cancelled"),
    ];
    let told = told.iter().filter(|(count, _)| *count > 0);
    let told: Vec<String> = told.map(|(count, how)| format!("{count} {how}")).collect();
    Explanation {
        waits_for: "ended".into(),
        says: format!("it is over: {}", told.join(", ")),
        since: None,
        until: None,
        cure: None,
    }
}
