//! Explanations: what a task or an operation waits for, since when, until when, and who can change
//! it.

mod over;
mod queue;

use std::{collections::BTreeMap, sync::Arc};

use utakata_api::{ledger::Explanation, rollout::KindAssignment};
use utakata_model::{
    EnvironmentId, EnvironmentStatus, Kind, OperationId, OperationState, Order, Orders, Scope,
    TaskId,
};
use utakata_permit::{
    Evidence,
    life::{Holder, Late, Stage},
};

pub use self::{
    over::{ended, over},
    queue::read,
};

use super::{
    entry::{Readiness, TaskEntry, is_unverified},
    state::LedgerState,
};
use crate::desired::PinTable;

/// Facts beyond the ledger.
#[derive(Debug)]
pub struct Facts {
    /// The statuses of the environments.
    pub environments: Vec<Arc<EnvironmentStatus>>,
    pub orders: BTreeMap<EnvironmentId, Orders>,
    /// The orders of zones, kinds and releases.
    pub standing: BTreeMap<Scope, Order>,
    /// The desired releases and placements, by kind.
    pub kinds: BTreeMap<Kind, KindAssignment>,
    /// The releases that targets keep.
    pub pins: PinTable,
}

/// Explains what a task waits for; absent if the ledger does not have it (any more).
pub(super) fn task(ledger: &LedgerState, id: TaskId, facts: &Facts) -> Option<Explanation> {
    let entry = ledger.entry(id)?;
    let (target, attempt) = (&entry.task.target, entry.life.attempt);
    let timed = |waits_for: &str, text: String| until(ledger, entry, says(entry, waits_for, text));
    let reads = |waits_for: &str, text: String| {
        let explanation = timed(waits_for, text);
        held_up(ledger, entry, facts, explanation)
    };
    Some(match (&entry.life.stage, entry.turn) {
        (Stage::Planned | Stage::Queued { .. }, Readiness::NotYet) => not_released(ledger, entry),
        (Stage::Planned | Stage::Queued { .. }, Readiness::Capturing) => reads(
            "capture",
            format!("what {target} has now is being read, so that it can be brought back"),
        ),
        (Stage::Planned, Readiness::Come) => in_lane(ledger, entry, facts),
        (Stage::Queued { .. }, Readiness::Come) => queued(ledger, entry, facts),
        (Stage::Permitted { holder, .. }, _) => timed(
            "running",
            format!(
                "attempt {attempt} is permitted to the environment {} and not yet answered",
                holder.environment
            ),
        ),
        (Stage::Verifying { shown, .. }, _) => reads("read-back", verifying(entry, *shown)),
        (Stage::Fenced { .. }, _) if entry.life.is_over => timed(
            "fence",
            format!(
                "the outcome of attempt {attempt} is unknown, and nobody acts on it any more; \
                 {target} still has time to show it"
            ),
        ),
        (Stage::Fenced { holder, .. }, _) => timed(
            "fence",
            format!(
                "the outcome of attempt {attempt} is unknown: {} may still act on it, so it is \
                 not settled before",
                holder.environment
            ),
        ),
        (Stage::ReadingBack { holder, .. }, _) if entry.may_still_act() => reads(
            "proof",
            format!(
                "the outcome of attempt {attempt} is unknown; {target} is read back, and if it \
                 shows nothing there is no other attempt before {} has come back and said that \
                 this one is over: what stood still there may go on",
                holder.environment
            ),
        ),
        (Stage::ReadingBack { .. }, _) => reads(
            "read-back",
            format!("the outcome of attempt {attempt} is unknown; {target} is read back"),
        ),
        (Stage::Unsettled { holder, late }, _) => {
            let explanation = unsettled(entry, holder.as_ref());
            match *late {
                Some(late) => may_be_late(ledger, entry, late, explanation),
                None => explanation,
            }
        }
        (Stage::Ended(_), _) => return None,
    })
}

/// Explains a task whose target reported success that has not been seen yet.
fn verifying(entry: &TaskEntry, shown: Evidence) -> String {
    let target = &entry.task.target;
    let so_far = match shown {
        Evidence::None => "that is read back",
        Evidence::Passing => "it is getting there, and is read back until it has",
        Evidence::Effect => "it is read back until it has passed through what is on the way to it",
        Evidence::Other => {
            "it does not show it, which may take some time: it is read back until it does, or until its \
             time is over"
        }
    };
    format!("{target} reported success; {so_far}")
}

/// Explains a task whose outcome is unknown, so that a person has to decide.
fn unsettled(entry: &TaskEntry, holder: Option<&Holder>) -> Explanation {
    let (id, target, attempt) = (entry.task.id, &entry.task.target, entry.life.attempt);
    let settle = format!("`utakata task settle {id} succeeded|failed|again --why ...`");
    let outcome = entry.record.outcome.as_ref();
    if let Some(unverified) = outcome.filter(|outcome| is_unverified(outcome)) {
        let problem = unverified.problem.as_ref();
        let what = problem.map_or_else(String::new, |problem| problem.message.to_string());
        return Explanation {
            cure: Some(format!("look at {target}, then {settle}")),
            ..says(entry, "person", format!("it is unverified: {what}"))
        };
    }
    let Some(Holder { environment, .. }) = holder.filter(|_| entry.may_still_act()) else {
        let says_person = "nobody can know whether the target did it: a person has to say";
        return Explanation {
            cure: Some(format!("look at {target}, then {settle}")),
            ..says(entry, "person", says_person.into())
        };
    };
    let may_act = format!(
        "nobody can know whether the target did it, and attempt {attempt} may still act, for \
         {environment} has not said that it is over: a person has to say"
    );
    Explanation {
        cure: Some(format!(
            "let {environment} come back, or make sure that it never does; then look at {target}, \
             and {settle}"
        )),
        ..says(entry, "person", may_act)
    }
}

/// Adds that the target may still settle it.
fn may_be_late(
    ledger: &LedgerState,
    entry: &TaskEntry,
    late: Late,
    explanation: Explanation,
) -> Explanation {
    let (target, says) = (&entry.task.target, explanation.says);
    Explanation {
        says: format!(
            "{says}; {target} could not be read back in time, and still is when an environment \
             serves it, as long as nothing else is done to it: what that proves is taken"
        ),
        until: Some(ledger.wall(late.until)),
        ..explanation
    }
}

/// Explains what an operation waits for; absent if it is over or does not exist.
pub(super) fn operation(
    ledger: &LedgerState,
    id: OperationId,
    facts: &Facts,
) -> Option<Explanation> {
    let open = ledger.open(id)?;
    let since = open
        .record
        .changed
        .as_ref()
        .map_or(open.operation.requested, |said| said.at);
    let by = open
        .record
        .changed
        .as_ref()
        .map_or("somebody", |said| &said.by);
    let plain = |waits_for: &str, says: String, cure: &str| Explanation {
        waits_for: waits_for.into(),
        says,
        since: Some(since),
        until: None,
        cure: (!cure.is_empty()).then(|| cure.replace("ID", &id.to_string())),
    };
    Some(match open.record.state {
        OperationState::Awaiting => plain(
            "approval",
            "it waits for approval by somebody other than its requester".into(),
            "somebody else: `utakata operation approve ID`",
        ),
        OperationState::Paused => plain(
            "resume",
            format!("it was paused by {by}"),
            "`utakata operation resume ID`, or `cancel`",
        ),
        OperationState::Stopped => plain(
            "resume",
            format!(
                "it stopped itself, because so many tasks failed; {} not ended",
                tasks(open.left)
            ),
            "look at `utakata task list --operation ID`, then `utakata operation resume ID`, or `cancel`",
        ),
        OperationState::Cancelled => plain(
            "running",
            format!(
                "it was cancelled; {} begun before, and not ended",
                tasks(open.left)
            ),
            "",
        ),
        OperationState::Running | OperationState::Done => {
            let waiting = open.tasks.iter().filter(|id| ledger.has(**id));
            let first = waiting.filter_map(|id| task(ledger, *id, facts)).next();
            let left = open.left;
            match first {
                Some(first) => Explanation {
                    says: format!("{} not ended, the first: {}", tasks(left), first.says),
                    ..first
                },
                None => plain("running", format!("{} not ended", tasks(left)), ""),
            }
        }
    })
}

/// Returns `1 task has`, `2 tasks have`.
fn tasks(count: usize) -> String {
    match count {
        1 => "1 task has".into(),
        count => format!("{count} tasks have"),
    }
}

fn says(entry: &TaskEntry, waits_for: &str, says: String) -> Explanation {
    Explanation {
        waits_for: waits_for.into(),
        says,
        since: Some(entry.since),
        until: None,
        cure: None,
    }
}

/// Explains that it changes by time at the latest.
fn until(ledger: &LedgerState, entry: &TaskEntry, explanation: Explanation) -> Explanation {
    Explanation {
        until: entry.life.deadline().map(|at| ledger.wall(at)),
        ..explanation
    }
}

fn expires(entry: &TaskEntry, explanation: Explanation) -> Explanation {
    Explanation {
        until: Some(entry.record.expires.unwrap_or(entry.task.expires)),
        ..explanation
    }
}

fn not_released(ledger: &LedgerState, entry: &TaskEntry) -> Explanation {
    let id = entry.task.operation;
    let operation = ledger.open(id).map(|open| open.record.state);
    let waits = match operation {
        Some(OperationState::Awaiting) => "the operation waits for an approval".into(),
        Some(OperationState::Paused) => "the operation is paused".into(),
        Some(OperationState::Stopped) => "the operation has stopped, after failures".into(),
        _ => ledger
            .held_back(entry)
            .unwrap_or_else(|| "it is not its turn yet".into()),
    };
    let waits_for = match operation {
        Some(OperationState::Awaiting) => "approval",
        Some(OperationState::Paused | OperationState::Stopped) => "resume",
        _ => "turn",
    };
    let cure = format!("see `utakata operation explain {id}`");
    expires(
        entry,
        Explanation {
            cure: Some(cure),
            ..says(entry, waits_for, waits)
        },
    )
}

/// Explains a wait for a read of the target: whatever holds that up holds this up, too.
fn held_up(
    ledger: &LedgerState,
    entry: &TaskEntry,
    facts: &Facts,
    explanation: Explanation,
) -> Explanation {
    let queue = queue_of(ledger, entry, facts);
    if !queue.is_held {
        return explanation;
    }
    Explanation {
        waits_for: queue.waits_for.into(),
        says: format!("{}, and {}", explanation.says, queue.says),
        since: queue.since.or(explanation.since),
        cure: queue.cure,
        ..explanation
    }
}

fn in_lane(ledger: &LedgerState, entry: &TaskEntry, facts: &Facts) -> Explanation {
    let target = &entry.task.target;
    let (lock, holder, _) = ledger.lane_of(target);
    if let Some(lock) = lock.filter(|lock| entry.task.priority <= lock.priority) {
        let gives_up = entry.record.expires.unwrap_or(entry.task.expires);
        let until_then = match gives_up < lock.until {
            true => "; the task expires before the lock does",
            false => "",
        };
        return Explanation {
            since: Some(lock.since),
            until: Some(lock.until.min(gives_up)),
            cure: Some(format!(
                "{}, or anybody: `utakata target unlock {target}`",
                lock.by
            )),
            ..says(
                entry,
                "lock",
                format!("{} has locked {target}: {}{until_then}", lock.by, lock.why),
            )
        };
    }
    let state = ledger
        .open(entry.task.operation)
        .map(|open| open.record.state);
    if let Some(state) = state.filter(|state| *state != OperationState::Running) {
        let id = entry.task.operation;
        let explanation = says(
            entry,
            "resume",
            format!("the operation is {}", state.as_str()),
        );
        return Explanation {
            cure: Some(format!("`utakata operation resume {id}`")),
            ..expires(entry, explanation)
        };
    }
    if let Some((envelope, why)) = ledger.gate.wait_of(entry.task.id)
        && holder.is_none()
    {
        let held = format!("the envelope {envelope} holds it back: {why}");
        let cure = format!("see `utakata envelope explain {envelope}`");
        return Explanation {
            cure: Some(cure),
            ..expires(entry, says(entry, "envelope", held))
        };
    }
    let first = holder.or_else(|| ledger.queued_of(target));
    let first = first.filter(|first| *first != entry.task.id);
    let Some(first) = first else {
        let ahead = format!("other tasks are ahead of it at {target}");
        return expires(entry, says(entry, "held", ahead));
    };
    let has = match holder {
        Some(_) => "has",
        None => "is ahead of it at",
    };
    let why = task(ledger, first, facts);
    let because = why
        .as_ref()
        .map_or_else(String::new, |why| format!(": {}", why.says));
    let ahead = format!("the task {first} {has} {target}{because}");
    let cure = why.and_then(|why| why.cure);
    expires(
        entry,
        Explanation {
            cure: Some(cure.unwrap_or_else(|| format!("see `utakata task explain {first}`"))),
            ..says(entry, "held", ahead)
        },
    )
}

/// Explains a published task: the environments that could begin it, and why none does.
fn queued(ledger: &LedgerState, entry: &TaskEntry, facts: &Facts) -> Explanation {
    let queue = queue_of(ledger, entry, facts);
    let explanation = says(entry, queue.waits_for, queue.says);
    expires(
        entry,
        Explanation {
            since: queue.since.or(explanation.since),
            cure: queue.cure,
            ..explanation
        },
    )
}

fn queue_of(ledger: &LedgerState, entry: &TaskEntry, facts: &Facts) -> queue::Queue {
    let task = &entry.task;
    let target = ledger.target_of(&task.target);
    let zone = target.as_ref().map(|target| &target.zone);
    let pin = target
        .as_ref()
        .and_then(|target| facts.pins.version(target));
    queue::of(&task.kind, zone, pin.as_deref(), facts)
}
