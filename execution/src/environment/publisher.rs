//! The publishing of the environment's status: at every change, and every ten seconds.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};
use utakata_interconnect::{Event, Events};
use utakata_model::{EnvironmentState, EnvironmentStatus};

use super::Identity;
use crate::{catalogue::Catalogue, desired::LocalDesired, status::StatusBoard};

/// The longest time between two statuses.
const INTERVAL: Duration = Duration::from_secs(10);
/// The shortest time between two statuses.
const DEBOUNCE: Duration = Duration::from_millis(250);

/// The publisher of the environment's status.
pub(super) struct StatusPublisher {
    pub(super) identity: Identity,
    pub(super) board: StatusBoard,
    pub(super) catalogue: watch::Receiver<Arc<Catalogue>>,
    pub(super) state: watch::Receiver<EnvironmentState>,
    pub(super) desired: watch::Receiver<LocalDesired>,
    pub(super) status: watch::Sender<Arc<EnvironmentStatus>>,
    pub(super) events: Arc<dyn Events>,
}

impl StatusPublisher {
    /// Publishes until the state is `Gone`, which is published last.
    pub(super) async fn run(mut self) {
        loop {
            let is_over = self.publish().await;
            if is_over {
                return;
            }
            let published = Instant::now();
            tokio::select! {
                () = self.board.changed() => {}
                _ = self.catalogue.changed() => {}
                Ok(()) = self.desired.changed() => {}
                _ = self.state.changed() => continue,
                () = tokio::time::sleep(INTERVAL) => continue,
            }
            // Other changes meanwhile are published together with it; the state at once.
            tokio::select! {
                () = tokio::time::sleep_until(published + DEBOUNCE) => {}
                _ = self.state.changed() => {}
            }
        }
    }

    async fn publish(&mut self) -> bool {
        let state = *self.state.borrow_and_update();
        let catalogue = self.catalogue.borrow_and_update().clone();
        let desired = self.desired.borrow_and_update().clone();
        let status = self
            .identity
            .status(state, &self.board, &catalogue, &desired);
        let status = Arc::new(status);
        self.status.send_replace(status.clone());
        if let Err(error) = self.events.publish(vec![Event::Environment(status)]).await {
            tracing::warn!(%error, "the status could not be published");
        }
        state == EnvironmentState::Gone
    }
}
