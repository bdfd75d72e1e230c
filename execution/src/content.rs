//! Releases by content: those that are ordered and not here are fetched from the logic environment,
//! and kept as folders.
//!
//! ```text
//!  asked ─► catalogue ── wanted ──► service ── Fetch ──► logic environment
//!              ▲                      │  ◄── Content ──
//!              └── releases/<digest> ◄┘
//! ```

mod check;
mod fetch;
mod incoming;
mod near;
mod service;
mod store;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use tokio::sync::{mpsc, watch};
use utakata_interconnect::{Events, message::content::ContentReply};
use utakata_model::{
    Cure, EnvironmentId, Problem, ReleaseDigest, ReleaseId, environment::RefusedRelease,
};

use crate::{config, status::StatusBoard, trust::Trust};
pub(crate) use service::Service;
use store::{Name, Store};

/// The number of answers that may wait; further ones are dropped, and requested again.
const ANSWERS: usize = 64;

/// The releases that the catalogue wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WantedReleases {
    /// All releases that are wanted.
    pub(crate) all: BTreeSet<ReleaseId>,
    /// Of these, the ones that are in no folder.
    pub(crate) lacking: BTreeSet<ReleaseId>,
}

/// The progress of fetching.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Progress {
    /// The number of releases fetched since the start.
    fetched: u64,
    /// The problems of those that are not here yet.
    problems: BTreeMap<ReleaseId, Problem>,
}

/// The catalogue's link to the fetching service.
#[derive(Debug)]
pub(crate) struct Link {
    store: Option<Store>,
    wanted: watch::Sender<WantedReleases>,
    progress: watch::Receiver<Progress>,
}

/// The parts of an environment that fetching needs.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) config: config::Content,
    /// The folder for content; `None`: nothing can be fetched.
    pub(crate) folder: Option<PathBuf>,
    /// Folders of this machine that may already have a file: of releases, and of programs.
    pub(crate) near: Vec<PathBuf>,
    pub(crate) trust: Arc<Trust>,
    pub(crate) me: EnvironmentId,
    pub(crate) events: Arc<dyn Events>,
    pub(crate) board: StatusBoard,
}

/// The queue of the logic environment's answers. Cheap to clone.
pub(crate) type Answers = mpsc::Sender<Arc<ContentReply>>;

/// Creates both ends, and the service that fetches while it runs.
pub(crate) fn build(context: Context) -> (Link, Answers, Service) {
    let store = context.folder.clone().map(Store::new);
    let (wanted, wants) = watch::channel(WantedReleases::default());
    let (report, progress) = watch::channel(Progress::default());
    let (answers, answered) = mpsc::channel(ANSWERS);
    let service = Service::new(context, store.clone(), wants, answered, report);
    let link = Link {
        store,
        wanted,
        progress,
    };
    (link, answers, service)
}

impl Link {
    /// Returns the folders of these releases, whether they exist or not.
    pub(crate) fn folders<'r>(
        &self,
        releases: impl IntoIterator<Item = &'r ReleaseId>,
    ) -> Vec<PathBuf> {
        let Some(store) = &self.store else {
            return Vec::new();
        };
        let names = releases.into_iter();
        let names = names.filter_map(|release| Name::of(&release.digest));
        names.map(|name| store.release(&name)).collect()
    }

    /// Replaces the wanted releases.
    pub(crate) fn want(&self, wanted: WantedReleases) {
        self.wanted.send_if_modified(|last| {
            let changed = *last != wanted;
            *last = wanted;
            changed
        });
    }

    /// Returns the problems of releases that are not here.
    pub(crate) fn refused(&mut self, lacking: &BTreeSet<ReleaseId>) -> Vec<RefusedRelease> {
        let progress = self.progress.borrow_and_update();
        let refused = |release: &ReleaseId| RefusedRelease {
            path: format!("release {}@{}", release.kind, release.version),
            problem: match (progress.problems.get(release), &self.store) {
                (Some(problem), _) => problem.clone(),
                (None, Some(_)) => {
                    fetching("it is being fetched, and can serve when it is complete")
                }
                (None, None) => no_place(),
            },
        };
        lacking.iter().map(refused).collect()
    }

    /// Waits until something was fetched, or could not be.
    pub(crate) async fn changed(&mut self) {
        if self.progress.changed().await.is_err() {
            // Nothing fetches any more.
            std::future::pending::<()>().await;
        }
    }
}

fn fetching(message: &str) -> Problem {
    Problem::new("release-fetching", Cure::Retry, message)
}

fn no_place() -> Problem {
    let message = "it is in none of the folders, and there is no place for fetched releases: set \
                   execution.state_folder";
    Problem::new("release-no-place", Cure::Operator, message)
}

/// Returns the digests of releases that have a pool.
fn in_use(board: &StatusBoard) -> BTreeSet<ReleaseDigest> {
    let pools = board.pools().into_iter();
    pools.map(|pool| pool.release.digest).collect()
}
