//! The decisions about rollouts, kept in a file so that they survive a restart: a candidate that
//! was turned back is not tried again, and others resume where they were.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use tokio::sync::watch;
use utakata_model::{Kind, RolloutId};
use utakata_rollout::Decision;

use crate::folder::{self, Unreadable};

/// The file with the decisions.
const FILE: &str = "rollouts.json";

/// The number of a decision: later ones are greater.
pub(crate) type Revision = u64;

type Decisions = BTreeMap<Kind, Decision>;

/// The latest decisions about the rollouts of all kinds. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct DecisionLog {
    folder: Option<Arc<PathBuf>>,
    decisions: watch::Sender<(Revision, Decisions)>,
    /// The last one that is written, or could not be.
    written: watch::Sender<Revision>,
}

impl DecisionLog {
    /// Loads the decisions in the folder, if there is one.
    ///
    /// # Errors
    /// It cannot be read: a candidate that was turned back would be tried again.
    pub(crate) fn open(folder: Option<PathBuf>) -> Result<Self, Unreadable> {
        let decisions = match folder.as_deref() {
            Some(folder) => folder::read(folder, FILE)?,
            None => None,
        };
        let decisions = decisions.and_then(|bytes| {
            serde_json::from_slice(&bytes)
                .inspect_err(|error| tracing::warn!(%error, "the results of rollouts are lost"))
                .ok()
        });
        Ok(Self {
            folder: folder.map(Arc::new),
            decisions: watch::Sender::new((0, decisions.unwrap_or_default())),
            written: watch::Sender::new(0),
        })
    }

    /// Returns the decision about a kind.
    pub(crate) fn of(&self, kind: &Kind) -> Option<Decision> {
        self.decisions.borrow().1.get(kind).cloned()
    }

    /// Stores a decision. Returns the revision to wait for before it is published.
    pub(crate) fn put(&self, kind: &Kind, decision: Decision) -> Revision {
        let mut number = 0;
        self.decisions.send_modify(|(revision, decisions)| {
            *revision += 1;
            number = *revision;
            decisions.insert(kind.clone(), decision);
        });
        number
    }

    /// Waits until this is written, or cannot be, which is reported. Cancel safe.
    pub(crate) async fn written(&self, revision: Option<Revision>) {
        let Some(revision) = revision.filter(|_| self.folder.is_some()) else {
            return;
        };
        // The sender lives as long as this.
        let _ = self
            .written
            .subscribe()
            .wait_for(|last| *last >= revision)
            .await;
    }

    /// Forgets the rollouts that nobody orders any more.
    pub(crate) fn retain(&self, is_asked: impl Fn(&Kind, RolloutId) -> bool) {
        self.decisions.send_if_modified(|(_, decisions)| {
            let before = decisions.len();
            decisions.retain(|kind, decision| is_asked(kind, decision.id));
            decisions.len() != before
        });
    }

    /// Writes decisions as long as it runs.
    pub(crate) async fn run(self) {
        let mut changes = self.decisions.subscribe();
        // Something may have been decided before.
        changes.mark_changed();
        while changes.changed().await.is_ok() {
            self.write().await;
        }
    }

    /// Writes everything decided so far.
    pub(crate) async fn write(&self) {
        let Some(folder) = self.folder.clone() else {
            return;
        };
        let (revision, decisions) = self.decisions.borrow().clone();
        match serde_json::to_vec(&decisions) {
            Ok(bytes) => {
                if let Err(error) = folder::write(&folder, FILE, bytes).await {
                    tracing::warn!(%error, "the results of rollouts cannot be stored: they are kept until a restart");
                }
            }
            Err(error) => tracing::error!(%error, "the results of rollouts cannot be stored"),
        }
        self.written.send_if_modified(|last| {
            let is_later = *last < revision;
            *last = revision.max(*last);
            is_later
        });
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use utakata_model::{RolloutPhase, rollout::Evidence};

    use super::*;
    use crate::samples::release;

    fn decision(version: &str) -> Decision {
        Decision {
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
        let log = DecisionLog::open(Some(folder.path().into())).unwrap();
        let running = tokio::spawn(log.clone().run());
        for version in ["2", "3", "4"] {
            let decision = decision(version);
            let revision = log.put(&"echo".parse().unwrap(), decision.clone());
            log.written(Some(revision)).await;
            let file = std::fs::read(folder.path().join(FILE)).unwrap();
            let decisions: Decisions = serde_json::from_slice(&file).unwrap();
            assert_eq!(decisions.into_values().next(), Some(decision));
        }
        running.abort();
        // Without a writer nothing counts as written.
        let revision = log.put(&"echo".parse().unwrap(), decision("5"));
        let waited = ends_now(log.written(Some(revision)));
        assert!(!waited, "it was not written");
        // A decision that cannot be written is not awaited.
        let nowhere = DecisionLog::open(Some(folder.path().join(FILE))).unwrap();
        let revision = nowhere.put(&"echo".parse().unwrap(), decision("6"));
        nowhere.write().await;
        nowhere.written(Some(revision)).await;
        DecisionLog::open(None).unwrap().written(Some(7)).await;
    }

    /// Returns true if the future ends without waiting.
    fn ends_now(wait: impl Future<Output = ()>) -> bool {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        std::pin::pin!(wait).as_mut().poll(&mut context).is_ready()
    }

    #[tokio::test]
    async fn what_was_decided_is_there_after_a_restart_until_nothing_is_asked_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let place = || Some(folder.path().join("state"));
        let (echo, pdu) = ("echo".parse().unwrap(), "pdu".parse().unwrap());
        let log = DecisionLog::open(place()).unwrap();
        let back = decision("2");
        log.put(&echo, back.clone());
        log.put(&pdu, decision("3"));
        log.write().await;
        let again = DecisionLog::open(place()).unwrap();
        assert_eq!(again.of(&echo), Some(back.clone()));
        again.retain(|_, id| id == back.id);
        again.write().await;
        let last = DecisionLog::open(place()).unwrap();
        assert_eq!((last.of(&echo), last.of(&pdu)), (Some(back), None));
        std::fs::write(folder.path().join("state").join(FILE), "{").unwrap();
        assert_eq!(DecisionLog::open(place()).unwrap().of(&echo), None);
        DecisionLog::open(None).unwrap().write().await;
    }
}
