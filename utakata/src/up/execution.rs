//! The worker execution environment, with the releases that come with utakata and the user's.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result};
use tokio::sync::watch;
use utakata_execution::{Config, Environment, Handle, Identity, takeover::Takeover};
use utakata_interconnect::{Events, Tasks};
use utakata_model::EnvironmentStatus;

use super::{bundle, system::DRAIN_WITHIN};
use crate::{programs, unserved};

/// Starts an environment whose releases lie in this folder.
///
/// # Errors
/// The folder cannot be written, or the settings cannot be.
pub async fn start(
    config: Config,
    folder: &Path,
    tasks: Arc<dyn Tasks>,
    events: Arc<dyn Events>,
) -> Result<Handle> {
    let identity = Identity::build(&config).context("set execution.id")?;
    start_as(identity, config, folder, tasks, events, None).await
}

/// The same under an identity that others know already, and with what another program of this
/// process has left.
///
/// # Errors
/// The folder cannot be written, or the settings cannot be.
pub async fn start_as(
    identity: Identity,
    config: Config,
    folder: &Path,
    tasks: Arc<dyn Tasks>,
    events: Arc<dyn Events>,
    takeover: Option<Takeover>,
) -> Result<Handle> {
    let config = with_releases(config, folder)?;
    let started = match takeover {
        Some(left) => Environment::take_over(identity, config, tasks, events, left).await,
        None => Environment::start_here(identity, config, tasks, events).await,
    };
    let started = started.context("the worker execution environment cannot be started")?;
    tokio::spawn(tell_unserved(started.watch()));
    Ok(started)
}

/// Says so at once when no worker of the environment starts: everything else may look well then.
/// Ends with the environment.
async fn tell_unserved(mut status: watch::Receiver<Arc<EnvironmentStatus>>) {
    let mut was_told = false;
    loop {
        {
            let status = status.borrow_and_update();
            let failed = unserved::pools(&status);
            if let (Some((pool, problem)), false) = (failed.first(), was_told) {
                let kinds: Vec<&str> = failed
                    .iter()
                    .map(|(pool, _)| pool.release.kind.as_str())
                    .collect();
                tracing::error!(
                    kinds = kinds.join(", "),
                    cure = unserved::cure(pool, problem),
                    "no worker starts, so nothing can be read or controlled: {problem}"
                );
            }
            was_told = !failed.is_empty();
        }
        if status.changed().await.is_err() {
            return;
        }
    }
}

/// Ends what was begun, then the workers.
pub async fn drain(environment: &Handle) {
    match environment.drain(DRAIN_WITHIN).await {
        Ok(drained) if drained.given_up > 0 => {
            tracing::warn!(attempts = drained.given_up, "attempts had to be given up");
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the workers could not be drained"),
    }
}

/// Our own releases and those of the user, our own programs and those of the user.
fn with_releases(mut config: Config, folder: &Path) -> Result<Config> {
    let bundled = folder.join("bundled");
    let own = folder.join("releases");
    let unwritable = || format!("{} cannot be written", folder.display());
    bundle::write(&bundled).with_context(unwritable)?;
    std::fs::create_dir_all(&own).with_context(unwritable)?;
    let state = config.state_folder.take();
    config.state_folder = Some(state.unwrap_or_else(|| folder.join("environment")));
    config.bundled = vec![bundled.clone()];
    config.releases.splice(0..0, [bundled, own]);
    config.programs.splice(0..0, programs::folders());
    Ok(config)
}
