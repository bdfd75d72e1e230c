//! The fetching of one release, from its list of files to its folder.

use std::{collections::HashMap, io, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    sync::{OwnedMutexGuard, mpsc, watch},
    time::Instant,
};
use utakata_interconnect::{
    Event,
    message::content::{ContentPiece, ContentReply, ContentRequest, FetchBatch},
};
use utakata_model::{
    Backoff, Content, ContentFile, Cure, FileDigest, Problem, ReleaseId,
    content::{MANIFEST_FILE, SIGNATURES_FILE},
};

use super::{
    Context, Progress, WantedReleases,
    check::{self, lying},
    fetching,
    incoming::Incoming,
    near,
    store::{Name, Store},
};

/// The longest interval between requests for a list: it is small, and the other side may just have
/// returned.
const MAX_LIST_RETRY: Duration = Duration::from_secs(5);
/// The number of consecutive requests without an answer after which another release has its turn.
const MAX_SILENCES: u32 = 5;

/// The fetching of one release.
pub(super) struct Fetch {
    pub(super) context: Context,
    pub(super) store: Store,
    pub(super) release: ReleaseId,
    pub(super) wanted: watch::Receiver<WantedReleases>,
    pub(super) answers: mpsc::Receiver<Arc<ContentReply>>,
    pub(super) progress: watch::Sender<Progress>,
    pub(super) files: Files,
}

/// The files being fetched, each by one release at a time. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Files(Arc<Mutex<HashMap<FileDigest, Arc<tokio::sync::Mutex<()>>>>>);

/// The reason why fetching a release has ended without it.
#[derive(Debug)]
pub(super) enum Stopped {
    /// The release cannot be obtained.
    Failed(Problem),
    /// It is no longer wanted.
    Unwanted,
    /// Nothing is ordered any more.
    Over,
}

impl From<Problem> for Stopped {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

impl Files {
    /// Waits until nobody else fetches the file; nobody does while the guard is kept.
    async fn only(&self, digest: &FileDigest) -> OwnedMutexGuard<()> {
        let one = {
            let mut all = self.0.lock();
            all.retain(|_, one| Arc::strong_count(one) > 1);
            all.entry(digest.clone()).or_default().clone()
        };
        one.lock_owned().await
    }
}

impl Fetch {
    /// Fetches the release, and returns it with the result.
    pub(super) async fn run(mut self) -> (ReleaseId, Result<(), Stopped>) {
        let (store, release) = (self.store.clone(), self.release.clone());
        let fetched = self.fetch(&store, &release).await;
        (release, fetched)
    }

    async fn fetch(&mut self, store: &Store, release: &ReleaseId) -> Result<(), Stopped> {
        let Some(name) = Name::of(&release.digest) else {
            return Err(lying("the requested digest is not valid").into());
        };
        let content = self.list(release).await?;
        check::list(&content, &self.context.config)?;
        let manifest = self.small(store, release, &content, MANIFEST_FILE).await?;
        let Some(manifest) = manifest else {
            return Err(lying(&format!("it has no {MANIFEST_FILE}")).into());
        };
        check::release(release, &content, &manifest)?;
        let signatures = self
            .small(store, release, &content, SIGNATURES_FILE)
            .await?;
        self.context
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

    /// Requests the list of files of a release.
    async fn list(&mut self, release: &ReleaseId) -> Result<Content, Stopped> {
        let want = ContentRequest::Release(release.digest.clone());
        let mut backoff = Backoff::new(self.context.config.again_after, MAX_LIST_RETRY);
        for _ in 0..MAX_SILENCES {
            self.ask(vec![want.clone()]).await;
            let until = Instant::now() + backoff.wait();
            while let Some(got) = self.answer(release, until).await? {
                match &got.found {
                    _ if got.want != want => {}
                    ContentPiece::Release(content) => return Ok(content.clone()),
                    ContentPiece::Nothing(problem) => return Err(problem.clone().into()),
                    ContentPiece::Part(_)
                    | ContentPiece::Lent(_)
                    | ContentPiece::Accepted
                    | ContentPiece::Certified(_) => {
                        return Err(lying("something else for a list").into());
                    }
                }
            }
        }
        Err(silent().into())
    }

    /// Returns the content of a file that must be known before the others are fetched; `None` if
    /// there is no such file.
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

    /// Fetches the missing part of a file until it is here, complete and correct. Reports progress
    /// to `so_far`.
    async fn file(
        &mut self,
        store: &Store,
        release: &ReleaseId,
        file: &ContentFile,
        so_far: (u64, u64),
    ) -> Result<(), Stopped> {
        // Another release that is being fetched may contain the same file.
        let _only = self.files.only(&file.digest).await;
        let wanted = file.clone();
        let has = blocking(store, move |store| store.has(&wanted)).await;
        if has.map_err(|error| unwritable(&error))? {
            return Ok(());
        }
        let (near, wanted) = (self.context.near.clone(), file.clone());
        let found = blocking(store, move |store| near::take(store, &near, &wanted)).await;
        if found.map_err(|error| unwritable(&error))? {
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
        let mut incoming = Incoming::new(file.size, here, self.context.config.again_after);
        let mut silences = 0;
        while !incoming.is_complete() {
            self.report(release, so_far.0 + incoming.written(), so_far.1);
            let asks = incoming.ask(Instant::now());
            if !asks.is_empty() {
                self.ask(wants(&file.digest, asks)).await;
            }
            let until = incoming.again_at().unwrap_or_else(Instant::now);
            let Some(got) = self.answer(release, until).await? else {
                silences += 1;
                if silences >= MAX_SILENCES {
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

    /// Sends a request if the inter connect is up; otherwise it is repeated, as if it were lost.
    async fn ask(&self, wants: Vec<ContentRequest>) {
        let batch = FetchBatch {
            environment: self.context.me.clone(),
            wants,
        };
        let asked = self
            .context
            .events
            .publish(vec![Event::Fetch(batch.into())]);
        if let Err(error) = asked.await {
            tracing::debug!(%error, "content could not be requested");
        }
    }

    /// Returns the next answer; `None` if none arrives in time.
    async fn answer(
        &mut self,
        release: &ReleaseId,
        until: Instant,
    ) -> Result<Option<Arc<ContentReply>>, Stopped> {
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

    /// Reports the progress, for the next look.
    fn report(&self, release: &ReleaseId, here: u64, size: u64) {
        let percent = here.saturating_mul(100) / size.max(1);
        let message = format!("it is being fetched: {percent} % of {size} bytes have arrived");
        self.progress.send_if_modified(|progress| {
            let problem = progress.problems.get(release);
            // The last problem stays until the release is here, or another problem occurs.
            if problem.is_none_or(|problem| &*problem.code == "release-fetching") {
                progress
                    .problems
                    .insert(release.clone(), fetching(&message));
            }
            false
        });
    }
}

/// Bytes of a file, and their position.
type Part = (u64, Arc<[u8]>);

/// Returns the bytes of this file in an answer; `None` if it is about something else.
fn part(got: &ContentReply, of: &FileDigest) -> Result<Option<Part>, Problem> {
    match (&got.want, &got.found) {
        (ContentRequest::File { digest, from }, found) if digest == of => match found {
            ContentPiece::Part(bytes) => Ok(Some((*from, bytes.clone()))),
            ContentPiece::Nothing(problem) => Err(problem.clone()),
            ContentPiece::Release(_)
            | ContentPiece::Lent(_)
            | ContentPiece::Accepted
            | ContentPiece::Certified(_) => Err(lying("something else for a part of a file")),
        },
        _ => Ok(None),
    }
}

fn wants(digest: &FileDigest, asks: Vec<u64>) -> Vec<ContentRequest> {
    let want = |from| ContentRequest::File {
        digest: digest.clone(),
        from,
    };
    asks.into_iter().map(want).collect()
}

fn silent() -> Problem {
    fetching("no logic environment that has it answers: it is requested until one does")
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

/// Runs file operations on a blocking thread.
pub(super) async fn blocking<T: Send + 'static>(
    store: &Store,
    work: impl FnOnce(&Store) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let store = store.clone();
    let done = tokio::task::spawn_blocking(move || work(&store)).await;
    done.unwrap_or_else(|ended| Err(io::Error::other(ended)))
}
