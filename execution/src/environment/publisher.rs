//! Tells the world how the environment is: at every change, and every ten seconds.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{sync::watch, time::Instant};
use utakata_interconnect::{Event, Events, connection::Health};
use utakata_model::{EnvironmentId, EnvironmentState, EnvironmentStatus, Labels, NameError, Zone};

use crate::{
    Config, catalogue::Catalogue, desired::Asked, quota::WorkerQuota, status::StatusBoard,
    takeover::Takeover,
};

/// Told at least so often.
const EVERY: Duration = Duration::from_secs(10);
/// Told at most so often.
const APART: Duration = Duration::from_millis(250);

/// Who this environment is: in this life of it, and no other.
#[derive(Debug, Clone)]
pub struct Identity {
    pub(super) id: EnvironmentId,
    pub(super) incarnation: utakata_model::Incarnation,
    pub(super) zone: Zone,
    labels: Labels,
    connections: Vec<Health>,
    pub(super) places: WorkerQuota,
}

/// Tells how the environment is.
pub(super) struct StatusPublisher {
    pub(super) identity: Identity,
    pub(super) board: StatusBoard,
    pub(super) catalogue: watch::Receiver<Arc<Catalogue>>,
    pub(super) state: watch::Receiver<EnvironmentState>,
    pub(super) asked: watch::Receiver<Asked>,
    pub(super) status: watch::Sender<Arc<EnvironmentStatus>>,
    pub(super) events: Arc<dyn Events>,
}

impl Identity {
    /// As the settings say.
    ///
    /// # Errors
    /// The host has no name that could name it.
    pub fn build(config: &Config) -> Result<Self, NameError> {
        Ok(Self {
            id: config.environment_id()?,
            incarnation: utakata_model::Incarnation::generate(),
            zone: config.zone.clone(),
            labels: config.labels.clone(),
            connections: Vec::new(),
            places: WorkerQuota::new(config.workers_most),
        })
    }

    /// The same life as that of the program that has left this.
    #[must_use]
    pub fn after(self, takeover: &Takeover) -> Self {
        Self {
            incarnation: takeover.left.incarnation,
            ..self
        }
    }

    /// What is said of it when it is gone without a word.
    pub fn will(&self) -> EnvironmentStatus {
        let nothing = Catalogue::default();
        let state = EnvironmentState::Gone;
        self.status(state, &StatusBoard::default(), &nothing, &Asked::default())
    }

    /// With connections to brokers, of which its status tells.
    #[must_use]
    pub fn with(self, connections: Vec<Health>) -> Self {
        Self {
            connections,
            ..self
        }
    }

    /// What is told.
    pub(super) fn status(
        &self,
        state: EnvironmentState,
        board: &StatusBoard,
        catalogue: &Catalogue,
        asked: &Asked,
    ) -> EnvironmentStatus {
        let refused = catalogue.refused.iter().cloned();
        EnvironmentStatus {
            id: self.id.clone(),
            incarnation: self.incarnation,
            zone: self.zone.clone(),
            over: board.over(),
            labels: self.labels.clone(),
            state,
            version: env!("CARGO_PKG_VERSION").into(),
            time: Timestamp::now(),
            clock_ahead_ms: None,
            pools: board.pools(),
            refused: refused.chain(board.missing()).collect(),
            connections: self.connections.iter().map(Health::look).collect(),
            breakers: board.breakers(),
            desired: asked.revision,
            stopped: asked.stopped(&board.stopped(), board.stopped_releases()),
            rollouts: board.rollouts(),
            workers: self.places.status(),
        }
    }
}

impl StatusPublisher {
    /// Tells until the state is `Gone`, which is told last.
    pub(super) async fn run(mut self) {
        loop {
            let is_over = self.tell().await;
            if is_over {
                return;
            }
            let told = Instant::now();
            tokio::select! {
                () = self.board.changed() => {}
                _ = self.catalogue.changed() => {}
                Ok(()) = self.asked.changed() => {}
                _ = self.state.changed() => continue,
                () = tokio::time::sleep(EVERY) => continue,
            }
            // What else changes meanwhile is told together with it; the state at once.
            tokio::select! {
                () = tokio::time::sleep_until(told + APART) => {}
                _ = self.state.changed() => {}
            }
        }
    }

    async fn tell(&mut self) -> bool {
        let state = *self.state.borrow_and_update();
        let catalogue = self.catalogue.borrow_and_update().clone();
        let asked = self.asked.borrow_and_update().clone();
        let status = self.identity.status(state, &self.board, &catalogue, &asked);
        let status = Arc::new(status);
        self.status.send_replace(status.clone());
        if let Err(error) = self.events.publish(vec![Event::Environment(status)]).await {
            tracing::warn!(%error, "how the environment is could not be told");
        }
        state == EnvironmentState::Gone
    }
}
