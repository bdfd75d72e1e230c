//! A client that rolls out one release of the drilled kind after the other, whatever is killed.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use utakata_api::{
    Client,
    client::Error,
    rollout::{NewRollout, Rollout, RolloutState},
};
use utakata_model::{Problem, RolloutPlan};

use utakata_up::release_folder::ReleaseFolder;

use crate::{image::Images, release, server::Server};

/// The interval between looks, and before anything is retried.
const RETRY_AFTER: Duration = Duration::from_millis(100);
/// One in this many goes through all phases, the others have neither shadow nor canary.
const WHOLE_WAY: u32 = 3;
/// The version with which the releases of a drill begin.
const FIRST: &str = "version = \"1.0.0\"";

/// The results of the rollouts.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Rolled {
    /// The number of rollouts after which the new release served.
    pub done: u64,
    /// The number of rollouts that went back: workers are killed all the time, and devices lie.
    pub back: u64,
    /// The problem of the last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_problem: Option<Problem>,
    /// The reason for which the next step of the present one is refused repeatedly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

impl Rolled {
    /// Describes them in one line.
    pub fn line(&self) -> String {
        let why = self.last_problem.as_ref();
        let why = why.map_or_else(String::new, |problem| format!(", the last one: {problem}"));
        let refused = self.refused.as_ref();
        let refused = refused.map_or_else(String::new, |why| format!("; refused: {why}"));
        format!(
            "releases rolled: {} serve or have served, {} were rolled back{why}{refused}",
            self.done, self.back
        )
    }
}

/// Rolls out releases throughout a drill.
#[derive(Debug, Clone)]
pub struct Roller {
    server: Arc<Server>,
    folder: PathBuf,
    /// The image, if releases are images.
    image: Option<Images>,
    rolled: Arc<Mutex<Rolled>>,
    is_over: Arc<AtomicBool>,
}

impl Roller {
    /// Creates a roller with a folder of its own.
    pub fn new(server: Arc<Server>, folder: PathBuf, image: Option<Images>) -> Self {
        Self {
            server,
            folder,
            image,
            rolled: Arc::default(),
            is_over: Arc::default(),
        }
    }

    /// Returns the results so far.
    pub fn rolled(&self) -> Rolled {
        self.rolled.lock().clone()
    }

    /// Returns true if it was asked to stop and the last rollout has ended.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// Rolls out one after the other until asked to stop, and follows the last one to its end.
    ///
    /// # Errors
    /// The folder cannot be written, or a process that was not killed refuses a release.
    pub async fn run(self, stop: CancellationToken) -> Result<()> {
        let mut before = Vec::new();
        for number in 1.. {
            if stop.is_cancelled() {
                self.is_over.store(true, Ordering::Release);
                return Ok(());
            }
            self.delete_unwanted(&mut before).await?;
            let version = format!("1.0.{number}");
            let release = self.write(&version)?;
            self.again(|client| {
                let release = release.clone();
                async move {
                    ReleaseFolder::read(&release)?
                        .push(&client, |_, _| {})
                        .await
                }
            })
            .await?;
            let ended = self.roll(&version, plan(number)).await?;
            before.push(version);
            let mut rolled = self.rolled.lock();
            match ended.state {
                RolloutState::Done => rolled.done += 1,
                _ => {
                    rolled.back += 1;
                    rolled.last_problem = ended.problem;
                }
            }
        }
        Ok(())
    }

    fn write(&self, version: &str) -> Result<PathBuf> {
        release::write(&self.folder).context("a release cannot be written")?;
        let folder = self.folder.join(release::NAME);
        let manifest = folder.join("worker.toml");
        let text =
            fs::read_to_string(&manifest)?.replace(FIRST, &format!("version = \"{version}\""));
        fs::write(&manifest, text)?;
        if let Some(image) = &self.image {
            let made = image.put_into(&folder);
            made.context("an image cannot be built")?;
        }
        Ok(folder)
    }

    /// Makes room for more: deletes earlier releases, except for those that are needed. If nobody
    /// answers they stay until the next time.
    async fn delete_unwanted(&self, before: &mut Vec<String>) -> Result<()> {
        let Some(client) = self.server.client() else {
            return Ok(());
        };
        let mut there = Vec::new();
        for version in before.drain(..) {
            let reference = format!("drill@{version}").parse()?;
            match client.delete_release(&reference).await {
                Ok(()) => {}
                // It was deleted, but the answer was lost.
                Err(Error::Refused(problem)) if problem.status == 404 => {}
                Err(_) => there.push(version),
            }
        }
        *before = there;
        Ok(())
    }

    /// Carries out one rollout from beginning to end.
    async fn roll(&self, version: &str, plan: RolloutPlan) -> Result<Rollout> {
        let asked = NewRollout {
            kind: "drill".parse()?,
            to: version.to_owned(),
            plan,
            waves: Vec::new(),
            why: None,
        };
        let mut rollout = self.again(|client| begin(client, asked.clone())).await?;
        while !rollout.state.is_over() {
            sleep(RETRY_AFTER).await;
            let id = rollout.id;
            rollout = self
                .again(|client| async move { Ok(client.rollout(id).await?) })
                .await?;
        }
        Ok(rollout)
    }

    /// Asks until somebody answers who can.
    async fn again<T, F>(&self, ask: impl Fn(Client) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        loop {
            if let Some(client) = self.server.client() {
                match ask(client).await {
                    Err(error) if is_away(&error) => self.note(&error),
                    answer => {
                        self.rolled.lock().refused = None;
                        return answer;
                    }
                }
            }
            sleep(RETRY_AFTER).await;
        }
    }

    fn note(&self, error: &anyhow::Error) {
        if let Some(Error::Refused(problem)) = error.downcast_ref::<Error>() {
            self.rolled.lock().refused = Some(problem.detail.clone());
        }
    }
}

/// Begins it, unless an earlier request did so and its answer was lost.
async fn begin(client: Client, asked: NewRollout) -> Result<Rollout> {
    let newest = client.rollouts().await?.into_iter().next();
    let is_asked = |one: &Rollout| one.kind == asked.kind && *one.to.version == *asked.to;
    match newest.filter(is_asked) {
        Some(begun) => Ok(begun),
        None => Ok(client.begin_rollout(&asked).await?),
    }
}

/// Returns true if the error may be temporary, because somebody was killed.
fn is_away(error: &anyhow::Error) -> bool {
    match error.downcast_ref::<Error>() {
        Some(Error::Refused(problem)) => {
            // A restarted logic environment has not heard of the kind or the release yet.
            problem.status >= 500 || problem.status == 404
        }
        Some(_) => true,
        None => false,
    }
}

fn plan(number: u32) -> RolloutPlan {
    if number.is_multiple_of(WHOLE_WAY) {
        return RolloutPlan {
            shadow_answers: 5,
            canary_shares: vec![0.25],
            canary_tasks: 10,
            watch: Duration::from_secs(1),
            ..RolloutPlan::default()
        };
    }
    RolloutPlan {
        shadow_answers: 0,
        canary_shares: Vec::new(),
        canary_tasks: 0,
        watch: Duration::ZERO,
        ..RolloutPlan::default()
    }
}
