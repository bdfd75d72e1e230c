//! The releases that lie on disk: watched, so that adding, changing or removing a folder takes
//! effect while everything runs.

mod choose;
mod prepare;
mod scan;

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior},
};
use utakata_model::{Cure, Manifest, ReleaseId, environment::RefusedRelease};

use crate::{Artifact, Config, runtime::Runtime};
pub(crate) use choose::{Chosen, Place, choose};
use prepare::Preparations;
use scan::Scanner;

/// How often the folders are looked at: only their metadata, as long as that stays the same.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A release that can be started.
#[derive(Debug, Clone, PartialEq)]
pub struct Release {
    /// What it is, pinned by the digest of everything in its folder and of its program.
    pub id: Arc<ReleaseId>,
    /// What it declares.
    pub manifest: Arc<Manifest>,
    /// Where it lies.
    pub folder: PathBuf,
    /// What it runs.
    pub artifact: Artifact,
}

/// What lies on disk.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalogue {
    /// What can be started, those that changed last at the end. What was good goes on while its
    /// folder changes, and when the change cannot be: then it is refused as well.
    pub releases: Vec<Arc<Release>>,
    /// What cannot, and why.
    pub refused: Vec<RefusedRelease>,
}

/// Looks at the folders again and again, as long as somebody wants to know.
pub(crate) async fn watch(
    config: Arc<Config>,
    runtime: Arc<dyn Runtime>,
    to: watch::Sender<Arc<Catalogue>>,
) {
    let mut preparations = Preparations::new(runtime);
    let mut scanner = Scanner::new(config.releases.clone(), config.programs.clone());
    let mut tick = tokio::time::interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = preparations.progress() => {}
            () = to.closed() => return,
        }
        // Reading and hashing files blocks.
        let scanned = tokio::task::spawn_blocking(move || {
            let catalogue = scanner.scan();
            (scanner, catalogue)
        });
        let Ok((back, catalogue)) = scanned.await else {
            tracing::error!("releases are not looked at any more: restart utakata");
            return;
        };
        scanner = back;
        let catalogue = preparations.admit(catalogue, Instant::now());
        to.send_if_modified(|last| {
            let changed = **last != catalogue;
            if changed {
                tell(last, &catalogue);
                *last = Arc::new(catalogue);
            }
            changed
        });
    }
}

/// Says what is new, for people.
fn tell(before: &Catalogue, after: &Catalogue) {
    for release in &after.releases {
        if !before.releases.contains(release) {
            tracing::info!(release = %release.id, folder = %release.folder.display(), "release found");
        }
    }
    for release in &before.releases {
        if !after.releases.iter().any(|r| r.id == release.id) {
            tracing::info!(release = %release.id, folder = %release.folder.display(), "release is gone");
        }
    }
    for refused in &after.refused {
        if refused.problem.cure != Cure::Retry && !before.refused.contains(refused) {
            tracing::warn!(folder = refused.path, problem = %refused.problem, "release refused");
        }
    }
}
