//! The worker execution environment, with the releases shipped with utakata and those of the user.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use tokio::{sync::watch, time::timeout};
use utakata_execution::{
    Builder, Config, Environment, Handle, config::Containers, runtime::Runtime,
};
use utakata_execution_docker::Docker;
use utakata_interconnect::{Events, Tasks};
use utakata_model::{EnvironmentStatus, PoolStatus, Problem};
use utakata_seal::EnvironmentKeys;

use crate::{bundle, confinement, programs, unserved};

/// A crashed worker is normally replaced within this time.
const REPLACEMENT_TIMEOUT: Duration = Duration::from_secs(10);

/// Returns a builder for an environment whose releases are in this folder, next to those shipped
/// with utakata.
///
/// # Errors
/// The folder cannot be written.
pub fn builder(
    mut config: Config,
    folder: &Path,
    tasks: Arc<dyn Tasks>,
    events: Arc<dyn Events>,
    keys: EnvironmentKeys,
) -> Result<Builder> {
    let bundled = folder.join("bundled");
    let own = folder.join("releases");
    let unwritable = || format!("{} cannot be written", folder.display());
    bundle::write(&bundled).with_context(unwritable)?;
    std::fs::create_dir_all(&own).with_context(unwritable)?;
    let state = config.state_folder.take();
    config.state_folder = Some(state.unwrap_or_else(|| folder.join("environment")));
    config.releases.splice(0..0, [bundled.clone(), own]);
    config.programs.splice(0..0, programs::folders());
    let (processes, containers) = (
        confinement::processes(&config, folder)?,
        containers(&config)?,
    );
    let environment = Environment::builder(config, tasks, events);
    Ok(environment
        .keys(keys)
        .places(processes, containers)
        .bundled(vec![bundled]))
}

/// Returns the runtime of images.
fn containers(config: &Config) -> Result<Arc<dyn Runtime>> {
    match config.runtime {
        Containers::Docker => Ok(Arc::new(Docker::new(config.docker.clone()))),
        Containers::Kubernetes => pods(config),
    }
}

#[cfg(feature = "kubernetes")]
fn pods(config: &Config) -> Result<Arc<dyn Runtime>> {
    let pods = utakata_execution_kubernetes::Kubernetes::new(config.kubernetes.clone());
    Ok(Arc::new(pods))
}

#[cfg(not(feature = "kubernetes"))]
fn pods(_: &Config) -> Result<Arc<dyn Runtime>> {
    anyhow::bail!(
        "this utakata was built without Kubernetes: set execution.runtime to docker, or build it \
         with the feature kubernetes"
    )
}

/// Starts an environment, which logs a warning when none of its workers starts.
///
/// # Errors
/// Impossible settings, or no place for what it needs.
pub fn start(builder: Builder) -> Result<Handle> {
    let started = builder.start();
    let started = started.context("the worker execution environment cannot be started")?;
    tokio::spawn(tell_unserved(started.watch()));
    Ok(started)
}

/// Logs a warning when no worker of the environment starts, since everything else may look fine
/// then: at once at the start; later only after a while, since a crashed worker may still be
/// replaced. Ends with the environment.
async fn tell_unserved(mut status: watch::Receiver<Arc<EnvironmentStatus>>) {
    let mut has_served = false;
    loop {
        let is_unserved = !unserved::pools(&status.borrow_and_update()).is_empty();
        has_served |= status.borrow().pools.iter().any(|pool| pool.ready > 0);
        if is_unserved {
            let recovers = status.wait_for(|status| unserved::pools(status).is_empty());
            let within = if has_served {
                REPLACEMENT_TIMEOUT
            } else {
                Duration::ZERO
            };
            let recovered = timeout(within, recovers).await;
            match recovered.map(|served| served.is_ok()) {
                Err(_) => tell(&unserved::pools(&status.borrow())),
                Ok(true) => continue,
                Ok(false) => return,
            }
            let served = status.wait_for(|status| unserved::pools(status).is_empty());
            if served.await.is_err() {
                return;
            }
        } else if status.changed().await.is_err() {
            return;
        }
    }
}

fn tell(failed: &[(&PoolStatus, &Problem)]) {
    let Some((pool, problem)) = failed.first() else {
        // One of them is ready by now.
        return;
    };
    let kinds = failed.iter().map(|(pool, _)| pool.release.kind.as_str());
    let kinds: Vec<&str> = kinds.collect();
    tracing::error!(
        kinds = kinds.join(", "),
        cure = unserved::cure(pool, problem),
        "no worker starts, so nothing can be read or controlled: {problem}"
    );
}

/// Finishes the tasks in progress within this time, then ends the workers.
pub async fn drain(environment: &Handle, within: Duration) {
    match environment.drain(within).await {
        Ok(drained) if drained.given_up > 0 => {
            tracing::warn!(attempts = drained.given_up, "attempts had to be abandoned");
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the workers could not be drained"),
    }
}

#[cfg(all(test, not(feature = "kubernetes")))]
mod tests {
    use super::*;

    #[test]
    fn without_kubernetes_its_runtime_is_refused_with_the_reason() {
        let config = Config {
            runtime: Containers::Kubernetes,
            ..Config::default()
        };
        let refused = containers(&config).err().unwrap().to_string();
        assert!(refused.contains("built without Kubernetes"), "{refused}");
        assert!(containers(&Config::default()).is_ok());
    }
}
