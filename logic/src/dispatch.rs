//! Dispatch: publishes reads, receives everything that is published, and informs followers.
//!
//! Every dispatched read ends: by its outcome, by a refusal, or by the sweep, which reports it as
//! expired. Control goes through the ledger.

mod batch;
mod ended;
mod feed;
mod outcome;
mod pending;
mod progress;
mod sweep;
mod take_in;

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use parking_lot::Mutex;
use tokio::sync::{broadcast, mpsc};
use utakata_interconnect::{Event, Events, OutcomeBatch, Refusal, Tasks};
use utakata_model::{Cure, Kind, Outcome, OutcomeStatus, Problem, TargetName, Task, TaskId};

pub use batch::{Batch, NewRead, Slot};
pub use ended::EndedRead;
pub use feed::Item;
pub use outcome::OutcomeRef;
pub use progress::{MAX_SHOWN, Progress, Show, Shown};

use self::{
    ended::Ring,
    pending::{Pending, PendingRead},
};
use crate::{
    Config,
    desired::PinTable,
    histograms::Histograms,
    inventory::{DeviceId, TargetEntry},
    observed::Observed,
};

/// The number of deleted targets that are reported at once.
const FORGOTTEN_AT_ONCE: usize = 256;
/// The number of reads without an answer that may wait to be kept.
const UNANSWERED: usize = 16_384;

/// A reason why tasks were not dispatched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Too many tasks are under way.
    #[error("{pending} reads are under way, and at most {limit} may be")]
    Busy {
        pending: usize,
        /// The largest number.
        limit: usize,
    },
    /// It was shut down.
    #[error("the logic environment is ending")]
    Ending,
}

/// The dispatcher of tasks, which knows those under way.
pub struct Dispatch {
    tasks: Arc<dyn Tasks>,
    events: Arc<dyn Events>,
    pending: Mutex<Pending>,
    ended: Mutex<Ring>,
    observed: Arc<Observed>,
    feed: broadcast::Sender<Arc<Item>>,
    pending_limit: usize,
    grace: std::time::Duration,
    pins: PinTable,
    histograms: Histograms,
    /// Whoever wants to know of reads that end without an answer.
    unanswered: OnceLock<mpsc::Sender<Arc<Outcome>>>,
}

/// A task that is under way.
#[derive(Debug, Clone)]
pub struct UnderWay {
    pub id: TaskId,
    /// The part that it shares with others.
    pub batch: Arc<Batch>,
    pub known: Arc<TargetEntry>,
}

/// The last error of a component, as long as it lasts.
pub type Failing = Mutex<Option<Problem>>;

/// A control task that has ended, or that a person has to settle.
#[derive(Debug)]
pub struct Conclusion {
    /// The outcome to show.
    pub outcome: Outcome,
    /// True if its environment has published the same outcome.
    pub is_reported: bool,
    /// The kind of the target.
    pub kind: Kind,
    /// The target, if it still exists.
    pub known: Option<Arc<TargetEntry>>,
    /// The progress that somebody waits for.
    pub progress: Option<Arc<Progress>>,
    /// The result of reading the target back for the task: true if it shows the reported effect,
    /// false if it does not.
    pub shows: Option<bool>,
}

impl Dispatch {
    /// Creates a dispatcher with nothing under way.
    pub fn new(
        config: &Config,
        tasks: Arc<dyn Tasks>,
        events: Arc<dyn Events>,
        observed: Arc<Observed>,
        pins: PinTable,
    ) -> Self {
        Self {
            tasks,
            events,
            pending: Mutex::default(),
            ended: Mutex::new(Ring::new(config.observe.ended_kept)),
            observed,
            feed: broadcast::channel(config.http.events_kept.max(16)).0,
            pending_limit: config.observe.pending_limit,
            grace: config.control.grace,
            pins,
            histograms: Histograms::default(),
            unanswered: OnceLock::new(),
        }
    }

    /// Returns the reads that end without an answer from now on. Only the first one gets them.
    pub fn unanswered(&self) -> mpsc::Receiver<Arc<Outcome>> {
        let (sender, receiver) = mpsc::channel(UNANSWERED);
        // A second one is of no use to anybody.
        let _ = self.unanswered.set(sender);
        receiver
    }

    /// Returns the time that an outcome may take beyond lifetime and timeout.
    pub fn grace(&self) -> std::time::Duration {
        self.grace
    }

    /// Publishes that targets were deleted, for keepers of retained readings.
    pub async fn forget(&self, targets: &[TargetName]) {
        for targets in targets.chunks(FORGOTTEN_AT_ONCE) {
            let deleted = targets.iter().cloned().map(Event::Deleted);
            if let Err(error) = self.events.publish(deleted.collect()).await {
                let (first, count) = (targets.first(), targets.len());
                tracing::warn!(
                    ?first, count, %error,
                    "the readings of deleted targets stay retained"
                );
            }
        }
    }

    /// Returns a task pinned to the release that its target keeps.
    pub(crate) fn pinned(&self, task: Task) -> Task {
        self.pins.pinned(task)
    }

    /// Returns the durations that are counted.
    pub fn histograms(&self) -> &Histograms {
        &self.histograms
    }

    /// Returns the latest observations of each target.
    pub fn observed(&self) -> &Observed {
        &self.observed
    }

    /// Returns the number of tasks that are under way.
    pub fn pending(&self) -> usize {
        self.pending.lock().len()
    }

    /// Returns the time at which the oldest read that is under way was made.
    pub fn oldest(&self) -> Option<jiff::Timestamp> {
        let pending = self.pending.lock();
        pending.iter().map(|(_, entry)| entry.batch.made).min()
    }

    /// Dispatches reads. Each one ends, and followers of its progress see it.
    ///
    /// # Errors
    /// Too many are under way: nothing was dispatched.
    pub async fn send(&self, batch: &Arc<Batch>, made: Vec<NewRead>) -> Result<(), Error> {
        let tasks = made.iter().map(|made| self.pinned(batch.task(made)));
        let tasks: Vec<Task> = tasks.collect();
        {
            let mut pending = self.pending.lock();
            let (count, limit) = (pending.len(), self.pending_limit);
            if count + made.len() > limit {
                return Err(Error::Busy {
                    pending: count,
                    limit,
                });
            }
            pending.insert(batch, made);
        }
        let keys: Vec<_> = tasks.iter().map(Task::key).collect();
        match self.tasks.publish(tasks).await {
            Ok(refusals) => self.refused(&refusals),
            Err(error) => {
                let problem = Problem::new(
                    "interconnect-away",
                    Cure::Retry,
                    format!(
                        "the task was handed over, and it is not known whether it arrived: {error}"
                    ),
                );
                self.give_up(&keys, OutcomeStatus::Failed, &problem);
            }
        }
        Ok(())
    }

    fn refused(&self, refusals: &[Refusal]) {
        for refusal in refusals {
            let problem = Problem::new("queue-full", Cure::Retry, &refusal.reason);
            self.give_up(&[refusal.key], OutcomeStatus::Failed, &problem);
        }
    }

    /// Informs everybody who waits or follows that a control task has ended, once that is recorded.
    pub fn concluded(&self, concluded: Conclusion) {
        let outcome = Arc::new(concluded.outcome);
        if let Some(known) = &concluded.known {
            self.observed.ended(known, &outcome);
        }
        if !concluded.is_reported {
            let zone = concluded.known.as_ref().map(|known| &known.target.zone);
            self.tell(Event::Outcomes(Arc::new(OutcomeBatch {
                zone: zone.cloned().unwrap_or_default(),
                kind: concluded.kind,
                from: None,
                outcomes: vec![Outcome::clone(&outcome)],
            })));
        }
        if let Some(progress) = concluded.progress {
            progress.ended(&outcome, || Shown {
                outcome: OutcomeRef::own(Arc::clone(&outcome)),
                readings: None,
            });
        }
    }

    /// Follows published events, as served to clients.
    pub fn follow(&self) -> broadcast::Receiver<Arc<Item>> {
        self.feed.subscribe()
    }

    /// Returns the newest ended reads that are remembered and match, newest first.
    pub fn ended(&self, max: usize, wanted: impl Fn(&EndedRead) -> bool) -> Vec<EndedRead> {
        let ended = self.ended.lock();
        let mut newest = BTreeMap::new();
        for one in ended.newest_first().filter(|one| wanted(one)) {
            newest.insert(one.id, one);
            if newest.len() > max {
                newest.pop_first();
            }
        }
        newest.into_values().rev().cloned().collect()
    }

    /// Returns the newest reads under way that match, newest first.
    pub fn under_way(
        &self,
        max: usize,
        wanted: impl Fn(TaskId, &Batch, &TargetEntry) -> bool,
    ) -> Vec<UnderWay> {
        let pending = self.pending.lock();
        let mut newest = BTreeMap::new();
        for (id, entry) in pending
            .iter()
            .filter(|(_, e)| e.known.device != DeviceId::NONE)
            .filter(|(id, e)| wanted(**id, &e.batch, &e.known))
        {
            newest.insert(*id, entry);
            if newest.len() > max {
                newest.pop_first();
            }
        }
        let under_way = |(id, entry): (TaskId, &PendingRead)| UnderWay {
            id,
            batch: Arc::clone(&entry.batch),
            known: Arc::clone(&entry.known),
        };
        newest.into_iter().rev().map(under_way).collect()
    }
}
