//! The host on which the workers under test run.

use std::{fmt, path::Path, time::Duration};

use futures::future::BoxFuture;
use tokio::time::timeout;

use super::not_passed::NotPassed;
use crate::Release;

/// A host on which workers can be started, such as an engine of containers.
pub trait WorkerHost: fmt::Debug + Send + Sync {
    /// Starts the worker of a release, whose manager listens on the socket, alone in its folder.
    ///
    /// # Errors
    /// The reason why it cannot be started, in a sentence.
    fn start<'a>(
        &'a self,
        release: &'a Release,
        socket: &'a Path,
        token: &'a str,
    ) -> BoxFuture<'a, Result<Box<dyn Started>, String>>;
}

/// A worker that was started. When it is dropped, everything of it is killed.
pub trait Started: Send {
    /// Waits until it has ended. Cancel safe.
    fn ended(&mut self) -> BoxFuture<'_, Ended>;

    /// Returns its latest output, if known; otherwise an empty text.
    fn last_words(&self) -> String;
}

/// The end of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// `true` if it reports success.
    pub success: bool,
    /// A description for people.
    pub how: String,
}

impl Ended {
    /// Returns true if it reports success.
    pub fn success(&self) -> bool {
        self.success
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.how)
    }
}

/// A worker under test, wherever it runs.
pub struct Subject(Box<dyn Started>);

impl Subject {
    /// Creates a subject that was started.
    pub fn new(started: Box<dyn Started>) -> Self {
        Self(started)
    }

    /// Starts a worker on a host.
    pub async fn start(
        host: &dyn WorkerHost,
        release: &Release,
        socket: &Path,
        token: &str,
    ) -> Result<Self, NotPassed> {
        let started = host.start(release, socket, token).await;
        started.map(Self).map_err(NotPassed::Failed)
    }

    /// Waits until it ends by itself. Returns `None` if it has not within the limit.
    pub async fn wait(&mut self, limit: Duration) -> Option<Ended> {
        timeout(limit, self.0.ended()).await.ok()
    }

    /// Returns its latest output as the end of a sentence; empty if there is none.
    pub fn last_words(&self) -> String {
        match self.0.last_words().trim() {
            "" => String::new(),
            words => format!("; it printed: {words}"),
        }
    }
}
