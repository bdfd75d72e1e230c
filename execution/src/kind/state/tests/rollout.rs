//! Rollouts: what a candidate gets, and when it is turned back.

use utakata_model::{
    ActionName, MetricName, ReleaseId, RolloutId, RolloutPhase, RolloutPlan,
    manifest::{Proves, Verify},
    rollout::{Go, GoOrder},
};
use utakata_protocol::v1::{Reading, reading::Value};

use super::*;
use crate::catalogue::Chosen;

fn chosen(version: &str, is_active: bool) -> Chosen {
    let release = release("echo", version);
    Chosen {
        size: release.manifest.pool.clone(),
        release,
        is_active,
        is_kept: false,
    }
}

/// A release whose control is read back after five seconds.
fn verified(mut chosen: Chosen) -> Chosen {
    let release = Arc::make_mut(&mut chosen.release);
    for action in &mut Arc::make_mut(&mut release.manifest).actions {
        action.verify = (action.class == Class::Control).then(|| Verify {
            action: ActionName::new("read").unwrap(),
            parameters: BTreeMap::new(),
            metric: MetricName::new("hw.power").unwrap(),
            attributes: BTreeMap::new(),
            value: 1.into(),
            any: Vec::new(),
            tolerance: None,
            through: None,
            proves: Proves::Effect,
            within: Duration::from_secs(3),
            grace: Duration::from_secs(2),
        });
    }
    chosen
}

fn candidate() -> ReleaseId {
    (*release("echo", "2.0").id).clone()
}

fn at_once() -> RolloutPlan {
    RolloutPlan {
        shadow_answers: 0,
        canary_shares: Vec::new(),
        ..RolloutPlan::default()
    }
}

fn shadow() -> RolloutPlan {
    RolloutPlan {
        shadow_answers: 3,
        ..RolloutPlan::default()
    }
}

fn canary(share: f64, tasks: u32) -> RolloutPlan {
    RolloutPlan {
        canary_shares: vec![share],
        canary_tasks: tasks,
        ..at_once()
    }
}

/// A kind with a rollout from 1.0 to 2.0.
struct Rolled {
    world: World,
    id: RolloutId,
    plan: RolloutPlan,
    order: GoOrder,
    is_here: bool,
}

impl Rolled {
    /// The stable release has so many workers; that of the candidate is started.
    fn new(plan: RolloutPlan, stable: usize) -> (Self, Vec<Number>) {
        let mut world = World::new();
        let mut workers = world.started();
        workers.iter().for_each(|&worker| world.hello(worker, 8));
        for _ in 1..stable {
            world.numbers += 1;
            let number = Number(world.numbers);
            world.state.workers.start(0, number, world.now);
            workers.push(world.ready(8));
        }
        let mut rolled = Self {
            world,
            id: RolloutId::generate(),
            plan,
            order: GoOrder::Go,
            is_here: true,
        };
        rolled.order();
        (rolled, workers)
    }

    fn order(&mut self) {
        let mut releases = vec![chosen("1.0", true)];
        releases.extend(self.is_here.then(|| verified(chosen("2.0", false))));
        let order = Order {
            releases,
            rollout: Some(utakata_rollout::Order {
                id: self.id,
                candidate: candidate(),
                plan: self.plan.clone(),
                go: Some(Go {
                    order: self.order,
                    promoted: None,
                }),
            }),
            ..Order::default()
        };
        self.world.state.on_order(&order, self.world.at());
        self.world.upkeep();
    }

    /// The phase, and the code of the problem.
    fn at(&self) -> (RolloutPhase, String) {
        let status = self.world.state.rollout().status().unwrap();
        let code = status
            .problem
            .map_or_else(String::new, |p| p.code.to_string());
        (status.phase, code)
    }

    #[track_caller]
    fn is_at(&self, phase: RolloutPhase, code: &str) {
        assert_eq!(self.at(), (phase, code.to_owned()));
    }

    fn active(&self) -> String {
        self.world.status().release.version.to_string()
    }

    fn says(&mut self, worker: Number, key: TaskKey, watt: f64) {
        let reading = Reading {
            metric: "hw.power".into(),
            unit: "W".into(),
            value: Some(Value::Number(watt)),
            ..Reading::default()
        };
        let said = AttemptOutcome {
            id: key.task.as_bytes().to_vec(),
            attempt: key.attempt,
            status: WireStatus::Succeeded.into(),
            readings: vec![reading],
            ..AttemptOutcome::default()
        };
        let answer = Answer::from_wire(said).unwrap();
        self.world
            .report(worker, WorkerEvent::Answers(vec![answer]));
        self.world.begin();
    }

    /// Time passes, and these are alive.
    fn passes(&mut self, seconds: u64, alive: &[Number]) {
        for &worker in alive {
            self.world
                .report(worker, WorkerEvent::Alive { memory: None });
        }
        self.world.pass(seconds);
    }

    fn dies(&mut self, worker: Number) {
        self.world.ends(worker);
        self.world.pass(2);
    }

    fn compared(&self) -> (u64, u64) {
        let evidence = self.world.state.rollout().status().unwrap().evidence;
        (evidence.compared, evidence.differing)
    }
}

#[test]
fn a_read_is_repeated_on_its_lane_and_nothing_of_it_is_published() {
    let (mut rolled, stable) = Rolled::new(shadow(), 1);
    let new = rolled.world.ready(8);
    rolled.is_at(RolloutPhase::Shadow, "");
    let keys = rolled.world.deliver(vec![task("a"), task("a")]);
    assert_eq!(rolled.world.given(), [(stable[0], keys[0])]);
    rolled.says(stable[0], keys[0], 100.0);
    // The second read of the target waits for the candidate.
    let repeated = rolled.world.given();
    assert_eq!(repeated.len(), 1);
    assert_eq!(repeated[0].0, new);
    assert_ne!(repeated[0].1, keys[0]);
    rolled.says(new, repeated[0].1, 101.0);
    assert_eq!(rolled.world.given(), [(stable[0], keys[1])]);
    assert_eq!(rolled.compared(), (1, 0));
    let told: Vec<TaskKey> = rolled.world.outcomes().iter().map(|one| one.0).collect();
    assert_eq!(told, [keys[0]]);
    assert_eq!(rolled.world.state.effects.readings.len(), 1);
}

#[test]
fn what_differs_is_read_once_more_by_the_stable_release_before_it_counts() {
    let (mut rolled, stable) = Rolled::new(shadow(), 1);
    let new = rolled.world.ready(8);
    for (last, differing) in [(200.0, 0), (100.0, 1)] {
        let key = rolled.world.deliver(vec![task("a")])[0];
        rolled.says(stable[0], key, 100.0);
        rolled.world.given().truncate(0);
        let asked: Vec<TaskKey> = rolled.world.state.shadows.keys();
        rolled.says(new, asked[0], 150.0);
        let again = rolled.world.given();
        assert_eq!(again[0].0, stable[0]);
        rolled.says(stable[0], again[0].1, last);
        assert_eq!(rolled.compared().1, differing, "{last}");
        assert!(rolled.world.state.shadows.is_empty());
    }
    assert_eq!(rolled.compared().0, 2);
}

#[test]
fn a_read_is_not_repeated_where_control_waits_or_a_target_is_pinned() {
    let (mut rolled, stable) = Rolled::new(shadow(), 1);
    rolled.world.ready(8);
    let tasks = vec![task("a"), control("a"), pinned(task("b"), "1.0")];
    let keys = rolled.world.deliver(tasks);
    rolled.world.given();
    // Control comes before reads.
    rolled.world.answer(stable[0], keys[1]);
    let key = rolled.world.deliver(vec![control("a")])[0];
    rolled.says(stable[0], keys[0], 1.0);
    rolled.says(stable[0], keys[2], 1.0);
    assert!(rolled.world.state.shadows.is_empty());
    let given: Vec<TaskKey> = rolled.world.given().iter().map(|one| one.1).collect();
    assert!(given.contains(&key), "{given:?}");
}

#[test]
fn a_candidate_that_dies_in_the_shadow_frees_the_lane_and_two_deaths_turn_it_back() {
    let (mut rolled, stable) = Rolled::new(shadow(), 1);
    for deaths in 1..=2 {
        let new = rolled.world.ready(8);
        let key = rolled.world.deliver(vec![task("a")])[0];
        rolled.says(stable[0], key, 1.0);
        assert_eq!(rolled.world.state.shadows.keys().len(), 1);
        rolled.dies(new);
        assert!(rolled.world.state.shadows.is_empty());
        let expect = if deaths == 1 { 0 } else { 1 };
        assert_eq!(usize::from(rolled.at().0 == RolloutPhase::Back), expect);
    }
    rolled.is_at(RolloutPhase::Back, "rollout-dies");
    let key = rolled.world.deliver(vec![task("a")])[0];
    assert_eq!(rolled.world.given().last(), Some(&(stable[0], key)));
    rolled.world.pass(60);
    assert!(rolled.world.started().is_empty(), "it is not tried again");
}

#[test]
fn a_canary_has_its_share_and_waits_until_control_has_shown() {
    let (mut rolled, stable) = Rolled::new(canary(0.5, 4), 1);
    let new = rolled.world.ready(100);
    rolled.is_at(RolloutPhase::Canary, "");
    let mut taken = 0;
    for n in 1..=8 {
        let target = format!("t{n}");
        let key = rolled.world.deliver(vec![control(&target)])[0];
        let (worker, _) = rolled.world.given()[0];
        taken += u32::from(worker == new);
        assert!(taken <= u32::div_ceil(n, 2), "{taken} of {n}");
        rolled.world.answer(worker, key);
    }
    while rolled
        .world
        .state
        .rollout()
        .status()
        .unwrap()
        .evidence
        .candidate
        .tasks
        < 4
    {
        let key = rolled.world.deliver(vec![control("r")])[0];
        let (worker, _) = rolled.world.given()[0];
        rolled.world.answer(worker, key);
    }
    rolled.world.upkeep();
    for _ in 0..4 {
        rolled.passes(1, &[stable[0], new]);
        rolled.is_at(RolloutPhase::Canary, "");
    }
    rolled.passes(1, &[stable[0], new]);
    rolled.is_at(RolloutPhase::Rolling, "");
}

#[test]
fn a_candidate_takes_over_when_it_has_as_many_workers_and_the_old_ones_stay_while_it_is_watched() {
    let (mut rolled, stable) = Rolled::new(at_once(), 2);
    let starts = rolled.world.started();
    assert_eq!(starts.len(), 2, "all are started at once");
    rolled.world.hello(starts[0], 8);
    rolled.is_at(RolloutPhase::Rolling, "");
    assert_eq!(rolled.active(), "1.0");
    rolled.world.hello(starts[1], 8);
    assert_eq!(rolled.active(), "2.0");
    let key = rolled.world.deliver(vec![task("a")])[0];
    assert!(starts.contains(&rolled.world.given()[0].0));
    // Nobody of the candidate is left: the old one goes on at once, and the rollout back.
    rolled.dies(starts[0]);
    rolled.is_at(RolloutPhase::Rolling, "");
    rolled.dies(starts[1]);
    rolled.is_at(RolloutPhase::Back, "rollout-dies");
    assert_eq!(rolled.active(), "1.0");
    rolled.world.outcomes();
    let next = rolled.world.deliver(vec![task("b")])[0];
    let given = rolled.world.given();
    assert!(stable.contains(&given.last().unwrap().0) && next != key);
}

#[test]
fn a_candidate_that_is_watched_without_a_problem_is_done_and_the_old_workers_end() {
    let (mut rolled, stable) = Rolled::new(at_once(), 1);
    let new = rolled.world.ready(8);
    rolled.is_at(RolloutPhase::Rolling, "");
    (0..11).for_each(|_| rolled.passes(1, &[stable[0], new]));
    rolled.is_at(RolloutPhase::Done, "");
    let pools = rolled.world.state.status();
    assert_eq!((pools[0].ready, pools[0].draining), (0, 1));
    assert!(pools[1].active);
    // What it did wrong elsewhere turns it back here as well.
    rolled.order = GoOrder::Back;
    rolled.order();
    rolled.is_at(RolloutPhase::Back, "rollout-ordered-back");
    assert_eq!(rolled.world.started().len(), 1);
    assert_eq!(rolled.active(), "1.0");
}

#[test]
fn memory_that_grows_turns_a_candidate_back() {
    const MIB: u64 = 1024 * 1024;
    let (mut rolled, stable) = Rolled::new(shadow(), 1);
    let new = rolled.world.ready(8);
    rolled
        .world
        .report(stable[0], WorkerEvent::Memory(10 * MIB));
    for (memory, phase, code) in [
        (80, RolloutPhase::Shadow, ""),
        (85, RolloutPhase::Back, "rollout-leaks"),
    ] {
        rolled.world.report(new, WorkerEvent::Memory(memory * MIB));
        rolled.world.upkeep();
        rolled.is_at(phase, code);
    }
    assert_eq!(
        rolled
            .world
            .state
            .rollout()
            .status()
            .unwrap()
            .evidence
            .memory,
        Some(85 * MIB)
    );
}

#[test]
fn a_candidate_that_is_not_here_is_waited_for_and_one_that_goes_is_not_served_by() {
    let (mut rolled, _) = Rolled::new(at_once(), 1);
    rolled.is_here = false;
    rolled.id = RolloutId::generate();
    rolled.order();
    rolled.is_at(RolloutPhase::Waiting, "rollout-no-release");
    rolled.is_here = true;
    rolled.order();
    rolled.is_at(RolloutPhase::Starting, "");
    let started = rolled.world.started();
    rolled.world.hello(*started.last().unwrap(), 8);
    assert_eq!(rolled.active(), "2.0");
    rolled.is_here = false;
    rolled.order();
    rolled.is_at(RolloutPhase::Rolling, "rollout-no-release");
    assert_eq!(rolled.active(), "1.0");
}

#[test]
fn reads_that_a_dying_candidate_had_are_done_by_the_stable_release_once() {
    let (mut rolled, stable) = Rolled::new(canary(1.0, 100), 1);
    let new = rolled.world.ready(8);
    rolled.is_at(RolloutPhase::Canary, "");
    let tasks = vec![task("a"), control("b"), pinned(task("c"), "2.0")];
    let keys = rolled.world.deliver(tasks);
    let given = rolled.world.given();
    assert!(given.iter().all(|(worker, _)| *worker == new), "{given:?}");
    rolled.world.ends(new);
    let lost = || "worker-lost".to_owned();
    // Control is unknown, and what only the candidate may do has failed.
    let mut ended = rolled.world.outcomes();
    ended.sort_by_key(|(_, status, _)| *status != OutcomeStatus::Unknown);
    assert_eq!(
        ended,
        [
            (keys[1], OutcomeStatus::Unknown, lost()),
            (keys[2], OutcomeStatus::Failed, lost()),
        ]
    );
    let evidence = rolled.world.state.rollout().status().unwrap().evidence;
    assert_eq!(evidence.candidate.tasks, 3, "all of them count");
    rolled.world.begin();
    assert_eq!(rolled.world.given(), [(stable[0], keys[0])]);
    rolled.world.ends(stable[0]);
    assert_eq!(
        rolled.world.outcomes(),
        [(keys[0], OutcomeStatus::Failed, lost())]
    );
}

/// Takes what was decided, which is not written down yet.
fn decides(rolled: &mut Rolled) {
    let world = &mut rolled.world;
    world.look();
    assert!(world.state.take_record().is_some(), "nothing was decided");
}

#[test]
fn a_step_forward_is_taken_when_it_is_recorded_and_one_back_at_once() {
    let (mut rolled, stable) = Rolled::new(at_once(), 1);
    let new = rolled.world.started()[0];
    let (to, _line) = mpsc::channel(64);
    let ready = WorkerEvent::Ready {
        capacity: 8,
        can_hold: false,
        to,
    };
    let report = Report {
        worker: new,
        event: ready,
    };
    rolled.world.state.on_report(report, rolled.world.at());
    for phase in [RolloutPhase::Starting, RolloutPhase::Rolling] {
        decides(&mut rolled);
        for _ in 0..3 {
            let key = rolled.world.deliver(vec![task("a")])[0];
            assert_eq!(rolled.world.given(), [(stable[0], key)]);
            rolled.world.answer(stable[0], key);
            rolled.is_at(phase, "");
            rolled.world.look();
            assert!(rolled.world.state.take_record().is_none());
        }
        rolled.world.state.on_written();
    }
    rolled.world.upkeep();
    assert_eq!(rolled.active(), "2.0");
    rolled.order = GoOrder::Back;
    let order = Order {
        releases: vec![chosen("1.0", true), chosen("2.0", false)],
        rollout: Some(utakata_rollout::Order {
            id: rolled.id,
            candidate: candidate(),
            plan: rolled.plan.clone(),
            go: Some(Go {
                order: GoOrder::Back,
                promoted: None,
            }),
        }),
        ..Order::default()
    };
    rolled.world.state.on_order(&order, rolled.world.at());
    decides(&mut rolled);
    let key = rolled.world.deliver(vec![task("b")])[0];
    assert_eq!(rolled.world.given(), [(stable[0], key)]);
}
