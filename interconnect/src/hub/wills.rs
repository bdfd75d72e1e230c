//! Last wills: the statuses published for the environments of a client that has gone.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use parking_lot::Mutex;
use utakata_model::{EnvironmentId, EnvironmentState, EnvironmentStatus};

use crate::{Error, Event, Events};

/// The number of attempts at publishing a will, and the pause between them.
const TRIES: usize = 20;
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// The last status of each environment, and the connection that reported it: a client that
/// reconnects or restarts takes its environments over.
#[derive(Debug, Default)]
pub(super) struct Wills(Mutex<BTreeMap<EnvironmentId, (u64, Arc<EnvironmentStatus>)>>);

impl Wills {
    /// Records the statuses that a connection publishes.
    pub(super) fn note(&self, connection: u64, events: &[Event]) {
        for event in events {
            let Event::Environment(status) = event else {
                continue;
            };
            let mut wills = self.0.lock();
            if status.state == EnvironmentState::Gone {
                wills.remove(&status.id);
            } else {
                wills.insert(status.id.clone(), (connection, Arc::clone(status)));
            }
        }
    }

    /// Publishes that the environments of a connection are gone, retrying on failure.
    pub(super) async fn execute(&self, connection: u64, events: &dyn Events) {
        let mut lost = self.take(connection);
        for _ in 0..TRIES {
            // An environment that is back by now has reported so itself.
            lost.retain(|status| !self.0.lock().contains_key(&status.id));
            if lost.is_empty() {
                return;
            }
            let told = lost.iter().cloned().map(Event::Environment).collect();
            match events.publish(told).await {
                Ok(()) | Err(Error::Closed) => return,
                Err(Error::Away { .. }) => tokio::time::sleep(RETRY_AFTER).await,
            }
        }
        tracing::error!("the last wills of environments could not be published");
    }

    /// Discards the wills of a connection whose client will come back.
    pub(super) fn drop_all(&self, connection: u64) {
        self.0.lock().retain(|_, (of, _)| *of != connection);
    }

    fn take(&self, connection: u64) -> Vec<Arc<EnvironmentStatus>> {
        let mut wills = self.0.lock();
        let lost = wills.extract_if(.., |_, (of, _)| *of == connection);
        lost.map(|(_, (_, status))| Arc::new(gone(&status)))
            .collect()
    }
}

fn gone(status: &EnvironmentStatus) -> EnvironmentStatus {
    tracing::info!(environment = %status.id, "the environment is gone: its connection was lost");
    EnvironmentStatus {
        state: EnvironmentState::Gone,
        time: Timestamp::now(),
        ..status.clone()
    }
}
