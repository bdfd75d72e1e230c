//! The releases on disk: watched, so that adding, changing or removing a folder takes effect while
//! everything runs.

mod choose;
mod prepare;
mod scan;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior},
};
use utakata_model::{Cure, EnvironmentId, Kind, ReleaseId, environment::RefusedRelease};

use crate::{
    Config, Release, Unmade,
    allowed::Allowed,
    content,
    desired::{LocalDesired, Locality},
    files::is_unreadable,
    trial::Trials,
    trust::Trust,
};
pub(crate) use choose::{Chosen, choose};
use prepare::Preparations;
use scan::Scanner;
pub use scan::read;

/// The interval between looks at the folders: only at their metadata, as long as that is unchanged.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The releases on disk.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalogue {
    /// The releases that can be started, the most recently changed last. A good one stays while its
    /// folder changes, and if the change is invalid, in which case it is also refused.
    pub releases: Vec<Arc<Release>>,
    /// The refused ones, each with its reason.
    pub refused: Vec<RefusedRelease>,
    /// True if something could not be read: a release that is missing here may exist nevertheless.
    pub is_partial: bool,
}

impl Catalogue {
    /// Returns true if a kind without any release may have one that could not be read.
    pub(crate) fn may_have(&self, kind: &Kind) -> bool {
        let has = |release: &Arc<Release>| release.manifest.kind == *kind;
        self.is_partial && !self.releases.iter().any(has)
    }
}

/// The sources of releases, and the parts that decide about them.
pub(crate) struct Sources {
    /// The environment that serves them.
    pub(crate) me: EnvironmentId,
    /// The settings, with the watched folders.
    pub(crate) config: Arc<Config>,
    /// The trials of releases that cannot be started at once.
    pub(crate) trials: Trials,
    /// The trust that decides which releases are admitted.
    pub(crate) trust: Arc<Trust>,
    /// The desired state, with the releases that are ordered.
    pub(crate) desired: watch::Receiver<LocalDesired>,
    /// The releases that are fetched.
    pub(crate) content: content::Link,
    /// Profiles that could not be made into a release.
    pub(crate) unmade: Unmade,
}

/// Watches the folders for as long as somebody is interested.
pub(crate) async fn watch(sources: Sources, to: watch::Sender<Arc<Catalogue>>) {
    let Sources {
        me,
        config,
        trials,
        trust,
        mut desired,
        mut content,
        unmade,
    } = sources;
    let mut preparations = Preparations::new(trials);
    let folders = (config.releases.clone(), config.programs.clone());
    let mut scanner = Scanner::new(folders, trust, Allowed::new(&config));
    let here = Locality {
        id: &me,
        zone: &config.zone,
        labels: &config.labels,
    };
    let mut tick = tokio::time::interval(LOOK_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = preparations.progress() => {}
            () = content.changed() => {}
            Ok(()) = desired.changed() => {}
            () = to.closed() => return,
        }
        let wanted = desired.borrow_and_update().releases(&here);
        let fetched = content.folders(&wanted);
        // Reading and hashing files blocks.
        let scanned = tokio::task::spawn_blocking(move || {
            let catalogue = scanner.scan(&fetched);
            (scanner, catalogue)
        });
        let Ok((back, catalogue)) = scanned.await else {
            tracing::error!("releases are no longer scanned: restart utakata");
            return;
        };
        scanner = back;
        let mut catalogue = fetch(wanted, catalogue, &mut content);
        catalogue.refused.extend(unmade.get());
        let catalogue = preparations.admit(catalogue, Instant::now());
        to.send_if_modified(|last| {
            let changed = **last != catalogue;
            if changed {
                log_changes(last, &catalogue);
                *last = Arc::new(catalogue);
            }
            changed
        });
    }
}

/// Has ordered releases fetched that were not found, and adds the reasons why they are not here
/// yet.
fn fetch(
    all: BTreeSet<ReleaseId>,
    mut catalogue: Catalogue,
    content: &mut content::Link,
) -> Catalogue {
    let is_here = |wanted: &&ReleaseId| catalogue.releases.iter().any(|one| *one.id == **wanted);
    let lacking = all.iter().filter(|wanted| !is_here(wanted));
    let lacking: BTreeSet<ReleaseId> = lacking.cloned().collect();
    catalogue.refused.extend(content.refused(&lacking));
    catalogue.refused.sort_by(|a, b| a.path.cmp(&b.path));
    content.want(content::WantedReleases { all, lacking });
    catalogue
}

fn log_changes(before: &Catalogue, after: &Catalogue) {
    for release in &after.releases {
        if !before.releases.contains(release) {
            tracing::info!(release = %release.id, folder = %release.folder.display(), "release found");
        }
    }
    for release in &before.releases {
        if !after.releases.iter().any(|r| r.id == release.id) {
            tracing::info!(release = %release.id, folder = %release.folder.display(), "release was removed");
        }
    }
    for refused in &after.refused {
        // A release that was fetched and then changed is fetched again: somebody should know why.
        let is_changed = &*refused.problem.code == "release-content";
        let is_news = is_changed || refused.problem.cure != Cure::Retry;
        if is_news && !before.refused.contains(refused) {
            let (folder, problem) = (&refused.path, &refused.problem);
            if is_unreadable(problem) {
                tracing::warn!(folder, %problem, "what was seen there before remains in use");
            } else {
                tracing::warn!(folder, %problem, "release refused");
            }
        }
    }
}
