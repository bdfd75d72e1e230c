//! The parts of an environment, and its start.

use std::{path::PathBuf, sync::Arc};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use utakata_interconnect::{Events, Tasks};
use utakata_seal::EnvironmentKeys;

use super::{
    Error, Handle, Identity, Inner,
    kinds::Inheritance,
    service::{Parts, Service},
};
use crate::{
    Config, Unmade,
    endpoint::Endpoint,
    runtime::{Placed, Runtime, process::Process},
    signatures::EnvironmentSignatures,
    takeover::Takeover,
    trust::Trust,
};

/// The number of requests that may wait.
const REQUESTS: usize = 4;

/// An environment to be started. By default it has a new identity, and its workers are processes of
/// this machine.
#[must_use]
pub struct Builder {
    config: Config,
    tasks: Arc<dyn Tasks>,
    events: Arc<dyn Events>,
    identity: Option<Identity>,
    runtime: Arc<dyn Runtime>,
    bundled: Vec<PathBuf>,
    unmade: Unmade,
    takeover: Option<Takeover>,
    keys: Option<EnvironmentKeys>,
    signatures: Option<Arc<EnvironmentSignatures>>,
}

impl Builder {
    pub(super) fn new(config: Config, tasks: Arc<dyn Tasks>, events: Arc<dyn Events>) -> Self {
        Self {
            config,
            tasks,
            events,
            identity: None,
            runtime: Arc::new(Process::default()),
            bundled: Vec::new(),
            unmade: Unmade::default(),
            takeover: None,
            keys: None,
            signatures: None,
        }
    }

    /// Sets an identity that others know already.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Sets the runtime of the workers.
    pub fn runtime(mut self, runtime: Arc<dyn Runtime>) -> Self {
        self.runtime = runtime;
        self
    }

    /// Runs programs as such processes of this machine, and images in this runtime.
    pub fn places(self, processes: Process, images: Arc<dyn Runtime>) -> Self {
        self.runtime(Arc::new(Placed::new(images).processes(processes)))
    }

    /// Names the watched folders whose releases are shipped with utakata.
    pub fn bundled(mut self, folders: Vec<PathBuf>) -> Self {
        self.bundled = folders;
        self
    }

    /// Adds to the status the profiles that could not be made into a release.
    pub fn unmade(mut self, unmade: Unmade) -> Self {
        self.unmade = unmade;
        self
    }

    /// Sets its keys, to which credentials are sealed for it. Without them it is lent none.
    pub fn keys(mut self, keys: EnvironmentKeys) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Sets the signatures of its messages, where they cross a network: it serves no site but the one
    /// that they know.
    pub fn signatures(mut self, signatures: Arc<EnvironmentSignatures>) -> Self {
        self.signatures = Some(signatures);
        self
    }

    /// Continues where another program in this process was, in the same life: its workers return.
    pub fn takeover(mut self, takeover: Takeover) -> Self {
        self.takeover = Some(takeover);
        self
    }

    /// Starts it: it serves its kinds from then on, in the background, until it is drained. Must be
    /// called within a tokio runtime.
    ///
    /// # Errors
    /// Invalid settings, no place for the socket of the workers, unreadable keys or state, or a
    /// takeover of another environment.
    pub fn start(self) -> Result<Handle, Error> {
        let config = &self.config;
        config.validate()?;
        let mut identity = match self.identity {
            Some(identity) => identity,
            None => Identity::build(config)?,
        };
        if let Some(takeover) = &self.takeover {
            takeover.check(config)?;
            identity = identity.after(takeover);
            let (workers, attempts) = takeover.left.counts();
            tracing::info!(workers, attempts, "taken over from the previous program");
        }
        identity.needs_networks = self.runtime.is_confining();
        let trust = Trust::load(&config.trust, &self.bundled)?;
        let stop = CancellationToken::new();
        let (inheritance, listeners) = self.takeover.map(Inheritance::of).unzip();
        let (runtime, ends) = (self.runtime.clone(), stop.child_token());
        let endpoint = match inheritance.as_ref().zip(listeners) {
            Some((left, listeners)) => {
                Endpoint::take_over(&left.socket, listeners, config, (runtime, ends))?
            }
            None => Endpoint::start(config, runtime, ends)?,
        };
        let (service, status) = Service::build(
            Parts {
                identity,
                trust: Arc::new(trust),
                endpoint,
                tasks: self.tasks,
                events: self.events,
                runtime: self.runtime,
                unmade: self.unmade,
                inheritance,
                keys: self.keys.map(Arc::new),
                signatures: self.signatures,
                config: Arc::new(self.config),
            },
            stop.clone(),
        )?;
        let releases = service.releases();
        let ended = CancellationToken::new();
        let guard = ended.clone().drop_guard();
        let (requests, received) = mpsc::channel(REQUESTS);
        tokio::spawn(async move {
            let _guard = guard;
            service.run(received).await;
        });
        Ok(Handle {
            inner: Arc::new(Inner {
                requests,
                status,
                releases,
                ended,
                _stop: stop.drop_guard(),
            }),
        })
    }
}
