//! Containers in which a worker is tested.

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context as _, Result};
use futures::{FutureExt, future::BoxFuture};
use utakata_execution::{
    Artifact,
    artifact::Image,
    runtime::{Exit, Life, Running, Runtime, Spec},
};
use utakata_execution_docker::Docker;
use utakata_model::{EnvironmentId, Incarnation, ReleaseId, WorkerId, content::IMAGE_FILE};
use utakata_up::release_folder::ReleaseFolder;
use utakata_worker_sdk::{
    Release,
    harness::host::{Ended, Started, WorkerHost},
};

/// A Docker engine with the image to be tested.
#[derive(Debug)]
pub(super) struct Containers {
    docker: Docker,
    image: Image,
    release: Arc<ReleaseId>,
    life: Life,
}

/// A container with the worker.
struct Container(Box<dyn Running>);

/// Returns the engine for the workers of the release in a folder, if they are containers.
///
/// # Errors
/// The image cannot be fetched, or does not fit its release.
pub(super) async fn place(folder: &Path, docker: Docker) -> Result<Option<Containers>> {
    let Ok(text) = fs::read_to_string(folder.join(IMAGE_FILE)) else {
        return Ok(None);
    };
    let absolute = std::path::absolute(folder).context("there is no working folder")?;
    let image = Image::parse(&text, &absolute)?;
    let read = ReleaseFolder::read_here(folder)?;
    let release = Arc::new(ReleaseId {
        kind: read.manifest.kind.clone(),
        version: read.manifest.version.clone().into(),
        digest: read.digest(),
    });
    let whole = utakata_execution::Release {
        id: release.clone(),
        manifest: Arc::new(read.manifest),
        folder: absolute,
        artifact: Artifact::Image(image.clone()),
        is_fetched: false,
    };
    let prepared = docker.prepare(&whole).await;
    prepared.map_err(|error| anyhow::anyhow!(error.problem().to_string()))?;
    let life = Life {
        environment: EnvironmentId::new("on-trial")?,
        incarnation: Incarnation::generate(),
    };
    Ok(Some(Containers {
        docker,
        image,
        release,
        life,
    }))
}

impl Containers {
    fn spec(&self, release: &Release, socket: &Path, token: &str) -> Result<Spec> {
        Ok(Spec {
            worker: WorkerId::new("on-trial")?,
            life: self.life.clone(),
            release: self.release.clone(),
            folder: release.folder.clone(),
            artifact: Artifact::Image(self.image.clone()),
            run: release.manifest.run.clone(),
            socket: socket.into(),
            loopback: None,
            door: None,
            is_trial: true,
            control_within: release.manifest.control_within(),
            token: token.into(),
            variables: Vec::new(),
        })
    }
}

impl WorkerHost for Containers {
    fn start<'a>(
        &'a self,
        release: &'a Release,
        socket: &'a Path,
        token: &'a str,
    ) -> BoxFuture<'a, Result<Box<dyn Started>, String>> {
        async move {
            let spec = self.spec(release, socket, token);
            let spec = spec.map_err(|error| error.to_string())?;
            match self.docker.start(spec).await {
                Ok(running) => Ok(Box::new(Container(running)) as Box<dyn Started>),
                Err(error) => Err(error.problem().to_string()),
            }
        }
        .boxed()
    }
}

impl Started for Container {
    fn ended(&mut self) -> BoxFuture<'_, Ended> {
        async {
            let exit = self.0.ended().await;
            Ended {
                success: exit == Exit::Code(0),
                how: exit.to_string(),
            }
        }
        .boxed()
    }

    fn last_words(&self) -> String {
        self.0.last_words().unwrap_or_default()
    }
}
