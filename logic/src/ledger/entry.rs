//! A task that has not ended, as the ledger keeps it in memory.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;
use utakata_model::{
    Cure, Outcome, OutcomeStatus, Priority, Problem, TaskState, Zone,
    manifest::{Proves, Repeat},
};
use utakata_permit::{
    Evidence,
    life::{self, Life, ReadBack, Rule, Stage},
};

use crate::{
    config,
    store::{ControlTask, LateReadBack, TaskProgress},
};

/// The time for which a target is still read back after its task was left to a person, and the
/// interval between two attempts at it.
///
/// Whoever loses a site over night has it back the next day; later, too much may have been done to the
/// target by others.
const LATE_WITHIN: Duration = Duration::from_secs(24 * 3600);
const LATE_EVERY: Duration = Duration::from_secs(30);

/// The code of a task that was reported as done without visible effect.
pub(super) const UNVERIFIED: &str = "unverified";

/// A task that has not ended.
#[derive(Debug, Clone)]
pub(super) struct TaskEntry {
    /// The task as planned.
    pub task: Arc<ControlTask>,
    pub life: Life,
    /// The rule, which never changes.
    pub rule: Rule,
    /// The record of the task's progress.
    pub record: TaskProgress,
    /// The time since which it is in its state.
    pub since: Timestamp,
    /// The conditions for its turn.
    pub turn: Readiness,
    /// The zone that its target was in when it was last published by this process.
    pub sent_to: Option<Zone>,
    /// The result of observing the reported effect, if it has yet to be reported: true if it was
    /// seen, false if it was not.
    pub shows: Option<bool>,
}

/// The progress of a task towards being published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readiness {
    /// The operation has not released it.
    NotYet,
    /// Its turn has come. The present value of the target is being read, so that the task can be
    /// undone.
    Capturing,
    /// It waits in its target's lane, or is further.
    Come,
}

impl TaskEntry {
    /// Creates the entry of a task that was just planned.
    pub fn new(task: ControlTask, config: &config::Control, now: Instant, at: Timestamp) -> Self {
        let expires = now + until(task.expires, at);
        Self {
            rule: rule(&task, config),
            task: Arc::new(task),
            life: Life::new(expires),
            record: TaskProgress::default(),
            since: at,
            turn: Readiness::NotYet,
            shows: None,
            sent_to: None,
        }
    }

    /// Creates the entry of a task that was recorded by an earlier life of the logic environment.
    pub fn restored(
        task: ControlTask,
        record: TaskProgress,
        config: &config::Control,
        now: Instant,
        at: Timestamp,
    ) -> Self {
        let rule = rule(&task, config);
        // However the clock has jumped: not longer than it had.
        let left = match record.expires {
            Some(expires) => until(expires, at).min(task.lifetime),
            None => until(task.expires, at).min(until(task.expires, task.made)),
        };
        let saved = life::Saved {
            state: record.state,
            attempt: record.attempt,
            holder: record.holder.clone(),
            expires: now + left,
            is_cancelled: record.is_cancelled,
            is_in_doubt: record.is_in_doubt,
            is_over: is_over(&record),
            has_passed: record.has_passed,
            late: record.late.map(|late| {
                // However the clock has jumped: not longer than it had.
                let left = until(late.since + LATE_WITHIN, at).min(LATE_WITHIN);
                life::SavedLate {
                    until: now + left,
                    is_reported: late.is_reported,
                }
            }),
            end: record.end,
        };
        // The actions that follow are derived from its stage.
        let (life, _) = Life::restore(saved, &rule, now);
        let turn = match record.expires {
            Some(_) if is_captured_next(&task, &record) => Readiness::Capturing,
            Some(_) => Readiness::Come,
            None => Readiness::NotYet,
        };
        Self {
            task: Arc::new(task),
            life,
            rule,
            record,
            since: at,
            turn,
            shows: None,
            sent_to: None,
        }
    }

    /// Returns the rank in the lane of its target: the first goes first.
    pub fn rank(&self) -> Rank {
        (std::cmp::Reverse(self.task.priority), self.task.id)
    }

    /// Returns true if it waits in its lane, for a place or for an environment that asks for it.
    pub fn waits(&self) -> bool {
        let is_open = matches!(self.life.stage, Stage::Planned | Stage::Queued { .. });
        is_open && self.turn == Readiness::Come
    }

    /// Returns true if an attempt at something that may be done only once is presumed to be over,
    /// without proof.
    pub fn may_still_act(&self) -> bool {
        let told = self.record.outcome.as_ref();
        let is_reported = told.is_some_and(|told| {
            let is_said = told.status != OutcomeStatus::Unknown || is_unverified(told);
            told.attempt == self.life.attempt && is_said
        });
        self.rule.repeat == Repeat::Once && !self.life.is_over && !is_reported
    }

    /// Marks a task as unverified if its reported effect was looked for in vain.
    pub fn note_unseen(&mut self, before: &Life) {
        let Stage::Verifying { shown, .. } = before.stage else {
            return;
        };
        let is_its = |told: &&mut Outcome| {
            told.attempt == self.life.attempt && told.status == OutcomeStatus::Succeeded
        };
        let outcome = self.record.outcome.as_mut().filter(is_its);
        let Some(told) = outcome.filter(|_| matches!(self.life.stage, Stage::Unsettled { .. }))
        else {
            return;
        };
        let message = format!(
            "{} said that it did it, and {}: look at it, then say what became of it (`utakata task \
             settle`)",
            self.task.target,
            unseen(shown),
        );
        told.status = OutcomeStatus::Unknown;
        told.problem = Some(Problem::new(UNVERIFIED, Cure::Operator, message));
        // A target that shows the effect, but was not seen on the way to it, contradicts nobody.
        self.shows = matches!(shown, Evidence::Other | Evidence::Passing).then_some(false);
    }

    /// Updates the record from the life, which has changed.
    pub fn record(&mut self, at: Timestamp) {
        let state = self.life.state();
        if state != self.record.state || self.life.attempt != self.record.attempt {
            self.since = at;
        }
        let saved = self.life.saved();
        self.record.state = saved.state;
        self.record.attempt = saved.attempt;
        self.record.is_cancelled = saved.is_cancelled;
        self.record.is_in_doubt = saved.is_in_doubt;
        self.record.holder = saved.holder;
        self.record.has_passed = saved.has_passed;
        self.record.late = saved.late.map(|late| {
            self.record.late.unwrap_or(LateReadBack {
                since: at,
                is_reported: late.is_reported,
            })
        });
        self.record.end = saved.end;
    }
}

/// Describes the state that was seen instead of an effect.
pub(super) fn unseen(shown: Evidence) -> &'static str {
    match shown {
        Evidence::None => "could not be read back",
        Evidence::Other => "does not show it",
        Evidence::Passing => "shows what is on the way to it, and nothing further",
        Evidence::Effect => "was not seen to pass through what is on the way to it",
    }
}

/// Returns true if it was reported as done without visible effect.
pub(super) fn is_unverified(outcome: &Outcome) -> bool {
    let problem = outcome.problem.as_ref();
    problem.is_some_and(|problem| &*problem.code == UNVERIFIED)
}

/// Returns true if the present value of the target must be known before it is changed.
pub(super) fn is_undoable(task: &ControlTask) -> bool {
    task.undo.is_some() && task.verify.is_some()
}

/// Returns true if its turn has come, and the present value of the target is yet to be read. One
/// that could not be read is read once more.
fn is_captured_next(task: &ControlTask, record: &TaskProgress) -> bool {
    let is_first = record.attempt == 1 && record.state == TaskState::Planned;
    is_first && record.prior.is_none() && is_undoable(task)
}

/// The rank of a task in the lane of its target.
pub(super) type Rank = (std::cmp::Reverse<Priority>, utakata_model::TaskId);

/// Returns true if the outcome that was recorded last proves that nobody acts on the attempt any
/// more. An environment repeats its reports about earlier incarnations.
fn is_over(record: &TaskProgress) -> bool {
    let outcome = record.outcome.as_ref();
    outcome.is_some_and(|outcome| {
        let is_current = outcome.attempt == record.attempt
            && outcome.permit == record.holder.as_ref().map(|holder| holder.ask);
        is_current && outcome.is_over
    })
}

/// Returns the rule of a task.
fn rule(task: &ControlTask, config: &config::Control) -> Rule {
    let read_back = task.verify.as_ref().map(|verify| ReadBack {
        proves: verify.proves,
        within: verify.within,
        grace: verify.grace,
        is_through: verify.through.is_some(),
    });
    Rule {
        repeat: task.repeat,
        read_back,
        window: config.window,
        acts_for: config.window + task.timeout + config.grace,
        settling: read_back.map_or(config.settling, |read_back| {
            // Where another value is a proof, it is one only after the target has had all its time.
            let grace = match read_back.proves {
                Proves::Both => read_back.grace,
                Proves::Effect | Proves::Nothing => Duration::ZERO,
            };
            (read_back.within + grace).max(config.settling)
        }),
        read_back_within: config.read_back_within,
        late_within: LATE_WITHIN,
        late_every: LATE_EVERY,
        publish_again: config.publish_again,
        max_attempts: config.attempts.max(1),
    }
}

/// Returns the time until then; zero if it has passed.
pub(super) fn until(then: Timestamp, now: Timestamp) -> Duration {
    then.duration_since(now).try_into().unwrap_or_default()
}
