//! History: what arrives is kept, and what was seen last is known again after a start.

use std::{path::Path, sync::Arc, time::Duration};

use jiff::Timestamp;
use utakata_history::{
    Embedded, History, Record,
    embedded::{self, Latest},
    gap,
};
use utakata_model::{Class, Cure, Outcome, OutcomeStatus, Problem, Readings, TaskId, TaskKey};

use crate::{
    clock, config,
    histograms::Histograms,
    inventory::Inventory,
    observed::{Earlier, Observed, Stored},
    store,
};

/// The time that a start waits for what an earlier process has left; the rest becomes known while it
/// runs.
const START_WAITS: Duration = Duration::from_millis(300);
/// Longer than looking at a history takes.
const WHOLE_HISTORY: Duration = Duration::from_secs(3600);
/// The time that anybody waits until everything so far is written.
const SETTLES_WITHIN: Duration = Duration::from_secs(2);
const DAY: u64 = 24 * 3600;
const MIB: u64 = 1 << 20;

/// Opens the history in a folder. Without it everything else works: the status tells what is wrong.
pub fn open(config: &config::History, folder: &Path) -> Option<Arc<Embedded>> {
    let days = |time: Duration| usize::try_from(time.as_secs().div_ceil(DAY)).unwrap_or(usize::MAX);
    let opened = Embedded::open(embedded::Config {
        folder: folder.into(),
        raw_days: days(config.keep),
        hour_days: days(config.keep_hours),
        max_bytes: (config.max_disk_mib as u64).saturating_mul(MIB),
        min_free: (config.min_free_mib as u64).saturating_mul(MIB),
        clock: Arc::new(|| clock::now().as_millisecond()),
    });
    match opened {
        Ok(history) => Some(Arc::new(history)),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(%error, cause, "readings are not kept");
            None
        }
    }
}

/// The one place where what is observed enters history. Cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    history: Option<Arc<Embedded>>,
    /// Another engine, which gets everything, too, and answers questions.
    engine: Option<Arc<dyn History>>,
}

impl Recorder {
    pub fn new(history: Option<Arc<Embedded>>, engine: Option<Arc<dyn History>>) -> Self {
        Self { history, engine }
    }

    /// Has the duration of each write of history counted.
    pub fn count_flushes(&self, histograms: &Histograms) {
        if let Some(history) = &self.history {
            history.on_flush(histograms.flushes());
        }
    }

    /// Returns the history that answers questions.
    pub fn history(&self) -> Option<&dyn History> {
        let embedded = self
            .history
            .as_deref()
            .map(|history| history as &dyn History);
        self.engine.as_deref().or(embedded)
    }

    /// Keeps the readings of a known target.
    pub fn readings(&self, readings: &Arc<Readings>, heard: Timestamp) {
        self.append(|| Record::Readings {
            readings: Arc::clone(readings),
            heard,
        });
    }

    /// Returns true for the end of an attempt to read that saw nothing.
    pub fn wants(outcome: &Outcome) -> bool {
        outcome.class == Class::Observe && outcome.status != OutcomeStatus::Succeeded
    }

    /// Keeps the reason why an attempt to read a known target saw nothing.
    pub fn outcome(&self, outcome: &Outcome) {
        self.append(|| missed(outcome, None));
    }

    /// Keeps the reason why a read of a known target ended without an answer.
    pub fn unanswered(&self, outcome: &Outcome, code: Option<&'static str>) {
        if !Self::wants(outcome) {
            return;
        }
        self.append(|| missed(outcome, code));
    }

    fn append(&self, record: impl FnOnce() -> Record) {
        match (&self.history, &self.engine) {
            (Some(history), Some(engine)) => {
                let record = record();
                engine.append(record.clone());
                history.append(record);
            }
            (Some(history), None) => history.append(record()),
            (None, Some(engine)) => engine.append(record()),
            (None, None) => {}
        }
    }

    /// Restores what was seen last. What is not known within moments follows in the background.
    pub async fn restore(&self, observed: &Arc<Observed>, inventory: &Arc<Inventory>) {
        let Some(history) = self.history.clone() else {
            return;
        };
        let (observed, inventory) = (Arc::clone(observed), Arc::clone(inventory));
        let restoring = tokio::task::spawn_blocking(move || {
            history.wait_until_complete(WHOLE_HISTORY);
            let now = clock::now();
            let restored = history.latest(|latest| {
                if let Some(entry) = inventory.find(&latest.target) {
                    observed.remember(&entry, stored(latest), now);
                }
            });
            if let Err(error) = restored {
                tracing::error!(%error, "what was seen last is not known until it is read again");
            }
        });
        if tokio::time::timeout(START_WAITS, restoring).await.is_err() {
            tracing::info!("what was seen last becomes known in the background");
        }
    }

    /// Takes over the readings that an earlier version has stored; they are deleted there if nobody
    /// else may want them.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub async fn take_over(
        &self,
        store: &dyn store::Store,
        observed: &Observed,
        inventory: &Inventory,
        is_alone: bool,
    ) -> Result<(), store::Error> {
        let Some(history) = &self.history else {
            return Ok(());
        };
        let rows = observed.restore(store, inventory, clock::now()).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for readings in rows {
            self.readings(&readings, clock::now());
        }
        history.settle().await;
        match is_alone && history.status().lost == 0 {
            true => store.delete_readings().await,
            false => Ok(()),
        }
    }

    /// Returns the problem of history, if it has one.
    pub fn problem(&self) -> Option<Problem> {
        let Some(history) = &self.history else {
            let message = "readings are not kept: the folder history in the data directory cannot \
                           be used; the log says why";
            return Some(Problem::new("history-unwritable", Cure::Operator, message));
        };
        let status = history.status();
        if let Some(trouble) = status.trouble {
            return Some(Problem::new(trouble.code, Cure::Operator, trouble.message));
        }
        let damaged = status.damaged;
        let message = || format!("{damaged} parts of history cannot be read; the log names them");
        (damaged > 0).then(|| Problem::new(gap::DAMAGED, Cure::Operator, message()))
    }

    /// Waits until everything so far is written; for a moment only, because nobody must wait for a disk
    /// that is full.
    pub async fn settle(&self) {
        if let Some(history) = &self.history {
            let _ = tokio::time::timeout(SETTLES_WITHIN, history.settle()).await;
        }
    }

    /// Writes everything, and ends.
    pub async fn close(&self) {
        if let Some(history) = self.history.clone() {
            let _ = tokio::task::spawn_blocking(move || history.close()).await;
        }
    }
}

/// Returns the record of an attempt that saw nothing, with its own code or another that says more.
fn missed(outcome: &Outcome, code: Option<&'static str>) -> Record {
    let code = match (code, &outcome.problem, outcome.status) {
        (Some(code), ..) => code.into(),
        (_, Some(problem), _) => Arc::from(&*problem.code),
        (.., OutcomeStatus::Expired) => "expired".into(),
        (.., OutcomeStatus::Cancelled) => "cancelled".into(),
        _ => "no-answer".into(),
    };
    Record::Missed {
        target: outcome.target.clone(),
        action: outcome.action.clone(),
        seen: outcome.timings.ended,
        heard: clock::now(),
        code,
    }
}

fn stored(latest: Latest) -> Stored {
    let earlier = latest.earlier.into_iter();
    let earlier = earlier.map(|(seen, heard, reading)| Earlier {
        time: utakata_history::time::timestamp(seen),
        heard: Some(utakata_history::time::timestamp(heard)),
        reading,
    });
    let earlier = earlier.collect();
    let readings = Readings {
        target: latest.target,
        action: latest.action,
        // Nobody waits for its task any more.
        seen_by: TaskKey {
            task: TaskId::from_bytes([0; 16]),
            attempt: 0,
        },
        time: utakata_history::time::timestamp(latest.seen),
        readings: latest.readings,
    };
    Stored {
        last: Arc::new(readings),
        heard: Some(utakata_history::time::timestamp(latest.heard)),
        earlier,
    }
}
