//! Last wills: what is said of the environments of a client that has gone.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use parking_lot::Mutex;
use utakata_model::{EnvironmentId, EnvironmentState, EnvironmentStatus};

use crate::{Error, Event, Events};

/// Tries to publish a will, and what lies between them.
const TRIES: usize = 20;
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// The last status of each environment, and the connection over which it came: whoever connects
/// again, or lives again, takes its environments over.
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

    /// Says of the environments of a connection that they are gone, again when that fails.
    pub(super) async fn execute(&self, connection: u64, events: &dyn Events) {
        let mut lost = self.take(connection);
        for _ in 0..TRIES {
            // Whoever lives again meanwhile has said so itself.
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
        tracing::error!("that environments are gone could not be told");
    }

    /// A connection goes and comes back: nothing is said.
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
