//! Profiles without a release: those in the data directory are put into a release of the kind
//! `snmp`, with a version of its own, as soon as they are right.
//!
//! What they are in is a release like any other: an environment finds it in a folder, pins it by
//! its digest and starts its workers before those of the one before end (docs/adr/0011).

mod release;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::Result;
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior},
};
use utakata_execution::catalogue::Unmade;
use utakata_model::{
    Cure, EnvironmentStatus, Problem,
    environment::RefusedRelease,
    workbench::{Answer, Refusal, Request},
};

use crate::workbench;
use release::Made;

/// The kind that they belong to.
const KIND: &str = "snmp";
/// How often the folder is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What could not be done is tried again after this.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// A release that is there for so long and does not serve will not by itself.
const SERVES_WITHIN: Duration = Duration::from_secs(20);

/// The profiles of a data directory.
#[derive(Debug)]
pub struct Profiles {
    /// Where people put them.
    folder: PathBuf,
    /// The folder with the releases that are made of them.
    releases: PathBuf,
    unmade: Unmade,
    /// What was taken or refused last.
    seen: Option<Stamps>,
    /// What has not been still since the last look.
    moving: Option<Stamps>,
    retry: Option<Instant>,
    made: Option<(Made, Instant)>,
    refused: Vec<RefusedRelease>,
}

/// The files by path, with what changes when they do.
type Stamps = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

impl Profiles {
    /// Those of a data directory.
    pub fn of(data: &Path) -> Self {
        Self {
            folder: data.join("profiles"),
            releases: data.join("made"),
            unmade: Unmade::default(),
            seen: None,
            moving: None,
            retry: None,
            made: None,
            refused: Vec::new(),
        }
    }

    /// The folder with the releases that are made of them.
    pub fn releases(&self) -> &Path {
        &self.releases
    }

    /// What cannot be used of them.
    pub fn unmade(&self) -> &Unmade {
        &self.unmade
    }

    /// Keeps the releases as the profiles are, until it is dropped.
    pub async fn follow(mut self, status: watch::Receiver<Arc<EnvironmentStatus>>) {
        let mut tick = tokio::time::interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            self.look(Instant::now()).await;
            let unserved = self.unserved(&status.borrow(), Instant::now());
            let all = self.refused.iter().cloned().chain(unserved);
            self.unmade.set(all.collect());
        }
    }

    async fn look(&mut self, now: Instant) {
        let stamps = match stamps(&self.folder) {
            Ok(stamps) => stamps,
            Err(error) => {
                let problem = format!("{} cannot be read: {error}", self.folder.display());
                self.refused = vec![refused(&self.folder, problem)];
                return;
            }
        };
        let is_due = self.retry.is_some_and(|at| at <= now);
        if self.seen.as_ref() == Some(&stamps) && !is_due {
            return;
        }
        // What changes between two looks is still being written.
        if self.seen.is_some() && self.moving.as_ref() != Some(&stamps) && !is_due {
            self.moving = Some(stamps);
            return;
        }
        self.retry = None;
        match self.take(&stamps).await {
            Ok(refused) => self.refused = refused,
            Err(error) => {
                self.refused = vec![refused(&self.folder, format!("{error:#}"))];
                self.retry = Some(now + RETRY_AFTER);
            }
        }
        self.seen = Some(stamps);
    }

    /// Takes the profiles as they are now, unless one of them is wrong.
    async fn take(&mut self, stamps: &Stamps) -> Result<Vec<RefusedRelease>> {
        let files: Vec<PathBuf> = stamps.keys().cloned().collect();
        if files.is_empty() {
            release::clear(&self.releases, KIND)?;
            self.made = None;
            return Ok(Vec::new());
        }
        let request = Request::Check {
            files: files.clone(),
        };
        match workbench::ask(&request).await? {
            Answer::Right => {}
            Answer::Refused { problems } => return Ok(problems.into_iter().map(told).collect()),
            _ => anyhow::bail!("{} is of another version", workbench::PROGRAM),
        }
        let (made, is_new) = release::make(&self.releases, KIND, &files)?;
        if is_new {
            tracing::info!(
                release = format!("{KIND}@{}", made.version),
                profiles = files.len(),
                "the profiles of the data directory are in a release"
            );
        }
        self.made = Some((made, Instant::now()));
        Ok(Vec::new())
    }

    /// That another release serves, if it is so for long.
    fn unserved(&self, status: &EnvironmentStatus, now: Instant) -> Option<RefusedRelease> {
        let (made, since) = self.made.as_ref()?;
        if now.duration_since(*since) < SERVES_WITHIN {
            return None;
        }
        let mut pools = status.pools.iter();
        let active = pools.find(|pool| pool.active && pool.release.kind.as_str() == KIND)?;
        if *active.release.version == *made.version {
            return None;
        }
        // What is being started, or is refused, is told by the environment.
        let is_there = status
            .pools
            .iter()
            .any(|pool| *pool.release.version == *made.version);
        is_there.then(|| RefusedRelease {
            path: self.folder.display().to_string(),
            problem: Problem::new(
                "profile-unserved",
                Cure::Operator,
                format!(
                    "the profiles are in {KIND}@{}, but {KIND}@{} serves",
                    made.version, active.release.version
                ),
            ),
        })
    }
}

fn told(refusal: Refusal) -> RefusedRelease {
    refused(&refusal.file, refusal.problem)
}

fn refused(path: &Path, problem: String) -> RefusedRelease {
    RefusedRelease {
        path: path.display().to_string(),
        problem: Problem::new("profile-refused", Cure::Operator, problem),
    }
}

/// The profiles of a folder, which need not be there.
fn stamps(folder: &Path) -> io::Result<Stamps> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Stamps::new()),
        entries => entries?,
    };
    let mut stamps = Stamps::new();
    for entry in entries {
        let path = entry?.path();
        let is_profile = path.extension().is_some_and(|ending| ending == "toml");
        if !is_profile {
            continue;
        }
        match path.metadata() {
            Ok(meta) => drop(stamps.insert(path, (meta.len(), meta.modified().ok()))),
            // It has gone since.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(stamps)
}
