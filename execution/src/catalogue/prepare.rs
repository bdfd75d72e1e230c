//! Preparation of releases that cannot be started at once, such as an image that is pulled: they
//! serve once they are ready. Until then the previous release continues.

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::Instant};
use utakata_model::{Backoff, Cure, Problem, ReleaseId, environment::RefusedRelease};

use super::{Catalogue, Release};
use crate::{Artifact, trial::Trials};

/// The wait before a failure is retried; it doubles each time.
const FIRST_RETRY: Duration = Duration::from_secs(2);
const MAX_RETRY: Duration = Duration::from_secs(60);
const BACKOFF: Backoff = Backoff::new(FIRST_RETRY, MAX_RETRY);

/// The releases that are being prepared, and those that are ready.
pub(super) struct Preparations {
    trials: Arc<Trials>,
    steps: HashMap<Arc<ReleaseId>, Step>,
    /// The release with which each folder was served last.
    served: HashMap<PathBuf, Arc<Release>>,
    running: JoinSet<(Arc<ReleaseId>, Result<(), Problem>)>,
    ended: Vec<(Arc<ReleaseId>, Result<(), Problem>)>,
}

#[derive(Debug)]
enum Step {
    Running {
        last: Option<Problem>,
        backoff: Backoff,
    },
    Failed {
        problem: Problem,
        again_at: Instant,
        backoff: Backoff,
    },
    Ready,
}

impl Preparations {
    pub(super) fn new(trials: Trials) -> Self {
        Self {
            trials: Arc::new(trials),
            steps: HashMap::new(),
            served: HashMap::new(),
            running: JoinSet::new(),
            ended: Vec::new(),
        }
    }

    /// Waits until a preparation has ended. Cancel safe.
    pub(super) async fn progress(&mut self) {
        match self.running.join_next().await {
            Some(Ok(ended)) => self.ended.push(ended),
            // After a panic it is never ready; if nothing runs, there is nothing to wait for.
            Some(Err(_)) => {}
            None => std::future::pending().await,
        }
    }

    /// Returns the part of a catalogue that can be started now, and begins to prepare the rest.
    pub(super) fn admit(&mut self, mut found: Catalogue, now: Instant) -> Catalogue {
        while let Some(Ok(ended)) = self.running.try_join_next() {
            self.ended.push(ended);
        }
        for (id, prepared) in std::mem::take(&mut self.ended) {
            self.on_ended(&id, prepared, now);
        }
        self.steps
            .retain(|id, _| found.releases.iter().any(|release| release.id == *id));
        let mut served = HashMap::new();
        let mut releases = Vec::new();
        for release in std::mem::take(&mut found.releases) {
            let folder = release.folder.clone();
            let serves = match self.missing(&release, now) {
                None => Some(release),
                Some(problem) => {
                    let path = folder.display().to_string();
                    found.refused.push(RefusedRelease { path, problem });
                    self.served.get(&folder).cloned()
                }
            };
            if let Some(release) = serves {
                served.insert(folder, release.clone());
                releases.push(release);
            }
        }
        self.served = served;
        found.releases = releases;
        found.refused.sort_by(|a, b| a.path.cmp(&b.path));
        found
    }

    fn on_ended(&mut self, id: &Arc<ReleaseId>, prepared: Result<(), Problem>, now: Instant) {
        let Some(step) = self.steps.get_mut(id) else {
            return;
        };
        let mut backoff = match step {
            Step::Running { backoff, .. } => *backoff,
            Step::Failed { .. } | Step::Ready => BACKOFF,
        };
        *step = match prepared {
            Ok(()) => Step::Ready,
            Err(problem) => Step::Failed {
                problem,
                again_at: now + backoff.wait(),
                backoff,
            },
        };
    }

    /// Returns what a release lacks, and begins to obtain it.
    fn missing(&mut self, release: &Arc<Release>, now: Instant) -> Option<Problem> {
        if matches!(release.artifact, Artifact::Program(_)) {
            return None;
        }
        let step = match self.steps.remove(&release.id) {
            Some(Step::Failed {
                problem,
                again_at,
                backoff,
            }) if now >= again_at => {
                self.begin(release.clone());
                Step::Running {
                    last: Some(problem),
                    backoff,
                }
            }
            Some(step) => step,
            None => {
                self.begin(release.clone());
                Step::Running {
                    last: None,
                    backoff: BACKOFF,
                }
            }
        };
        let missing = match &step {
            Step::Ready => None,
            Step::Failed { problem, .. } => Some(problem.clone()),
            Step::Running { last, .. } => Some(last.clone().unwrap_or_else(preparing)),
        };
        self.steps.insert(release.id.clone(), step);
        missing
    }

    fn begin(&mut self, release: Arc<Release>) {
        let trials = self.trials.clone();
        self.running.spawn(async move {
            let prepared = trials.prepare(&release).await;
            (release.id.clone(), prepared)
        });
    }
}

fn preparing() -> Problem {
    let message = "its image is pulled or loaded: it is served when that is done";
    Problem::new("release-preparing", Cure::Retry, message)
}

#[cfg(test)]
mod tests;
