//! Control that workers have, and that has a go, or none.

use super::*;

/// A worker that has an attempt of control, and has not said that it could begin it.
fn prepared() -> (World, Number, TaskKey) {
    let mut world = World::new();
    world.is_eager = false;
    let worker = world.ready(2);
    let key = world.deliver(vec![control("a")])[0];
    assert_eq!(world.given(), [(worker, key)]);
    (world, worker, key)
}

fn milliseconds(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[test]
fn a_go_is_given_while_the_permit_stands_and_says_for_how_long_that_is() {
    let (mut world, worker, key) = prepared();
    assert_eq!(world.goes(), (vec![], vec![]), "nobody could begin it yet");
    world.wait(500);
    world.can_begin(worker, key);
    assert_eq!(world.goes(), (vec![(key, milliseconds(1500))], vec![]));
    // A worker whose manager was replaced asks again.
    world.wait(500);
    world.can_begin(worker, key);
    assert_eq!(world.goes(), (vec![(key, milliseconds(1000))], vec![]));
    world.wait(5000);
    assert!(world.outcomes().is_empty(), "it may be at it");
    world.answer(worker, key);
    assert_eq!(world.outcomes()[0].1, OutcomeStatus::Succeeded);
}

#[test]
fn a_worker_that_is_ready_after_the_permit_gets_no_go_and_that_is_reported() {
    let (mut world, worker, key) = prepared();
    // Nobody looked at the time meanwhile: everybody stood still.
    world.now += WINDOW + milliseconds(1);
    world.can_begin(worker, key);
    assert_eq!(world.goes(), (vec![], vec![key]));
    let late = (key, OutcomeStatus::Expired, "permit-late".to_owned());
    assert_eq!(world.outcomes(), [late]);
    world.can_begin(worker, key);
    assert_eq!(world.goes(), (vec![], vec![key]), "and none later");
    assert!(world.outcomes().is_empty());
    // Its target is free, and what the worker still says of it is nothing new.
    let next = world.deliver(vec![control("a")])[0];
    assert_eq!(world.given(), [(worker, next)]);
    world.answer(worker, key);
    assert!(world.outcomes().is_empty());
    assert_eq!(world.status().running, 1);
}

#[test]
fn what_has_no_go_at_the_end_of_its_permit_is_reported_without_waiting_for_its_worker() {
    let (mut world, _, key) = prepared();
    world.wait(2000);
    assert!(world.outcomes().is_empty());
    world.wait(1);
    assert_eq!(world.goes(), (vec![], vec![key]));
    let late = (key, OutcomeStatus::Expired, "permit-late".to_owned());
    assert_eq!(world.outcomes(), [late]);
    // The timeout of the attempt comes and goes: it is told once.
    world.record();
    world.wait(60_000);
    assert!(world.outcomes().is_empty());
}

#[test]
fn what_a_lost_worker_had_without_a_go_was_not_begun() {
    for has_go in [false, true] {
        let (mut world, worker, key) = prepared();
        if has_go {
            world.can_begin(worker, key);
        }
        world.ends(worker);
        let status = match has_go {
            true => OutcomeStatus::Unknown,
            false => OutcomeStatus::Expired,
        };
        let lost = (key, status, "worker-lost".to_owned());
        assert_eq!(world.outcomes(), [lost]);
    }
}

#[test]
fn after_its_machine_froze_an_environment_begins_nothing_that_was_permitted_before() {
    let (mut world, worker, key) = prepared();
    world.is_generous = false;
    let asked = world.deliver(vec![control("b"), control("c")]);
    let asks = world.asks();
    // One has its permit and no worker, one has none yet.
    world.permit(asks[0]);
    world.state.on_stood_still(world.at());
    let mut expired: Vec<TaskKey> = Vec::new();
    for (key, status, _) in world.outcomes() {
        assert_eq!(status, OutcomeStatus::Expired);
        expired.push(key);
    }
    expired.sort_unstable();
    let mut expect = vec![key, asks[0].key];
    expect.sort_unstable();
    assert_eq!(expired, expect);
    world.can_begin(worker, key);
    assert_eq!(world.goes().0, []);
    // A permit that still comes for the other is told to be of no use.
    let other = asks.iter().find(|ask| ask.key != asks[0].key);
    if let Some(other) = other {
        world.permit(*other);
        assert_eq!(world.outcomes()[0].0, other.key);
    }
    world.begin();
    assert!(world.given().is_empty());
    assert!(asked.contains(&asks[0].key));
}

#[test]
fn that_a_worker_which_is_out_of_reach_is_over_is_reported_when_it_is_seen_to_be_gone() {
    let (mut world, worker, key) = prepared();
    world.can_begin(worker, key);
    // Its stream has ended, and its process has not: it may stand still, and go on.
    world.report(
        worker,
        WorkerEvent::Parted(StreamEnd::Broken("reset".into())),
    );
    world.pass(60);
    let told = |world: &mut World| {
        let outcomes = std::mem::take(&mut world.state.effects.outcomes);
        let told = outcomes.iter().map(|o| (o.key(), o.status, o.is_over));
        told.collect::<Vec<_>>()
    };
    let unknown = OutcomeStatus::Unknown;
    assert_eq!(told(&mut world), [(key, unknown, false)]);
    world.report(worker, WorkerEvent::Exited(Exit::Signal(9)));
    world.upkeep();
    assert_eq!(told(&mut world), [(key, unknown, true)]);
}

#[test]
fn that_an_overdue_attempt_is_over_is_reported_when_its_worker_has_gone() {
    let (mut world, worker, key) = prepared();
    world.can_begin(worker, key);
    world.pass(60);
    let overdue = std::mem::take(&mut world.state.effects.outcomes);
    assert_eq!(overdue.len(), 1);
    assert!(!overdue[0].is_over, "it may stand still, and go on");
    world.ends(worker);
    let gone = std::mem::take(&mut world.state.effects.outcomes);
    let gone: Vec<_> = gone.iter().map(|o| (o.key(), o.is_over)).collect();
    assert_eq!(gone, [(key, true)]);
}
