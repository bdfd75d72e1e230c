//! Operations: the release of their tasks, the verbs of people, their end.

use std::{collections::HashSet, sync::Arc};

use utakata_api::ledger::Attribution;
use utakata_model::{Operation, OperationId, OperationState, TaskId};
use utakata_permit::life::Event;

use super::{Effect, LedgerState};
use crate::{
    audit,
    dispatch::Progress,
    ledger::entry::{Readiness, TaskEntry, is_undoable},
    pace::{Ending, Paced, PacedState, Pacer, StopRule},
    store::{ControlTask, OperationProgress},
};

/// An operation that is not over.
pub(in crate::ledger) struct OpenOperation {
    pub operation: Arc<Operation>,
    pub record: OperationProgress,
    pub pacer: Pacer,
    pub progress: Arc<Progress>,
    /// The tasks that have not ended.
    pub tasks: Vec<TaskId>,
    pub left: usize,
}

/// A decision of a person about an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationVerb {
    /// Approve it, as somebody other than the requester.
    Approve,
    /// Begin no further tasks.
    Pause,
    /// Begin further tasks again.
    Resume,
    /// Cancel the tasks that have not begun.
    Cancel,
}

/// A reason why a person cannot do this with an operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OperationUnfit {
    /// It is over, or does not exist.
    #[error("the operation is over")]
    Over,
    /// Its state does not allow this.
    #[error("the operation is {}", state.as_str())]
    State { state: OperationState },
    /// The requester cannot approve it.
    #[error("{by} requested it, and somebody else has to approve it")]
    Same { by: String },
}

impl OperationVerb {
    /// Returns the state that the verb leads to from another.
    fn from(self, state: OperationState) -> Option<OperationState> {
        use OperationState as S;
        match (self, state) {
            (Self::Approve, S::Awaiting) => Some(S::Running),
            (Self::Pause, S::Running) => Some(S::Paused),
            (Self::Resume, S::Paused | S::Stopped) => Some(S::Running),
            (Self::Cancel, S::Awaiting | S::Running | S::Paused | S::Stopped) => Some(S::Cancelled),
            _ => None,
        }
    }
}

/// A new operation.
pub struct OperationPlan {
    /// The operation as requested.
    pub operation: Operation,
    /// The idempotency key of the request.
    pub key: Option<String>,
    /// The tasks, in the order in which they begin.
    pub tasks: Vec<ControlTask>,
    /// True if somebody else has to approve it first.
    pub needs_approval: bool,
    /// The progress that somebody waits for.
    pub progress: Arc<Progress>,
}

impl LedgerState {
    /// Adds a new operation.
    pub fn plan(&mut self, new: OperationPlan) {
        let OperationPlan {
            operation,
            key,
            tasks,
            needs_approval,
            progress,
        } = new;
        let id = operation.id;
        let requested = audit::AuditEntry::Requested {
            operation: &operation,
        };
        self.trail.note_of(id, self.now.at, &requested);
        let mut paced = Vec::with_capacity(tasks.len());
        for task in tasks {
            let planned = audit::AuditEntry::Planned { task: &task };
            self.trail.note_of(id, self.now.at, &planned);
            self.batch.tasks.push(task.clone());
            paced.push(Paced {
                id: task.id,
                values: task.paced.clone(),
            });
            let entry = TaskEntry::new(task, &self.config, self.now.instant, self.now.at);
            self.deadlines
                .extend(entry.life.deadline().map(|at| (at, entry.task.id)));
            self.tasks.insert(entry.task.id, entry);
        }
        let record = OperationProgress {
            state: match needs_approval {
                true => OperationState::Awaiting,
                false => OperationState::Running,
            },
            stop: StopRule::new(&operation.pace),
            ..OperationProgress::default()
        };
        let open = OpenOperation {
            tasks: paced.iter().map(|one| one.id).collect(),
            left: paced.len(),
            pacer: Pacer::new(operation.pace.clone(), paced),
            operation: Arc::new(operation.clone()),
            record: record.clone(),
            progress,
        };
        self.operations.insert(id, open);
        self.batch.operations.push((operation, key));
        self.batch.operation_progress.insert(id, record);
        self.release(id);
        self.settle();
    }

    /// Forgets an operation that could not be recorded, with everything that happened to it since.
    pub fn forget(&mut self, id: OperationId) {
        self.trail.forget(id);
        let batch = &mut self.batch;
        batch.operations.retain(|(operation, _)| operation.id != id);
        batch.operation_progress.shift_remove(&id);
        let (forgotten, kept) = std::mem::take(&mut batch.tasks)
            .into_iter()
            .partition(|task| task.operation == id);
        batch.tasks = kept;
        let forgotten: HashSet<TaskId> = Vec::into_iter(forgotten).map(|task| task.id).collect();
        batch
            .task_progress
            .retain(|task, _| !forgotten.contains(task));
        self.deadlines.retain(|(_, task)| !forgotten.contains(task));
        self.effects.retain(|effect| {
            let task = effect.task();
            task.is_none_or(|task| !forgotten.contains(&task))
        });
        self.operations.remove(&id);
        for task in &forgotten {
            let Some(entry) = self.tasks.remove(task) else {
                self.broken("a task that is taken back was never there", *task);
                continue;
            };
            if let Some(lane) = self.lanes.get_mut(&entry.task.target) {
                lane.waiting.remove(&entry.rank());
                lane.queued.take_if(|queued| queued == task);
                self.dirty.insert(entry.task.target.clone());
            }
        }
    }

    /// Returns true if the tasks of an operation may begin.
    pub(super) fn is_running(&self, id: OperationId) -> bool {
        let open = self.operations.get(&id);
        open.is_some_and(|open| open.record.state == OperationState::Running)
    }

    /// Releases the tasks whose turn has come.
    pub(super) fn release(&mut self, id: OperationId) {
        let Some(open) = self.operations.get_mut(&id) else {
            return;
        };
        if open.record.state != OperationState::Running {
            return;
        }
        for task in open.pacer.due() {
            let Some(entry) = self.tasks.get(&task) else {
                self.broken("a task that is due is not there", task);
                continue;
            };
            let is_undoable = entry.is_undoable();
            self.begin_window(task);
            if is_undoable {
                self.capture(task);
            } else {
                self.come(task);
            }
        }
    }

    /// Begins the time within which a task must begin: it is its turn. All that it waits for from
    /// now on is within that time: the read of its target's present value, the lane, locks,
    /// envelopes, the queue.
    fn begin_window(&mut self, id: TaskId) {
        let Some(entry) = self.tasks.get_mut(&id) else {
            return self.broken("it is the turn of a task without an entry", id);
        };
        let lifetime = entry.task.lifetime;
        if let Some(deadline) = entry.life.deadline() {
            self.deadlines.remove(&(deadline, id));
        }
        entry.since = self.now.at;
        entry.life.expires = entry.life.expires.min(self.now.instant + lifetime);
        entry.record.expires = Some(entry.task.expires.min(self.now.at + lifetime));
        self.deadlines
            .extend(entry.life.deadline().map(|at| (at, id)));
        self.write_down(id);
    }

    /// Reads the present value of a target before it is changed.
    fn capture(&mut self, id: TaskId) {
        let Some(entry) = self.tasks.get_mut(&id) else {
            return self.broken("a task without an entry is about to change its target", id);
        };
        entry.turn = Readiness::Capturing;
        let until = self.now.instant + self.config.capture_within;
        let capture = super::ReadBack {
            task: Arc::clone(&entry.task),
            attempt: entry.life.attempt,
            until: until.min(entry.life.expires),
            purpose: super::Purpose::Settle,
        };
        self.effects.push(Effect::Capture(capture));
    }

    /// Puts a task whose turn has come into the lane of its target.
    pub(super) fn come(&mut self, id: TaskId) {
        let Some(entry) = self.tasks.get_mut(&id) else {
            return self.broken("a task without an entry comes into a lane", id);
        };
        entry.turn = Readiness::Come;
        entry.since = self.now.at;
        let target = entry.task.target.clone();
        self.place(id, &target);
        self.write_down(id);
        self.dirty.insert(target);
    }

    /// Applies the end of a task to its operation.
    pub(super) fn has_ended_in(&mut self, id: OperationId, task: TaskId, ending: Ending) {
        if let Some(open) = self.operations.get_mut(&id) {
            open.pacer.ended(task, ending);
            open.left = open.left.saturating_sub(1);
        }
        self.go_on(id);
    }

    /// Records that a task of an operation needs a person: it keeps its place until it is settled.
    pub(super) fn is_unsettled_in(&mut self, id: OperationId, task: TaskId) {
        if let Some(open) = self.operations.get_mut(&id) {
            open.pacer.unsettled(task);
        }
        self.go_on(id);
    }

    /// Records that a person wants another attempt at a task.
    pub(super) fn is_retried(&mut self, task: TaskId) {
        let operation = self.tasks.get(&task).map(|entry| entry.task.operation);
        if let Some(open) = operation.and_then(|id| self.operations.get_mut(&id)) {
            open.pacer.retried(task);
        }
    }

    fn go_on(&mut self, id: OperationId) {
        let Some(open) = self.operations.get_mut(&id) else {
            return;
        };
        if open.left == 0 {
            self.is_over(id);
        } else if open.record.state == OperationState::Running && open.pacer.stop().is_stopped {
            let attribution = Attribution {
                by: "utakata".into(),
                at: self.now.at,
                why: Some("too many of its tasks failed".into()),
            };
            self.change_to(id, OperationState::Stopped, &attribution);
        } else {
            self.release(id);
        }
    }

    fn is_over(&mut self, id: OperationId) {
        let Some(mut open) = self.operations.remove(&id) else {
            return;
        };
        open.record.is_over = true;
        if open.record.state != OperationState::Cancelled {
            open.record.state = OperationState::Done;
        }
        self.batch.operation_progress.insert(id, open.record);
    }

    /// Carries out a person's decision about an operation.
    ///
    /// # Errors
    /// Its state or the person does not allow this.
    pub fn change(
        &mut self,
        id: OperationId,
        verb: OperationVerb,
        attribution: &Attribution,
    ) -> Result<(), OperationUnfit> {
        let open = self.operations.get_mut(&id).ok_or(OperationUnfit::Over)?;
        let state = open.record.state;
        let next = verb.from(state).ok_or(OperationUnfit::State { state })?;
        if verb == OperationVerb::Approve {
            let by = open.operation.by.as_ref().map(|by| by.as_str());
            if by == Some(attribution.by.as_str()) {
                let by = attribution.by.clone();
                return Err(OperationUnfit::Same { by });
            }
            open.record.approved = Some(attribution.clone());
        }
        if verb == OperationVerb::Resume {
            open.pacer.resume();
        }
        self.change_to(id, next, attribution);
        if verb == OperationVerb::Cancel {
            let tasks = self.operations.get(&id).map(|open| open.tasks.clone());
            for task in tasks.into_iter().flatten() {
                self.apply(task, &Event::Cancel);
            }
        }
        self.release(id);
        self.settle();
        Ok(())
    }

    pub(super) fn change_to(
        &mut self,
        id: OperationId,
        state: OperationState,
        attribution: &Attribution,
    ) {
        let Some(open) = self.operations.get_mut(&id) else {
            return;
        };
        open.record.state = state;
        open.record.stop = open.pacer.stop();
        open.record.changed = Some(attribution.clone());
        let changed = audit::AuditEntry::Changed {
            operation: id.to_string(),
            state: state.as_str(),
            attribution,
        };
        self.trail.note_of(id, self.now.at, &changed);
        self.batch
            .operation_progress
            .insert(id, open.record.clone());
        // Tasks waiting in lanes let others pass, or no longer do.
        for task in &open.tasks {
            if let Some(entry) = self.tasks.get(task)
                && entry.waits()
            {
                self.dirty.insert(entry.task.target.clone());
            }
        }
    }

    /// Restores an operation that an earlier life of the logic environment has recorded.
    pub fn restore(
        &mut self,
        operation: Operation,
        record: OperationProgress,
        entries: Vec<(TaskEntry, Paced, PacedState)>,
        progress: Arc<Progress>,
    ) {
        let id = operation.id;
        let mut paced = Vec::with_capacity(entries.len());
        let mut tasks = Vec::new();
        for (entry, one, standing) in entries {
            let task = entry.task.id;
            if !matches!(standing, PacedState::Ended(_)) {
                tasks.push(task);
                self.deadlines
                    .extend(entry.life.deadline().map(|at| (at, task)));
                self.dirty.insert(entry.task.target.clone());
                self.tasks.insert(task, entry);
            }
            paced.push((one, standing));
        }
        let open = OpenOperation {
            pacer: Pacer::restore(operation.pace.clone(), record.stop, paced),
            left: tasks.len(),
            tasks: tasks.clone(),
            operation: Arc::new(operation),
            record,
            progress,
        };
        self.operations.insert(id, open);
        for task in tasks {
            self.resume(task);
        }
        self.release(id);
        if self.operations.get(&id).is_some_and(|open| open.left == 0) {
            self.is_over(id);
        }
    }

    /// Resumes everything that was under way with a task.
    fn resume(&mut self, id: TaskId) {
        use utakata_permit::life::Stage;
        let Some(entry) = self.tasks.get(&id) else {
            return self.broken("an operation has a task without an entry", id);
        };
        let is_read_back = matches!(
            entry.life.stage,
            Stage::Verifying { .. } | Stage::ReadingBack { .. }
        );
        let read_back = is_read_back.then(|| entry.read_back()).flatten();
        let is_late = entry.life.late().is_some();
        let is_capturing = entry.turn == Readiness::Capturing;
        self.effects.extend(read_back.map(Effect::ReadBack));
        let target = entry.task.target.clone();
        if is_capturing {
            self.capture(id);
        }
        if is_late {
            self.note_late(id, &target);
        }
        self.place(id, &target);
    }
}

impl TaskEntry {
    fn is_undoable(&self) -> bool {
        is_undoable(&self.task)
    }
}
