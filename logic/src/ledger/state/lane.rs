//! One lane per target: its next task, its holder, its lock.
//!
//! Only the first task of a lane is published. A published task without a permit is recalled when a
//! more urgent one arrives, when the target is locked, or when the operation is paused.

use std::{collections::BTreeSet, ops::Bound, sync::Arc};

use utakata_api::ledger::{Attribution, Lock};
use utakata_model::{
    Cure, Kind, OperationId, Outcome, OutcomeStatus, Problem, TargetName, Task, TaskId,
    outcome::Timings,
};
use utakata_permit::life::{Event, Stage};

use super::{Effect, LedgerState};
use crate::{
    audit::{self, AlarmAct, SiteNote},
    dispatch::Conclusion,
    ledger::entry::{Rank, TaskEntry, until},
    store::AlarmWrites,
};

/// The lane of one target.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// The waiting tasks, in order.
    pub waiting: BTreeSet<Rank>,
    /// The task that is published.
    pub queued: Option<TaskId>,
    /// The task whose attempt holds the target.
    pub holder: Option<TaskId>,
    /// The lock of a person.
    pub lock: Option<Lock>,
    /// Tasks that were left to a person, and that the target may still settle.
    pub late: BTreeSet<TaskId>,
}

impl Lane {
    fn is_over(&self) -> bool {
        let is_free = self.holder.is_none() && self.lock.is_none();
        is_free && self.waiting.is_empty() && self.late.is_empty()
    }
}

impl LedgerState {
    /// Puts a task where its stage belongs: into the lane, on the target, or out.
    pub(super) fn place(&mut self, id: TaskId, target: &TargetName) {
        let Some(entry) = self.tasks.get(&id) else {
            return self.broken("a task without an entry has a lane", id);
        };
        let lane = self.lanes.entry(target.clone()).or_default();
        lane.waiting.remove(&entry.rank());
        if lane.holder == Some(id) {
            lane.holder = None;
        }
        if lane.queued == Some(id) {
            lane.queued = None;
        }
        if entry.life.holds() {
            lane.holder = Some(id);
        } else if entry.waits() {
            lane.waiting.insert(entry.rank());
            if matches!(entry.life.stage, Stage::Queued { .. }) {
                lane.queued = Some(id);
            }
        }
        if entry.life.has_ended() {
            self.has_ended(id);
        } else if matches!(entry.life.stage, Stage::Unsettled { .. }) {
            self.needs_a_person(id);
        }
    }

    /// Keeps account of the tasks that their target may still settle.
    pub(super) fn note_late(&mut self, id: TaskId, target: &TargetName) {
        let entry = self.tasks.get(&id);
        let is_late = entry.is_some_and(|entry| entry.life.late().is_some());
        let lane = self.lanes.entry(target.clone()).or_default();
        match is_late {
            true => lane.late.insert(id),
            false => lane.late.remove(&id),
        };
        self.dirty.insert(target.clone());
    }

    /// Leaves the tasks that a target might still have settled to a person alone: another attempt
    /// at it was permitted.
    pub(super) fn overtakes(&mut self, target: &TargetName) {
        let lane = self.lanes.get(target);
        for late in lane.map_or_else(BTreeSet::new, |lane| lane.late.clone()) {
            self.apply(late, &Event::Overtaken);
        }
    }

    /// Publishes the right task of a lane, and only that one.
    pub(super) fn turn_to(&mut self, target: &TargetName) {
        let Some(lane) = self.lanes.get(target) else {
            return;
        };
        if lane.is_over() {
            self.lanes.remove(target);
            return;
        }
        let (holder, queued) = (lane.holder, lane.queued);
        let next = match holder {
            Some(_) => None,
            None => self.first_admitted(target),
        };
        if queued == next {
            return;
        }
        if let Some(queued) = queued {
            self.apply(queued, &Event::Recall);
        }
        if let Some(next) = next {
            match self.fit(next) {
                Ok(()) => {
                    self.apply(next, &Event::Release);
                }
                Err(problem) => self.void(next, problem),
            }
        }
    }

    /// Returns the first task of a lane that its envelopes admit. Those that they refuse end.
    fn first_admitted(&mut self, target: &TargetName) -> Option<TaskId> {
        let mut after = Bound::Unbounded;
        loop {
            let rank = self.next_in(target, after)?;
            match self.admits(rank.1) {
                Ok(true) => return Some(rank.1),
                Ok(false) => {}
                Err(problem) => self.void(rank.1, problem),
            }
            after = Bound::Excluded(rank);
        }
    }

    /// Returns the next task of a lane that no lock and no operation holds back.
    fn next_in(&self, target: &TargetName, after: Bound<Rank>) -> Option<Rank> {
        let lane = self.lanes.get(target)?;
        let mut waiting = lane.waiting.range((after, Bound::Unbounded));
        let found = waiting.find(|(_, id)| {
            self.tasks.get(id).is_some_and(|entry| {
                let passes = lane
                    .lock
                    .as_ref()
                    .is_none_or(|lock| entry.task.priority > lock.priority);
                passes && self.is_running(entry.task.operation)
            })
        });
        found.copied()
    }

    /// Checks that the target is still the one for which the task was made.
    fn fit(&self, id: TaskId) -> Result<(), Problem> {
        let Some(entry) = self.tasks.get(&id) else {
            return Ok(());
        };
        let target = &entry.task.target;
        let gone = |message: String| Err(Problem::new("target-changed", Cure::Operator, message));
        match (self.find)(target) {
            None => gone(format!("{target} was deleted before this was begun")),
            Some(known) if known.target.kind != entry.task.kind => gone(format!(
                "{target} is now a target of kind {}, and this was requested when its kind was {}",
                known.target.kind, entry.task.kind
            )),
            Some(_) => Ok(()),
        }
    }

    /// Ends a task that cannot be begun at all.
    fn void(&mut self, id: TaskId, problem: Problem) {
        self.apply(id, &Event::Release);
        let Some(entry) = self.tasks.get_mut(&id) else {
            return;
        };
        let attempt = entry.life.attempt;
        entry.record.outcome = Some(outcome(entry, OutcomeStatus::Failed, problem, self.now.at));
        self.apply(
            id,
            &Event::Outcome {
                attempt,
                holder: None,
                status: OutcomeStatus::Failed,
                is_over: false,
            },
        );
    }

    /// Publishes a task, as its target is declared now.
    pub(super) fn publish(&mut self, id: TaskId) {
        let Some(entry) = self.tasks.get_mut(&id) else {
            return;
        };
        let Some(known) = (self.find)(&entry.task.target) else {
            return;
        };
        entry.sent_to = Some(known.target.zone.clone());
        let task = &entry.task;
        let left = entry
            .life
            .expires
            .saturating_duration_since(self.now.instant);
        let open = self.operations.get(&task.operation);
        let secrets = open.map(|open| &open.operation.secrets);
        let parameters = match secrets.filter(|secrets| !secrets.is_empty()) {
            // Whoever publishes it has the reference.
            Some(secrets) => task
                .parameters
                .refer(secrets.keys().map(String::as_str), None),
            None => task.parameters.clone(),
        };
        self.effects.push(Effect::Publish(Task {
            id,
            attempt: entry.life.attempt,
            origin: task.origin(),
            target: known.target.clone(),
            credential: known.for_task(),
            action: task.action.clone(),
            class: task.class(),
            parameters,
            timeout: task.timeout,
            expires: self.now.at + left,
        }));
    }

    /// Informs everybody who waits that nobody can know the outcome of a task, and a person has to
    /// decide.
    fn needs_a_person(&mut self, id: TaskId) {
        let Some(entry) = self.tasks.get_mut(&id) else {
            return self.broken("a task without an entry needs a person", id);
        };
        let what = "nobody can know whether the target did it: look at it, then say what became \
                    of it (`utakata task settle`)";
        let is_unknown = |outcome: &Outcome| outcome.status == OutcomeStatus::Unknown;
        if !entry.record.outcome.as_ref().is_some_and(is_unknown) {
            let problem = Problem::new("unsettled", Cure::Operator, what);
            entry.record.outcome =
                Some(outcome(entry, OutcomeStatus::Unknown, problem, self.now.at));
        }
        let (operation, told) = (entry.task.operation, entry.record.outcome.clone());
        let (kind, shows) = (entry.task.kind.clone(), entry.shows.take());
        self.tell(operation, kind, told, shows);
        self.is_unsettled_for_gate(id);
        self.is_unsettled_in(operation, id);
    }

    /// Informs everybody who waits for a task of its state.
    fn tell(
        &mut self,
        operation: OperationId,
        kind: Kind,
        outcome: Option<Outcome>,
        shows: Option<bool>,
    ) {
        if let Some(outcome) = outcome {
            self.conclude(operation, kind, outcome, false, shows);
        }
    }

    pub(super) fn conclude(
        &mut self,
        operation: OperationId,
        kind: Kind,
        outcome: Outcome,
        is_reported: bool,
        shows: Option<bool>,
    ) {
        let open = self.operations.get(&operation);
        self.effects.push(Effect::Tell(Conclusion {
            known: (self.find)(&outcome.target),
            outcome,
            is_reported,
            kind,
            progress: open.map(|open| Arc::clone(&open.progress)),
            shows,
        }));
    }

    /// Locks a target for a person.
    pub fn lock(&mut self, target: &TargetName, lock: Lock) {
        self.trail.note(
            self.now.at,
            &audit::AuditEntry::Locked {
                target: target.as_str(),
                lock: &lock,
            },
        );
        self.batch.locks.insert(target.clone(), Some(lock.clone()));
        self.keep(target, lock);
        self.settle();
    }

    /// Records changes to alarms, and the acts of people that made them.
    pub fn alarms(&mut self, writes: AlarmWrites, acts: &[AlarmAct]) {
        for act in acts {
            self.trail.note(self.now.at, &act.entry());
        }
        self.batch.alarms.absorb(writes);
    }

    /// Records a line about something other than control.
    pub fn note(&mut self, note: &SiteNote) {
        self.trail.note(self.now.at, &note.entry());
    }

    /// Applies the lock of a target.
    pub fn keep(&mut self, target: &TargetName, lock: Lock) {
        self.lock_ends.retain(|(_, of)| of != target);
        let ends = self.now.instant + until(lock.until, self.now.at);
        self.lock_ends.insert((ends, target.clone()));
        self.lanes.entry(target.clone()).or_default().lock = Some(lock);
        self.dirty.insert(target.clone());
    }

    /// Unlocks a target. Returns true if it was locked.
    pub fn unlock(&mut self, target: &TargetName, attribution: &Attribution) -> bool {
        let lane = self.lanes.get_mut(target);
        if lane.and_then(|lane| lane.lock.take()).is_none() {
            return false;
        }
        self.lock_ends.retain(|(_, of)| of != target);
        self.trail.note(
            self.now.at,
            &audit::AuditEntry::Unlocked {
                target: target.as_str(),
                attribution,
            },
        );
        self.batch.locks.insert(target.clone(), None);
        self.dirty.insert(target.clone());
        self.settle();
        true
    }

    pub(super) fn lock_is_over(&mut self, target: &TargetName) {
        let attribution = Attribution {
            by: "utakata".into(),
            at: self.now.at,
            why: Some("its time was over".into()),
        };
        if !self.unlock(target, &attribution) {
            self.lock_ends.retain(|(_, of)| of != target);
        }
    }

    /// Returns the lock of a target, and the attempt that holds it.
    pub fn lane_of(&self, target: &TargetName) -> (Option<Lock>, Option<TaskId>, usize) {
        self.lanes.get(target).map_or((None, None, 0), |lane| {
            (lane.lock.clone(), lane.holder, lane.waiting.len())
        })
    }

    /// Returns the published task of a target that no environment has yet.
    pub fn queued_of(&self, target: &TargetName) -> Option<TaskId> {
        self.lane(target)?.queued
    }

    pub(super) fn lane(&self, target: &TargetName) -> Option<&Lane> {
        self.lanes.get(target)
    }

    /// Returns the attempts that hold a target under a permit of this incarnation.
    pub(super) fn held_by(&self, incarnation: utakata_model::Incarnation) -> Vec<TaskId> {
        let holders = self.lanes.values().filter_map(|lane| lane.holder);
        let is_its = |id: &TaskId| {
            let entry = self.tasks.get(id);
            let holder = entry.and_then(|entry| entry.life.holder());
            holder.is_some_and(|holder| holder.incarnation == incarnation)
        };
        holders.filter(is_its).collect()
    }
}

/// Creates an outcome that no environment has published.
pub(super) fn outcome(
    entry: &TaskEntry,
    status: OutcomeStatus,
    problem: Problem,
    at: jiff::Timestamp,
) -> Outcome {
    let task = &entry.task;
    Outcome {
        task: task.id,
        attempt: entry.life.attempt,
        origin: task.origin(),
        target: task.target.clone(),
        action: task.action.clone(),
        class: task.class(),
        status,
        problem: Some(problem),
        result: None,
        missing: Vec::new(),
        recognition: None,
        ran_by: None,
        permit: None,
        is_over: false,
        timings: Timings {
            ended: at,
            waited: std::time::Duration::ZERO,
            ran: std::time::Duration::ZERO,
        },
    }
}
