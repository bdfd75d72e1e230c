//! Workers as pods of a Kubernetes cluster, for releases that are images of a registry.
//!
//! ```text
//!  listen:  a door with TLS ─► its address and its authority, in the variables of each pod
//!  start:   Lease (owner) ─► pod ─► its uid stands for the token of the worker
//!  hello:   token of the pod's service account ─► uid ─► let in, once
//!  watch:   one for all pods ─► running, must go, ended, gone
//!  tend:    Lease is renewed; pods of earlier lives are ended
//!  confine: networks of targets ─► a NetworkPolicy for each kind, owned by the Lease
//! ```
//!
//! A task costs no request to the API server.

#![allow(
    missing_docs,
    reason = "used within this workspace alone: what is obvious needs no words"
)]

mod address;
mod cluster;
mod confine;
mod error;
mod examine;
mod identities;
mod keyring;
mod labels;
mod lease;
mod life;
mod orphans;
mod pod;
mod policy;
mod seen;
mod token;
mod watching;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
pub use error::Error;
pub use examine::{Finding, examine};
use parking_lot::Mutex;
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::task::AbortOnDropHandle;
use utakata_execution::{
    Artifact, Release,
    artifact::{Image, Reference},
    config,
    runtime::{Door, Error as RuntimeError, Life, Listen, Running, Runtime, Spec},
};
use utakata_model::{Cure, EnvironmentId, Incarnation, Kind, Problem, TargetNetworks};

use self::{
    cluster::Cluster, identities::Identities, keyring::Keyring, lease::Ownership, life::Created,
    token::Refusal, watching::Pods,
};

/// The time that the pods of a life that is over have to be gone.
const FINISH_TIMEOUT: Duration = Duration::from_secs(5);
/// The interval between looks at pods that are not all known yet.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// The interval between looks for them.
const FINISH_INTERVAL: Duration = Duration::from_millis(200);

/// Runs workers as pods. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Kubernetes(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Arc<config::Kubernetes>,
    cluster: Arc<Cluster>,
    ownership: Ownership,
    identities: Identities,
    keyring: Keyring,
    names: confine::Names,
    pods: Pods,
    watching: OnceLock<(EnvironmentId, AbortOnDropHandle<()>)>,
    /// As many pods are started at a time: a cluster that has to start many starts all of them
    /// late.
    starts: Arc<Semaphore>,
    /// The number of the next start.
    started: AtomicU32,
    /// The API server has too much to do until then.
    busy_until: Mutex<Option<Instant>>,
}

impl Kubernetes {
    /// Runs workers in the cluster that the settings name, which need not be there yet.
    pub fn new(config: config::Kubernetes) -> Self {
        let cluster = Arc::new(Cluster::new(config.clone()));
        Self(Arc::new(Inner {
            starts: Arc::new(Semaphore::new(config.max_starts as usize)),
            config: Arc::new(config),
            cluster,
            ownership: Ownership::default(),
            identities: Identities::default(),
            keyring: Keyring::default(),
            names: confine::Names::default(),
            started: AtomicU32::new(1),
            pods: Pods::default(),
            watching: OnceLock::new(),
            busy_until: Mutex::new(None),
        }))
    }
}

impl Inner {
    /// Watches the pods of the environment from now on.
    fn watch(&self, life: &Life) {
        self.watching.get_or_init(|| {
            let environment = life.environment.clone();
            let (cluster, pods) = (self.cluster.clone(), self.pods.clone());
            let watching = watching::run(cluster, environment.clone(), pods);
            (environment, AbortOnDropHandle::new(tokio::spawn(watching)))
        });
    }

    async fn create(&self, spec: &Spec, image: &Reference) -> Result<Created, Error> {
        if let Some(wait) = self.busy() {
            return Err(Error::Busy { wait });
        }
        // It is never closed.
        let start = self.starts.clone().acquire_owned().await;
        let start = start.map_err(|_| Error::Address)?;
        let door = spec.door.as_deref().ok_or(Error::Address)?;
        let uid = self.ownership.uid(&self.cluster, &spec.life).await?;
        let owner = labels::lease_name(&spec.life.environment);
        let pod = pod::pod(&pod::Request {
            spec,
            image,
            door,
            config: &self.config,
            owner: (&owner, &uid),
            start: self.started.fetch_add(1, Ordering::Relaxed),
        });
        let created = self.cluster.create(&pod).await?;
        let metadata = &created.metadata;
        let uid = metadata.uid.as_deref().unwrap_or_default();
        let hold = self.identities.hold(uid, &spec.token);
        let seen = self.pods.follow(&created).ok_or_else(|| Error::Refused {
            message: "it has no uid".into(),
        })?;
        Ok(Created {
            name: metadata.name.clone().unwrap_or_default(),
            image: image.as_str().into(),
            seen,
            hold,
            start,
        })
    }

    /// Returns how long the API server is left alone, if it has too much to do.
    fn busy(&self) -> Option<Duration> {
        let until = (*self.busy_until.lock())?;
        let left = until.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// Ends what nobody has in hand.
    async fn clean(&self, life: &Life) -> Result<(), Error> {
        let held = self.identities.held();
        for orphan in orphans::find(&self.pods.list().unwrap_or_default(), life, &held) {
            tracing::info!(pod = orphan.name, "a pod that nobody has in hand is ended");
            let deleted = self.cluster.delete(&orphan.name, &orphan.uid, orphan.grace);
            deleted.await?;
        }
        Ok(())
    }

    /// Ends all pods of a life; ends when none is left.
    async fn end_all(&self, life: &Life) {
        let own = labels::of_life(life).map(|(name, value)| format!("{name}={value}"));
        let own = own.join(",");
        loop {
            match self.cluster.list(&own).await {
                Ok(left) if left.is_empty() => return,
                Ok(left) => {
                    for pod in left {
                        let metadata = pod.metadata;
                        if metadata.deletion_timestamp.is_none()
                            && let (Some(name), Some(uid)) = (metadata.name, metadata.uid)
                        {
                            // What fails is tried again, and the next life tries it, too.
                            let _ = self.cluster.delete(&name, &uid, life::KILL_GRACE).await;
                        }
                    }
                }
                // Whoever has no pods needs no cluster.
                Err(_) if self.identities.held().is_empty() => return,
                Err(_) => {}
            }
            tokio::time::sleep(FINISH_INTERVAL).await;
        }
    }
}

#[async_trait]
impl Runtime for Kubernetes {
    async fn prepare(&self, release: &Release) -> Result<(), RuntimeError> {
        pinned(&release.artifact).map(drop)
    }

    fn is_tried_first(&self, _artifact: &Artifact) -> bool {
        true
    }

    fn listen(&self) -> Result<Option<Listen>, RuntimeError> {
        Ok(Some(address::listen(&self.0.config)?))
    }

    async fn identify(&self, proof: &str) -> Result<Option<String>, Problem> {
        let Some((environment, _)) = self.0.watching.get().filter(|_| token::is_one(proof)) else {
            return Ok(None);
        };
        let audience = pod::audience(environment.as_str());
        let uid = self.0.keyring.pod_uid(&self.0.cluster, proof, &audience);
        let uid = uid.await.map_err(|refusal| {
            let code = match refusal {
                Refusal::Clock { .. } => "token-clock",
                _ => "token",
            };
            let message = format!("the token of a pod lets nobody in: {refusal}");
            Problem::new(code, Cure::Operator, message)
        })?;
        Ok(self.0.identities.token_of(&uid).await)
    }

    async fn start(&self, spec: Spec) -> Result<Box<dyn Running>, RuntimeError> {
        let image = pinned(&spec.artifact)?;
        self.0.watch(&spec.life);
        match self.0.create(&spec, image).await {
            Ok(created) => {
                let (cluster, config) = (self.0.cluster.clone(), self.0.config.clone());
                Ok(Box::new(life::follow(cluster, config, created)))
            }
            Err(error) => {
                if let Error::Busy { wait } = error {
                    *self.0.busy_until.lock() = Some(Instant::now() + wait);
                }
                Err(error.into())
            }
        }
    }

    async fn tend(&self, life: &Life) {
        self.0.watch(life);
        let mut was_lost = false;
        loop {
            let owned = self.0.ownership.uid(&self.0.cluster, life).await;
            match owned {
                Ok(_) => {
                    was_lost = false;
                    if let Err(error) = self.0.clean(life).await {
                        tracing::debug!(%error, "pods are left for now");
                    }
                }
                Err(error @ Error::Twice { .. }) => {
                    if !std::mem::replace(&mut was_lost, true) {
                        tracing::error!(%error, "no pod is started any more");
                    }
                }
                Err(error) => tracing::debug!(%error, "the Lease is not renewed"),
            }
            let pause = match self.0.pods.list() {
                Some(_) => lease::RENEW_INTERVAL,
                // It is not known yet what there is.
                None => LOOK_INTERVAL,
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn lives_elsewhere(&self, life: &Life) -> Option<Vec<Incarnation>> {
        self.0.watch(life);
        let listed = self.0.pods.list()?;
        Some(orphans::lives(&listed, self.0.pods.unseen()))
    }

    fn is_confining(&self) -> bool {
        self.0.config.network_policies
    }

    async fn confine(
        &self,
        life: &Life,
        door: Option<&Door>,
        targets: &BTreeMap<Kind, TargetNetworks>,
    ) -> Result<(), RuntimeError> {
        let inner = &*self.0;
        let door = door.ok_or(Error::Address)?;
        let with = (&*inner.cluster, &inner.ownership, &inner.names);
        Ok(confine::confine(with, life, door, targets).await?)
    }

    async fn finish(&self, life: &Life) {
        let ended = tokio::time::timeout(FINISH_TIMEOUT, self.0.end_all(life));
        if ended.await.is_err() {
            tracing::warn!("pods are left: the next start of the environment ends them");
        }
    }
}

/// Returns the image of a registry that a release is.
fn pinned(artifact: &Artifact) -> Result<&Reference, RuntimeError> {
    match artifact {
        Artifact::Image(Image::Pinned(reference)) => Ok(reference),
        Artifact::Image(Image::Archive(_)) => Err(Error::Archive.into()),
        Artifact::Program(_) => Err(RuntimeError::Misplaced {
            what: "a program of this machine",
        }),
    }
}
