//! The progress of an operation's tasks, for callers that wait for them.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::Notify;
use utakata_api::operation::Counts;
use utakata_model::{Outcome, OutcomeStatus, Readings, TaskId};

use super::OutcomeRef;

/// The progress of the tasks of one operation.
#[derive(Debug)]
pub struct Progress {
    total: u64,
    ended: AtomicU64,
    by_status: [AtomicU64; 5],
    /// Of those that succeeded, the number that did so only in part.
    partial: AtomicU64,
    all_ended: Notify,
    /// The results of the tasks that are to be shown; absent if there are none.
    shown: Option<Mutex<HashMap<TaskId, Shown>>>,
}

/// The result of a task that is to be shown.
#[derive(Debug, Clone)]
pub struct Shown {
    pub outcome: OutcomeRef,
    pub readings: Option<Arc<Readings>>,
}

impl Progress {
    /// Creates the progress of that many tasks, none of which has ended.
    pub fn new(total: usize, is_shown: Show) -> Self {
        Self {
            total: total as u64,
            ended: AtomicU64::new(0),
            by_status: Default::default(),
            partial: AtomicU64::new(0),
            all_ended: Notify::new(),
            shown: (is_shown == Show::Tasks).then(Mutex::default),
        }
    }

    /// Returns true if the result of each task is kept.
    pub(super) fn keeps(&self) -> bool {
        self.shown.is_some()
    }

    /// Counts a task that has ended.
    pub(super) fn ended(&self, outcome: &Outcome, shown: impl FnOnce() -> Shown) {
        let id = outcome.task;
        // Held meanwhile: whoever looks sees both, or neither.
        let mut kept = self.shown.as_ref().map(Mutex::lock);
        self.by_status[place(outcome.status)].fetch_add(1, Ordering::Relaxed);
        self.partial
            .fetch_add(u64::from(outcome.is_partial()), Ordering::Relaxed);
        if let Some(kept) = &mut kept
            && kept.len() < MAX_SHOWN
        {
            kept.insert(id, shown());
        }
        drop(kept);
        if self.ended.fetch_add(1, Ordering::AcqRel) + 1 == self.total {
            self.all_ended.notify_waiters();
        }
    }

    /// Returns the number of tasks in each state; those that have not ended count as queued.
    pub fn counts(&self) -> Counts {
        let of = |status| self.by_status[place(status)].load(Ordering::Relaxed);
        let mut counts = Counts {
            succeeded: of(OutcomeStatus::Succeeded),
            failed: of(OutcomeStatus::Failed),
            unknown: of(OutcomeStatus::Unknown),
            expired: of(OutcomeStatus::Expired),
            cancelled: of(OutcomeStatus::Cancelled),
            partial: self.partial.load(Ordering::Relaxed),
            ..Counts::default()
        };
        let ended =
            counts.succeeded + counts.failed + counts.unknown + counts.expired + counts.cancelled;
        counts.queued = self.total.saturating_sub(ended);
        counts
    }

    /// Returns the result of a task, if it is shown and has ended.
    pub fn shown(&self, id: TaskId) -> Option<Shown> {
        self.shown.as_ref()?.lock().get(&id).cloned()
    }

    /// Returns the counts, and the results that are shown, of one moment. The results are
    /// forgotten: they are shown once, and are large.
    pub fn take(&self) -> (Counts, HashMap<TaskId, Shown>) {
        match &self.shown {
            None => (self.counts(), HashMap::new()),
            Some(shown) => {
                let mut shown = shown.lock();
                (self.counts(), std::mem::take(&mut *shown))
            }
        }
    }

    /// Waits until all have ended, but not longer than this.
    pub async fn wait_for(&self, max: Duration) {
        let all = async {
            loop {
                let notified = self.all_ended.notified();
                if self.ended.load(Ordering::Acquire) >= self.total {
                    return;
                }
                notified.await;
            }
        };
        // Running out of time is an answer like any other: the counts show what is missing.
        let _ = tokio::time::timeout(max, all).await;
    }
}

/// The part of the results that is to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// The first thousand tasks.
    Tasks,
    /// Only the number of tasks in each state.
    Counts,
}

/// The largest number of tasks in an answer.
pub const MAX_SHOWN: usize = 1000;

fn place(status: OutcomeStatus) -> usize {
    match status {
        OutcomeStatus::Succeeded => 0,
        OutcomeStatus::Failed => 1,
        OutcomeStatus::Unknown => 2,
        OutcomeStatus::Expired => 3,
        OutcomeStatus::Cancelled => 4,
    }
}

#[cfg(test)]
mod tests;
