//! One running worker execution environment: its start, its handle, its end.

pub(crate) mod answers;
pub(crate) mod board;
pub(crate) mod desired;
pub(crate) mod places;
mod service;
mod status;

use std::{sync::Arc, time::Duration};

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use utakata_interconnect::{Events, Tasks};
use utakata_model::{EnvironmentStatus, NameError};

use crate::{
    Config,
    config::ConfigError,
    endpoint::{self, Endpoint},
    runtime::{Runtime, docker::Docker, placed::Placed},
    trust::{self, Trust},
};
use service::Service;
pub use status::Identity;

/// Starts environments.
#[derive(Debug, Clone, Copy)]
pub struct Environment;

/// A running environment. Cheap to clone; when the last clone is dropped without a drain, the
/// environment stops at once and kills its workers.
#[derive(Debug, Clone)]
pub struct Handle {
    inner: Arc<Inner>,
}

/// Why an environment cannot start, or no longer answers.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting that cannot be.
    #[error("the settings of the environment contradict each other")]
    Config(#[from] ConfigError),
    /// The host has no name that could name the environment.
    #[error("the environment has no name: set execution.id")]
    Name(#[from] NameError),
    /// A key that releases are to be signed by cannot be used.
    #[error("it cannot be told which releases are to be trusted: execution.trust.keys")]
    Trust(#[from] trust::Error),
    /// No socket for the workers.
    #[error("workers could not connect to this environment")]
    Endpoint(#[from] endpoint::Error),
    /// It ended before it was drained.
    #[error("the environment has ended already")]
    Ended,
}

/// What came of a drain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Attempts that had not ended by the deadline and were given up; each has its outcome.
    pub given_up: usize,
}

/// A drain that somebody asked for.
#[derive(Debug)]
pub(crate) struct DrainOrder {
    pub(crate) within: Duration,
    pub(crate) done: oneshot::Sender<Drained>,
}

#[derive(Debug)]
struct Inner {
    drain: mpsc::Sender<DrainOrder>,
    status: watch::Receiver<Arc<EnvironmentStatus>>,
    ended: CancellationToken,
    _stop: DropGuard,
}

impl Environment {
    /// Starts an environment whose workers are processes of this machine, and containers where
    /// their releases are images. It serves its kinds
    /// from then on, in the background, until it is drained.
    /// Errors: settings that cannot be, no place for the socket of the workers.
    pub async fn start(
        config: Config,
        tasks: Arc<dyn Tasks>,
        events: Arc<dyn Events>,
    ) -> Result<Handle, Error> {
        let identity = Identity::build(&config)?;
        Self::start_here(identity, config, tasks, events).await
    }

    /// The same under an identity that others know already.
    pub async fn start_here(
        identity: Identity,
        config: Config,
        tasks: Arc<dyn Tasks>,
        events: Arc<dyn Events>,
    ) -> Result<Handle, Error> {
        let runtime = Placed::new(Docker::new(config.docker.clone()));
        Self::start_as(identity, config, tasks, events, Arc::new(runtime)).await
    }

    /// The same with another runtime for the workers.
    pub async fn start_with(
        config: Config,
        tasks: Arc<dyn Tasks>,
        events: Arc<dyn Events>,
        runtime: Arc<dyn Runtime>,
    ) -> Result<Handle, Error> {
        let identity = Identity::build(&config)?;
        Self::start_as(identity, config, tasks, events, runtime).await
    }

    /// Both.
    pub async fn start_as(
        identity: Identity,
        config: Config,
        tasks: Arc<dyn Tasks>,
        events: Arc<dyn Events>,
        runtime: Arc<dyn Runtime>,
    ) -> Result<Handle, Error> {
        config.validate()?;
        let trust = Trust::load(&config.trust, &config.bundled)?;
        let stop = CancellationToken::new();
        let endpoint = Endpoint::start(&config, stop.child_token())?;
        let (drain, orders) = mpsc::channel(4);
        let (service, status) = Service::build(
            Arc::new(config),
            identity,
            trust,
            endpoint,
            tasks,
            events,
            runtime,
        );
        let ended = CancellationToken::new();
        let guard = ended.clone().drop_guard();
        let cancel = stop.clone();
        tokio::spawn(async move {
            let _guard = guard;
            service.run(orders, cancel).await;
        });
        Ok(Handle {
            inner: Arc::new(Inner {
                drain,
                status,
                ended,
                _stop: stop.drop_guard(),
            }),
        })
    }
}

impl Handle {
    /// Takes nothing new, ends what was begun, stops the workers, says that it is gone. What
    /// has not ended within the deadline is given up: control is `unknown` then.
    /// Errors: it has ended already.
    pub async fn drain(&self, within: Duration) -> Result<Drained, Error> {
        let (done, drained) = oneshot::channel();
        let order = DrainOrder { within, done };
        self.inner
            .drain
            .send(order)
            .await
            .map_err(|_| Error::Ended)?;
        drained.await.map_err(|_| Error::Ended)
    }

    /// How it is now.
    pub fn status(&self) -> Arc<EnvironmentStatus> {
        self.inner.status.borrow().clone()
    }

    /// Waits for the next change of its status; the last one stays when it has ended.
    pub fn watch(&self) -> watch::Receiver<Arc<EnvironmentStatus>> {
        self.inner.status.clone()
    }

    /// Waits until it has ended.
    pub async fn ended(&self) {
        self.inner.ended.cancelled().await;
    }
}
