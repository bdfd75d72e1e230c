//! The worker execution environment, with the releases that come with utakata and the user's.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result};
use tokio::sync::watch;
use utakata_execution::{Builder, Config, Environment, Handle};
use utakata_interconnect::{Events, Tasks};
use utakata_model::EnvironmentStatus;

use super::{bundle, system::DRAIN_WITHIN};
use crate::{programs, unserved};

/// Returns a builder for an environment whose releases lie in this folder, beside those that come
/// with utakata.
///
/// # Errors
/// The folder cannot be written.
pub fn builder(
    mut config: Config,
    folder: &Path,
    tasks: Arc<dyn Tasks>,
    events: Arc<dyn Events>,
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
    Ok(Environment::builder(config, tasks, events).bundled(vec![bundled]))
}

/// Starts an environment, which says it in the log when none of its workers starts.
///
/// # Errors
/// Impossible settings, or no place for what it needs.
pub fn start(builder: Builder) -> Result<Handle> {
    let started = builder.start();
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
