//! The name of an environment, its life, and its status.

use jiff::Timestamp;
use utakata_interconnect::connection::Health;
use utakata_model::{
    EnvironmentId, EnvironmentState, EnvironmentStatus, Incarnation, KeyReport, Labels, NameError,
    Zone,
};
use utakata_seal::{EnvironmentKeys, JoinSecret};

use crate::{
    Config, catalogue::Catalogue, desired::LocalDesired, quota::WorkerQuota, status::StatusBoard,
    takeover::Takeover,
};

/// The identity of an environment in one life.
#[derive(Debug, Clone)]
pub struct Identity {
    pub(super) id: EnvironmentId,
    pub(super) incarnation: Incarnation,
    pub(super) zone: Zone,
    labels: Labels,
    connections: Vec<Health>,
    pub(super) quota: WorkerQuota,
    /// Its runtime limits the network of workers.
    pub(super) needs_networks: bool,
    /// Its public key, and the proof that it belongs to the site.
    key: Option<KeyReport>,
}

impl Identity {
    /// Creates the identity of a new life from the settings.
    ///
    /// # Errors
    /// The name of the host is not a valid name.
    pub fn build(config: &Config) -> Result<Self, NameError> {
        Ok(Self {
            id: config.environment_id()?,
            incarnation: Incarnation::generate(),
            zone: config.zone.clone(),
            labels: config.labels.clone(),
            connections: Vec::new(),
            quota: WorkerQuota::new(config.max_workers),
            needs_networks: false,
            key: None,
        })
    }

    /// Continues the life of the program that has left this.
    #[must_use]
    pub fn after(self, takeover: &Takeover) -> Self {
        Self {
            incarnation: takeover.left.incarnation,
            ..self
        }
    }

    /// Returns the status that is published for it when it disappears.
    pub fn will(&self) -> EnvironmentStatus {
        let nothing = Catalogue::default();
        let state = EnvironmentState::Gone;
        self.status(
            state,
            &StatusBoard::default(),
            &nothing,
            &LocalDesired::default(),
        )
    }

    /// Adds the public key, and with the join secret of the site the proof that it knows it.
    #[must_use]
    pub fn with_key(self, keys: &EnvironmentKeys, secret: Option<&JoinSecret>) -> Self {
        let public = keys.public().clone();
        let joins = secret.map(|secret| secret.proof(&self.id, &self.zone, &public));
        Self {
            key: Some(KeyReport {
                public,
                joins,
                waits: false,
            }),
            ..self
        }
    }

    /// Adds the connections to brokers, which its status reports.
    #[must_use]
    pub fn with(self, connections: Vec<Health>) -> Self {
        Self {
            connections,
            ..self
        }
    }

    /// Adds places at which devices are listened to, which its status reports like connections.
    pub(super) fn listening(&mut self, places: Vec<Health>) {
        self.connections.extend(places);
    }

    pub(super) fn status(
        &self,
        state: EnvironmentState,
        board: &StatusBoard,
        catalogue: &Catalogue,
        desired: &LocalDesired,
    ) -> EnvironmentStatus {
        let refused = catalogue.refused.iter().cloned();
        EnvironmentStatus {
            id: self.id.clone(),
            incarnation: self.incarnation,
            zone: self.zone.clone(),
            over: board.over(),
            key: self.key.clone().map(|key| KeyReport {
                waits: board.waits(),
                ..key
            }),
            labels: self.labels.clone(),
            state,
            version: env!("CARGO_PKG_VERSION").into(),
            time: Timestamp::now(),
            clock_ahead_ms: None,
            pools: board.pools(),
            refused: refused.chain(board.missing()).collect(),
            connections: self.connections.iter().map(Health::look).collect(),
            breakers: board.breakers(),
            desired: desired.revision,
            needs_networks: self.needs_networks,
            stopped: desired.stopped(&board.stopped(), board.stopped_releases()),
            rollouts: board.rollouts(),
            workers: self.quota.status(),
            invariants_broken: utakata_invariant::count(),
            restarted: board.restarted(),
        }
    }
}
