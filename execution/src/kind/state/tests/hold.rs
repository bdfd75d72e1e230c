//! A kind that goes over to another program of its process, and comes from one.

use super::*;
use crate::{catalogue::Chosen, runtime::Trace, takeover::KindLeft};

const WITHIN: Duration = Duration::from_secs(30);

impl World {
    fn hold(&mut self, until: Option<Instant>) {
        let releases = self.state.workers.releases();
        let releases = releases.into_iter().map(|release| Chosen {
            release,
            size: PoolSize::default(),
            is_active: true,
            is_kept: false,
        });
        let order = Order {
            releases: releases.collect(),
            hold: until,
            ..Order::default()
        };
        self.state.on_order(&order, self.at());
        self.upkeep();
    }

    /// A worker that can go over, as one that is a process.
    fn process(&mut self, capacity: u32) -> Number {
        let worker = self.ready(capacity);
        let trace = Trace {
            process: 7,
            pipes: [None, None],
        };
        self.report(worker, WorkerEvent::Started(trace));
        worker
    }

    /// Workers that are to come back; they are told a token each.
    fn parts(&mut self) -> Vec<Number> {
        let holds = std::mem::take(&mut self.workers().parks);
        let numbers: Vec<Number> = holds.iter().map(|hold| hold.number).collect();
        for number in &numbers {
            let token = format!("token-{}", number.0);
            self.state.on_parked(*number, token, self.at());
        }
        numbers
    }

    fn closes(&mut self, worker: Number) {
        self.report(worker, WorkerEvent::Parted(StreamEnd::Closed));
        self.upkeep();
    }

    /// Another program with what this one leaves, so much later.
    fn succeeded_by(&self, passed: Duration) -> Self {
        let left = self.state.leave(self.now);
        let bytes = serde_json::to_vec(&left).unwrap();
        let left: KindLeft = serde_json::from_slice(&bytes).unwrap();
        let mut next = Self::with(&[]);
        next.now = self.now + passed;
        next.state.take_over(&left, passed, next.now);
        next
    }

    fn drained(&mut self) -> Vec<(Number, u64)> {
        let sends = std::mem::take(&mut self.workers().sends);
        let drains = sends.into_iter().filter_map(|send| match send.message {
            Message::Drain(drain) => Some((send.worker, drain.within_milliseconds)),
            _ => None,
        });
        drains.collect()
    }
}

/// Orders a kind with one release to serve.
fn serve(next: &mut World) {
    next.hold(None);
}

#[test]
fn everything_that_runs_goes_over_and_is_answered_there() {
    let mut world = World::new();
    let worker = world.process(2);
    let keys = world.deliver(vec![control("a"), task("b")]);
    world.given();
    world.hold(Some(world.now + WITHIN));
    assert_eq!(world.state.room(), 0);
    assert!(!world.state.has_left());
    assert_eq!(world.parts(), [worker]);
    world.closes(worker);
    assert!(world.state.has_left());

    let mut next = world.succeeded_by(Duration::from_secs(1));
    assert_eq!(next.state.room(), 0, "nothing says what is to be served");
    assert_eq!(next.load_of(worker), (2, 2));
    next.upkeep();
    assert!(next.started().is_empty());
    next.hello(worker, 2);
    serve(&mut next);
    assert!(next.started().is_empty(), "the worker is there");
    next.answer(worker, keys[1]);
    next.answer(worker, keys[0]);
    let ended: Vec<_> = next.outcomes().iter().map(|(key, ..)| *key).collect();
    assert_eq!(ended, [keys[1], keys[0]]);
    // Its lanes are free again, and its numbers of asks go on.
    let more = next.deliver(vec![control("a"), task("b")]);
    let mut given: Vec<TaskKey> = next.given().iter().map(|(_, key)| *key).collect();
    given.sort();
    let mut expected = more;
    expected.sort();
    assert_eq!(given, expected);
}

#[test]
fn what_runs_there_keeps_its_target_to_itself() {
    let mut world = World::new();
    let worker = world.process(4);
    let first = world.deliver(vec![control("a")]);
    world.given();
    world.hold(Some(world.now + WITHIN));
    world.parts();
    world.closes(worker);
    let mut next = world.succeeded_by(Duration::ZERO);
    next.hello(worker, 4);
    serve(&mut next);
    let second = next.deliver(vec![control("a")]);
    assert_eq!(next.given(), []);
    next.answer(worker, first[0]);
    assert_eq!(next.given(), [(worker, second[0])]);
}

#[test]
fn asks_of_the_next_program_have_numbers_of_their_own() {
    let mut world = World::without_answers();
    let worker = world.process(4);
    world.deliver(vec![control("a")]);
    let ask = world.asks()[0];
    world.hold(Some(world.now + WITHIN));
    assert_eq!(world.parts(), [], "what is asked for may still begin");
    world.permit(ask);
    world.begin();
    assert_eq!(world.given().len(), 1);
    world.upkeep();
    assert_eq!(world.parts(), [worker]);
    world.closes(worker);
    let mut next = world.succeeded_by(Duration::ZERO);
    next.is_generous = false;
    next.hello(worker, 4);
    serve(&mut next);
    next.deliver(vec![control("b")]);
    assert!(next.asks()[0].ask > ask.ask);
}

#[test]
fn what_is_not_recorded_is_reported_again_there() {
    let mut world = World::new();
    let worker = world.process(1);
    let keys = world.deliver(vec![control("a")]);
    world.given();
    world.answer(worker, keys[0]);
    assert_eq!(world.outcomes().len(), 1);
    world.hold(Some(world.now + WITHIN));
    world.parts();
    world.closes(worker);
    let mut next = world.succeeded_by(Duration::from_secs(1));
    next.hello(worker, 1);
    serve(&mut next);
    next.wait(5000);
    let again: Vec<_> = next.outcomes().iter().map(|(key, ..)| *key).collect();
    assert_eq!(again, [keys[0]]);
    next.record();
    next.wait(60_000);
    assert_eq!(next.outcomes(), []);
}

#[test]
fn a_worker_that_cannot_be_handed_over_finishes_its_tasks_and_is_not_cut_off_before() {
    let mut world = World::new();
    let worker = world.ready(1);
    let mut long = control("a");
    long.timeout = Duration::from_secs(120);
    let keys = world.deliver(vec![long]);
    world.given();
    world.hold(Some(world.now + WITHIN));
    assert_eq!(world.parts(), []);
    let drained = world.drained();
    assert_eq!(drained.len(), 1);
    assert_eq!(drained[0].0, worker);
    assert!(drained[0].1 >= 120_000, "{drained:?}");
    assert!(!world.state.has_left());
    // It does not end in time: all goes on, and it may still end.
    world.pass(30);
    world.hold(None);
    world.answer(worker, keys[0]);
    let (_, status, _) = world.outcomes()[0];
    assert_eq!(status, OutcomeStatus::Succeeded);
    world.report(worker, WorkerEvent::Parted(StreamEnd::Closed));
    world.report(worker, WorkerEvent::Exited(Exit::Code(0)));
    world.deliver(vec![task("b")]);
    world.pass(1);
    assert_eq!(world.started().len(), 1, "another one serves");
}

#[test]
fn when_workers_that_cannot_be_handed_over_have_gone_the_others_leave() {
    let mut world = World::new();
    let worker = world.ready(1);
    let keys = world.deliver(vec![control("a")]);
    world.given();
    world.hold(Some(world.now + WITHIN));
    world.answer(worker, keys[0]);
    assert!(!world.state.has_left());
    world.report(worker, WorkerEvent::Parted(StreamEnd::Closed));
    world.report(worker, WorkerEvent::Exited(Exit::Code(0)));
    world.upkeep();
    assert!(world.state.has_left());
    let next = world.succeeded_by(Duration::ZERO);
    assert_eq!(next.state.workers.count(), 0);
    assert!(next.status().active, "it is served all the time");
}

#[test]
fn a_worker_that_does_not_come_back_is_lost_and_what_it_had_is_reported() {
    let mut world = World::new();
    let worker = world.process(2);
    let mut long = control("a");
    long.timeout = Duration::from_secs(3600);
    let keys = world.deliver(vec![long]);
    world.given();
    world.hold(Some(world.now + WITHIN));
    world.parts();
    world.closes(worker);
    let mut next = world.succeeded_by(Duration::from_secs(1));
    serve(&mut next);
    next.pass(61);
    next.ends(worker);
    next.upkeep();
    let outcomes = next.outcomes();
    assert_eq!(outcomes.len(), 1, "{outcomes:?}");
    assert_eq!(
        (outcomes[0].0, outcomes[0].1),
        (keys[0], OutcomeStatus::Unknown)
    );
    assert_eq!(next.started().len(), 1);
}

#[test]
fn what_comes_to_its_deadline_on_the_way_is_overdue_there() {
    let mut world = World::new();
    let worker = world.process(2);
    let mut short = control("a");
    short.timeout = Duration::from_secs(2);
    let keys = world.deliver(vec![short]);
    world.given();
    world.hold(Some(world.now + WITHIN));
    world.parts();
    world.closes(worker);
    let mut next = world.succeeded_by(Duration::from_secs(50));
    next.upkeep();
    let outcomes = next.outcomes();
    assert_eq!(outcomes.len(), 1);
    assert_eq!(
        (outcomes[0].0, outcomes[0].1),
        (keys[0], OutcomeStatus::Unknown)
    );
}

#[test]
fn who_leaves_and_continues_after_all_has_its_workers_back() {
    let mut world = World::new();
    let worker = world.process(2);
    let keys = world.deliver(vec![control("a")]);
    world.given();
    world.hold(Some(world.now + WITHIN));
    world.parts();
    world.closes(worker);
    world.hold(None);
    world.deliver(vec![task("b")]);
    assert_eq!(world.given(), [], "it is not there yet");
    world.hello(worker, 2);
    world.begin();
    assert_eq!(world.given().len(), 1);
    world.answer(worker, keys[0]);
    assert!(world.started().is_empty());
}
