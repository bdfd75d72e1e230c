//! One running worker execution environment: its start, its handle, its end.

mod builder;
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

/// A running environment. Cheap to clone; when the last clone is dropped without a drain, the
/// environment stops at once and kills its workers.
#[derive(Debug, Clone)]
pub struct Handle {
    inner: Arc<Inner>,
}

/// The reason for which an environment cannot start, or no longer answers.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings are invalid.
    #[error("the settings of the environment contradict each other")]
    Config(#[from] ConfigError),
    /// A host whose name cannot name the environment.
    #[error("the environment has no name: set execution.id")]
    Name(#[from] NameError),
    /// An unusable key of those that releases are to be signed by.
    #[error("the keys of trusted releases cannot be read (execution.trust.keys)")]
    Trust(#[from] trust::Error),
    /// The socket for the workers cannot be opened.
    #[error("workers could not connect to this environment")]
    Endpoint(#[from] endpoint::Error),
    /// An unreadable file of the state folder: what it says must hold after a restart, too.
    #[error("what this environment was asked for before cannot be read")]
    State(#[from] Unreadable),
    /// Another environment could not be taken over.
    #[error("what the previous program left cannot be taken over")]
    Takeover(#[from] takeover::Error),
    /// A handover that is impossible now: the environment goes on.
    #[error("it cannot be left to another program now: {0}")]
    Held(&'static str),
    /// It ended before the drain.
    #[error("the environment has already ended")]
    Ended,
}

/// The result of a drain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Attempts that had not ended by the deadline and were given up; each has its outcome.
    pub given_up: usize,
}

/// A request to drain.
#[derive(Debug)]
struct DrainRequest {
    within: Duration,
    done: oneshot::Sender<Drained>,
}

/// A request of a handle.
#[derive(Debug)]
enum Request {
    Drain(DrainRequest),
    /// Gets ready for another program of this process, within this time.
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
    /// Returns a builder for an environment that fetches its tasks here and publishes its events
    /// there.
    pub fn builder(config: Config, tasks: Arc<dyn Tasks>, events: Arc<dyn Events>) -> Builder {
        Builder::new(config, tasks, events)
    }
}

impl Handle {
    /// Takes nothing new, ends what was begun, stops the workers, and says that the environment
    /// is gone. What has not ended within the deadline is given up: control is `unknown` then.
    ///
    /// # Errors
    /// It has ended already.
    pub async fn drain(&self, within: Duration) -> Result<Drained, Error> {
        let (done, drained) = oneshot::channel();
        self.request(Request::Drain(DrainRequest { within, done }))
            .await?;
        drained.await.map_err(|_| Error::Ended)
    }

    /// Takes nothing new and lets the workers go, each with what it has, so that another program
    /// of this process can go on with them by the returned takeover. Nothing of the environment
    /// ends by that. Until that program is there, [`Handle::go_on`] takes everything back.
    ///
    /// # Errors
    /// It could not be done within this time, and the environment goes on; or it has ended.
    pub async fn leave(&self, within: Duration) -> Result<Takeover, Error> {
        let (done, left) = oneshot::channel();
        self.request(Request::Leave(within, done)).await?;
        left.await.map_err(|_| Error::Ended)?
    }

    /// Goes on after [`Handle::leave`]: the workers come back.
    pub async fn go_on(&self) {
        // What has ended does not go on.
        let _ = self.request(Request::GoOn).await;
    }

    async fn request(&self, request: Request) -> Result<(), Error> {
        let sent = self.inner.requests.send(request).await;
        sent.map_err(|_| Error::Ended)
    }

    pub fn status(&self) -> Arc<EnvironmentStatus> {
        self.inner.status.borrow().clone()
    }

    /// Follows the status; the last one stays when the environment has ended.
    pub fn watch(&self) -> watch::Receiver<Arc<EnvironmentStatus>> {
        self.inner.status.clone()
    }

    /// Follows the releases in the folders, also those that serve nothing now.
    pub fn releases(&self) -> watch::Receiver<Arc<Catalogue>> {
        self.inner.releases.clone()
    }

    /// Waits until the environment has ended.
    pub async fn ended(&self) {
        self.inner.ended.cancelled().await;
    }
}
