//! Reports about attempts: outcomes, observations of targets, the ends of environments.

use utakata_api::ledger::Attribution;
use utakata_interconnect::{OutcomeBatch, Sender};
use utakata_model::{
    Class, Cure, EnvironmentState, EnvironmentStatus, Outcome, OutcomeStatus, Problem,
    ReadingValue, TaskId, Zone,
};
use utakata_permit::{
    life::{By, Event, Holder, How, NotNow, Observation, Settlement, Stage},
    message::Recorded,
};

use super::{Effect, LedgerState, ReadBackResult, lane::outcome as own};
use crate::{
    audit,
    ledger::entry::{Readiness, TaskEntry, UNVERIFIED},
    pace::Ending,
};

/// A reason why a person cannot settle or cancel a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TaskUnfit {
    /// It has ended, or does not exist.
    #[error("the task has ended")]
    Ended,
    /// Its state is known.
    #[error("the state of the task is known")]
    Known,
    /// The attempt may still act.
    #[error("the attempt may still act")]
    MayAct { until: jiff::Timestamp },
}

impl LedgerState {
    /// Applies outcomes. Each is confirmed as recorded, whether it changes anything or not.
    pub fn on_outcomes(&mut self, batch: &OutcomeBatch) {
        for outcome in &batch.outcomes {
            if outcome.class != Class::Control {
                continue;
            }
            // An environment knows nothing of tasks of other zones.
            if self.is_of_zone(outcome, &batch.zone) {
                self.told_one(batch.from.as_ref(), outcome);
            }
            if let Some(from) = &batch.from {
                let recorded = Recorded {
                    key: outcome.key(),
                    ask: outcome.permit,
                };
                let kind = batch.kind.clone();
                self.effects
                    .push(Effect::Recorded(from.clone(), kind, recorded));
            }
        }
        self.settle();
    }

    /// Returns true if a task is, or was sent, to this zone, as far as that is known.
    fn is_of_zone(&self, outcome: &Outcome, zone: &Zone) -> bool {
        let Some(entry) = self.tasks.get(&outcome.task) else {
            return true;
        };
        let now = (self.find)(&entry.task.target);
        let now = now.as_ref().map(|known| &known.target.zone);
        let mut zones = now.into_iter().chain(&entry.sent_to).peekable();
        zones.peek().is_none() || zones.any(|one| one == zone)
    }

    fn told_one(&mut self, from: Option<&Sender>, outcome: &Outcome) {
        let holder = match (outcome.permit, from) {
            (Some(ask), Some(from)) => Some(Holder {
                environment: from.environment.clone(),
                incarnation: from.incarnation,
                ask,
            }),
            // A permit of nobody, and so no attempt of ours.
            (Some(_), None) => return,
            (None, _) => None,
        };
        let counts = self.counts(outcome, holder.as_ref());
        let noted = audit::AuditEntry::Outcome { outcome, counts };
        self.trail.note(self.now.at, &noted);
        if !counts {
            return;
        }
        if let Some(entry) = self.tasks.get_mut(&outcome.task) {
            entry.record.outcome = Some(outcome.clone());
            let attempts = entry.record.attempts.iter_mut();
            for attempt in attempts.filter(|one| one.attempt == outcome.attempt) {
                attempt.status = Some(outcome.status);
                attempt.ran_by.clone_from(&outcome.ran_by);
            }
        }
        let event = Event::Outcome {
            attempt: outcome.attempt,
            holder,
            status: outcome.status,
            is_over: outcome.is_over,
        };
        self.apply(outcome.task, &event);
    }

    /// Returns true if an outcome would change anything.
    fn counts(&self, outcome: &Outcome, holder: Option<&Holder>) -> bool {
        let Some(entry) = self.tasks.get(&outcome.task) else {
            return false;
        };
        let event = Event::Outcome {
            attempt: outcome.attempt,
            holder: holder.cloned(),
            status: outcome.status,
            is_over: outcome.is_over,
        };
        let before = entry.life.clone();
        before.clone().on(&event, &entry.rule, self.now.instant).0 != before
    }

    /// Applies an observation of a target that was read back.
    pub fn seen(&mut self, look: &ReadBackResult) {
        let &ReadBackResult {
            task,
            attempt,
            requested,
            answered,
            evidence,
        } = look;
        let is_current = |entry: &&TaskEntry| {
            let is_read = matches!(
                entry.life.stage,
                Stage::Verifying { .. } | Stage::ReadingBack { .. }
            );
            (is_read || entry.life.late().is_some()) && entry.life.attempt == attempt
        };
        if self.tasks.get(&task).filter(is_current).is_none() {
            return;
        }
        let noted = audit::AuditEntry::ReadBack {
            task,
            attempt,
            evidence,
        };
        self.trail.note(self.now.at, &noted);
        let observed = Event::Observed(Observation {
            requested,
            answered,
            evidence,
        });
        self.apply(task, &observed);
        self.settle();
    }

    /// Applies the previous value of a target; absent if it could not be read.
    pub fn captured(&mut self, task: TaskId, prior: Option<ReadingValue>) {
        let Some(entry) = self.tasks.get_mut(&task) else {
            return;
        };
        if entry.turn != Readiness::Capturing {
            return;
        }
        entry.record.prior = prior;
        self.come(task);
        self.settle();
    }

    /// Applies the status of an environment: attempts of its earlier incarnations have no owner any
    /// more.
    pub fn on_status(&mut self, status: &EnvironmentStatus) {
        let is_gone = status.state == EnvironmentState::Gone;
        let before = self.lives.insert(status.id.clone(), status.incarnation);
        let over = before.filter(|before| *before != status.incarnation);
        let over = over
            .into_iter()
            .chain(is_gone.then_some(status.incarnation));
        for incarnation in over.collect::<Vec<_>>() {
            for id in self.held_by(incarnation) {
                self.apply(id, &Event::Gone { incarnation });
            }
        }
        self.orphans(status);
        if !status.over.is_empty() {
            self.lives_are_over(status);
        }
        self.settle();
    }

    /// Records that nothing of these earlier incarnations runs any more.
    fn lives_are_over(&mut self, status: &EnvironmentStatus) {
        let is_earlier = |holder: &&Holder| {
            holder.environment == status.id && status.over.contains(&holder.incarnation)
        };
        let entries = self.tasks.values().filter(|entry| !entry.life.is_over);
        let over = entries.filter_map(|entry| {
            let holder = entry.life.holder().filter(is_earlier)?;
            Some((entry.task.id, holder.incarnation))
        });
        for (id, incarnation) in over.collect::<Vec<_>>() {
            self.apply(id, &Event::Over { incarnation });
        }
    }

    /// Treats every other incarnation of an environment as an earlier one: after a restart none is
    /// known.
    fn orphans(&mut self, status: &EnvironmentStatus) {
        let other = |entry: &&TaskEntry| {
            entry.life.holder().is_some_and(|holder| {
                holder.environment == status.id && holder.incarnation != status.incarnation
            })
        };
        let permitted = |entry: &&TaskEntry| matches!(entry.life.stage, Stage::Permitted { .. });
        let orphans = self.tasks.values().filter(permitted).filter(other);
        let orphans: Vec<(TaskId, _)> = orphans
            .filter_map(|entry| Some((entry.task.id, entry.life.holder()?.incarnation)))
            .collect();
        for (id, incarnation) in orphans {
            self.apply(id, &Event::Gone { incarnation });
        }
    }

    /// Settles a task by a person's statement.
    ///
    /// # Errors
    /// It does not need settling, or not yet.
    pub fn settled(
        &mut self,
        id: TaskId,
        how: Verdict,
        attribution: &Attribution,
    ) -> Result<(), TaskUnfit> {
        let entry = self.tasks.get_mut(&id).ok_or(TaskUnfit::Ended)?;
        let operation = entry.task.operation;
        entry.life.may_settle().map_err(|not| match not {
            NotNow::Known => TaskUnfit::Known,
            NotNow::MayAct { until } => TaskUnfit::MayAct {
                until: self.now.at + until.saturating_duration_since(self.now.instant),
            },
        })?;
        let lifetime = entry.task.lifetime;
        let (settlement, state) = match how {
            Verdict::Succeeded => (Settlement::Succeeded, "succeeded"),
            Verdict::Failed => (Settlement::Failed, "failed"),
            Verdict::Again => {
                entry.record.expires = Some(self.now.at + lifetime);
                let expires = self.now.instant + lifetime;
                (Settlement::Again { expires }, "again")
            }
        };
        let task = id;
        let noted = audit::AuditEntry::Settled {
            task,
            state,
            attribution,
        };
        self.trail.note_of(operation, self.now.at, &noted);
        self.apply(id, &Event::Settle(settlement));
        if how == Verdict::Again {
            self.is_retried(id);
        }
        self.settle();
        Ok(())
    }

    /// Cancels a task: no further attempt begins, and a running one ends as usual.
    ///
    /// # Errors
    /// It has ended.
    pub fn cancelled(&mut self, id: TaskId, attribution: &Attribution) -> Result<(), TaskUnfit> {
        let entry = self.tasks.get(&id).ok_or(TaskUnfit::Ended)?;
        let (task, state) = (id, "cancelled");
        let noted = audit::AuditEntry::Settled {
            task,
            state,
            attribution,
        };
        self.trail
            .note_of(entry.task.operation, self.now.at, &noted);
        self.apply(id, &Event::Cancel);
        self.settle();
        Ok(())
    }

    /// Informs everybody who waits that a task has ended, and forgets it.
    pub(super) fn has_ended(&mut self, id: TaskId) {
        let Some(entry) = self.tasks.get_mut(&id) else {
            return self.broken("a task without an entry has ended", id);
        };
        let Some(end) = entry.record.end else {
            return self.broken("a task has ended without an end", id);
        };
        let status = status(end.how);
        let told = entry.record.outcome.as_ref();
        let is_reported = end.by == By::Outcome && told.is_some_and(|told| told.status == status);
        let was_said = told.is_some_and(|told| {
            told.status == OutcomeStatus::Succeeded && told.attempt == entry.life.attempt
        });
        let shows = (was_said && end.by == By::ReadBack).then_some(end.how == How::Succeeded);
        if !is_reported {
            let told = entry.record.outcome.take();
            entry.record.outcome = Some(concluded(entry, told, end.by, status, self.now.at));
        }
        self.write_down(id);
        let Some(entry) = self.tasks.remove(&id) else {
            return self.broken("a task that ended is missing already", id);
        };
        self.is_over_for_gate(&entry, end.how == How::Failed);
        let operation = entry.task.operation;
        if let Some(outcome) = entry.record.outcome {
            self.conclude(
                operation,
                entry.task.kind.clone(),
                outcome,
                is_reported,
                shows,
            );
        }
        let ending = match end.how {
            How::Succeeded => Ending::Good,
            How::Failed | How::Expired => Ending::Bad,
            How::Cancelled => Ending::Withdrawn,
        };
        self.has_ended_in(operation, id, ending);
    }
}

/// A person's verdict on a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The target did it.
    Succeeded,
    /// The target did not do it.
    Failed,
    /// Make another attempt.
    Again,
}

fn status(how: How) -> OutcomeStatus {
    match how {
        How::Succeeded => OutcomeStatus::Succeeded,
        How::Failed => OutcomeStatus::Failed,
        How::Expired => OutcomeStatus::Expired,
        How::Cancelled => OutcomeStatus::Cancelled,
    }
}

/// Returns the outcome of a task if it is not the last one that its environment has published.
fn concluded(
    entry: &TaskEntry,
    told: Option<Outcome>,
    by: By,
    status: OutcomeStatus,
    at: jiff::Timestamp,
) -> Outcome {
    let problem = problem(entry, by, status);
    let told = told.filter(|told| told.attempt == entry.life.attempt);
    let mut outcome = told.unwrap_or_else(|| {
        let none = Problem::new("", Cure::Operator, "");
        own(entry, status, none, at)
    });
    outcome.status = status;
    outcome.problem = problem;
    outcome.timings.ended = at;
    outcome
}

fn problem(entry: &TaskEntry, by: By, status: OutcomeStatus) -> Option<Problem> {
    let target = &entry.task.target;
    let problem = |code, cure, message: String| Some(Problem::new(code, cure, message));
    match (by, status) {
        (By::Unverified, _) => problem(
            UNVERIFIED,
            Cure::Operator,
            format!("{target} reported success, and could not be read back"),
        ),
        (By::ReadBack, OutcomeStatus::Failed) => problem(
            "not-done",
            Cure::Operator,
            format!("{target} was read back, and it was not done"),
        ),
        (By::Time, _) => problem(
            "expired",
            Cure::Retry,
            "it was not begun in time: see what it waited for with `utakata task explain`".into(),
        ),
        (By::Person, OutcomeStatus::Failed) => problem(
            "settled",
            Cure::Operator,
            "a person has stated that it was not done".into(),
        ),
        (By::Cancel, _) => problem(
            "cancelled",
            Cure::Operator,
            "it was cancelled before it began".into(),
        ),
        (By::Outcome, _) => entry
            .record
            .outcome
            .as_ref()
            .and_then(|o| o.problem.clone()),
        _ => None,
    }
}
