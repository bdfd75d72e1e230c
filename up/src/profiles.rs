//! Profiles without a release: those in the data directory are put into a release of the kind
//! `snmp`, with a version of its own, as soon as they are valid.
//!
//! That release is like any other: an environment finds it in a folder, pins it by its digest, and
//! starts its workers before those of the previous one end (docs/adr/0015).

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
use utakata_execution::Unmade;
use utakata_model::{
    Cure, EnvironmentStatus, Problem,
    environment::RefusedRelease,
    workbench::{Answer, Refusal, Request},
};

use crate::workbench;
use release::Made;

/// The kind to which they belong.
const KIND: &str = "snmp";
/// The interval at which the folder is scanned.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The pause after a failure.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// A release that has not begun to serve within this time will not do so by itself.
const SERVING_TIMEOUT: Duration = Duration::from_secs(20);

/// The profiles of a data directory.
#[derive(Debug)]
pub struct Profiles {
    /// The folder into which users put them.
    folder: PathBuf,
    /// The folder of the releases made from them.
    releases: PathBuf,
    unmade: Unmade,
    /// The files that were last taken or refused.
    seen: Option<Stamps>,
    /// The files that changed since the last scan.
    moving: Option<Stamps>,
    retry: Option<Instant>,
    made: Option<(Made, Instant)>,
    refused: Vec<RefusedRelease>,
}

/// Files by path, with the properties that change when they do.
type Stamps = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

impl Profiles {
    /// The profiles of a data directory.
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

    /// The folder of the releases made from them.
    pub fn releases(&self) -> &Path {
        &self.releases
    }

    pub fn unmade(&self) -> &Unmade {
        &self.unmade
    }

    /// Makes the folder into which users put them, so that the first one can be copied there.
    ///
    /// # Errors
    /// The data directory cannot be written.
    fn make_folder(&self) -> io::Result<()> {
        fs::create_dir_all(&self.folder)
    }

    /// Keeps the releases in step with the profiles until dropped.
    pub async fn follow(mut self, status: watch::Receiver<Arc<EnvironmentStatus>>) {
        if let Err(error) = self.make_folder() {
            let folder = self.folder.display();
            tracing::warn!(%folder, %error, "the folder for profiles cannot be made");
        }
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
        // Files that change between two scans are still being written.
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
            Answer::Refused { problems } => {
                return Ok(problems.iter().map(|one| self.told(one)).collect());
            }
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

    /// Returns the problem that another release is serving, once that has lasted.
    fn unserved(&self, status: &EnvironmentStatus, now: Instant) -> Option<RefusedRelease> {
        let (made, since) = self.made.as_ref()?;
        if now.duration_since(*since) < SERVING_TIMEOUT {
            return None;
        }
        Some(RefusedRelease {
            path: self.folder.display().to_string(),
            problem: unserved(&made.version, status)?,
        })
    }

    /// Drops the path from a problem that already names the file: it is reported next to it.
    fn told(&self, refusal: &Refusal) -> RefusedRelease {
        let folder = format!("{}/", self.folder.display());
        refused(&refusal.file, refusal.problem.replace(&folder, ""))
    }
}

/// Returns the problem that a release other than the one made is serving, and that this will not
/// change by itself. A release that is starting or fails to start is reported by the environment.
fn unserved(version: &str, status: &EnvironmentStatus) -> Option<Problem> {
    let mut pools = status
        .pools
        .iter()
        .filter(|pool| pool.release.kind.as_str() == KIND);
    let active = pools.clone().find(|pool| pool.active)?;
    let made = pools.find(|pool| *pool.release.version == *version);
    let is_on_its_way = made.is_some_and(|pool| pool.starting > 0 || pool.problem.is_some());
    let is_refused = status
        .refused
        .iter()
        .any(|one| one.path.ends_with(&format!("-{version}")));
    if *active.release.version == *version || is_on_its_way || is_refused {
        return None;
    }
    let message = format!(
        "the profiles are in {KIND}@{version}, but {KIND}@{} serves: `utakata worker roll {KIND} \
         --to {version}` changes that",
        active.release.version
    );
    Some(Problem::new("profile-unserved", Cure::Operator, message))
}

fn refused(path: &Path, problem: String) -> RefusedRelease {
    RefusedRelease {
        path: path.display().to_string(),
        problem: Problem::new("profile-refused", Cure::Operator, problem),
    }
}

/// The profile files of a folder, which need not exist.
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
            // It has been removed since.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(stamps)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// An environment with pools of this kind: version, whether it is active, workers starting.
    fn status(pools: &[(&str, bool, u32)], refused: &Value) -> EnvironmentStatus {
        let manifest = json!({
            "kind": KIND, "version": "1", "protocol": 1, "run": { "program": "x" },
            "action": [{ "name": "read", "class": "observe" }],
        });
        let pool = |(version, active, starting): &(&str, bool, u32)| {
            json!({
                "release": { "kind": KIND, "version": version, "digest": "d" },
                "manifest": manifest, "active": active, "starting": starting, "ready": 1,
                "draining": 0, "running": 0, "waiting": 0, "lost": 0,
            })
        };
        let pools: Vec<Value> = pools.iter().map(pool).collect();
        serde_json::from_value(json!({
            "id": "e", "incarnation": utakata_model::Incarnation::generate(),
            "zone": "default", "state": "running", "time": "2026-01-01T00:00:00Z",
            "version": "1", "pools": pools, "refused": refused,
        }))
        .unwrap()
    }

    #[test]
    fn the_folder_for_profiles_is_there_before_the_first_one() {
        let data = tempfile::tempdir().unwrap();
        let profiles = Profiles::of(data.path());
        profiles.make_folder().unwrap();
        profiles.make_folder().unwrap();
        assert!(data.path().join("profiles").is_dir());
    }

    #[test]
    fn a_release_that_will_not_serve_by_itself_is_reported() {
        let check = |pools: &[(&str, bool, u32)], refused: Value, expect: bool| {
            let told = unserved("1.0.0.2", &status(pools, &refused));
            assert_eq!(told.is_some(), expect, "{pools:?} {refused}: {told:?}");
        };
        let none = || json!([]);
        let problem = json!({ "code": "x", "message": "x", "cure": "operator" });
        check(&[("1.0.0.2", true, 0)], none(), false);
        check(&[("1.0.0", true, 0)], none(), true);
        check(&[("1.0.0", true, 0), ("1.0.0.2", false, 0)], none(), true);
        check(&[("1.0.0", true, 0), ("1.0.0.2", false, 1)], none(), false);
        let refused = json!([{ "path": "/data/made/snmp-1.0.0.2", "problem": problem }]);
        check(&[("1.0.0", true, 0)], refused, false);
        check(&[], none(), false);
    }
}
