//! One running worker execution environment: its start, its handle, its end.

mod kinds;
mod listen;
mod publisher;
mod service;

use std::{sync::Arc, time::Duration};

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use utakata_interconnect::{Events, Tasks};
use utakata_model::{EnvironmentStatus, NameError};

use crate::{
    Config,
    catalogue::Catalogue,
    config::ConfigError,
    endpoint::{self, Endpoint},
    folder::Unreadable,
    runtime::{Runtime, docker::Docker, placed::Placed},
    takeover::{self, Takeover},
    trust::{self, Trust},
};
use kinds::Came;
pub use publisher::Identity;
use service::Service;

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
    #[error("the keys of trusted releases cannot be read (execution.trust.keys)")]
    Trust(#[from] trust::Error),
    /// No socket for the workers.
    #[error("workers could not connect to this environment")]
    Endpoint(#[from] endpoint::Error),
    /// What must hold after a restart, too, cannot be looked at.
    #[error("what this environment was asked for before cannot be read")]
    State(#[from] Unreadable),
    /// Nothing can be taken over from the program before.
    #[error("what the previous program left cannot be taken over")]
    Takeover(#[from] takeover::Error),
    /// It cannot go over to another program now, and goes on.
    #[error("it cannot be left to another program now: {0}")]
    Held(&'static str),
    /// It ended before it was drained.
    #[error("the environment has already ended")]
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

/// What somebody wants of an environment.
#[derive(Debug)]
pub(crate) enum Wish {
    /// That it ends.
    Drain(DrainOrder),
    /// That it gets ready for another program of this process, within this time.
    Leave(Duration, oneshot::Sender<Result<Takeover, Error>>),
    /// That it goes on after all.
    GoOn,
}

#[derive(Debug)]
struct Inner {
    wishes: mpsc::Sender<Wish>,
    status: watch::Receiver<Arc<EnvironmentStatus>>,
    releases: watch::Receiver<Arc<Catalogue>>,
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
        Self::launch(identity, config, tasks, events, runtime, None)
    }

    /// Goes on where another program of this process was, whose workers come back: in the same
    /// life. The identity must be of that life ([`Identity::after`]).
    ///
    /// # Errors
    /// The settings are of another environment, or cannot be.
    pub async fn take_over(
        identity: Identity,
        config: Config,
        tasks: Arc<dyn Tasks>,
        events: Arc<dyn Events>,
        takeover: Takeover,
    ) -> Result<Handle, Error> {
        takeover.check(&config)?;
        let (workers, attempts) = takeover.left.counts();
        tracing::info!(workers, attempts, "taken over from the program before");
        let runtime = Arc::new(Placed::new(Docker::new(config.docker.clone())));
        Self::launch(identity, config, tasks, events, runtime, Some(takeover))
    }

    fn launch(
        identity: Identity,
        config: Config,
        tasks: Arc<dyn Tasks>,
        events: Arc<dyn Events>,
        runtime: Arc<dyn Runtime>,
        takeover: Option<Takeover>,
    ) -> Result<Handle, Error> {
        config.validate()?;
        let trust = Trust::load(&config.trust, &config.bundled)?;
        let stop = CancellationToken::new();
        let mut came = takeover.map(Came::of);
        let listener = came.as_mut().and_then(|came| came.listener.take());
        let endpoint = match (&came, listener) {
            (Some(came), Some(listener)) => {
                Endpoint::take_over(&came.socket, listener, &config, stop.child_token())?
            }
            _ => Endpoint::start(&config, stop.child_token())?,
        };
        let (wishes, orders) = mpsc::channel(4);
        let (service, status) = Service::build(
            Arc::new(config),
            identity,
            trust,
            endpoint,
            tasks,
            events,
            runtime,
            came,
        )?;
        let releases = service.found();
        let ended = CancellationToken::new();
        let guard = ended.clone().drop_guard();
        let cancel = stop.clone();
        tokio::spawn(async move {
            let _guard = guard;
            service.run(orders, cancel).await;
        });
        Ok(Handle {
            inner: Arc::new(Inner {
                wishes,
                status,
                releases,
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
        let wish = Wish::Drain(order);
        let sent = self.inner.wishes.send(wish).await;
        sent.map_err(|_| Error::Ended)?;
        drained.await.map_err(|_| Error::Ended)
    }

    /// Takes nothing new and lets its workers go, each with what it has, so that another program
    /// can go on with them in this process: with what this gives. Nothing of it ends by that.
    /// Until that program is there, [`Handle::go_on`] takes everything back.
    ///
    /// Errors: it could not be done within this time, and goes on; or it has ended.
    pub async fn leave(&self, within: Duration) -> Result<Takeover, Error> {
        let (done, left) = oneshot::channel();
        let wish = Wish::Leave(within, done);
        let sent = self.inner.wishes.send(wish).await;
        sent.map_err(|_| Error::Ended)?;
        left.await.map_err(|_| Error::Ended)?
    }

    /// Goes on after [`Handle::leave`]: the workers come back.
    pub async fn go_on(&self) {
        // What has ended does not go on.
        let _ = self.inner.wishes.send(Wish::GoOn).await;
    }

    /// How it is now.
    pub fn status(&self) -> Arc<EnvironmentStatus> {
        self.inner.status.borrow().clone()
    }

    /// Waits for the next change of its status; the last one stays when it has ended.
    pub fn watch(&self) -> watch::Receiver<Arc<EnvironmentStatus>> {
        self.inner.status.clone()
    }

    /// The releases that are found in the folders, those that serve nothing now, too.
    pub fn releases(&self) -> watch::Receiver<Arc<Catalogue>> {
        self.inner.releases.clone()
    }

    /// Waits until it has ended.
    pub async fn ended(&self) {
        self.inner.ended.cancelled().await;
    }
}
