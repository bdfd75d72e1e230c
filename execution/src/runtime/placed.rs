//! Each worker where its release belongs: programs as processes, images as containers.

use async_trait::async_trait;

use utakata_model::{Incarnation, WorkerId};

use super::{Error, Life, Running, Runtime, Spec, Trace, docker::Docker, process::Process};
use crate::{Artifact, Release};

/// Runs each worker where its release belongs.
#[derive(Debug, Clone)]
pub struct Placed {
    process: Process,
    docker: Docker,
}

impl Placed {
    /// Programs run as processes of this machine, images in this engine.
    pub fn new(docker: Docker) -> Self {
        Self {
            process: Process,
            docker,
        }
    }

    fn place(&self, artifact: &Artifact) -> &dyn Runtime {
        match artifact {
            Artifact::Program(_) => &self.process,
            Artifact::Image(_) => &self.docker,
        }
    }
}

#[async_trait]
impl Runtime for Placed {
    async fn prepare(&self, release: &Release) -> Result<(), Error> {
        self.place(&release.artifact).prepare(release).await
    }

    async fn start(&self, spec: Spec) -> Result<Box<dyn Running>, Error> {
        self.place(&spec.artifact).start(spec).await
    }

    fn adopt(&self, worker: WorkerId, trace: &Trace) -> Result<Box<dyn Running>, Error> {
        self.process.adopt(worker, trace)
    }

    async fn tend(&self, life: &Life) {
        tokio::join!(self.process.tend(life), self.docker.tend(life));
    }

    async fn lives_elsewhere(&self, life: &Life) -> Option<Vec<Incarnation>> {
        self.docker.lives_elsewhere(life).await
    }

    async fn finish(&self, life: &Life) {
        tokio::join!(self.process.finish(life), self.docker.finish(life));
    }
}
