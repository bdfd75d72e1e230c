//! A running worker execution environment: its start, its handle, its end.

mod builder;
mod confine;
mod identity;
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
    endpoint,
    folder::Unreadable,
    takeover::{self, Takeover},
    trust,
};
pub use builder::Builder;
pub use identity::Identity;

/// The entry point for starting environments.
#[derive(Debug, Clone, Copy)]
pub struct Environment;

/// The handle of a running environment. Cheap to clone; when the last clone is dropped without a
/// drain, the environment stops at once and kills its workers.
#[derive(Debug, Clone)]
pub struct Handle {
    inner: Arc<Inner>,
}

/// The reason why an environment cannot start, or no longer answers.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings are invalid.
    #[error("the settings of the environment contradict each other")]
    Config(#[from] ConfigError),
    /// The name of the host is not a valid name.
    #[error("the environment has no name: set execution.id")]
    Name(#[from] NameError),
    /// A key for verifying releases is unusable.
    #[error("the keys of trusted releases cannot be read (execution.trust.keys)")]
    Trust(#[from] trust::Error),
    /// The socket for the workers cannot be opened.
    #[error("workers could not connect to this environment")]
    Endpoint(#[from] endpoint::Error),
    /// A file of the state folder is unreadable: its content must survive a restart.
    #[error("the last desired state of this environment cannot be read")]
    State(#[from] Unreadable),
    /// Another environment could not be taken over.
    #[error("what the previous program left cannot be taken over")]
    Takeover(#[from] takeover::Error),
    /// A handover is impossible now: the environment continues.
    #[error("it cannot be handed over to another program now: {0}")]
    Held(&'static str),
    /// It ended before the drain.
    #[error("the environment has already ended")]
    Ended,
}

/// The result of a drain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// The number of attempts that had not ended by the deadline and were given up; each has its
    /// outcome.
    pub given_up: usize,
}

#[derive(Debug)]
struct DrainRequest {
    within: Duration,
    done: oneshot::Sender<Drained>,
}

/// A request of a handle.
#[derive(Debug)]
enum Request {
    Drain(DrainRequest),
    /// Get ready for another program in this process, within this time.
    Leave(Duration, oneshot::Sender<Result<Takeover, Error>>),
    /// Resume after all.
    GoOn,
}

#[derive(Debug)]
struct Inner {
    requests: mpsc::Sender<Request>,
    status: watch::Receiver<Arc<EnvironmentStatus>>,
    releases: watch::Receiver<Arc<Catalogue>>,
    ended: CancellationToken,
    _stop: DropGuard,
}

impl Environment {
    /// Returns a builder for an environment that fetches tasks and publishes events with these.
    pub fn builder(config: Config, tasks: Arc<dyn Tasks>, events: Arc<dyn Events>) -> Builder {
        Builder::new(config, tasks, events)
    }
}

impl Handle {
    /// Takes no new tasks, finishes running ones, stops the workers, and reports the environment as
    /// gone. Attempts that have not ended by the deadline are given up: control is then `unknown`.
    ///
    /// # Errors
    /// It has ended already.
    pub async fn drain(&self, within: Duration) -> Result<Drained, Error> {
        let (done, drained) = oneshot::channel();
        self.request(Request::Drain(DrainRequest { within, done }))
            .await?;
        drained.await.map_err(|_| Error::Ended)
    }

    /// Takes no new tasks and lets the workers go with their attempts, so that another program in
    /// this process can continue with them by the returned takeover. Nothing of the environment
    /// ends by that. Until that program runs, [`Handle::go_on`] takes everything back.
    ///
    /// # Errors
    /// It was not possible within this time, and the environment continues; or it has ended.
    pub async fn leave(&self, within: Duration) -> Result<Takeover, Error> {
        let (done, left) = oneshot::channel();
        self.request(Request::Leave(within, done)).await?;
        left.await.map_err(|_| Error::Ended)?
    }

    /// Continues after [`Handle::leave`]: the workers return.
    pub async fn go_on(&self) {
        // An environment that has ended does not continue.
        let _ = self.request(Request::GoOn).await;
    }

    async fn request(&self, request: Request) -> Result<(), Error> {
        let sent = self.inner.requests.send(request).await;
        sent.map_err(|_| Error::Ended)
    }

    pub fn status(&self) -> Arc<EnvironmentStatus> {
        self.inner.status.borrow().clone()
    }

    /// Follows the status; the last one stays after the environment has ended.
    pub fn watch(&self) -> watch::Receiver<Arc<EnvironmentStatus>> {
        self.inner.status.clone()
    }

    /// Follows the releases in the folders, including those that serve nothing now.
    pub fn releases(&self) -> watch::Receiver<Arc<Catalogue>> {
        self.inner.releases.clone()
    }

    /// Waits until the environment has ended.
    pub async fn ended(&self) {
        self.inner.ended.cancelled().await;
    }
}
