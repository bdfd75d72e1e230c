//! Workers as containers of a Docker engine on this machine, for releases that are images.
//!
//! ```text
//! prepare: image pulled or loaded ─► does it fit the release? ─► kept by its id
//! start:   create ─► attach (its output) ─► start ─► wait ─► remove
//! tend:    containers with our name that nobody is in charge of are ended
//! ```

#![allow(
    missing_docs,
    reason = "used within this workspace alone: what is obvious needs no words"
)]

mod container;
mod engine;
mod error;
mod fit;
mod image;
mod inspect;
mod labels;
mod life;
mod named;
mod orphans;
mod tar;

use std::{
    collections::HashSet,
    num::NonZero,
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use engine::Engine;
pub use error::Error;
use image::Images;
pub use inspect::Inspected;
pub use named::{ARCHIVE_PREFIX, Named};
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use utakata_execution::{
    Artifact, Release, config,
    runtime::{Error as RuntimeError, Life, Running, Runtime, Spec},
};
use utakata_model::Incarnation;

/// The time within which the containers of an ended life must be gone.
const FINISH_TIMEOUT: Duration = Duration::from_secs(5);
/// The interval between looks for them.
const FINISH_INTERVAL: Duration = Duration::from_millis(100);
/// The interval between looks for containers that nobody is in charge of.
const LOOK_INTERVAL: Duration = Duration::from_secs(20);

/// The runtime for containers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Docker {
    config: Arc<config::Docker>,
    engine: Arc<Engine>,
    images: Arc<Images>,
    held: Held,
    /// Limits the containers that are started at a time: starting one takes a whole processor,
    /// while tasks are running.
    starts: Arc<Semaphore>,
}

/// The containers that somebody is in charge of.
#[derive(Debug, Clone, Default)]
struct Held(Arc<Mutex<HashSet<String>>>);

/// A container that somebody is in charge of, until this is dropped.
#[derive(Debug)]
struct Hold {
    held: Held,
    id: String,
}

impl Held {
    fn hold(&self, id: &str) -> Hold {
        self.0.lock().insert(id.into());
        Hold {
            held: self.clone(),
            id: id.into(),
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.held.0.lock().remove(&self.id);
    }
}

impl Docker {
    /// Creates a runtime with the engine on this socket, which need not run yet.
    pub fn new(config: config::Docker) -> Self {
        Self {
            engine: Arc::new(Engine::new(config.socket.clone())),
            config: Arc::new(config),
            images: Arc::default(),
            held: Held::default(),
            starts: Arc::new(Semaphore::new(max_starts())),
        }
    }

    /// Ends all containers of a life; returns when none is left.
    async fn end_all(&self, life: &Life) {
        loop {
            match self.engine.containers(&life.environment).await {
                Ok(found) => {
                    let own = orphans::of(&found, life);
                    if own.is_empty() {
                        return;
                    }
                    for id in own {
                        // A failure is retried, also by the next life.
                        let _ = self.engine.remove(&id).await;
                    }
                }
                // Without containers no engine is needed.
                Err(_) if self.held.0.lock().is_empty() => return,
                Err(_) => {}
            }
            tokio::time::sleep(FINISH_INTERVAL).await;
        }
    }

    /// Ends containers that nobody is in charge of.
    async fn clean(&self, life: &Life) -> Result<(), Error> {
        let found = self.engine.containers(&life.environment).await?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.unwrap_or_default();
        let held = self.held.0.lock().clone();
        for id in orphans::find(&found, life, &held, now) {
            tracing::info!(container = id, "a container of an earlier life is ended");
            self.engine.end_politely(&id).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Runtime for Docker {
    async fn prepare(&self, release: &Release) -> Result<(), RuntimeError> {
        let Artifact::Image(image) = &release.artifact else {
            return Err(misplaced());
        };
        let ready = self.images.get(&self.engine, image, Some(&release.id));
        let mut ready = ready.await?;
        if ready.manifest.is_none() {
            ready.manifest = inspect::manifest_file(&self.engine, &ready).await?;
        }
        fit::check(image, &ready, &release.manifest)?;
        Ok(())
    }

    async fn start(&self, spec: Spec) -> Result<Box<dyn Running>, RuntimeError> {
        let Artifact::Image(image) = &spec.artifact else {
            return Err(misplaced());
        };
        // It was prepared already, unless somebody has removed it since.
        let image = self
            .images
            .get(&self.engine, image, Some(&spec.release))
            .await?;
        // The semaphore is never closed.
        let _start = self.starts.acquire().await;
        let body = container::body(&spec, &image, &self.config);
        let id = self.engine.create(body).await?;
        let hold = self.held.hold(&id);
        match life::begin(self.engine.clone(), &spec.worker, hold).await {
            Ok(running) => Ok(Box::new(running)),
            Err(error) => {
                // Anything left of it is found as an orphan.
                let _ = self.engine.remove(&id).await;
                Err(error.into())
            }
        }
    }

    async fn tend(&self, life: &Life) {
        loop {
            if let Err(error) = self.clean(life).await {
                // Without images no engine is needed.
                tracing::debug!(
                    error = utakata_model::chain(&error),
                    "containers cannot be listed"
                );
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    async fn lives_elsewhere(&self, life: &Life) -> Option<Vec<Incarnation>> {
        let found = self.engine.containers(&life.environment).await.ok()?;
        found.iter().map(orphans::incarnation).collect()
    }

    async fn finish(&self, life: &Life) {
        let ended = tokio::time::timeout(FINISH_TIMEOUT, self.end_all(life));
        if ended.await.is_err() {
            tracing::warn!("containers are left: the next start of the environment ends them");
        }
    }
}

/// Returns the default limit of containers that start at a time: half the number of processors.
fn max_starts() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    (processors / 2).max(1)
}

fn misplaced() -> RuntimeError {
    let what = "a program of this machine";
    RuntimeError::Misplaced { what }
}
