//! Fetches one release after the other, and tidies up behind itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use utakata_interconnect::{
    Event,
    events::content::{FetchBatch, Found, Got, Want},
};
use utakata_model::{
    Content, ContentFile, Cure, FileDigest, Manifest, Problem, ReleaseDigest, ReleaseId,
    content::{MANIFEST_FILE, SIGNATURES_FILE},
};

use super::{
    Around, Told, Wanted,
    check::{self, lying},
    fetching, in_use,
    incoming::Incoming,
    store::{Name, Store},
};

/// After a failure it is tried again; the wait is doubled each time.
const AGAIN_FIRST: Duration = Duration::from_secs(1);
const AGAIN_MOST: Duration = Duration::from_secs(60);
/// Asks in a row without an answer, after which another release has its turn.
const SILENCES_MOST: u32 = 5;
/// How long the catalogue may take to find what was fetched, before it is fetched once more.
const FOUND_WITHIN: Duration = Duration::from_secs(10);
/// How often it is looked for releases that nobody wants any more.
const TIDY_EVERY: Duration = Duration::from_secs(60);

/// Fetches what is wanted.
pub(crate) struct Service {
    around: Around,
    store: Option<Store>,
    wanted: watch::Receiver<Wanted>,
    answers: mpsc::Receiver<Arc<Got>>,
    told: watch::Sender<Told>,
    failed: BTreeMap<ReleaseId, Failed>,
    /// What was wanted when that was last looked at.
    seen: Wanted,
    tidy_at: Instant,
}

/// A release that could not be fetched.
#[derive(Debug)]
struct Failed {
    again_at: Instant,
    pause: Duration,
}

/// Why fetching a release has ended without it.
#[derive(Debug)]
enum Stopped {
    /// It cannot be had.
    Failed(Problem),
    /// Nobody wants it any more.
    Unwanted,
    /// Nobody asks for anything any more.
    Over,
}

impl From<Problem> for Stopped {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

impl Service {
    pub(super) fn new(
        around: Around,
        store: Option<Store>,
        wanted: watch::Receiver<Wanted>,
        answers: mpsc::Receiver<Arc<Got>>,
        told: watch::Sender<Told>,
    ) -> Self {
        Self {
            around,
            store,
            wanted,
            answers,
            told,
            failed: BTreeMap::new(),
            seen: Wanted::default(),
            tidy_at: Instant::now() + TIDY_EVERY,
        }
    }

    /// Lasts until nobody asks for anything any more.
    pub(crate) async fn run(mut self) {
        let Some(store) = self.store.clone() else {
            return;
        };
        while let Err(error) = blocking(&store, Store::open).await {
            tracing::error!(%error, "there is no place for releases that are fetched");
            tokio::time::sleep(AGAIN_MOST).await;
        }
        loop {
            self.look_at_wanted();
            let now = Instant::now();
            if let Some(release) = self.due(now) {
                match self.fetch(&store, &release).await {
                    Ok(()) => self.on_fetched(&release),
                    Err(Stopped::Failed(problem)) => {
                        if problem.cure != Cure::Retry {
                            // It is wrong, or there is no room for it: nothing of it stays.
                            sweep(&store).await;
                        }
                        self.on_failed(&release, &problem);
                    }
                    Err(Stopped::Unwanted) => {}
                    Err(Stopped::Over) => return,
                }
                continue;
            }
            let again_at = self.failed.values().map(|failed| failed.again_at).min();
            let until = again_at.map_or(self.tidy_at, |at| at.min(self.tidy_at));
            tokio::select! {
                changed = self.wanted.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                // Too late.
                Some(_) = self.answers.recv() => {}
                () = tokio::time::sleep_until(until) => {}
            }
            if Instant::now() >= self.tidy_at {
                self.tidy_at = Instant::now() + TIDY_EVERY;
                self.tidy(&store).await;
            }
        }
    }

    /// The next release to fetch.
    fn due(&self, now: Instant) -> Option<ReleaseId> {
        let wanted = self.wanted.borrow();
        let is_due = |release: &&ReleaseId| match self.failed.get(release) {
            Some(failed) => failed.again_at <= now,
            None => true,
        };
        let mut due: Vec<_> = wanted.lacking.iter().filter(is_due).collect();
        // Those that never failed first, so that one that cannot be had holds up no other.
        due.sort_by_key(|release| self.failed.get(*release).map(|failed| failed.again_at));
        due.first().map(|release| (*release).clone())
    }

    /// Forgets what nobody wants any more; when something has changed, it is tidied up.
    fn look_at_wanted(&mut self) {
        let wanted = self.wanted.borrow_and_update();
        if self.seen != *wanted {
            self.seen = wanted.clone();
            self.tidy_at = Instant::now();
        }
        let lacking = &wanted.lacking;
        self.failed.retain(|release, _| lacking.contains(release));
        self.told.send_if_modified(|told| {
            told.problems.retain(|release, _| lacking.contains(release));
            false
        });
    }

    fn on_fetched(&mut self, release: &ReleaseId) {
        tracing::info!(%release, "release was fetched");
        self.wait_for(release.clone(), FOUND_WITHIN, AGAIN_FIRST);
        self.told.send_modify(|told| told.fetched += 1);
    }

    fn on_failed(&mut self, release: &ReleaseId, problem: &Problem) {
        let pause = self.failed.get(release).map_or(AGAIN_FIRST, |f| f.pause);
        self.wait_for(release.clone(), pause, (pause * 2).min(AGAIN_MOST));
        self.told.send_if_modified(|told| {
            let before = told.problems.insert(release.clone(), problem.clone());
            let is_new = before.as_ref() != Some(problem);
            if is_new {
                tracing::warn!(%release, %problem, "release cannot be fetched");
            }
            is_new
        });
    }

    fn wait_for(&mut self, release: ReleaseId, wait: Duration, pause: Duration) {
        let again_at = Instant::now() + wait;
        self.failed.insert(release, Failed { again_at, pause });
    }

    /// Fetches one release, from its list of files to its folder.
    async fn fetch(&mut self, store: &Store, release: &ReleaseId) -> Result<(), Stopped> {
        let Some(name) = Name::of(&release.digest) else {
            return Err(lying("the digest that is asked for is none").into());
        };
        let content = self.list(release).await?;
        check::list(&content, &self.around.config)?;
        let manifest = self.small(store, release, &content, MANIFEST_FILE).await?;
        check::release(release, &content, &manifest.unwrap_or_default())?;
        let signatures = self
            .small(store, release, &content, SIGNATURES_FILE)
            .await?;
        self.around
            .trust
            .check(&release.digest, signatures.as_deref())?;
        let mut here = 0;
        for file in &content.files {
            self.file(store, release, file, (here, content.size()))
                .await?;
            here += file.size;
        }
        let assembled = blocking(store, move |store| store.assemble(&name, &content)).await;
        assembled.map_err(|error| unwritable(&error).into())
    }

    /// Asks of which files a release consists.
    async fn list(&mut self, release: &ReleaseId) -> Result<Content, Stopped> {
        let want = Want::Release(release.digest.clone());
        let mut pause = self.around.config.again_after;
        for _ in 0..SILENCES_MOST {
            self.ask(vec![want.clone()]).await;
            let until = Instant::now() + pause;
            pause = (pause * 2).min(AGAIN_MOST);
            while let Some(got) = self.answer(release, until).await? {
                match &got.found {
                    _ if got.want != want => {}
                    Found::Release(content) => return Ok(content.clone()),
                    Found::Nothing(problem) => return Err(problem.clone().into()),
                    Found::Part(_) => return Err(lying("a part of a file for a list").into()),
                }
            }
        }
        Err(silent().into())
    }

    /// What is in a file that must be known before the others are fetched; `None`: there is no
    /// such file.
    async fn small(
        &mut self,
        store: &Store,
        release: &ReleaseId,
        content: &Content,
        path: &str,
    ) -> Result<Option<Vec<u8>>, Stopped> {
        let Some(file) = content.file(path) else {
            return Ok(None);
        };
        self.file(store, release, file, (0, content.size())).await?;
        let digest = file.digest.clone();
        let bytes = blocking(store, move |store| store.read(&digest)).await;
        bytes.map(Some).map_err(|error| unwritable(&error).into())
    }

    /// Has a file here, whole and right: fetches what of it is missing. `so_far` is told: bytes
    /// of how many.
    async fn file(
        &mut self,
        store: &Store,
        release: &ReleaseId,
        file: &ContentFile,
        so_far: (u64, u64),
    ) -> Result<(), Stopped> {
        let wanted = file.clone();
        let has = blocking(store, move |store| store.has(&wanted)).await;
        if has.map_err(|error| unwritable(&error))? {
            return Ok(());
        }
        self.parts(store, release, file, so_far).await
    }

    async fn parts(
        &mut self,
        store: &Store,
        release: &ReleaseId,
        file: &ContentFile,
        so_far: (u64, u64),
    ) -> Result<(), Stopped> {
        let digest = file.digest.clone();
        let here = blocking(store, move |store| store.begun(&digest)).await;
        let here = here.map_err(|error| unwritable(&error))?;
        let here = if here > file.size { 0 } else { here };
        let mut incoming = Incoming::new(file.size, here, self.around.config.again_after);
        let mut silences = 0;
        while !incoming.is_complete() {
            self.tell(release, so_far.0 + incoming.written(), so_far.1);
            let asks = incoming.ask(Instant::now());
            if !asks.is_empty() {
                self.ask(wants(&file.digest, asks)).await;
            }
            let until = incoming.again_at().unwrap_or_else(Instant::now);
            let Some(got) = self.answer(release, until).await? else {
                silences += 1;
                if silences >= SILENCES_MOST {
                    return Err(silent().into());
                }
                continue;
            };
            let Some((from, bytes)) = part(&got, &file.digest)? else {
                continue;
            };
            silences = 0;
            let mut at = incoming.written();
            let writes = incoming.take(from, bytes);
            let writes = writes.map_err(|lie| lying(&format!("{}: {lie}", file.path)))?;
            for bytes in writes {
                let (digest, length) = (file.digest.clone(), bytes.len() as u64);
                let appended = blocking(store, move |s| s.append(&digest, at, &bytes)).await;
                appended.map_err(|error| unwritable(&error))?;
                at += length;
            }
        }
        let whole = file.clone();
        match blocking(store, move |store| store.complete(&whole)).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                let what = format!("{} has another SHA-256 than it should", file.path);
                Err(lying(&what).into())
            }
            Err(error) => Err(unwritable(&error).into()),
        }
    }

    /// Asks, if the inter connect is there; otherwise it is asked again, as if it were lost.
    async fn ask(&self, wants: Vec<Want>) {
        let batch = FetchBatch {
            environment: self.around.me.clone(),
            wants,
        };
        let asked = self.around.events.publish(vec![Event::Fetch(batch.into())]);
        if let Err(error) = asked.await {
            tracing::debug!(%error, "content was not asked for");
        }
    }

    /// The next answer; `None`: none came until then.
    async fn answer(
        &mut self,
        release: &ReleaseId,
        until: Instant,
    ) -> Result<Option<Arc<Got>>, Stopped> {
        loop {
            tokio::select! {
                answer = self.answers.recv() => return answer.map(Some).ok_or(Stopped::Over),
                () = tokio::time::sleep_until(until) => return Ok(None),
                changed = self.wanted.changed() => {
                    if changed.is_err() {
                        return Err(Stopped::Over);
                    }
                    if !self.wanted.borrow_and_update().lacking.contains(release) {
                        return Err(Stopped::Unwanted);
                    }
                }
            }
        }
    }

    /// Says how far it is; whoever looks next sees it.
    fn tell(&self, release: &ReleaseId, here: u64, size: u64) {
        let percent = here.saturating_mul(100) / size.max(1);
        let message = format!("it is fetched: {percent} % of {size} bytes are here");
        self.told.send_if_modified(|told| {
            let problem = told.problems.get(release);
            // What went wrong last stays until it is here, or something else goes wrong.
            if problem.is_none_or(|problem| &*problem.code == "release-fetching") {
                told.problems.insert(release.clone(), fetching(&message));
            }
            false
        });
    }

    /// Takes away what nobody wants any more, but for the last ones of each kind.
    async fn tidy(&self, store: &Store) {
        let wanted = self.wanted.borrow().clone();
        let mut used = in_use(&self.around.board);
        used.extend(wanted.all.into_iter().map(|release| release.digest));
        let kept = self.around.config.kept as usize;
        let is_idle = wanted.lacking.is_empty();
        let tidied = blocking(store, move |store| tidy(store, &used, kept, is_idle)).await;
        if let Err(error) = tidied {
            tracing::warn!(%error, "releases that nobody wants any more cannot be taken away");
        }
    }
}

/// Takes away what is of no release that is here.
async fn sweep(store: &Store) {
    if let Err(error) = blocking(store, Store::sweep).await {
        tracing::warn!(%error, "what was fetched for nothing cannot be taken away");
    }
}

fn tidy(
    store: &Store,
    used: &BTreeSet<ReleaseDigest>,
    kept: usize,
    is_idle: bool,
) -> io::Result<()> {
    let mut left: BTreeMap<_, usize> = BTreeMap::new();
    // Those that were used last first.
    for digest in store.all()?.into_iter().rev() {
        let Some(name) = Name::of(&digest) else {
            continue;
        };
        if used.contains(&digest) {
            store.touch(&name)?;
            continue;
        }
        let manifest = std::fs::read_to_string(store.release(&name).join(MANIFEST_FILE));
        let kind = manifest.ok().and_then(|text| Manifest::parse(&text).ok());
        let count = left.entry(kind.map(|manifest| manifest.kind)).or_default();
        *count += 1;
        if *count > kept {
            store.remove(&name)?;
        }
    }
    if is_idle { store.sweep() } else { Ok(()) }
}

/// Bytes of a file, and where they begin.
type Part = (u64, Arc<[u8]>);

/// The bytes that an answer has of this file; `None`: it is about something else.
fn part(got: &Got, of: &FileDigest) -> Result<Option<Part>, Problem> {
    match (&got.want, &got.found) {
        (Want::File { digest, from }, found) if digest == of => match found {
            Found::Part(bytes) => Ok(Some((*from, bytes.clone()))),
            Found::Nothing(problem) => Err(problem.clone()),
            Found::Release(_) => Err(lying("a list for a part of a file")),
        },
        _ => Ok(None),
    }
}

fn wants(digest: &FileDigest, asks: Vec<u64>) -> Vec<Want> {
    let want = |from| Want::File {
        digest: digest.clone(),
        from,
    };
    asks.into_iter().map(want).collect()
}

fn silent() -> Problem {
    fetching("nobody answers who has releases: it is asked for again and again")
}

fn unwritable(error: &io::Error) -> Problem {
    let is_full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
    if is_full.contains(&error.kind()) {
        let message = format!(
            "there is no room for it in execution.state_folder ({error}): make some; it is tried \
             again by itself"
        );
        return Problem::new("release-disk-full", Cure::Operator, message);
    }
    let message = format!("it cannot be kept in execution.state_folder: {error}");
    Problem::new("release-unwritable", Cure::Operator, message)
}

/// Files are read and written elsewhere.
async fn blocking<T: Send + 'static>(
    store: &Store,
    work: impl FnOnce(&Store) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let store = store.clone();
    let done = tokio::task::spawn_blocking(move || work(&store)).await;
    done.unwrap_or_else(|ended| Err(io::Error::other(ended)))
}
