//! The ledger's writer: outcomes of control are written, many at once, before anybody is told.

use std::{sync::Arc, time::Duration};

use utakata_model::Outcome;

use super::{Dispatch, Inbox, OutcomeRef, Shown, pending::Entry};
use crate::store::Store;

/// A control task that has ended, before it is written down.
pub(super) struct Settled {
    pub entry: Entry,
    pub outcome: OutcomeRef,
}

/// The most messages that are written at once.
const AT_ONCE: usize = 256;
/// Between tries to write, doubling up to the second.
const AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

impl Dispatch {
    /// Writes what has ended until everybody who could send more is gone or has closed.
    pub async fn write_ledger(&self, mut inbox: Inbox, store: Arc<dyn Store>, failing: &Failing) {
        let mut messages = Vec::new();
        while inbox.settled.recv_many(&mut messages, AT_ONCE).await > 0 {
            let settled: Vec<Settled> = messages.drain(..).flatten().collect();
            let found = settled.iter().filter_map(|one| one.outcome.get());
            let outcomes: Vec<Outcome> = found.cloned().collect();
            if outcomes.is_empty() {
                // What ends this loop: see `close_ledger`.
                return;
            }
            write(store.as_ref(), &outcomes, failing).await;
            for one in settled {
                self.tell_of(one);
            }
        }
    }

    /// Ends [`Dispatch::write_ledger`] once it has written what it has.
    pub async fn close_ledger(&self) {
        // An error says that it has ended already.
        let _ = self.settled.send(Vec::new()).await;
    }

    fn tell_of(&self, settled: Settled) {
        let Settled { entry, outcome } = settled;
        let Some(found) = outcome.get() else { return };
        self.latest.ended(&entry.known, found);
        let (id, status) = (found.task, found.status);
        if let Some(progress) = &entry.batch.progress {
            let readings = entry.readings;
            progress.ended(id, status, || Shown { outcome, readings });
        }
    }
}

/// The last error of the ledger, while there is one.
pub type Failing = parking_lot::Mutex<Option<utakata_model::Problem>>;

/// Writes outcomes, for as long as it takes: they must not be lost.
async fn write(store: &dyn Store, outcomes: &[Outcome], failing: &Failing) {
    let mut pause = AGAIN.0;
    while let Err(error) = store.end(outcomes).await {
        tracing::error!(%error, cure = error.cure(), "outcomes of control cannot be written");
        let message = format!(
            "outcomes of control cannot be written: {error}: {}",
            error.cure()
        );
        let problem =
            utakata_model::Problem::new(error.code(), utakata_model::Cure::Operator, message);
        *failing.lock() = Some(problem);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(AGAIN.1);
    }
    *failing.lock() = None;
}
