mod breaker;
mod go;
mod hindered;
mod hold;
mod permit;
mod rollout;
mod stop;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::sync::mpsc;
use tonic::Status;
use utakata_interconnect::Delivery;
use utakata_model::{Labels, ReleaseId, Stop, Task, TaskKey, Zone, manifest::PoolSize};
use utakata_permit::message::{Answer as Permission, Refused, Verdict};
use utakata_protocol::v1::{AttemptOutcome, Status as WireStatus, ToWorker, to_worker::Message};

use super::{arrival::MIN_AHEAD, *};
use crate::{
    catalogue::{Catalogue, choose},
    runtime::Exit,
    samples::{control, release, task},
    worker::{Answer, Report, StreamEnd, WorkerEvent},
};

/// A kind with a clock of its own.
struct World {
    state: State,
    now: Instant,
    /// The next number of a worker.
    numbers: u64,
    /// Everything to do about workers, until a test looks.
    effects: workers::WorkerEffects,
    lines: BTreeMap<Number, mpsc::Receiver<Result<ToWorker, Status>>>,
    tag: u64,
    /// Every ask is permitted at once.
    is_generous: bool,
    /// Workers say at once that they could begin what they were given.
    is_eager: bool,
    stop: Option<Stop>,
    /// Versions that are stopped by themselves.
    stops: BTreeMap<Arc<str>, Stop>,
    /// The versions that are expected.
    coming: BTreeSet<Arc<str>>,
    /// Sizes of pools that differ from the manifest.
    sizes: BTreeMap<Kind, PoolSize>,
}

/// The window of a permit.
const WINDOW: Duration = Duration::from_secs(2);

impl World {
    fn new() -> Self {
        Self::with(&["1.0"])
    }

    /// Asks have no answer but those that a test gives.
    fn without_answers() -> Self {
        Self {
            is_generous: false,
            ..Self::new()
        }
    }

    fn with(versions: &[&str]) -> Self {
        Self::set(versions, &Config::default())
    }

    fn set(versions: &[&str], config: &Config) -> Self {
        let now = Instant::now();
        let initial = InitialState {
            kind: Kind::new("echo").unwrap(),
            environment: EnvironmentId::new("here").unwrap(),
            rollout: None,
            seed: TaskId::from_bytes([9; 16]),
            next_ask: 1,
            now,
        };
        let mut config = config.clone();
        config.permits.void_after = WINDOW;
        let mut world = Self {
            state: State::new(initial, &config),
            now,
            numbers: 1,
            effects: workers::WorkerEffects::default(),
            lines: BTreeMap::new(),
            tag: 0,
            is_generous: true,
            is_eager: true,
            stop: None,
            stops: BTreeMap::new(),
            coming: BTreeSet::new(),
            sizes: config.pools.clone(),
        };
        world.order(versions);
        world
    }

    fn order(&mut self, versions: &[&str]) {
        let releases = versions.iter().map(|version| release("echo", version));
        let catalogue = Catalogue {
            releases: releases.collect(),
            refused: Vec::new(),
            is_partial: false,
        };
        let place = crate::desired::Locality {
            id: &EnvironmentId::new("here").unwrap(),
            zone: &Zone::default(),
            labels: &Labels::new(),
        };
        let (asked, served) = (BTreeMap::new(), BTreeMap::new());
        let choice = choose(&catalogue, &self.sizes, &asked, &served, &place);
        let order = Order {
            releases: choice.kinds.into_values().next().unwrap_or_default(),
            stop: self.stop,
            stops: self.stops.clone(),
            coming: self.coming.clone(),
            ..Order::default()
        };
        self.state.on_order(&order, self.at());
        self.upkeep();
    }

    fn at(&self) -> Moment {
        Moment {
            now: self.now,
            clock: Timestamp::now(),
        }
    }

    /// Looks once; what is decided about a rollout is not written down.
    fn look(&mut self) {
        let at = self.at();
        if let Some(observed) = self.state.upkeep(at) {
            let fresh = || {
                self.numbers += 1;
                Number(self.numbers)
            };
            self.state.plan(observed, None, fresh, at.now);
        }
    }

    /// Looks until nothing more is decided about a rollout; decisions are written down at once.
    fn upkeep(&mut self) {
        self.look();
        while self.state.take_record().is_some() {
            self.state.on_written();
            self.look();
        }
    }

    /// Everything to do about workers that no test has taken yet.
    fn workers(&mut self) -> &mut workers::WorkerEffects {
        let new = self.state.workers.take_effects();
        let all = &mut self.effects;
        all.starts.extend(new.starts);
        all.sends.extend(new.sends);
        all.parks.extend(new.parks);
        all.kills.extend(new.kills);
        all.forgotten.extend(new.forgotten);
        all
    }

    fn is_killed(&mut self, worker: Number) -> bool {
        self.workers().kills.contains(&worker)
    }

    /// Returns the number of tasks that a worker has, and its capacity.
    fn load_of(&self, worker: Number) -> (u32, u32) {
        self.state.workers.load_of(worker).unwrap()
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.upkeep();
    }

    /// The workers that were to be started since this was last asked.
    fn started(&mut self) -> Vec<Number> {
        let starts = std::mem::take(&mut self.workers().starts);
        starts.into_iter().map(|start| start.number).collect()
    }

    fn report(&mut self, worker: Number, event: WorkerEvent) {
        let report = Report { worker, event };
        if self.state.on_report(report, self.at()) {
            self.upkeep();
        }
    }

    fn hello(&mut self, worker: Number, capacity: u32) {
        let (to, line) = mpsc::channel(64);
        self.lines.insert(worker, line);
        self.report(
            worker,
            WorkerEvent::Ready {
                capacity,
                can_hold: true,
                to,
            },
        );
    }

    /// A worker that is started and ready.
    fn ready(&mut self, capacity: u32) -> Number {
        let worker = self.started()[0];
        self.hello(worker, capacity);
        worker
    }

    fn deliver(&mut self, tasks: Vec<Task>) -> Vec<TaskKey> {
        let keys = tasks.iter().map(Task::key).collect();
        let deliveries = tasks.into_iter().map(|task| {
            self.tag += 1;
            Delivery {
                tag: Tag(self.tag),
                task,
                redelivered: false,
            }
        });
        let deliveries: Vec<Delivery> = deliveries.collect();
        let at = self.at();
        if self.state.on_deliveries(deliveries, at) {
            self.upkeep();
        }
        self.begin();
        keys
    }

    fn begin(&mut self) {
        self.state.begin(self.at());
        while self.is_generous && !self.state.effects.asks.is_empty() {
            for ask in self.asks() {
                self.permit(ask);
            }
            self.state.begin(self.at());
        }
    }

    /// Takes the asks.
    fn asks(&mut self) -> Vec<Ask> {
        std::mem::take(&mut self.state.effects.asks)
    }

    fn verdict(&mut self, ask: Ask, verdict: Verdict) {
        let answers = [Permission { ask, verdict }];
        self.state.on_permits(&answers, self.at());
    }

    fn permit(&mut self, ask: Ask) {
        self.verdict(ask, Verdict::Permitted(WINDOW));
    }

    fn refuse(&mut self, ask: Ask, why: Refused) {
        self.verdict(ask, Verdict::Refused(why));
    }

    /// Time passes, and what had no answer is asked and told again.
    fn wait(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
        self.upkeep();
        self.state.repeat(self.at());
        self.begin();
    }

    /// Takes the attempts that were given to workers.
    fn given(&mut self) -> Vec<(Number, TaskKey)> {
        let sends = std::mem::take(&mut self.workers().sends);
        let mut given = Vec::new();
        for send in sends {
            let Message::Tasks(tasks) = send.message else {
                continue;
            };
            for task in tasks.tasks {
                let key = task.key().unwrap();
                given.push((send.worker, key));
                if task.control && self.is_eager {
                    self.can_begin(send.worker, key);
                }
            }
        }
        given
    }

    /// A worker could begin an attempt of control.
    fn can_begin(&mut self, worker: Number, key: TaskKey) {
        self.report(worker, WorkerEvent::CanBegin(vec![(key, 7)]));
    }

    /// The attempts that workers were told to begin, and for how long that is good, or not to
    /// begin, since this was last asked.
    fn goes(&mut self) -> (Vec<(TaskKey, Duration)>, Vec<TaskKey>) {
        let (mut goes, mut cancelled) = (Vec::new(), Vec::new());
        for send in std::mem::take(&mut self.workers().sends) {
            match send.message {
                Message::Go(go) => goes.extend(go.attempts.iter().map(|go| {
                    assert_eq!(go.nonce, 7);
                    let within = Duration::from_millis(go.within_milliseconds);
                    (go.key().unwrap(), within)
                })),
                Message::Cancel(cancel) => {
                    cancelled.extend(cancel.tasks.iter().map(|key| key.key().unwrap()));
                }
                _ => {}
            }
        }
        (goes, cancelled)
    }

    fn answer(&mut self, worker: Number, key: TaskKey) {
        let said = AttemptOutcome {
            id: key.task.as_bytes().to_vec(),
            attempt: key.attempt,
            status: WireStatus::Succeeded.into(),
            ..AttemptOutcome::default()
        };
        let answer = Answer::from_wire(said).unwrap();
        self.report(worker, WorkerEvent::Answers(vec![answer]));
        self.begin();
    }

    fn ends(&mut self, worker: Number) {
        self.report(
            worker,
            WorkerEvent::Parted(StreamEnd::Broken("reset".into())),
        );
        self.report(worker, WorkerEvent::Exited(Exit::Signal(9)));
    }

    /// The outcomes since this was last asked, as status and code.
    fn outcomes(&mut self) -> Vec<(TaskKey, OutcomeStatus, String)> {
        let outcomes = std::mem::take(&mut self.state.effects.outcomes);
        let code = |o: &Outcome| o.problem.as_ref().map_or("", |p| &p.code).to_owned();
        outcomes
            .iter()
            .map(|o| (o.key(), o.status, code(o)))
            .collect()
    }

    /// Everything that ended is written down.
    fn record(&mut self) {
        let all: Vec<_> = self.state.unrecorded.keys().copied().collect();
        self.state.on_recorded(&all, self.at());
    }

    fn is_over(&self) -> bool {
        self.state.is_over(self.now)
    }

    fn acknowledged(&mut self) -> usize {
        std::mem::take(&mut self.state.effects.acknowledge).len()
    }

    fn status(&self) -> PoolStatus {
        let mut pools = self.state.status();
        let active = pools.iter().position(|pool| pool.active).unwrap();
        pools.swap_remove(active)
    }
}

fn pinned(task: Task, pin: &str) -> Task {
    let mut task = task;
    Arc::make_mut(&mut task.target).pin = Some(pin.into());
    task
}

#[test]
fn tasks_go_to_workers_up_to_their_capacity_and_the_others_wait() {
    let mut world = World::new();
    assert_eq!(world.state.room(), 0);
    let worker = world.ready(2);
    assert_eq!(world.state.room(), 2 + MIN_AHEAD);
    let keys = world.deliver(vec![task("a"), task("b"), task("c")]);
    assert_eq!(world.given(), [(worker, keys[0]), (worker, keys[1])]);
    assert_eq!(world.state.room(), MIN_AHEAD - 1);
    world.answer(worker, keys[0]);
    assert_eq!(world.given(), [(worker, keys[2])]);
    assert_eq!(
        world.outcomes(),
        [(keys[0], OutcomeStatus::Succeeded, String::new())]
    );
    assert_eq!(world.status().running, 2);
}

#[test]
fn the_first_worker_of_all_is_started_as_soon_as_a_task_comes_and_no_second() {
    let mut config = Config::default();
    let size = PoolSize {
        min: 0,
        ..PoolSize::default()
    };
    config.pools.insert(Kind::new("echo").unwrap(), size);
    let mut world = World::set(&["1.0"], &config);
    assert!(world.started().is_empty());
    world.deliver(vec![task("a")]);
    assert_eq!(world.started().len(), 1);
    world.deliver(vec![task("b")]);
    assert!(world.started().is_empty());
}

#[test]
fn an_observe_task_is_acknowledged_at_once_and_control_when_it_is_begun() {
    let mut world = World::new();
    let worker = world.ready(1);
    let keys = world.deliver(vec![control("a"), control("b"), task("c")]);
    assert_eq!(world.given(), [(worker, keys[0])]);
    assert_eq!(world.acknowledged(), 2);
    world.answer(worker, keys[0]);
    assert_eq!(world.acknowledged(), 1);
}

#[test]
fn control_that_was_not_begun_goes_to_others_when_the_connection_is_lost() {
    let mut world = World::new();
    let worker = world.ready(1);
    let keys = world.deliver(vec![control("a"), control("b"), task("c")]);
    world.given();
    world.state.on_lost_connection();
    world.answer(worker, keys[0]);
    assert_eq!(world.given(), [(worker, keys[2])]);
    assert_eq!(world.status().waiting, 0);
}

#[test]
fn a_task_that_arrives_again_while_it_is_here_is_not_started_again() {
    let mut world = World::new();
    let worker = world.ready(1);
    let (running, waits) = (control("a"), control("b"));
    world.deliver(vec![running.clone(), waits.clone()]);
    assert_eq!(world.given().len(), 1);
    world.acknowledged();
    let again = |task: &Task, tag| Delivery {
        tag: Tag(tag),
        task: task.clone(),
        redelivered: true,
    };
    let deliveries = vec![again(&running, 8), again(&waits, 9)];
    world.state.on_deliveries(deliveries, world.at());
    assert_eq!(world.acknowledged(), 2);
    world.answer(worker, running.key());
    assert_eq!(world.given(), [(worker, waits.key())]);
    assert_eq!(world.status().waiting, 0);
}

#[test]
fn a_dead_worker_makes_reads_fail_and_control_unknown_and_is_replaced() {
    let mut world = World::new();
    let worker = world.ready(8);
    let keys = world.deliver(vec![task("a"), control("b"), task("a")]);
    world.given();
    world.ends(worker);
    let mut ended = world.outcomes();
    ended.sort_by_key(|(_, status, _)| *status == OutcomeStatus::Unknown);
    let lost = || "worker-lost".to_owned();
    assert_eq!(ended[0], (keys[0], OutcomeStatus::Failed, lost()));
    assert_eq!(ended[1], (keys[1], OutcomeStatus::Unknown, lost()));
    let status = world.status();
    assert_eq!((status.ready, status.lost, status.running), (0, 1, 0));
    assert!(
        status
            .problem
            .unwrap()
            .message
            .contains("killed by signal 9")
    );
    assert!(world.started().is_empty());
    world.pass(1);
    let next = world.ready(8);
    world.begin();
    assert_eq!(world.given(), [(next, keys[2])]);
    assert_eq!(world.status().problem, None);
}

#[test]
fn what_a_worker_said_before_its_end_counts() {
    let mut world = World::new();
    let worker = world.ready(8);
    let keys = world.deliver(vec![control("a")]);
    world.report(worker, WorkerEvent::Exited(Exit::Code(1)));
    assert!(world.outcomes().is_empty());
    world.answer(worker, keys[0]);
    world.report(worker, WorkerEvent::Parted(StreamEnd::Closed));
    assert_eq!(
        world.outcomes(),
        [(keys[0], OutcomeStatus::Succeeded, String::new())]
    );
}

#[test]
fn an_attempt_without_an_answer_is_ended_in_the_workers_place() {
    let mut world = World::new();
    let worker = world.ready(8);
    let keys = world.deliver(vec![task("a"), control("b"), task("a"), task("b")]);
    world.given();
    world.report(worker, WorkerEvent::Alive { memory: None });
    world.pass(4);
    world.report(worker, WorkerEvent::Alive { memory: None });
    world.pass(4);
    world.report(worker, WorkerEvent::Alive { memory: None });
    world.pass(4);
    let mut ended = world.outcomes();
    ended.sort_by_key(|(_, status, _)| *status == OutcomeStatus::Unknown);
    let deadline = || "deadline".to_owned();
    assert_eq!(ended[0], (keys[0], OutcomeStatus::Failed, deadline()));
    assert_eq!(ended[1], (keys[1], OutcomeStatus::Unknown, deadline()));
    let is_cancel = |send: &&workers::Outgoing| matches!(send.message, Message::Cancel(_));
    assert_eq!(world.workers().sends.iter().filter(is_cancel).count(), 2);
    // It gets nothing more, and a successor is started.
    let is_drain = |send: &&workers::Outgoing| matches!(send.message, Message::Drain(_));
    world.begin();
    world.upkeep();
    assert_eq!(world.workers().sends.iter().filter(is_drain).count(), 1);
    let next = world.ready(8);
    world.begin();
    // The lane of the control task waits for the worker: nobody knows what it is doing.
    assert_eq!(world.given(), [(next, keys[2])]);
    world.answer(worker, keys[1]);
    assert_eq!(
        world.outcomes(),
        [(keys[1], OutcomeStatus::Succeeded, String::new())]
    );
    assert_eq!(world.given(), [(next, keys[3])]);
    world.answer(worker, keys[0]);
    assert!(world.outcomes().is_empty());
    assert_eq!(world.load_of(worker).0, 0);
}

#[test]
fn a_worker_that_is_not_heard_from_is_killed() {
    let mut world = World::new();
    let worker = world.ready(8);
    world.deliver(vec![control("a")]);
    world.given();
    world.pass(6);
    assert!(world.is_killed(worker));
    world.ends(worker);
    assert_eq!(world.outcomes()[0].2, "worker-lost");
    assert_eq!(&*world.status().problem.unwrap().code, "worker-hung");
    assert_eq!(world.status().lost, 1);
}

#[test]
fn a_worker_that_answers_what_it_was_not_asked_is_cut_off() {
    let mut world = World::new();
    let worker = world.ready(8);
    let key = world.deliver(vec![task("a")])[0];
    world.answer(worker, key);
    for _ in 0..STRAYS + 1 {
        assert!(!world.is_killed(worker));
        world.answer(worker, key);
    }
    assert!(world.is_killed(worker));
    assert_eq!(world.outcomes().len(), 1);
    world.ends(worker);
    assert_eq!(&*world.status().problem.unwrap().code, "worker-flood");
}

/// The number of strays that are forgiven.
const STRAYS: u32 = 100;

#[test]
fn a_worker_cannot_answer_for_another() {
    let mut world = World::new();
    let first = world.ready(1);
    let keys = world.deliver(vec![task("a"), task("b")]);
    world.pass(1);
    world.report(first, WorkerEvent::Alive { memory: None });
    let second = world.ready(1);
    world.begin();
    assert_eq!(world.given(), [(first, keys[0]), (second, keys[1])]);
    world.answer(second, keys[0]);
    assert!(world.outcomes().is_empty());
}

#[test]
fn a_pinned_target_is_served_by_its_version_or_the_missing_version_is_reported() {
    let mut world = World::with(&["1.0", "2.0"]);
    let newest = world.ready(8);
    let old = pinned(task("a"), "1.0");
    let none = pinned(control("b"), "3.0");
    let keys = world.deliver(vec![old, none, task("c")]);
    assert_eq!(world.given(), [(newest, keys[2])]);
    assert_eq!(
        world.outcomes(),
        [(keys[1], OutcomeStatus::Failed, "no-release".into())]
    );
    // Waking the pool of the pinned version.
    world.upkeep();
    let pinned = world.ready(8);
    world.begin();
    assert_eq!(world.given(), [(pinned, keys[0])]);
}

#[test]
fn a_newer_release_takes_over_when_it_is_ready_and_the_old_one_ends_what_it_has() {
    let mut world = World::new();
    let old = world.ready(8);
    let first = world.deliver(vec![task("a")])[0];
    world.order(&["1.1"]);
    let second = world.deliver(vec![task("b")])[0];
    assert_eq!(world.given(), [(old, first), (old, second)]);
    let new = world.ready(8);
    let third = world.deliver(vec![task("c")])[0];
    let drains =
        |send: &workers::Outgoing| matches!(send.message, Message::Drain(_)) && send.worker == old;
    assert!(world.workers().sends.iter().any(drains));
    assert_eq!(world.given(), [(new, third)]);
    world.answer(old, first);
    world.answer(old, second);
    world.report(old, WorkerEvent::Parted(StreamEnd::Closed));
    world.report(old, WorkerEvent::Exited(Exit::Code(0)));
    world.upkeep();
    assert_eq!(world.outcomes().len(), 2);
    let versions: Vec<_> = world.state.status().into_iter().map(version).collect();
    assert_eq!(versions, ["1.1"]);
    assert_eq!(world.status().lost, 0);
}

fn version(pool: PoolStatus) -> String {
    let ReleaseId { version, .. } = pool.release;
    version.to_string()
}

#[test]
fn without_a_release_nothing_new_begins_and_control_goes_to_others() {
    let mut world = World::new();
    let worker = world.ready(1);
    let keys = world.deliver(vec![control("a"), control("b"), task("c")]);
    world.order(&[]);
    assert_eq!(world.state.effects.give_back.len(), 1);
    assert_eq!(
        world.outcomes(),
        [(keys[2], OutcomeStatus::Expired, "draining".into())]
    );
    assert_eq!(world.state.room(), 0);
    assert!(!world.is_over());
    world.answer(worker, keys[0]);
    assert_eq!(
        world.outcomes(),
        [(keys[0], OutcomeStatus::Succeeded, String::new())]
    );
    world.report(worker, WorkerEvent::Parted(StreamEnd::Closed));
    world.report(worker, WorkerEvent::Exited(Exit::Code(0)));
    assert!(!world.is_over());
    world.record();
    assert!(world.is_over());
    // And it comes back as if nothing had been.
    world.order(&["1.0"]);
    assert!(!world.is_over());
    world.ready(1);
    assert_eq!(world.status().ready, 1);
}

#[test]
fn a_drained_worker_that_has_answered_everything_and_stays_is_killed() {
    let mut world = World::new();
    let worker = world.ready(1);
    let key = world.deliver(vec![control("a")])[0];
    world.order(&[]);
    let is_killed = |world: &mut World| world.is_killed(worker);
    world.pass(3);
    assert!(!is_killed(&mut world));
    world.answer(worker, key);
    world.upkeep();
    world.pass(2);
    assert!(is_killed(&mut world));
    world.ends(worker);
    world.record();
    assert!(world.is_over());
}

#[test]
fn what_expires_while_it_waits_is_not_begun() {
    let mut world = World::new();
    let worker = world.ready(1);
    let late = |target: &str, class| Task {
        expires: Timestamp::now() - Duration::from_secs(1),
        class,
        ..task(target)
    };
    let keys = world.deliver(vec![
        late("a", Class::Observe),
        late("b", Class::Control),
        task("c"),
    ]);
    assert_eq!(world.given(), [(worker, keys[2])]);
    let expired = || "expired".to_owned();
    assert_eq!(
        world.outcomes(),
        [
            (keys[0], OutcomeStatus::Expired, expired()),
            (keys[1], OutcomeStatus::Expired, expired()),
        ]
    );
    assert_eq!(world.acknowledged(), 3);
}

#[test]
fn a_worker_that_never_says_hello_or_lies_makes_the_pool_wait_longer_and_longer() {
    let mut world = World::new();
    let worker = world.started()[0];
    world.pass(10);
    assert!(world.is_killed(worker));
    world.report(worker, WorkerEvent::Exited(Exit::Signal(9)));
    assert_eq!(&*world.status().problem.unwrap().code, "worker-no-hello");
    world.pass(1);
    let worker = world.started()[0];
    let lie = Problem::new("manifest", utakata_model::Cure::Operator, "a lie");
    world.report(worker, WorkerEvent::Parted(StreamEnd::Refused(lie)));
    world.report(worker, WorkerEvent::Exited(Exit::Code(78)));
    assert_eq!(&*world.status().problem.unwrap().code, "manifest");
    assert_eq!(world.status().lost, 2);
    assert!(world.started().is_empty());
    assert_eq!(world.state.room(), 0);
}

#[test]
fn tasks_that_could_not_be_sent_wait_again_and_control_keeps_its_permit() {
    let mut world = World::new();
    let worker = world.ready(8);
    let keys = world.deliver(vec![task("a"), control("b")]);
    let sends = std::mem::take(&mut world.workers().sends);
    for send in sends {
        if let Message::Tasks(tasks) = send.message {
            world.state.on_not_sent(&tasks, worker);
        }
    }
    assert_eq!((world.status().running, world.status().waiting), (0, 2));
    world.begin();
    assert_eq!(world.given(), [(worker, keys[1]), (worker, keys[0])]);
}

#[test]
fn messages_to_workers_stay_below_the_most_that_they_take() {
    let mut world = World::new();
    world.ready(64);
    let large = serde_json::json!({ "payload": "x".repeat(1_000_000) });
    let tasks = (0..9).map(|n| Task {
        parameters: utakata_model::Parameters::new(&large),
        ..task(&format!("t{n}"))
    });
    world.deliver(tasks.collect());
    let sends = world.workers().sends.iter();
    let sizes = sends.map(|send| match &send.message {
        Message::Tasks(tasks) => tasks.tasks.len(),
        _ => 0,
    });
    assert_eq!(sizes.collect::<Vec<_>>(), [3, 3, 3]);
    let larger = Task {
        parameters: utakata_model::Parameters::new(&serde_json::json!("x".repeat(9 << 20))),
        ..task("z")
    };
    let key = world.deliver(vec![larger])[0];
    assert_eq!(
        world.outcomes(),
        [(key, OutcomeStatus::Failed, "bad-parameters".into())]
    );
}
