//! Each worker where its release belongs: programs as processes, images as containers.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use utakata_model::{Incarnation, Kind, Problem, TargetNetworks, WorkerId};

use super::{Door, Error, Life, Listen, Running, Runtime, Spec, Trace, process::Process};
use crate::{Artifact, Release};

/// Runs programs as processes of this machine, and images in a runtime for containers.
pub struct Placed {
    process: Process,
    containers: Arc<dyn Runtime>,
}

impl Placed {
    /// Runs programs as processes of this machine, and images in this runtime.
    pub fn new(containers: Arc<dyn Runtime>) -> Self {
        Self {
            process: Process::default(),
            containers,
        }
    }

    /// Sets how processes are run.
    #[must_use]
    pub fn processes(mut self, process: Process) -> Self {
        self.process = process;
        self
    }

    fn place(&self, artifact: &Artifact) -> &dyn Runtime {
        match artifact {
            Artifact::Program(_) => &self.process,
            Artifact::Image(_) => &*self.containers,
        }
    }
}

#[async_trait]
impl Runtime for Placed {
    async fn prepare(&self, release: &Release) -> Result<(), Error> {
        self.place(&release.artifact).prepare(release).await
    }

    fn is_tried_first(&self, artifact: &Artifact) -> bool {
        self.place(artifact).is_tried_first(artifact)
    }

    fn listen(&self) -> Result<Option<Listen>, Error> {
        self.containers.listen()
    }

    fn wants_loopback(&self) -> bool {
        self.process.wants_loopback() || self.containers.wants_loopback()
    }

    async fn identify(&self, proof: &str) -> Result<Option<String>, Problem> {
        self.containers.identify(proof).await
    }

    async fn start(&self, spec: Spec) -> Result<Box<dyn Running>, Error> {
        self.place(&spec.artifact).start(spec).await
    }

    fn adopt(&self, worker: WorkerId, trace: &Trace) -> Result<Box<dyn Running>, Error> {
        self.process.adopt(worker, trace)
    }

    async fn tend(&self, life: &Life) {
        tokio::join!(self.process.tend(life), self.containers.tend(life));
    }

    async fn lives_elsewhere(&self, life: &Life) -> Option<Vec<Incarnation>> {
        self.containers.lives_elsewhere(life).await
    }

    fn is_confining(&self) -> bool {
        self.containers.is_confining()
    }

    async fn confine(
        &self,
        life: &Life,
        door: Option<&Door>,
        targets: &BTreeMap<Kind, TargetNetworks>,
    ) -> Result<(), Error> {
        self.containers.confine(life, door, targets).await
    }

    async fn finish(&self, life: &Life) {
        tokio::join!(self.process.finish(life), self.containers.finish(life));
    }
}
