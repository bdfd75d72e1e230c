//! All control that has not ended, in memory: events, and the records and effects that follow. No
//! IO; the clock is an argument.

mod asks;
mod gate;
mod lane;
mod operation;
mod outcomes;
mod policies;
mod summary;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use jiff::Timestamp;
use tokio::time::Instant;
use utakata_interconnect::Sender;
use utakata_model::{EnvironmentId, Incarnation, Kind, OperationId, TargetName, Task, TaskId};
use utakata_permit::message::{Answer, Recorded};

use self::{gate::GateState, lane::Lane, operation::OpenOperation};
pub use self::{
    gate::{GateView, LimitUse, Red},
    operation::{OperationPlan, OperationUnfit, OperationVerb},
    outcomes::{TaskUnfit, Verdict},
    policies::{PolicyWrites, Withdrawal},
    summary::Summary,
};
use super::{entry::TaskEntry, surroundings::Surroundings};
use crate::{
    audit::{self, Trail},
    config,
    dispatch::Conclusion,
    inventory::TargetEntry,
    store::WriteBatch,
};
use utakata_permit::{
    Evidence,
    life::{Action, Event, Life, Stage},
};

/// A moment on both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    /// The monotonic clock, by which decisions are made.
    pub instant: Instant,
    /// The wall clock, which is recorded.
    pub at: Timestamp,
}

/// A function that finds a target as declared now.
pub(super) type Find = Arc<dyn Fn(&TargetName) -> Option<Arc<TargetEntry>> + Send + Sync>;

/// All control that has not ended.
pub(super) struct LedgerState {
    config: config::Control,
    find: Find,
    now: Now,
    tasks: HashMap<TaskId, TaskEntry>,
    lanes: HashMap<TargetName, Lane>,
    operations: HashMap<OperationId, OpenOperation>,
    /// The known incarnations of environments.
    lives: HashMap<EnvironmentId, Incarnation>,
    deadlines: BTreeSet<(Instant, TaskId)>,
    lock_ends: BTreeSet<(Instant, TargetName)>,
    /// Lanes in which something has changed.
    dirty: BTreeSet<TargetName>,
    pub(super) gate: GateState,
    pub(super) trail: Trail,
    pub(super) batch: WriteBatch,
    pub(super) effects: Vec<Effect>,
}

/// An effect, carried out once the batch is written.
pub(super) enum Effect {
    /// Publish an attempt.
    Publish(Task),
    /// Answer an ask.
    Answer(Sender, Kind, Answer),
    /// Confirm that an outcome is recorded.
    Recorded(Sender, Kind, Recorded),
    /// Read a target back.
    ReadBack(ReadBack),
    /// Capture the value of a target before it is changed.
    Capture(ReadBack),
    /// Inform everybody who waits that a task has ended, or that a person has to decide.
    Tell(Conclusion),
    /// Report an impossible state.
    Broken(&'static str, TaskId),
    /// Reply to a caller.
    Reply(Box<dyn FnOnce() + Send>),
}

impl Effect {
    /// Returns the task that it continues; none if it is an answer to somebody.
    fn task(&self) -> Option<TaskId> {
        match self {
            Self::Publish(task) => Some(task.id),
            Self::ReadBack(read) | Self::Capture(read) => Some(read.task.id),
            Self::Tell(concluded) => Some(concluded.outcome.task),
            Self::Answer(..) | Self::Recorded(..) | Self::Reply(_) | Self::Broken(..) => None,
        }
    }
}

/// A target to be read back.
pub(super) struct ReadBack {
    pub task: Arc<crate::store::ControlTask>,
    /// The number of the attempt.
    pub attempt: u32,
    pub until: Instant,
    pub purpose: Purpose,
}

/// The result of reading a target back.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReadBackResult {
    pub task: TaskId,
    /// The number of the attempt.
    pub attempt: u32,
    /// The time at which the target was asked.
    pub requested: Instant,
    /// The time at which its answer had arrived.
    pub answered: Instant,
    pub evidence: Evidence,
}

/// The purpose of a read-back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The outcome reports success: the effect is looked for as long as it may take to show.
    Confirm {
        /// The time from which a state other than the effect decides, too.
        shows_from: Instant,
        /// True if the target has yet to be seen in the state that it must pass through.
        is_through: bool,
    },
    /// The outcome is unknown: whatever the target shows decides.
    Settle,
    /// The task was left to a person: the target is asked once, as soon as it can be.
    Late,
}

impl LedgerState {
    /// Creates an empty ledger.
    pub fn new(
        config: config::Control,
        (find, site): (Find, Arc<dyn Surroundings>),
        trail: Trail,
        now: Now,
    ) -> Self {
        Self {
            gate: GateState::new(site, now.instant),
            config,
            find,
            now,
            tasks: HashMap::new(),
            lanes: HashMap::new(),
            operations: HashMap::new(),
            lives: HashMap::new(),
            deadlines: BTreeSet::new(),
            lock_ends: BTreeSet::new(),
            dirty: BTreeSet::new(),
            trail,
            batch: WriteBatch::default(),
            effects: Vec::new(),
        }
    }

    /// Sets the time of all subsequent events.
    pub fn at(&mut self, now: Now) {
        self.now = now;
    }

    /// Returns the next moment at which time alone changes something.
    pub fn deadline(&self) -> Option<Instant> {
        let task = self.deadlines.first().map(|(at, _)| *at);
        let lock = self.lock_ends.first().map(|(at, _)| *at);
        let gate = self.gate.deadline();
        task.into_iter().chain(lock).chain(gate).min()
    }

    /// Returns true if a task has not ended.
    pub fn has(&self, id: TaskId) -> bool {
        self.tasks.contains_key(&id)
    }

    pub(super) fn entry(&self, id: TaskId) -> Option<&TaskEntry> {
        self.tasks.get(&id)
    }

    pub(super) fn open(&self, id: OperationId) -> Option<&OpenOperation> {
        self.operations.get(&id)
    }

    /// Returns the reason why the pace of its operation holds a task back.
    pub(super) fn held_back(&self, entry: &TaskEntry) -> Option<String> {
        let open = self.operations.get(&entry.task.operation)?;
        Some(open.pacer.held(entry.task.id)?.to_string())
    }

    /// Converts a moment of the monotonic clock to the wall clock.
    pub(super) fn wall(&self, at: Instant) -> Timestamp {
        self.now.at + at.saturating_duration_since(self.now.instant)
    }

    /// Returns a target as it is declared now.
    pub(super) fn target_of(&self, target: &TargetName) -> Option<utakata_model::Target> {
        (self.find)(target).map(|known| utakata_model::Target::clone(&known.target))
    }

    /// Returns the number of tasks that have not ended.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Lets time pass.
    pub fn tick(&mut self) {
        while let Some((at, target)) = self.lock_ends.first().cloned()
            && at <= self.now.instant
        {
            self.lock_is_over(&target);
        }
        while let Some(&(at, id)) = self.deadlines.first()
            && at <= self.now.instant
        {
            self.apply(id, &Event::Tick);
            // A deadline that stayed in place would keep this from ever ending.
            self.deadlines.remove(&(at, id));
        }
        self.tick_gate();
        self.settle();
    }

    /// Applies an event to a task: the only way in which a life changes.
    fn apply(&mut self, id: TaskId, event: &Event) -> Vec<Action> {
        let Some(entry) = self.tasks.get_mut(&id) else {
            return Vec::new();
        };
        let before = entry.life.clone();
        let (life, actions) = before.clone().on(event, &entry.rule, self.now.instant);
        if life != before {
            if let Some(deadline) = before.deadline() {
                self.deadlines.remove(&(deadline, id));
            }
            self.deadlines.extend(life.deadline().map(|at| (at, id)));
            let has_moved = life.state() != before.state() || life.attempt != before.attempt;
            // The next attempt at a late read-back is not recorded.
            let is_new = *event != Event::Tick || life.saved() != before.saved();
            let target = entry.task.target.clone();
            let has_begun = has_begun(&before, &life);
            let is_late_changed = life.late().is_some() != before.late().is_some();
            entry.life = life;
            entry.note_unseen(&before);
            entry.record(self.now.at);
            if is_late_changed {
                self.note_late(id, &target);
            }
            if has_moved {
                self.moved(id);
            }
            if is_new {
                self.write_down(id);
            }
            if has_begun {
                self.overtakes(&target);
            }
        }
        for action in &actions {
            self.act(id, *action);
        }
        actions
    }

    /// Records that a task has changed its state, or begun another attempt.
    fn moved(&mut self, id: TaskId) {
        let Some(entry) = self.tasks.get(&id) else {
            return self.broken("a missing task changes its state", id);
        };
        let state = audit::AuditEntry::State {
            task: id,
            attempt: entry.life.attempt,
            state: entry.life.state(),
            end: entry.record.end,
        };
        self.trail
            .note_of(entry.task.operation, self.now.at, &state);
        let target = entry.task.target.clone();
        self.place(id, &target);
        self.dirty.insert(target);
    }

    /// Begins the first batch after a gap, which records the gap and leaves these tasks to a
    /// person.
    pub fn begin_after_a_gap(&mut self, tasks: &[TaskId]) {
        let gap = audit::AuditEntry::Gap {
            unsettled: tasks.len(),
        };
        self.trail.note(self.now.at, &gap);
        for &id in tasks {
            if let Some(entry) = self.tasks.get_mut(&id) {
                entry.record(self.now.at);
            }
            self.moved(id);
            self.write_down(id);
        }
        self.batch.closes_gap = true;
    }

    /// Reports an impossible state once the batch is written.
    fn broken(&mut self, what: &'static str, id: TaskId) {
        debug_assert!(false, "{what}: {id}");
        self.effects.push(Effect::Broken(what, id));
    }

    fn write_down(&mut self, id: TaskId) {
        if let Some(entry) = self.tasks.get(&id) {
            self.batch.task_progress.insert(id, entry.record.clone());
        }
    }

    fn act(&mut self, id: TaskId, action: Action) {
        match action {
            Action::Publish => self.publish(id),
            Action::ReadBack => {
                let entry = self.tasks.get(&id);
                let read_back = entry.and_then(TaskEntry::read_back);
                self.effects.extend(read_back.map(Effect::ReadBack));
            }
            // The caller who applied the ask sends the answer.
            Action::Answer(_) => {}
        }
    }

    /// Settles lanes and operations after an event.
    pub fn settle(&mut self) {
        while let Some(target) = self.dirty.pop_first() {
            self.turn_to(&target);
        }
    }
}

fn has_begun(before: &Life, after: &Life) -> bool {
    let is_permitted = |life: &Life| matches!(life.stage, Stage::Permitted { .. });
    is_permitted(after) && !is_permitted(before)
}

impl TaskEntry {
    /// Returns the read-back that its target needs now.
    fn read_back(&self) -> Option<ReadBack> {
        Some(ReadBack {
            task: Arc::clone(&self.task),
            attempt: self.life.attempt,
            until: self.life.deadline()?,
            purpose: match self.life.stage {
                Stage::Verifying {
                    shows_from, passed, ..
                } => Purpose::Confirm {
                    shows_from,
                    is_through: self.rule.is_through() && passed.is_none(),
                },
                Stage::Unsettled { .. } => Purpose::Late,
                _ => Purpose::Settle,
            },
        })
    }
}

#[cfg(test)]
mod tests;
