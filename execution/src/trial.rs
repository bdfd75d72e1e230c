//! A worker that is started on trial: a release is served when one of it has said hello. So what
//! only the place of the workers knows is known before anything is asked of it: whether the image
//! can be had and runs there, whether it may, and whether it finds its manager.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use utakata_model::{Cure, Problem, WorkerId, id::NAME_MAX};

use crate::{
    Release,
    endpoint::{Admission, Ticket},
    runtime::{Door, Error, Exit, Life, Running, Runtime, Spec},
    worker::{Number, Report, StreamEnd, WorkerEvent},
};

/// Reports of one worker that wait to be read.
const REPORTS: usize = 8;
/// The end of its name, after its kind.
const SUFFIX: &str = "-trial";

/// Everything that a worker on trial needs.
pub(crate) struct Trials {
    pub(crate) life: Life,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) admission: Admission,
    pub(crate) socket: PathBuf,
    pub(crate) loopback: Option<SocketAddr>,
    pub(crate) door: Option<Arc<Door>>,
    /// The names of the variables that workers see.
    pub(crate) variables: Vec<String>,
    /// The time that a worker has from its start to its hello.
    pub(crate) within: Duration,
}

impl Trials {
    /// Makes a release ready, and tries it where that is how its place is known.
    ///
    /// # Errors
    /// The reason for which no worker of it can serve.
    pub(crate) async fn prepare(&self, release: &Release) -> Result<(), Problem> {
        let prepared = self.runtime.prepare(release).await;
        prepared.map_err(|error| error.problem())?;
        match self.runtime.is_tried_first(&release.artifact) {
            true => self.run(release).await,
            false => Ok(()),
        }
    }

    async fn run(&self, release: &Release) -> Result<(), Problem> {
        let worker = worker_id(release);
        let (reports, mut said) = mpsc::channel(REPORTS);
        let token = self.admission.issue(Ticket {
            number: Number(0),
            worker: worker.clone(),
            manifest: release.manifest.clone(),
            reports,
            cut: CancellationToken::new(),
        });
        let started = self
            .runtime
            .start(self.spec(release, &worker, &token))
            .await;
        let tried = match started {
            Ok(mut running) => {
                let hello = hello(&mut *running, &mut said, &worker);
                let tried = tokio::time::timeout(self.within, hello).await;
                running.kill();
                tried.unwrap_or_else(|_| Err(no_hello(&worker, self.within)))
            }
            Err(error) => Err(error.problem()),
        };
        self.admission.revoke(&token);
        tried
    }

    fn spec(&self, release: &Release, worker: &WorkerId, token: &str) -> Spec {
        Spec {
            worker: worker.clone(),
            life: self.life.clone(),
            release: release.id.clone(),
            folder: release.folder.clone(),
            artifact: release.artifact.clone(),
            run: release.manifest.run.clone(),
            socket: self.socket.clone(),
            loopback: self.loopback,
            door: self.door.clone(),
            is_trial: true,
            control_within: release.manifest.control_within(),
            token: token.into(),
            variables: Spec::passed(&self.variables),
        }
    }
}

/// Waits for the hello of a worker. Errors: it was not good, or the worker has ended before it.
async fn hello(
    running: &mut dyn Running,
    said: &mut mpsc::Receiver<Report>,
    worker: &WorkerId,
) -> Result<(), Problem> {
    loop {
        tokio::select! {
            // A hello counts also where the end is known at the same time.
            biased;
            report = said.recv() => match report.map(|report| report.event) {
                Some(WorkerEvent::Ready { .. }) => return Ok(()),
                Some(WorkerEvent::Parted(StreamEnd::Refused(problem))) => return Err(problem),
                // Only when nobody can come any more.
                None => std::future::pending().await,
                Some(_) => {}
            },
            exit = running.ended() => return Err(ended(running, worker, exit)),
        }
    }
}

fn ended(running: &dyn Running, worker: &WorkerId, exit: Exit) -> Problem {
    if let Some(fault) = running.fault() {
        return Error::problem(&fault);
    }
    let words = running.last_words();
    let words = words.as_deref().unwrap_or("it has said nothing");
    let message = format!("the worker {worker} {exit} before it said hello: {words}");
    Problem::new("worker-crashed", Cure::Operator, message)
}

fn no_hello(worker: &WorkerId, within: Duration) -> Problem {
    let message = format!(
        "the worker {worker} was started on trial and did not say hello within {}: does it reach \
         its environment at the address that it was told?",
        utakata_model::duration::format(within)
    );
    Problem::new("worker-no-hello", Cure::Operator, message)
}

/// The name of a worker on trial: the kind and the version, as far as they fit.
fn worker_id(release: &Release) -> WorkerId {
    let digest = &release.id.digest.0;
    let digest = digest.rsplit(':').next().unwrap_or_default();
    let digest = digest.get(..8).unwrap_or(digest);
    let kind = release.id.kind.as_str();
    let most = NAME_MAX - SUFFIX.len() - 9;
    let kind = kind.get(..most).unwrap_or(kind);
    #[allow(clippy::expect_used, reason = "a kind and a digest make a name")]
    WorkerId::new(format!("{kind}-{digest}{SUFFIX}")).expect("a kind and a digest make a name")
}

#[cfg(test)]
mod tests;
