//! An environment with everything around it, in its own folder.

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use tempfile::TempDir;
use utakata_execution::{
    Config, Environment, Handle,
    config::{Backoff, Permits},
    runtime::{Runtime, process::Process},
};
use utakata_interconnect::{
    Event, Events, Interest, Subscription, Tasks,
    events::bus::{self, Bus},
    tasks::embedded::{self, Embedded},
};
use utakata_interconnect_conformance::faulty::{Faults, FaultyEvents, FaultyTasks};
use utakata_model::{
    ActionName, Class, EnvironmentStatus, Kind, OperationId, Origin, Outcome, OutcomeStatus,
    Parameters, PoolStatus, Readings, Target, TargetName, Task, TaskId, TaskKey,
};

pub use utakata_tests::wait::PATIENCE;

use crate::{
    ledger::{Ledger, Rules, WINDOW},
    panics::PanickingTasks,
    player::{self, Player},
};

/// An environment and everything around it.
pub struct Setup {
    pub folder: TempDir,
    pub runtime: Arc<dyn Runtime>,
    pub rules: Rules,
    /// The faults between it and the rest.
    pub faults: Option<Faults>,
    /// Has the fetching of tasks panic when it is set.
    pub panics: Option<Arc<AtomicBool>>,
}

impl Setup {
    pub fn new(folder: TempDir) -> Self {
        Self {
            folder,
            runtime: Arc::new(Process::default()),
            rules: Rules::default(),
            faults: None,
            panics: None,
        }
    }
}

fn faulty(faults: &Option<Faults>, events: Arc<dyn Events>) -> Arc<dyn Events> {
    match faults {
        Some(faults) => Arc::new(FaultyEvents::new(events, faults.clone())),
        None => events,
    }
}

/// An environment with everything around it.
pub struct Site {
    pub folder: TempDir,
    pub tasks: Embedded,
    pub bus: Bus,
    pub handle: Handle,
    pub ledger: Ledger,
    events: Box<dyn Subscription>,
    seen: Vec<Event>,
}

impl Site {
    /// Starts with the echo release, and these settings.
    pub async fn start(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        add_echo(&folder.path().join("releases"), "echo", |_| {});
        Self::start_in(folder, change).await
    }

    /// Starts with the releases already in the folder.
    pub async fn start_in(folder: TempDir, change: impl FnOnce(&mut Config)) -> Self {
        Self::start_with(folder, change, Arc::new(Process::default())).await
    }

    /// Starts with another runtime.
    pub async fn start_with(
        folder: TempDir,
        change: impl FnOnce(&mut Config),
        runtime: Arc<dyn Runtime>,
    ) -> Self {
        let setup = Setup {
            runtime,
            ..Setup::new(folder)
        };
        Self::build(setup, change).await
    }

    /// Starts with workers of the kind `play`.
    pub async fn play(player: &Player, rules: Rules, change: impl FnOnce(&mut Config)) -> Self {
        Self::build(Self::setup_to_play(player, rules), change).await
    }

    /// With workers of the kind `play`, whose service panics when this is set.
    pub async fn play_with_panics(player: &Player, rules: Rules, panics: Arc<AtomicBool>) -> Self {
        let setup = Setup {
            panics: Some(panics),
            ..Self::setup_to_play(player, rules)
        };
        Self::build(setup, |_| {}).await
    }

    fn setup_to_play(player: &Player, rules: Rules) -> Setup {
        let folder = tempfile::tempdir().unwrap();
        let manifest = player::manifest("play", "");
        add_release(
            &folder.path().join("releases"),
            "play",
            &manifest,
            Some("x"),
        );
        Setup {
            runtime: player.runtime(),
            rules,
            ..Setup::new(folder)
        }
    }

    /// Starts with this setup.
    pub async fn build(setup: Setup, change: impl FnOnce(&mut Config)) -> Self {
        let Setup {
            folder,
            runtime,
            rules,
            faults,
            panics,
        } = setup;
        let tasks = Embedded::new(embedded::Config::default());
        let bus = Bus::new(bus::Config::default());
        let events = bus.subscribe(Interest::ALL).await.unwrap();
        let ledger_side = faulty(&faults, Arc::new(bus.clone()));
        let ledger = Ledger::start(ledger_side, rules).await;
        let mut config = Config {
            releases: vec![folder.path().join("releases")],
            programs: vec![programs()],
            run_folder: Some(folder.path().join("run")),
            backoff: Backoff {
                first: Duration::from_millis(100),
                ..Backoff::default()
            },
            permits: Permits {
                void_after: WINDOW,
                ..Permits::default()
            },
            ..Config::default()
        };
        change(&mut config);
        let shown: Arc<dyn Tasks> = match &faults {
            Some(faults) => Arc::new(FaultyTasks::new(Arc::new(tasks.clone()), faults.clone())),
            None => Arc::new(tasks.clone()),
        };
        let shown: Arc<dyn Tasks> = match panics {
            Some(panics) => Arc::new(PanickingTasks {
                inner: shown,
                panics,
            }),
            None => shown,
        };
        let shown_bus = faulty(&faults, Arc::new(bus.clone()));
        let handle = Environment::builder(config, shown, shown_bus)
            .runtime(runtime)
            .start()
            .unwrap();
        Self {
            folder,
            tasks,
            bus,
            handle,
            ledger,
            events,
            seen: Vec::new(),
        }
    }

    pub fn releases(&self) -> PathBuf {
        self.folder.path().join("releases")
    }

    pub async fn send(&self, tasks: Vec<Task>) -> Vec<TaskKey> {
        let keys = tasks.iter().map(Task::key).collect();
        let refused = self.tasks.publish(tasks).await.unwrap();
        assert_eq!(refused, []);
        keys
    }

    /// Sends a task and waits for its outcome.
    pub async fn ask(&mut self, task: Task) -> Outcome {
        let key = self.send(vec![task]).await[0];
        self.outcomes(&[key]).await.remove(0)
    }

    /// Waits for the outcomes of these attempts, in this order.
    pub async fn outcomes(&mut self, keys: &[TaskKey]) -> Vec<Outcome> {
        let keyed = |o: &Outcome| (o.key(), o.clone());
        let mut found: HashMap<_, _> = outcomes(&self.seen).map(keyed).collect();
        let all = async {
            while !keys.iter().all(|key| found.contains_key(key)) {
                let events = self.events.next().await.unwrap();
                found.extend(outcomes(&events).map(keyed));
                self.seen.extend(events);
            }
        };
        if tokio::time::timeout(PATIENCE, all).await.is_err() {
            panic!("no outcome; status: {:#?}", self.handle.status());
        }
        keys.iter().map(|key| found.remove(key).unwrap()).collect()
    }

    /// Everything published so far, in order.
    pub fn seen(&self) -> &[Event] {
        &self.seen
    }

    /// All outcomes seen of an attempt.
    pub fn outcomes_of(&self, key: TaskKey) -> Vec<Outcome> {
        outcomes(&self.seen)
            .filter(|o| o.key() == key)
            .cloned()
            .collect()
    }

    /// Returns the number of outcomes seen, of any attempts.
    pub fn count_outcomes(&self) -> usize {
        outcomes(&self.seen).count()
    }

    pub fn readings_of(&self, key: TaskKey) -> Option<Arc<Readings>> {
        self.seen.iter().find_map(|event| match event {
            Event::Readings(readings) if readings.seen_by == key => Some(readings.clone()),
            _ => None,
        })
    }

    /// Waits until the status satisfies a condition.
    pub async fn status(
        &self,
        is_wanted: impl Fn(&EnvironmentStatus) -> bool,
    ) -> EnvironmentStatus {
        let mut watch = self.handle.watch();
        let waited =
            tokio::time::timeout(PATIENCE, watch.wait_for(|status| is_wanted(status))).await;
        match waited {
            Ok(status) => (**status.unwrap()).clone(),
            Err(_) => panic!("the status is not as wanted: {:#?}", self.handle.status()),
        }
    }

    /// Waits until a worker of the kind is ready.
    pub async fn ready(&self, kind: &str) -> PoolStatus {
        let status = self
            .status(|status| pool(status, kind).is_some_and(|p| p.ready > 0))
            .await;
        pool(&status, kind).unwrap().clone()
    }

    /// Returns the processes of all workers.
    pub fn processes(&self) -> Vec<i32> {
        processes(&self.folder)
    }

    /// Drains it; nothing is left running.
    pub async fn end(mut self) -> Vec<Event> {
        self.handle.drain(PATIENCE).await.unwrap();
        self.handle.ended().await;
        assert_eq!(processes(&self.folder), [0i32; 0], "workers are left");
        let is_gone = |event: &Event| match event {
            Event::Environment(status) => status.state == utakata_model::EnvironmentState::Gone,
            _ => false,
        };
        while !self.seen.iter().any(is_gone) {
            self.seen.extend(self.events.next().await.unwrap());
        }
        assert!(!self.folder.path().join("run/door/workers.sock").exists());
        self.seen
    }
}

fn outcomes(seen: &[Event]) -> impl Iterator<Item = &Outcome> {
    seen.iter().flat_map(|event| match event {
        Event::Outcomes(batch) => batch.outcomes.as_slice(),
        _ => &[],
    })
}

pub fn pool<'a>(status: &'a EnvironmentStatus, kind: &str) -> Option<&'a PoolStatus> {
    status
        .pools
        .iter()
        .find(|pool| pool.active && pool.release.kind.as_str() == kind)
}

/// Processes started from a release in this folder, recognised by their working directory.
pub fn processes(folder: &TempDir) -> Vec<i32> {
    let inside = fs::canonicalize(folder.path()).unwrap();
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter(|entry| {
        let cwd = fs::read_link(entry.path().join("cwd"));
        // Zombies no longer have a working directory.
        cwd.is_ok_and(|cwd| cwd.starts_with(&inside))
    })
    .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
    .collect()
}

/// The folder with the echo worker's program, which is built if it is missing.
pub fn programs() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap().to_owned();
    if !folder.join("utakata-worker-echo").exists() {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "-p", "utakata-worker-echo"]);
        assert!(build.status().unwrap().success());
    }
    folder
}

/// Puts the echo release into a folder, with its manifest changed, atomically.
pub fn add_echo(releases: &Path, name: &str, change: impl FnOnce(&mut String)) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../workers/echo/releases/echo");
    let mut manifest = fs::read_to_string(source.join("worker.toml")).unwrap();
    change(&mut manifest);
    add_release(releases, name, &manifest, None)
}

/// Puts a release into a folder; its worker is a shell script if one is given.
pub fn add_release(releases: &Path, name: &str, manifest: &str, script: Option<&str>) -> PathBuf {
    let folder = releases.join(name);
    fs::create_dir_all(&folder).unwrap();
    if let Some(script) = script {
        let program = folder.join("worker.sh");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        age(&program);
    }
    let file = folder.join("worker.toml");
    fs::write(&file, manifest).unwrap();
    age(&file);
    folder
}

/// Puts a release into a folder whose worker is in the image named in this `image.toml`.
pub fn add_image(releases: &Path, name: &str, manifest: &str, image: &str) -> PathBuf {
    let folder = add_release(releases, name, manifest, None);
    let file = folder.join("image.toml");
    fs::write(&file, image).unwrap();
    age(&file);
    folder
}

/// Makes a file look old.
pub fn age(path: &Path) {
    let long_ago = SystemTime::now() - Duration::from_secs(60);
    let file = fs::File::options().append(true).open(path).unwrap();
    file.set_modified(long_ago).unwrap();
}

/// An observe task for the echo worker.
pub fn task(target: &str, action: &str, parameters: serde_json::Value) -> Task {
    let name = TargetName::new(target).unwrap();
    let target = Target::new(name, Kind::new("echo").unwrap(), "nowhere".into());
    Task {
        id: TaskId::generate(),
        attempt: 1,
        origin: Origin::Operation(OperationId::generate()),
        target: Arc::new(target),
        credential: None,
        action: ActionName::new(action).unwrap(),
        class: Class::Observe,
        parameters: Parameters::new(&parameters),
        timeout: Duration::from_secs(10),
        expires: Timestamp::now() + Duration::from_secs(60),
    }
}

pub fn echo(target: &str, payload: &str) -> Task {
    task(target, "echo", serde_json::json!({ "payload": payload }))
}

/// A control task for the echo worker.
pub fn set(target: &str, delay: &str) -> Task {
    Task {
        class: Class::Control,
        ..task(target, "set", serde_json::json!({ "delay": delay }))
    }
}

#[track_caller]
pub fn assert_ended(outcome: &Outcome, status: OutcomeStatus, code: &str) {
    let said = outcome.problem.as_ref().map_or("", |problem| &problem.code);
    assert_eq!((outcome.status, said), (status, code), "{outcome:#?}");
}
