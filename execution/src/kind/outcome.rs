//! Outcomes of attempts that workers have answered, and of those that nobody will answer.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::value::RawValue;
use utakata_model::{
    Class, Cure, Manifest, Outcome, OutcomeStatus, Problem, RanBy, Reading, Readings, Task,
    TaskKey, Timings,
};

use crate::{kind::attempts::Attempt, worker::answer::End};

/// Returns the end of an attempt that its worker will not answer: the outcome of control is
/// unknown, and a read has failed.
pub(super) fn unanswered(class: Class) -> OutcomeStatus {
    match class {
        Class::Control => OutcomeStatus::Unknown,
        Class::Observe => OutcomeStatus::Failed,
    }
}

/// Returns the problem of an attempt that its worker did not answer.
pub(super) fn unanswered_problem(class: Class, code: &str, what: &str) -> Problem {
    match class {
        Class::Observe => Problem::new(code, Cure::Retry, what),
        Class::Control => {
            let message = format!("{what}; nobody can know whether the target did it: look at it");
            Problem::new(code, Cure::Operator, message)
        }
    }
}

/// Returns the outcome of a task that no worker has begun.
pub(super) fn not_begun(
    task: Task,
    status: OutcomeStatus,
    problem: Problem,
    waited: Duration,
    ended: Timestamp,
) -> Outcome {
    let timings = Timings {
        ended,
        waited,
        ran: Duration::ZERO,
    };
    build(task, status, Some(problem), None, timings)
}

/// Returns the problem of a task that a release does not carry out as what it was sent. Reads begin
/// without a permit, and whoever is let in by the broker can send one: that something is no read is
/// for the manifest to say, and not left to the worker.
pub(super) fn misfit(task: &Task, manifest: &Manifest) -> Option<Problem> {
    let (kind, version, action) = (&manifest.kind, &manifest.version, &task.action);
    let Some(declared) = manifest.action(action) else {
        let message = format!("{kind} {version} has no action {action}");
        return Some(Problem::new("no-such-action", Cure::Operator, message));
    };
    let (sent, declared) = (task.class.as_str(), declared.class.as_str());
    (sent != declared).then(|| {
        let message = format!(
            "{action} was sent as {sent}, and the manifest of {kind} {version} declares it as \
             {declared}: nothing was done to {}",
            task.target.name
        );
        Problem::new("wrong-class", Cure::Bug, message)
    })
}

/// Returns the problem of control whose worker ended before it had a go.
pub(super) fn never_begun(what: &str) -> Problem {
    let message = format!("{what}, and had not begun it: nothing was done to the target");
    Problem::new("worker-lost", Cure::Retry, message)
}

/// Returns the outcome of an attempt that a worker had.
pub(super) fn begun(
    attempt: &Attempt,
    status: OutcomeStatus,
    problem: Option<Problem>,
    ran_by: RanBy,
    ran: Duration,
    ended: Timestamp,
) -> Outcome {
    let timings = Timings {
        ended,
        waited: attempt.waited,
        ran,
    };
    let outcome = build(attempt.task.clone(), status, problem, Some(ran_by), timings);
    Outcome {
        permit: attempt.permit.map(|permit| permit.ask),
        ..outcome
    }
}

/// Returns the outcome and the readings of an attempt as its worker reports them.
pub(super) fn answered(
    attempt: Attempt,
    end: Result<End, Problem>,
    ran_by: RanBy,
    ran: Duration,
    ended: Timestamp,
) -> (Outcome, Option<Readings>) {
    let timings = Timings {
        ended,
        waited: attempt.waited,
        ran,
    };
    let permit = attempt.permit.map(|permit| permit.ask);
    let task = attempt.task;
    let end = match end {
        Ok(end) => hidden(end, &task),
        Err(problem) => {
            let status = unanswered(task.class);
            let outcome = build(task, status, Some(problem), Some(ran_by), timings);
            let outcome = Outcome { permit, ..outcome };
            return (seen_to_end(outcome), None);
        }
    };
    let readings = (!end.readings.is_empty()).then(|| Readings {
        target: task.target.name.clone(),
        action: task.action.clone(),
        seen_by: task.key(),
        time: ended,
        readings: end.readings,
    });
    let outcome = build(task, end.status, end.problem, Some(ran_by), timings);
    let outcome = Outcome {
        permit,
        result: end.result,
        missing: end.missing,
        recognition: end.recognition,
        ..outcome
    };
    (seen_to_end(outcome), readings)
}

/// Returns the end of a task without the values of its secret parameters: devices repeat what they
/// refuse.
fn hidden(mut end: End, task: &Task) -> End {
    if let Some(problem) = &mut end.problem
        && let Some(message) = task.parameters.hide_in(&problem.message)
    {
        problem.message = message.into();
    }
    if let Some(result) = &end.result
        && let Some(text) = task.parameters.hide_in(result.get())
    {
        end.result = RawValue::from_string(text).ok().map(Arc::from);
    }
    let has_secret = |reading: &Reading| {
        let text = serde_json::to_string(reading).unwrap_or_default();
        task.parameters.hide_in(&text).is_some()
    };
    if task.parameters.has_secrets() {
        end.readings.retain(|reading| !has_secret(reading));
    }
    end
}

/// Returns the outcome of an attempt on which nobody acts any more: its worker has said so, or is
/// gone.
pub(super) fn seen_to_end(outcome: Outcome) -> Outcome {
    let is_unknown = outcome.status == OutcomeStatus::Unknown;
    Outcome {
        is_over: is_unknown && outcome.class == Class::Control,
        ..outcome
    }
}

fn build(
    task: Task,
    status: OutcomeStatus,
    problem: Option<Problem>,
    ran_by: Option<RanBy>,
    timings: Timings,
) -> Outcome {
    let TaskKey { task: id, attempt } = task.key();
    Outcome {
        task: id,
        attempt,
        origin: task.origin,
        target: task.target.name.clone(),
        action: task.action,
        class: task.class,
        status,
        problem,
        result: None,
        missing: Vec::new(),
        recognition: None,
        ran_by,
        permit: None,
        is_over: false,
        timings,
    }
}

/// Returns the duration that a worker claims, as far as it is possible.
pub(super) fn believable(said: Duration, seen: Duration) -> Duration {
    if said.is_zero() { seen } else { said.min(seen) }
}

/// Problems that occur again and again, made once.
static COMMON: LazyLock<Common> = LazyLock::new(Common::new);

struct Common {
    superseded: Problem,
    expired: Problem,
    stopped: Problem,
    late: Problem,
}

impl Common {
    fn new() -> Self {
        let problem = |code, message| Problem::new(code, Cure::Retry, message);
        Self {
            superseded: problem(
                "superseded",
                "a newer task of the same action on this target arrived while this one waited",
            ),
            expired: problem(
                "expired",
                "no worker could begin it in time: too much is asked of this target, or of its kind",
            ),
            stopped: problem(
                "draining",
                "the environment accepts no more tasks of this kind, and had not begun this one",
            ),
            late: problem(
                "permit-late",
                "it was permitted but could not begin in time: nothing was done to the target",
            ),
        }
    }
}

/// Returns the problem of a task that a newer one has replaced.
pub(super) fn superseded() -> Problem {
    COMMON.superseded.clone()
}

/// Returns the problem of a task that waited too long.
pub(super) fn expired() -> Problem {
    COMMON.expired.clone()
}

/// Returns the problem of a task that does not begin because nothing does any more.
pub(super) fn stopped() -> Problem {
    COMMON.stopped.clone()
}

/// Returns the problem of a permit that no worker took in time.
pub(super) fn late() -> Problem {
    COMMON.late.clone()
}
