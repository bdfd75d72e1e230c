//! Rollouts with real workers: a good release takes over, and bad ones are rolled back on evidence,
//! while the old one serves.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;
use utakata_execution::Config;
use utakata_interconnect::{Event, Events};
use utakata_model::{
    Content, ContentFile, Desired, EnvironmentStatus, FileDigest, Kind, KindDesired, Manifest,
    Outcome, OutcomeStatus, ReleaseDigest, ReleaseId, RolloutId, RolloutOrder, RolloutPhase,
    RolloutPlan, RolloutStatus, Task, Zone,
    content::{DigestedFile, release_digest},
    manifest::PoolSize,
    rollout::{Go, GoOrder},
};

use crate::site::{Site, add_echo, add_release, echo, pool, programs, set, task};

/// Tasks in progress at a time.
const BATCH: usize = 20;
/// The program that a lying worker really is.
const LIE: &str = "lie=$(mktemp -d); sed 's/0.2.0/0.3.0/' worker.toml > $lie/worker.toml\n\
                   UTAKATA_RELEASE=$lie exec";

fn kind() -> Kind {
    Kind::new("echo").unwrap()
}

/// The folder of a site, with the echo release.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    add_echo(&folder.path().join("releases"), "old", |_| {});
    folder
}

/// Adds version 0.2.0, with additions to its manifest.
fn add_new(folder: &TempDir, more: &str) {
    add_echo(&folder.path().join("releases"), "new", |manifest| {
        *manifest = manifest
            .replace("0.1.0", "0.2.0")
            .replace("[run]", &format!("{more}\n[run]"));
    });
}

/// The id of a release, computed from its files.
pub fn id(folder: &TempDir, name: &str) -> ReleaseId {
    let folder = folder.path().join("releases").join(name);
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let file = |path: &String| {
        let bytes = fs::read(folder.join(path)).unwrap();
        ContentFile {
            path: path.clone(),
            digest: FileDigest::of(&bytes),
            size: bytes.len() as u64,
            executable: is_executable(&folder.join(path)),
        }
    };
    let content = Content {
        files: names.iter().map(file).collect(),
    };
    let manifest = fs::read_to_string(folder.join("worker.toml")).unwrap();
    let manifest = Manifest::parse(&manifest).unwrap();
    ReleaseId {
        kind: manifest.kind.clone(),
        version: manifest.version.clone().into(),
        digest: digest(&content, &manifest),
    }
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).unwrap().permissions().mode() & 0o111 != 0
}

fn digest(content: &Content, manifest: &Manifest) -> ReleaseDigest {
    if content.file(&manifest.run.program).is_some() || content.file("image.toml").is_some() {
        return content.release_digest(&manifest.run);
    }
    // The program is elsewhere.
    let program = fs::read(programs().join(&manifest.run.program)).unwrap();
    let files = content.files.iter();
    let files = files.map(|file| DigestedFile {
        path: file.path.as_bytes(),
        hash: file.digest.hash(),
        executable: file.executable,
    });
    release_digest(files, Some(FileDigest::of(&program).hash()))
}

/// The desired state of the kind.
pub struct Asking {
    revision: u64,
    rollout: RolloutId,
}

impl Asking {
    pub fn new() -> Self {
        Self {
            revision: 0,
            rollout: RolloutId::generate(),
        }
    }

    /// Begins another rollout, to which later orders belong.
    pub fn another(&mut self) {
        self.rollout = RolloutId::generate();
    }

    async fn ask(&mut self, site: &Site, asked: KindDesired) {
        self.revision += 1;
        let desired = Desired {
            zone: Zone::default(),
            revision: self.revision,
            environments: BTreeMap::new(),
            kinds: [(kind(), asked)].into(),
            standing: utakata_model::desired::StandingOrders::default(),
            targets: None,
        };
        let event = Event::Desired(Arc::new(desired));
        site.bus.publish(vec![event]).await.unwrap();
    }

    /// Orders that this release is to serve, and nothing else.
    pub async fn stable(&mut self, site: &Site, stable: &ReleaseId) {
        let asked = KindDesired {
            stable: Some(stable.clone()),
            ..KindDesired::default()
        };
        self.ask(site, asked).await;
    }

    pub async fn order(
        &mut self,
        site: &Site,
        way: (&ReleaseId, &ReleaseId),
        plan: &RolloutPlan,
        go: GoOrder,
    ) {
        let go = Go {
            order: go,
            promoted: None,
        };
        let asked = KindDesired {
            stable: Some(way.0.clone()),
            rollout: Some(RolloutOrder {
                id: self.rollout,
                candidate: way.1.clone(),
                plan: plan.clone(),
                environments: [(site.handle.status().id.clone(), go)].into(),
            }),
            ..KindDesired::default()
        };
        self.ask(site, asked).await;
    }
}

pub fn plan() -> RolloutPlan {
    RolloutPlan {
        shadow_answers: 10,
        canary_shares: vec![0.2, 0.5],
        canary_tasks: 20,
        watch: Duration::from_millis(200),
        ..RolloutPlan::default()
    }
}

pub fn without_shadow() -> RolloutPlan {
    RolloutPlan {
        shadow_answers: 0,
        canary_shares: vec![0.25],
        canary_tasks: 1000,
        ..plan()
    }
}

fn at_once() -> RolloutPlan {
    RolloutPlan {
        shadow_answers: 0,
        canary_shares: Vec::new(),
        canary_tasks: 0,
        watch: Duration::ZERO,
        ..RolloutPlan::default()
    }
}

/// A site whose folder has both releases, serving the old one.
async fn start(folder: TempDir, asking: &mut Asking) -> (Site, ReleaseId, ReleaseId) {
    start_with(folder, asking, |_| {}).await
}

async fn start_with(
    folder: TempDir,
    asking: &mut Asking,
    change: impl FnOnce(&mut Config),
) -> (Site, ReleaseId, ReleaseId) {
    let (old, new) = (id(&folder, "old"), id(&folder, "new"));
    let state = folder.path().join("state");
    let site = Site::start_in(folder, |config| {
        config.state_folder = Some(state);
        change(config);
    })
    .await;
    asking.stable(&site, &old).await;
    let is_old = |status: &EnvironmentStatus| match &*status.pools {
        [only] => only.release == old && only.active && only.ready > 0,
        _ => false,
    };
    site.status(is_old).await;
    (site, old, new)
}

pub fn rollout(status: &EnvironmentStatus) -> Option<&RolloutStatus> {
    status.rollouts.first()
}

pub fn has_ended(status: &EnvironmentStatus) -> bool {
    let is_end =
        |rollout: &RolloutStatus| matches!(rollout.phase, RolloutPhase::Done | RolloutPhase::Back);
    rollout(status).is_some_and(is_end)
}

/// The tasks that are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum What {
    /// Reads, with the same result from all workers until something is set.
    Reads,
    /// Control as well.
    All,
}

/// Sends tasks, batch after batch, until a condition holds; returns all outcomes.
pub async fn load(
    site: &mut Site,
    what: What,
    is_over: impl Fn(&EnvironmentStatus) -> bool,
) -> Vec<Outcome> {
    let deadline = Instant::now() + crate::site::PATIENCE;
    let mut outcomes = Vec::new();
    while !is_over(&site.handle.status()) {
        assert!(Instant::now() < deadline, "{:#?}", site.handle.status());
        let one = |n: usize| -> Task {
            let target = format!("t{n}");
            match n % 4 {
                0 if what == What::All => set(&target, "0ms"),
                1 => echo(&target, "x"),
                _ => task(&target, "read", serde_json::json!({})),
            }
        };
        let keys = site.send((0..BATCH).map(one).collect()).await;
        outcomes.extend(site.outcomes(&keys).await);
    }
    outcomes
}

pub fn by<'o>(outcomes: &'o [Outcome], release: &ReleaseId) -> Vec<&'o Outcome> {
    let ran = |outcome: &&Outcome| {
        let ran_by = outcome.ran_by.as_ref();
        ran_by.is_some_and(|ran_by| *ran_by.release == *release)
    };
    outcomes.iter().filter(ran).collect()
}

pub fn all_succeeded(outcomes: &[&Outcome]) {
    for outcome in outcomes {
        assert_eq!(outcome.status, OutcomeStatus::Succeeded, "{outcome:#?}");
    }
}

/// Rolls out a release with some fault: it is rolled back for that reason, the old one serves all
/// the time, no task is lost, and no more than the share reached the faulty one.
async fn is_turned_back(folder: TempDir, plan: RolloutPlan, code: &str) -> RolloutStatus {
    let mut asking = Asking::new();
    let (mut site, old, new) = start(folder, &mut asking).await;
    asking.order(&site, (&old, &new), &plan, GoOrder::Go).await;
    let has_shadow = plan.shadow_answers > 0;
    let what = if has_shadow { What::Reads } else { What::All };
    let outcomes = load(&mut site, what, has_ended).await;
    let status = site.handle.status();
    let seen = rollout(&status).unwrap().clone();
    let problem = seen.problem.as_ref().unwrap();
    assert_eq!(
        (seen.phase, &*problem.code),
        (RolloutPhase::Back, code),
        "{seen:#?}"
    );

    let share = plan.canary_shares.last().copied().unwrap_or(0.0);
    let max = (outcomes.len() as f64 * share).ceil() as usize;
    let (good, bad) = (by(&outcomes, &old), by(&outcomes, &new));
    assert!(bad.len() <= max, "{} of {}", bad.len(), outcomes.len());
    // Control prepared by a worker when it died was not begun: nobody ran it.
    let unbegun = outcomes.iter().filter(|outcome| outcome.ran_by.is_none());
    let unbegun: Vec<&Outcome> = unbegun.collect();
    for outcome in &unbegun {
        assert_eq!(outcome.status, OutcomeStatus::Expired, "{outcome:#?}");
    }
    assert_eq!(good.len() + bad.len() + unbegun.len(), outcomes.len());
    all_succeeded(&good);
    // The state persists, and nothing is left of the faulty release.
    site.status(|status| {
        status
            .pools
            .iter()
            .all(|pool| pool.active || pool.ready == 0)
    })
    .await;
    let more = site
        .send((0..BATCH).map(|n| echo(&format!("m{n}"), "x")).collect())
        .await;
    let more = site.outcomes(&more).await;
    assert_eq!(by(&more, &old).len(), BATCH);
    assert_eq!(pool(&site.handle.status(), "echo").unwrap().lost, 0);
    site.end().await;
    seen
}

fn bad(more: &str) -> TempDir {
    let folder = folder();
    add_new(&folder, &format!("[settings.faults]\n{more}"));
    folder
}

#[tokio::test]
async fn a_good_release_goes_from_phase_to_phase_and_takes_over_without_a_loss() {
    let folder = folder();
    add_new(&folder, "");
    let mut asking = Asking::new();
    let (mut site, old, new) = start(folder, &mut asking).await;
    asking
        .order(&site, (&old, &new), &plan(), GoOrder::Go)
        .await;
    let is_tried = |status: &EnvironmentStatus| {
        rollout(status).is_some_and(|rollout| rollout.phase >= RolloutPhase::Canary)
    };
    let mut outcomes = load(&mut site, What::Reads, is_tried).await;
    outcomes.extend(load(&mut site, What::All, has_ended).await);
    all_succeeded(&outcomes.iter().collect::<Vec<_>>());
    let status = site.handle.status();
    let seen = rollout(&status).unwrap();
    assert_eq!((seen.phase, &seen.problem), (RolloutPhase::Done, &None));
    let evidence = &seen.evidence;
    assert!(
        evidence.compared >= 10 && evidence.differing == 0,
        "{evidence:#?}"
    );
    assert!(evidence.candidate.tasks >= 40, "{evidence:#?}");
    assert!(evidence.stable.tasks > 0, "{evidence:#?}");
    assert_eq!(pool(&status, "echo").unwrap().release, new);

    asking.stable(&site, &new).await;
    let status = site
        .status(|status| status.rollouts.is_empty() && status.pools.len() == 1)
        .await;
    assert_eq!(
        (status.pools[0].release.clone(), status.pools[0].lost),
        (new.clone(), 0)
    );
    let seen = phases(&site.end().await);
    let mut in_order = seen.clone();
    in_order.sort();
    // Phases in quick succession are reported together.
    assert_eq!(seen, in_order);
}

/// The kind uses all permitted workers: its candidate gets a place from them all the same.
#[tokio::test]
async fn a_release_takes_over_where_no_more_workers_may_run_than_there_are() {
    let folder = folder();
    add_new(&folder, "");
    let mut asking = Asking::new();
    let size = PoolSize {
        min: 3,
        max: 3,
        ..PoolSize::default()
    };
    let (mut site, old, new) = start_with(folder, &mut asking, |config| {
        config.max_workers = Some(3);
        config.pools.insert(kind(), size);
    })
    .await;
    site.status(|status| pool(status, "echo").is_some_and(|pool| pool.ready == 3))
        .await;
    asking
        .order(&site, (&old, &new), &plan(), GoOrder::Go)
        .await;
    let is_tried = |status: &EnvironmentStatus| {
        rollout(status).is_some_and(|rollout| rollout.phase >= RolloutPhase::Canary)
    };
    let mut outcomes = load(&mut site, What::Reads, is_tried).await;
    outcomes.extend(load(&mut site, What::All, has_ended).await);
    all_succeeded(&outcomes.iter().collect::<Vec<_>>());
    let seen = rollout(&site.handle.status()).unwrap().clone();
    assert_eq!((seen.phase, &seen.problem), (RolloutPhase::Done, &None));
    asking.stable(&site, &new).await;
    site.status(|status| {
        let all: u32 = status.pools.iter().map(|pool| pool.ready).sum();
        pool(status, "echo").is_some_and(|pool| pool.release == new && pool.ready == 3) && all == 3
    })
    .await;
    site.end().await;
}

/// The reported phases, in order.
fn phases(seen: &[Event]) -> Vec<RolloutPhase> {
    let told = seen.iter().filter_map(|event| match event {
        Event::Environment(status) => Some(rollout(status)?.phase),
        _ => None,
    });
    told.collect()
}

#[tokio::test]
async fn a_release_that_does_not_start_is_rolled_back() {
    let folder = bad("start = \"no such luck\"");
    is_turned_back(folder, plan(), "rollout-no-start").await;
}

/// Limits the open files of this process, or restores the limit.
fn open_files(max: Option<u64>) {
    let own = getrlimit(Resource::Nofile);
    let current = max.or(own.maximum);
    setrlimit(Resource::Nofile, Rlimit { current, ..own }).unwrap();
}

/// Returns the lowest limit that covers all open files of this process.
fn files_open() -> u64 {
    let names = fs::read_dir("/proc/self/fd").unwrap();
    let number =
        |name: std::io::Result<fs::DirEntry>| name.ok()?.file_name().to_str()?.parse().ok();
    names.filter_map(number).max().unwrap_or(0u64) + 1
}

#[tokio::test]
async fn a_release_for_whose_workers_there_is_no_room_waits_and_is_not_blamed() {
    let folder = folder();
    add_new(&folder, "");
    let mut asking = Asking::new();
    let (mut site, old, new) = start(folder, &mut asking).await;
    // All gaps between open files have been filled.
    open_files(Some(files_open()));
    let mut gaps = Vec::new();
    while let Ok(file) = fs::File::open("/dev/null") {
        gaps.push(file);
    }
    asking
        .order(&site, (&old, &new), &at_once(), GoOrder::Go)
        .await;
    let is_short = |status: &EnvironmentStatus| {
        assert!(!has_ended(status), "{status:#?}");
        let problem = rollout(status).and_then(|rollout| rollout.problem.as_ref());
        problem.is_some_and(|problem| &*problem.code == "environment-short")
    };
    let outcomes = load(&mut site, What::Reads, is_short).await;
    all_succeeded(&by(&outcomes, &old));
    let status = site.handle.status();
    let is_new = |pool: &&utakata_model::PoolStatus| pool.release == new;
    let waiting = status.pools.iter().find(is_new).unwrap();
    assert_eq!(waiting.lost, 0);
    let told = &waiting.problem.as_ref().unwrap().message;
    assert!(told.contains("LimitNOFILE"), "{told}");

    drop(gaps);
    open_files(None);
    let status = site.status(has_ended).await;
    let seen = rollout(&status).unwrap();
    assert_eq!((seen.phase, &seen.problem), (RolloutPhase::Done, &None));
    assert!(
        status.pools.iter().all(|pool| pool.lost == 0),
        "{status:#?}"
    );
    site.end().await;
}

#[tokio::test]
async fn a_release_whose_hello_is_refused_is_rolled_back() {
    let folder = folder();
    let new = folder.path().join("releases/new");
    add_new(&folder, "");
    let manifest = fs::read_to_string(new.join("worker.toml")).unwrap();
    let manifest = manifest.replace("utakata-worker-echo", "worker.sh");
    let script = format!("{LIE} {}", programs().join("utakata-worker-echo").display());
    add_release(
        Path::new(new.parent().unwrap()),
        "new",
        &manifest,
        Some(&script),
    );
    is_turned_back(folder, plan(), "rollout-no-start").await;
}

#[tokio::test]
async fn a_release_that_reads_wrong_values_is_rolled_back_before_anybody_sees_one() {
    let folder = bad("wrong = 1000.0");
    let plan = RolloutPlan {
        canary_shares: Vec::new(),
        ..plan()
    };
    let seen = is_turned_back(folder, plan, "rollout-differs").await;
    let difference = &seen.evidence.differences[0];
    let said = (&*difference.stable, &*difference.candidate);
    assert_eq!(said, ("0 1", "1000 1"));
}

#[tokio::test]
async fn a_release_whose_tasks_fail_is_rolled_back() {
    let folder = bad("fail = \"device-refused\"");
    is_turned_back(folder, without_shadow(), "rollout-fails").await;
}

#[tokio::test]
async fn a_release_that_is_slow_is_rolled_back() {
    let folder = bad("delay = \"50ms\"");
    is_turned_back(folder, without_shadow(), "rollout-slow").await;
}

/// Its memory is checked only now and then: give it time.
#[tokio::test]
async fn a_release_that_leaks_is_rolled_back() {
    let folder = bad("leak = 131072");
    let plan = RolloutPlan {
        canary_tasks: 100_000,
        slower: 1000.0,
        ..without_shadow()
    };
    is_turned_back(folder, plan, "rollout-leaks").await;
}

#[tokio::test]
async fn a_release_that_crashes_after_a_hundred_tasks_is_rolled_back() {
    let folder = bad("crash_after = 100");
    is_turned_back(folder, without_shadow(), "rollout-dies").await;
}

/// The reads that it had when it died are repeated by the stable release, so that none is missed.
#[tokio::test]
async fn a_release_that_crashes_again_and_again_loses_no_read() {
    let folder = bad("crash_after = 15");
    let mut asking = Asking::new();
    let (mut site, old, new) = start(folder, &mut asking).await;
    let plan = RolloutPlan {
        canary_shares: vec![0.5],
        ..without_shadow()
    };
    asking.order(&site, (&old, &new), &plan, GoOrder::Go).await;
    let outcomes = load(&mut site, What::Reads, has_ended).await;
    let status = site.handle.status();
    let seen = rollout(&status).unwrap();
    let code = &*seen.problem.as_ref().unwrap().code;
    assert_eq!((seen.phase, code), (RolloutPhase::Back, "rollout-dies"));
    assert!(seen.evidence.lost > 0 && seen.evidence.candidate.failed > 0);
    all_succeeded(&outcomes.iter().collect::<Vec<_>>());
    site.end().await;
}

/// Returns the phase of the rollout in the file that outlives a kill.
fn written(state: &Path) -> Option<RolloutPhase> {
    let file = fs::read(state.join("rollouts.json")).ok()?;
    let pages: serde_json::Value = serde_json::from_slice(&file).unwrap();
    serde_json::from_value(pages["echo"]["phase"].clone()).ok()
}

#[tokio::test]
async fn nothing_is_reported_of_a_rollout_that_a_kill_could_undo() {
    let folder = bad("fail = \"device-refused\"");
    let state = folder.path().join("state");
    let mut asking = Asking::new();
    let (mut site, old, new) = start(folder, &mut asking).await;
    let mut watch = site.handle.watch();
    let watching = tokio::task::spawn_blocking(move || {
        let mut told = Vec::new();
        while !told.contains(&RolloutPhase::Back) {
            let status = watch.borrow_and_update().clone();
            let phase = rollout(&status).map(|rollout| rollout.phase);
            if let Some(phase) = phase.filter(|phase| *phase > RolloutPhase::Waiting) {
                let written = written(&state).unwrap();
                assert!(
                    written >= phase,
                    "{phase:?} was told, {written:?} is written"
                );
                told.push(phase);
            }
            tokio::runtime::Handle::current()
                .block_on(watch.changed())
                .unwrap();
        }
    });
    asking
        .order(&site, (&old, &new), &without_shadow(), GoOrder::Go)
        .await;
    load(&mut site, What::Reads, has_ended).await;
    watching.await.unwrap();
    site.end().await;
}

#[tokio::test]
async fn a_release_that_crashes_when_it_has_taken_over_is_rolled_back() {
    let folder = bad("crash_after = 30");
    let plan = RolloutPlan {
        watch: Duration::from_secs(20),
        ..at_once()
    };
    let mut asking = Asking::new();
    let (mut site, old, new) = start(folder, &mut asking).await;
    asking.order(&site, (&old, &new), &plan, GoOrder::Go).await;
    let outcomes = load(&mut site, What::All, has_ended).await;
    let status = site.handle.status();
    let seen = rollout(&status).unwrap();
    assert_eq!(
        &*seen.problem.as_ref().unwrap().code,
        "rollout-dies",
        "{seen:#?}"
    );
    all_succeeded(&by(&outcomes, &old));
    let more = site.ask(echo("a", "x")).await;
    assert_eq!(*more.ran_by.unwrap().release, old);
    site.end().await;
}

#[tokio::test]
async fn releases_replace_each_other_again_and_again_under_load_and_lose_nothing() {
    let folder = folder();
    add_new(&folder, "");
    let mut asking = Asking::new();
    let (mut site, mut old, mut new) = start(folder, &mut asking).await;
    for _ in 0..10 {
        asking.rollout = RolloutId::generate();
        let begun = Instant::now();
        asking
            .order(&site, (&old, &new), &at_once(), GoOrder::Go)
            .await;
        let id = asking.rollout;
        let is_done = move |status: &EnvironmentStatus| {
            rollout(status).is_some_and(|one| one.id == id && one.phase == RolloutPhase::Done)
        };
        let outcomes = load(&mut site, What::All, is_done).await;
        println!("rolled out in {:?}", begun.elapsed());
        all_succeeded(&outcomes.iter().collect::<Vec<_>>());
        std::mem::swap(&mut old, &mut new);
        asking.stable(&site, &old).await;
    }
    let status = site.status(|status| status.pools.len() == 1).await;
    assert_eq!(
        (status.pools[0].release.clone(), status.pools[0].lost),
        (old, 0)
    );
    site.end().await;
}

#[tokio::test]
async fn a_rolled_back_release_stays_so_after_a_restart_and_an_order_is_followed() {
    let folder = folder();
    add_new(&folder, "");
    let mut asking = Asking::new();
    let (site, old, new) = start(folder, &mut asking).await;
    let way = (&old, &new);
    // Nobody sends anything: it waits in the shadow.
    asking.order(&site, way, &plan(), GoOrder::Pause).await;
    let in_phase = |phase| {
        move |status: &EnvironmentStatus| {
            rollout(status).is_some_and(|rollout| rollout.phase == phase)
        }
    };
    let status = site.status(in_phase(RolloutPhase::Waiting)).await;
    assert!(rollout(&status).unwrap().paused);
    asking.order(&site, way, &plan(), GoOrder::Go).await;
    site.status(in_phase(RolloutPhase::Shadow)).await;
    asking.order(&site, way, &plan(), GoOrder::Back).await;
    let status = site.status(in_phase(RolloutPhase::Back)).await;
    let problem = rollout(&status).unwrap().problem.clone().unwrap();
    assert_eq!(&*problem.code, "rollout-ordered-back");
    asking.order(&site, way, &plan(), GoOrder::Go).await;
    let revision = asking.revision;
    site.status(|status| status.desired == Some(revision)).await;

    let Site { folder, handle, .. } = site;
    handle.drain(crate::site::PATIENCE).await.unwrap();
    handle.ended().await;
    let state = folder.path().join("state");
    let mut site = Site::start_in(folder, |config| config.state_folder = Some(state)).await;
    let status = site.status(in_phase(RolloutPhase::Back)).await;
    assert_eq!(rollout(&status).unwrap().problem, Some(problem));
    let outcome = site.ask(echo("a", "x")).await;
    assert_eq!(*outcome.ran_by.unwrap().release, old);
    // Releases that are no longer wanted are not kept.
    asking.stable(&site, &old).await;
    site.status(|status| status.rollouts.is_empty()).await;
    asking.order(&site, way, &at_once(), GoOrder::Go).await;
    site.status(in_phase(RolloutPhase::Done)).await;
    site.end().await;
}
