//! Control is asked for, begun under a permit, and told until it is recorded.

use super::*;

fn delivery(task: &Task, tag: u64, redelivered: bool) -> Delivery {
    Delivery {
        tag: Tag(tag),
        task: task.clone(),
        redelivered,
    }
}

/// The outcomes since this was last asked, with their permits.
fn ended(world: &mut World) -> Vec<(TaskKey, OutcomeStatus, String, Option<u64>)> {
    let outcomes = std::mem::take(&mut world.state.effects.outcomes);
    let code = |o: &Outcome| o.problem.as_ref().map_or("", |p| &p.code).to_owned();
    outcomes
        .iter()
        .map(|o| (o.key(), o.status, code(o), o.permit))
        .collect()
}

#[test]
fn control_is_requested_and_begun_when_it_is_permitted() {
    let mut world = World::without_answers();
    let worker = world.ready(8);
    let key = world.deliver(vec![control("a")])[0];
    assert!(world.given().is_empty());
    assert_eq!(world.acknowledged(), 0);
    let ask = world.asks()[0];
    world.permit(ask);
    world.begin();
    assert_eq!(world.given(), [(worker, key)]);
    assert_eq!(world.acknowledged(), 1);
    // The permit comes a second time.
    world.permit(ask);
    world.begin();
    assert!(world.given().is_empty());
    world.answer(worker, key);
    let permit = Some(ask.ask);
    let expect = (key, OutcomeStatus::Succeeded, String::new(), permit);
    assert_eq!(ended(&mut world), std::slice::from_ref(&expect));
    world.permit(ask);
    assert!(ended(&mut world).is_empty());
    // Nobody has recorded it.
    world.wait(1500);
    assert_eq!(ended(&mut world), [expect]);
    world.record();
    world.wait(20_000);
    assert!(ended(&mut world).is_empty());
}

#[test]
fn what_is_refused_is_dropped_without_an_outcome() {
    let mut world = World::without_answers();
    let worker = world.ready(8);
    let keys = world.deliver(vec![control("a"), control("a")]);
    let ask = world.asks()[0];
    world.refuse(ask, Refused::Superseded);
    world.begin();
    assert_eq!(world.acknowledged(), 1);
    assert!(ended(&mut world).is_empty());
    // The lane goes on with the next.
    let ask = world.asks()[0];
    assert_eq!(ask.key, keys[1]);
    world.permit(ask);
    world.begin();
    assert_eq!(world.given(), [(worker, keys[1])]);
}

#[test]
fn an_ask_without_an_answer_is_repeated_and_then_made_again() {
    let mut world = World::without_answers();
    world.ready(8);
    world.deliver(vec![control("a")]);
    let first = world.asks()[0];
    world.wait(400);
    assert!(world.asks().is_empty());
    world.wait(200);
    assert_eq!(world.asks(), [first]);
    world.wait(1500);
    let second = world.asks()[0];
    assert_eq!(second.key, first.key);
    assert_ne!(second.ask, first.ask);
    // What comes for the first begins nothing, and the logic environment hears so.
    world.permit(first);
    world.begin();
    assert!(world.given().is_empty());
    let late = (
        first.key,
        OutcomeStatus::Expired,
        "permit-late".into(),
        Some(first.ask),
    );
    assert_eq!(ended(&mut world), [late]);
    world.permit(first);
    assert!(ended(&mut world).is_empty());
    // The attempt has had its permit: it is no longer wanted.
    assert_eq!(world.acknowledged(), 1);
    world.wait(5000);
    assert!(world.asks().is_empty());
}

#[test]
fn an_ask_that_was_given_up_is_made_again_when_another_one_is_told_to_have_the_permit() {
    let mut world = World::without_answers();
    world.ready(8);
    world.deliver(vec![control("a")]);
    let first = world.asks()[0];
    world.wait(2100);
    let second = world.asks()[0];
    world.refuse(second, Refused::Taken);
    assert_eq!(world.asks(), [first]);
    assert_eq!(world.acknowledged(), 1);
    world.permit(first);
    assert_eq!(ended(&mut world)[0].3, Some(first.ask));
    assert!(world.given().is_empty());
}

#[test]
fn a_permit_that_no_worker_takes_in_time_is_reported_useless() {
    let mut world = World::without_answers();
    let worker = world.ready(8);
    let key = world.deliver(vec![control("a")])[0];
    let ask = world.asks()[0];
    world.ends(worker);
    world.permit(ask);
    world.begin();
    world.wait(2100);
    let late = (key, OutcomeStatus::Expired, "permit-late".into());
    assert_eq!(world.outcomes(), [late]);
    let next = world.ready(8);
    world.begin();
    assert!(world.given().is_empty());
    // The lane is free again.
    let key = world.deliver(vec![control("a")])[0];
    let ask = world.asks()[0];
    world.permit(ask);
    world.begin();
    assert_eq!(world.given(), [(next, key)]);
}

#[test]
fn what_expires_between_permit_and_begin_is_not_begun() {
    let mut world = World::without_answers();
    let worker = world.ready(8);
    let soon = Task {
        expires: Timestamp::now() + Duration::from_secs(1),
        ..control("a")
    };
    let key = world.deliver(vec![soon])[0];
    let ask = world.asks()[0];
    world.permit(ask);
    let later = Timestamp::now() + Duration::from_secs(2);
    world.state.begin(Moment {
        now: world.now + Duration::from_secs(2),
        clock: later,
    });
    assert!(world.given().is_empty());
    let expired = (key, OutcomeStatus::Expired, "expired".into(), Some(ask.ask));
    assert_eq!(ended(&mut world), [expired]);
    assert_eq!(world.load_of(worker).0, 0);
}

#[test]
fn a_second_delivery_is_dropped_wherever_the_first_is() {
    let mut world = World::without_answers();
    let worker = world.ready(8);
    let (first, second) = (control("a"), control("a"));
    world.deliver(vec![first.clone(), second.clone()]);
    let mut tag = 100;
    let mut again = |world: &mut World, task: &Task| {
        tag += 1;
        let deliveries = vec![delivery(task, tag, tag % 2 == 0)];
        world.state.on_deliveries(deliveries, world.at());
        assert_eq!(world.acknowledged(), 1, "{tag}");
        world.begin();
    };
    again(&mut world, &second); // waits
    again(&mut world, &first); // is asked for
    let asks = world.asks();
    assert_eq!(asks.len(), 1);
    world.permit(asks[0]);
    again(&mut world, &first); // was permitted, and is begun
    world.acknowledged();
    assert_eq!(world.given(), [(worker, first.key())]);
    again(&mut world, &first); // runs
    world.answer(worker, first.key());
    again(&mut world, &first); // is not recorded
    assert!(world.given().is_empty());
    // Recorded, it is asked for, and will be refused.
    world.record();
    let deliveries = vec![delivery(&first, 200, true)];
    world.state.on_deliveries(deliveries, world.at());
    assert_eq!(world.acknowledged(), 0);
}

#[test]
fn what_ended_without_a_permit_does_so_once() {
    let mut world = World::without_answers();
    world.ready(8);
    let none = pinned(control("b"), "3.0");
    let key = world.deliver(vec![none.clone()])[0];
    let told = (key, OutcomeStatus::Failed, "no-release".into(), None);
    assert_eq!(ended(&mut world), [told]);
    world.record();
    world.deliver(vec![none]);
    assert!(ended(&mut world).is_empty());
    assert_eq!(world.acknowledged(), 2);
}

#[test]
fn asks_and_attempts_together_are_never_more_than_workers_take() {
    let mut world = World::without_answers();
    let worker = world.ready(8);
    let tasks = (0..40).map(|n| control(&format!("c{n}"))).collect();
    world.deliver(tasks);
    let asks = world.asks();
    assert_eq!(asks.len(), 4);
    // Reads have what is left.
    let reads = (0..40).map(|n| task(&format!("r{n}"))).collect();
    world.deliver(reads);
    assert_eq!(world.given().len(), 4);
    assert!(world.asks().is_empty());
    for ask in asks {
        world.permit(ask);
        world.begin();
        let running = world.load_of(worker).0 as usize;
        assert!(running + world.state.permits.len() <= 8);
    }
    assert_eq!(world.given().len(), 4);
}

#[test]
fn observation_continues_while_nobody_answers_and_ends_before_control_begins() {
    let mut world = World::without_answers();
    let worker = world.ready(8);
    let write = world.deliver(vec![control("a")])[0];
    let read = world.deliver(vec![task("a")])[0];
    let ask = world.asks()[0];
    assert!(world.given().is_empty());
    world.wait(600);
    assert_eq!(world.given(), [(worker, read)]);
    let behind = world.deliver(vec![task("a")])[0];
    world.permit(ask);
    world.begin();
    assert!(world.given().is_empty());
    world.answer(worker, read);
    assert_eq!(world.given(), [(worker, write)]);
    world.answer(worker, write);
    assert_eq!(world.given(), [(worker, behind)]);
}

#[test]
fn nothing_is_requested_while_too_much_is_unrecorded() {
    let config = Config {
        unrecorded: 2,
        ..Config::default()
    };
    let mut world = World::set(&["1.0"], &config);
    let worker = world.ready(8);
    let keys = world.deliver((0..3).map(|n| control(&format!("c{n}"))).collect());
    assert_eq!(world.given().len(), 2);
    world.answer(worker, keys[0]);
    world.answer(worker, keys[1]);
    assert!(world.given().is_empty());
    world.record();
    world.begin();
    assert_eq!(world.given(), [(worker, keys[2])]);
}

#[test]
fn at_the_end_what_is_requested_is_given_back_and_what_is_permitted_is_reported() {
    let mut world = World::without_answers();
    let worker = world.ready(8);
    let keys = world.deliver(vec![control("a"), control("b"), control("c")]);
    let asks = world.asks();
    world.permit(asks[0]);
    world.order(&[]);
    let told = |key, ask: Ask| {
        (
            key,
            OutcomeStatus::Expired,
            "draining".into(),
            Some(ask.ask),
        )
    };
    assert_eq!(ended(&mut world), [told(keys[0], asks[0])]);
    world.permit(asks[1]);
    assert_eq!(ended(&mut world), [told(keys[1], asks[1])]);
    assert!(world.given().is_empty());
    world.ends(worker);
    world.record();
    assert!(!world.is_over());
    world.wait(2100);
    assert_eq!(world.state.effects.give_back.len(), 1);
    assert!(world.is_over());
}

#[test]
fn an_environment_that_must_end_does_not_wait_for_records() {
    let mut world = World::new();
    let worker = world.ready(8);
    let key = world.deliver(vec![control("a")])[0];
    world.answer(worker, key);
    let order = Order {
        give_up_at: Some(world.now + Duration::from_secs(5)),
        ..Order::default()
    };
    world.state.on_order(&order, world.at());
    world.ends(worker);
    world.wait(4900);
    assert!(!world.is_over());
    world.wait(200);
    assert!(world.is_over());
    assert_eq!(world.state.unrecorded().len(), 1);
}

#[test]
fn a_lost_connection_keeps_what_is_requested() {
    let mut world = World::without_answers();
    let worker = world.ready(8);
    let key = world.deliver(vec![control("a"), control("a")])[0];
    let ask = world.asks()[0];
    world.state.on_lost_connection();
    world.permit(ask);
    world.begin();
    assert_eq!(world.given(), [(worker, key)]);
    assert_eq!(world.acknowledged(), 0);
    assert_eq!(world.status().waiting, 0);
}

#[test]
fn without_permits_control_is_begun_at_once_and_a_second_time() {
    let config = Config {
        without_permits: true,
        ..Config::default()
    };
    let mut world = World::set(&["1.0"], &config);
    world.is_generous = false;
    let worker = world.ready(8);
    let write = control("a");
    world.deliver(vec![write.clone()]);
    assert_eq!(world.given(), [(worker, write.key())]);
    world.answer(worker, write.key());
    world.deliver(vec![write.clone()]);
    assert_eq!(world.given(), [(worker, write.key())]);
    assert_eq!(ended(&mut world)[0].3, None);
    assert!(world.state.unrecorded().is_empty());
}

#[test]
fn what_acts_by_its_manifest_is_never_begun_as_a_read() {
    let mut world = World::new();
    world.ready(8);
    let forged = Task {
        class: Class::Observe,
        ..control("a")
    };
    let unknown = Task {
        action: "reboot".parse().unwrap(),
        ..task("b")
    };
    let keys = world.deliver(vec![forged, unknown, task("c")]);
    let begun: Vec<_> = world.given().into_iter().map(|(_, key)| key).collect();
    assert_eq!(begun, [keys[2]]);
    let ended = world.outcomes();
    assert_eq!(
        ended,
        [
            (keys[0], OutcomeStatus::Failed, "wrong-class".into()),
            (keys[1], OutcomeStatus::Failed, "no-such-action".into()),
        ]
    );
    // Its target is free for others.
    let next = world.deliver(vec![task("a")])[0];
    assert_eq!(world.given().last().map(|(_, key)| *key), Some(next));
}
