//! What was decided about rollouts, kept in a file, so that it holds after a restart, too: a
//! candidate that was turned back is not tried again, and others go on where they were.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use utakata_model::{Kind, Problem, ReleaseId, RolloutId, RolloutPhase, rollout::Evidence};

use super::Order;
use crate::folder::{self, Unreadable};

/// The file with what was decided.
const FILE: &str = "rollouts.json";

/// What was decided about a rollout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(super) id: RolloutId,
    pub(super) candidate: ReleaseId,
    pub(super) phase: RolloutPhase,
    pub(super) since: Timestamp,
    #[serde(default)]
    pub(super) share: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<Problem>,
    #[serde(default)]
    pub(super) evidence: Evidence,
}

/// How many things were decided before.
pub(crate) type Page = u64;

type Pages = BTreeMap<Kind, Kept>;

/// What was decided about the rollouts of all kinds. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Book {
    folder: Option<Arc<PathBuf>>,
    pages: watch::Sender<(Page, Pages)>,
    /// The last page that is written, or could not be.
    written: watch::Sender<Page>,
}

impl Kept {
    /// Whether it is about what is ordered.
    pub(super) fn is_of(&self, order: &Order) -> bool {
        self.id == order.id && self.candidate == order.candidate
    }
}

impl Book {
    /// Begins with what is kept in the folder, if there is one.
    /// Errors: it cannot be looked at; what was turned back would be tried again.
    pub(crate) fn open(folder: Option<PathBuf>) -> Result<Self, Unreadable> {
        let pages = match folder.as_deref() {
            Some(folder) => folder::read(folder, FILE)?,
            None => None,
        };
        let pages = pages.and_then(|bytes| {
            serde_json::from_slice(&bytes)
                .inspect_err(|error| tracing::warn!(%error, "what became of rollouts is lost"))
                .ok()
        });
        Ok(Self {
            folder: folder.map(Arc::new),
            pages: watch::Sender::new((0, pages.unwrap_or_default())),
            written: watch::Sender::new(0),
        })
    }

    /// What is kept of a kind.
    pub(crate) fn of(&self, kind: &Kind) -> Option<Kept> {
        self.pages.borrow().1.get(kind).cloned()
    }

    /// This was decided. Gives what to wait for before it is told.
    pub(crate) fn put(&self, kind: &Kind, kept: Kept) -> Page {
        self.pages.send_modify(|(page, pages)| {
            *page += 1;
            pages.insert(kind.clone(), kept);
        });
        self.pages.borrow().0
    }

    /// Waits until this is written down, or cannot be, which is told. Cancel safe.
    pub(crate) async fn written(&self, page: Option<Page>) {
        let Some(page) = page.filter(|_| self.folder.is_some()) else {
            return;
        };
        // The sender is here.
        let _ = self
            .written
            .subscribe()
            .wait_for(|last| *last >= page)
            .await;
    }

    /// Forgets the rollouts of which nothing is asked any more.
    pub(crate) fn retain(&self, is_asked: impl Fn(&Kind, RolloutId) -> bool) {
        self.pages.send_if_modified(|(_, pages)| {
            let before = pages.len();
            pages.retain(|kind, kept| is_asked(kind, kept.id));
            pages.len() != before
        });
    }

    /// Writes what is decided, as long as it runs.
    pub(crate) async fn run(self) {
        let mut changes = self.pages.subscribe();
        // Something may have been decided before.
        changes.mark_changed();
        while changes.changed().await.is_ok() {
            self.write().await;
        }
    }

    /// Writes what was decided until now.
    pub(crate) async fn write(&self) {
        let Some(folder) = self.folder.clone() else {
            return;
        };
        let (page, pages) = self.pages.borrow().clone();
        match serde_json::to_vec(&pages) {
            Ok(bytes) => {
                if let Err(error) = folder::write(&folder, FILE, bytes).await {
                    tracing::warn!(%error, "what became of rollouts cannot be kept: it is told until a restart");
                }
            }
            Err(error) => tracing::error!(%error, "what became of rollouts cannot be kept"),
        }
        self.written.send_if_modified(|last| {
            let is_later = *last < page;
            *last = page.max(*last);
            is_later
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::release;

    fn kept(version: &str) -> Kept {
        Kept {
            id: RolloutId::generate(),
            candidate: (*release("echo", version).id).clone(),
            phase: RolloutPhase::Back,
            since: Timestamp::now(),
            share: 0,
            problem: None,
            evidence: Evidence::default(),
        }
    }

    #[tokio::test]
    async fn whoever_waits_for_a_decision_finds_it_written() {
        let folder = tempfile::tempdir().unwrap();
        let book = Book::open(Some(folder.path().into())).unwrap();
        let running = tokio::spawn(book.clone().run());
        for version in ["2", "3", "4"] {
            let kept = kept(version);
            let page = book.put(&"echo".parse().unwrap(), kept.clone());
            book.written(Some(page)).await;
            let file = std::fs::read(folder.path().join(FILE)).unwrap();
            let pages: Pages = serde_json::from_slice(&file).unwrap();
            assert_eq!(pages.into_values().next(), Some(kept));
        }
        running.abort();
        // With nobody who writes nothing counts as written.
        let page = book.put(&"echo".parse().unwrap(), kept("5"));
        let waited = ends_now(book.written(Some(page)));
        assert!(!waited, "it was not written");
        // What cannot be written is not waited for.
        let nowhere = Book::open(Some(folder.path().join(FILE))).unwrap();
        let page = nowhere.put(&"echo".parse().unwrap(), kept("6"));
        nowhere.write().await;
        nowhere.written(Some(page)).await;
        Book::open(None).unwrap().written(Some(7)).await;
    }

    /// Whether it ends without waiting.
    fn ends_now(wait: impl Future<Output = ()>) -> bool {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        std::pin::pin!(wait).as_mut().poll(&mut context).is_ready()
    }

    #[tokio::test]
    async fn what_was_decided_is_there_after_a_restart_until_nothing_is_asked_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let place = || Some(folder.path().join("state"));
        let (echo, pdu) = ("echo".parse().unwrap(), "pdu".parse().unwrap());
        let book = Book::open(place()).unwrap();
        let back = kept("2");
        book.put(&echo, back.clone());
        book.put(&pdu, kept("3"));
        book.write().await;
        let again = Book::open(place()).unwrap();
        assert_eq!(again.of(&echo), Some(back.clone()));
        again.retain(|_, id| id == back.id);
        again.write().await;
        let last = Book::open(place()).unwrap();
        assert_eq!((last.of(&echo), last.of(&pdu)), (Some(back), None));
        std::fs::write(folder.path().join("state").join(FILE), "{").unwrap();
        assert_eq!(Book::open(place()).unwrap().of(&echo), None);
        Book::open(None).unwrap().write().await;
    }
}
