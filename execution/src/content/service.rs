//! The service that fetches wanted releases, a few at once, and tidies up behind itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::Instant,
};
use utakata_interconnect::message::content::ContentReply;
use utakata_model::{
    Backoff, Cure, Manifest, Problem, ReleaseDigest, ReleaseId, content::MANIFEST_FILE,
};

use super::{
    ANSWERS, Context, Progress, WantedReleases,
    fetch::{Fetch, Files, Stopped, blocking},
    in_use,
    store::{Name, Store},
};

/// The wait before a failure is retried; it doubles each time.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const MAX_RETRY: Duration = Duration::from_secs(20);
const BACKOFF: Backoff = Backoff::new(FIRST_RETRY, MAX_RETRY);
/// The number of releases that are fetched at once, so that a large one does not delay a small one.
const MAX_AT_ONCE: usize = 3;
/// The time that the catalogue has to find a fetched release before it is fetched again.
const FOUND_TIMEOUT: Duration = Duration::from_secs(10);
/// The interval between looks for releases that nobody wants any more.
const TIDY_INTERVAL: Duration = Duration::from_secs(60);

/// The service that fetches wanted releases.
pub(crate) struct Service {
    context: Context,
    store: Option<Store>,
    wanted: watch::Receiver<WantedReleases>,
    answers: mpsc::Receiver<Arc<ContentReply>>,
    progress: watch::Sender<Progress>,
    failed: BTreeMap<ReleaseId, Failed>,
    fetches: JoinSet<(ReleaseId, Result<(), Stopped>)>,
    /// The releases being fetched, each with the queue of its answers.
    under_way: BTreeMap<ReleaseId, mpsc::Sender<Arc<ContentReply>>>,
    files: Files,
    is_to_sweep: bool,
    /// The wanted releases at the last look.
    seen: WantedReleases,
    tidy_at: Instant,
}

/// A release that could not be fetched.
#[derive(Debug)]
struct Failed {
    again_at: Instant,
    backoff: Backoff,
}

impl Service {
    pub(super) fn new(
        context: Context,
        store: Option<Store>,
        wanted: watch::Receiver<WantedReleases>,
        answers: mpsc::Receiver<Arc<ContentReply>>,
        progress: watch::Sender<Progress>,
    ) -> Self {
        Self {
            context,
            store,
            wanted,
            answers,
            progress,
            failed: BTreeMap::new(),
            fetches: JoinSet::new(),
            under_way: BTreeMap::new(),
            files: Files::default(),
            is_to_sweep: false,
            seen: WantedReleases::default(),
            tidy_at: Instant::now() + TIDY_INTERVAL,
        }
    }

    /// Runs until nothing can be wanted any more.
    pub(crate) async fn run(mut self) {
        let Some(store) = self.store.clone() else {
            return;
        };
        while let Err(error) = blocking(&store, Store::open).await {
            tracing::error!(%error, "there is no place for fetched releases");
            tokio::time::sleep(MAX_RETRY).await;
        }
        loop {
            self.look_at_wanted();
            let now = Instant::now();
            while let Some(release) = self.due(now) {
                self.begin(&store, release);
            }
            let wakes_at = self.wakes_at();
            tokio::select! {
                changed = self.wanted.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                Some(got) = self.answers.recv() => self.pass_on(&got),
                Some(ended) = self.fetches.join_next() => match ended {
                    Ok((_, Err(Stopped::Over))) => return,
                    Ok((release, ended)) => self.on_ended(&release, ended),
                    Err(error) => {
                        tracing::error!(%error, "releases are no longer fetched: restart utakata");
                        return;
                    }
                },
                () = tokio::time::sleep_until(wakes_at) => {}
            }
            if self.is_to_sweep && self.under_way.is_empty() {
                self.is_to_sweep = false;
                sweep(&store).await;
            }
            if Instant::now() >= self.tidy_at {
                self.tidy_at = Instant::now() + TIDY_INTERVAL;
                self.tidy(&store).await;
            }
        }
    }

    /// Returns the time at which the next release is fetched, or the folder tidied.
    fn wakes_at(&self) -> Instant {
        let has_room = self.under_way.len() < MAX_AT_ONCE;
        let failed = self.failed.iter();
        let next = failed.filter(|(release, _)| has_room && !self.under_way.contains_key(*release));
        let again_at = next.map(|(_, failed)| failed.again_at).min();
        again_at.map_or(self.tidy_at, |at| at.min(self.tidy_at))
    }

    fn begin(&mut self, store: &Store, release: ReleaseId) {
        let (answers, answered) = mpsc::channel(ANSWERS);
        let fetch = Fetch {
            context: self.context.clone(),
            store: store.clone(),
            release: release.clone(),
            wanted: self.wanted.clone(),
            answers: answered,
            progress: self.progress.clone(),
            files: self.files.clone(),
        };
        self.under_way.insert(release, answers);
        self.fetches.spawn(fetch.run());
    }

    /// Passes an answer on to each fetch, which looks for its own. If there is no room, it is
    /// requested again.
    fn pass_on(&self, got: &Arc<ContentReply>) {
        for answers in self.under_way.values() {
            let _ = answers.try_send(got.clone());
        }
    }

    fn on_ended(&mut self, release: &ReleaseId, ended: Result<(), Stopped>) {
        self.under_way.remove(release);
        match ended {
            Ok(()) => self.on_fetched(release),
            Err(Stopped::Failed(problem)) => {
                // It is wrong, or there is no room for it: nothing of it stays.
                self.is_to_sweep |= problem.cure != Cure::Retry;
                self.on_failed(release, &problem);
            }
            Err(Stopped::Unwanted | Stopped::Over) => self.tidy_at = Instant::now(),
        }
    }

    /// Returns the next release to fetch, if there is room for another one.
    fn due(&self, now: Instant) -> Option<ReleaseId> {
        if self.under_way.len() >= MAX_AT_ONCE {
            return None;
        }
        let wanted = self.wanted.borrow();
        let is_due = |release: &&ReleaseId| match self.failed.get(release) {
            _ if self.under_way.contains_key(*release) => false,
            Some(failed) => failed.again_at <= now,
            None => true,
        };
        let mut due: Vec<_> = wanted.lacking.iter().filter(is_due).collect();
        // Those that never failed come first, so that one that cannot be obtained delays no other.
        due.sort_by_key(|release| self.failed.get(*release).map(|failed| failed.again_at));
        due.first().map(|release| (*release).clone())
    }

    /// Forgets what nobody wants any more, and tidies up after a change.
    fn look_at_wanted(&mut self) {
        let wanted = self.wanted.borrow_and_update();
        if self.seen != *wanted {
            self.seen = wanted.clone();
            self.tidy_at = Instant::now();
        }
        let lacking = &wanted.lacking;
        self.failed.retain(|release, _| lacking.contains(release));
        self.progress.send_if_modified(|progress| {
            progress
                .problems
                .retain(|release, _| lacking.contains(release));
            false
        });
    }

    fn on_fetched(&mut self, release: &ReleaseId) {
        tracing::info!(%release, "release was fetched");
        self.wait_for(release.clone(), FOUND_TIMEOUT, BACKOFF);
        self.progress.send_modify(|progress| progress.fetched += 1);
    }

    fn on_failed(&mut self, release: &ReleaseId, problem: &Problem) {
        let mut backoff = self.failed.get(release).map_or(BACKOFF, |f| f.backoff);
        let wait = backoff.wait();
        self.wait_for(release.clone(), wait, backoff);
        self.progress.send_if_modified(|progress| {
            let before = progress.problems.insert(release.clone(), problem.clone());
            let is_new = before.as_ref() != Some(problem);
            if is_new {
                tracing::warn!(%release, %problem, "release cannot be fetched");
            }
            is_new
        });
    }

    fn wait_for(&mut self, release: ReleaseId, wait: Duration, backoff: Backoff) {
        let again_at = Instant::now() + wait;
        self.failed.insert(release, Failed { again_at, backoff });
    }

    /// Removes what nobody wants any more, except for the latest of each kind.
    async fn tidy(&self, store: &Store) {
        let wanted = self.wanted.borrow().clone();
        let mut used = in_use(&self.context.board);
        used.extend(wanted.all.into_iter().map(|release| release.digest));
        let kept = self.context.config.kept as usize;
        let is_idle = wanted.lacking.is_empty() && self.under_way.is_empty();
        let tidied = blocking(store, move |store| tidy(store, &used, kept, is_idle)).await;
        if let Err(error) = tidied {
            tracing::warn!(%error, "releases that nobody needs any more cannot be removed");
        }
    }
}

/// Removes files that belong to no release here.
async fn sweep(store: &Store) {
    if let Err(error) = blocking(store, Store::sweep).await {
        tracing::warn!(%error, "unneeded fetched files cannot be removed");
    }
}

fn tidy(
    store: &Store,
    used: &BTreeSet<ReleaseDigest>,
    kept: usize,
    is_idle: bool,
) -> io::Result<()> {
    let mut left: BTreeMap<_, usize> = BTreeMap::new();
    // The most recently used come first.
    for digest in store.all()?.into_iter().rev() {
        let Some(name) = Name::of(&digest) else {
            continue;
        };
        if used.contains(&digest) {
            store.touch(&name)?;
            continue;
        }
        let manifest = store.release(&name).join(MANIFEST_FILE);
        let kind = match std::fs::read_to_string(manifest) {
            Ok(text) => Manifest::parse(&text).ok(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            // The kind is unknown, so it might be one of its latest: nothing is removed.
            Err(error) => return Err(error),
        };
        let count = left.entry(kind.map(|manifest| manifest.kind)).or_default();
        *count += 1;
        if *count > kept {
            store.remove(&name)?;
        }
    }
    if is_idle { store.sweep() } else { Ok(()) }
}
