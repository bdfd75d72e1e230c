//! A kind that is paused or drained by an order, and goes on.

use utakata_model::StopState;

use super::*;

impl World {
    /// Orders a stop, or its end.
    fn stop(&mut self, stop: Option<Stop>) {
        self.stop = stop;
        self.order(&["1.0"]);
    }

    /// Deliveries and reads for others since this was last asked.
    fn handed_over(&mut self) -> (Vec<u64>, Vec<TaskKey>) {
        let effects = &mut self.state.effects;
        let tags = std::mem::take(&mut effects.give_back);
        let reads = std::mem::take(&mut effects.publish_again);
        let tags = tags.iter().map(|tag| tag.0).collect();
        (tags, reads.iter().map(Task::key).collect())
    }

    fn drains(&mut self) -> usize {
        let sends = self.workers().sends.iter();
        sends
            .filter(|send| matches!(send.message, Message::Drain(_)))
            .count()
    }
}

#[test]
fn what_was_begun_ends_and_what_was_not_goes_to_others() {
    let mut world = World::new();
    let worker = world.ready(2);
    let mut keys = world.deliver(vec![control("a")]);
    keys.extend(world.deliver(vec![task("b"), control("a"), task("c")]));
    assert_eq!(world.given(), [(worker, keys[0]), (worker, keys[1])]);
    world.acknowledged();
    world.stop(Some(Stop::Pause));
    assert_eq!(world.handed_over(), (vec![3], vec![keys[3]]));
    assert_eq!(
        world.acknowledged(),
        0,
        "what is given back is not dealt with"
    );
    assert_eq!(world.state.room(), 0);
    assert_eq!(world.state.stopped(), Some(StopState::Pausing));
    world.answer(worker, keys[0]);
    world.answer(worker, keys[1]);
    let ended: Vec<_> = world.outcomes().iter().map(|(key, ..)| *key).collect();
    assert_eq!(ended, [keys[0], keys[1]]);
    assert_eq!(world.state.stopped(), Some(StopState::Pausing));
    world.record();
    assert_eq!(world.state.stopped(), Some(StopState::Paused));
    assert_eq!(world.status().ready, 1, "the worker stays");
    // What was on its way goes back, too.
    world.deliver(vec![control("d"), task("e")]);
    assert_eq!(world.handed_over().0, [5, 6]);
    world.stop(None);
    assert_eq!(world.state.stopped(), None);
    assert!(world.state.room() > 0);
    let key = world.deliver(vec![control("a")])[0];
    assert_eq!(world.given(), [(worker, key)]);
}

#[test]
fn a_permit_for_what_was_handed_over_is_reported_useless() {
    let mut world = World::without_answers();
    let worker = world.ready(8);
    let key = world.deliver(vec![control("a")])[0];
    let ask = world.asks()[0];
    world.stop(Some(Stop::Pause));
    assert_eq!(world.handed_over().0, [1]);
    assert_eq!(world.state.stopped(), Some(StopState::Paused));
    world.permit(ask);
    world.begin();
    assert!(world.given().is_empty());
    let late = (key, OutcomeStatus::Expired, "permit-late".to_owned());
    assert_eq!(world.outcomes(), [late]);
    assert_eq!(world.acknowledged(), 0);
    assert_eq!(
        world.state.stopped(),
        Some(StopState::Pausing),
        "unrecorded"
    );
    world.record();
    world.wait(2_100);
    assert!(world.asks().is_empty(), "nobody asks for it here any more");
    // The lane is free again for the next attempt.
    world.stop(None);
    let key = world.deliver(vec![control("a")])[0];
    let ask = world.asks()[0];
    assert_eq!(ask.key, key);
    world.permit(ask);
    world.begin();
    assert_eq!(world.given(), [(worker, key)]);
}

#[test]
fn what_is_permitted_and_not_begun_is_told_not_to_have_been_done() {
    let mut world = World::without_answers();
    let worker = world.ready(8);
    let key = world.deliver(vec![control("a")])[0];
    let ask = world.asks()[0];
    world.permit(ask);
    world.stop(Some(Stop::Pause));
    assert_eq!(world.handed_over(), (vec![], vec![]));
    assert_eq!(world.acknowledged(), 1);
    let stopped = (key, OutcomeStatus::Expired, "draining".to_owned());
    assert_eq!(world.outcomes(), [stopped]);
    world.begin();
    assert!(world.given().is_empty(), "{worker:?} got it");
}

#[test]
fn a_drained_kind_stops_its_workers_when_all_has_ended_and_starts_them_again() {
    let mut world = World::new();
    let worker = world.ready(2);
    let key = world.deliver(vec![control("a")])[0];
    world.given();
    world.stop(Some(Stop::Drain));
    assert_eq!(world.drains(), 0, "it has something to do");
    world.answer(worker, key);
    world.record();
    world.pass(1);
    assert_eq!(world.drains(), 1);
    assert_eq!(world.state.stopped(), Some(StopState::Draining));
    world.ends(worker);
    world.pass(1);
    assert!(world.started().is_empty());
    assert_eq!(world.state.stopped(), Some(StopState::Drained));
    assert_eq!(world.status().problem, None);
    assert!(!world.is_over(), "it goes on when it is resumed");
    world.stop(None);
    assert_eq!(world.started().len(), 1);
}

#[test]
fn reads_that_cannot_be_put_back_end() {
    let mut world = World::new();
    world.ready(1);
    let keys = world.deliver(vec![task("a"), task("b")]);
    world.stop(Some(Stop::Pause));
    let reads = std::mem::take(&mut world.state.effects.publish_again);
    assert_eq!(reads.len(), 1);
    world.state.on_not_published(reads, world.at());
    let ended = (keys[1], OutcomeStatus::Expired, "draining".to_owned());
    assert_eq!(world.outcomes(), [ended]);
}

#[test]
fn a_release_that_is_stopped_keeps_its_tasks_waiting_and_others_continue() {
    let mut world = World::with(&["1.0", "2.0"]);
    let worker = world.ready(1024);
    let room = world.state.room();
    world.stops = BTreeMap::from([(Arc::from("1.0"), Stop::Drain)]);
    world.order(&["1.0", "2.0"]);
    let old: Vec<Task> = (0..100)
        .map(|n| pinned(task(&format!("old-{n}")), "1.0"))
        .collect();
    let old = world.deliver(old);
    world.pass(1);
    assert_eq!(
        world.started(),
        [],
        "a worker of what is stopped was started"
    );
    assert_eq!(world.given(), []);
    // They take no room from the others.
    assert_eq!(world.state.room(), room);
    let new = world.deliver(vec![task("new")]);
    assert_eq!(world.given(), [(worker, new[0])]);
    assert!(world.state.effects.give_back.is_empty());
    let drained = BTreeMap::from([(Arc::from("1.0"), StopState::Drained)]);
    assert_eq!(world.state.workers.stopped_releases(), drained);
    world.stops = BTreeMap::new();
    world.order(&["1.0", "2.0"]);
    world.begin();
    world.upkeep();
    let revived = world.ready(1024);
    world.begin();
    let given: BTreeSet<TaskKey> = world.given().iter().map(|one| one.1).collect();
    assert_eq!(given, old.into_iter().collect());
    assert_ne!(revived, worker);
}

#[test]
fn the_release_that_serves_waits_while_pinned_targets_are_served_by_another() {
    let mut world = World::with(&["1.0", "2.0"]);
    let worker = world.ready(1024);
    let keys = world.deliver(vec![task("begun")]);
    assert_eq!(world.given(), [(worker, keys[0])]);
    world.stops = BTreeMap::from([(Arc::from("2.0"), Stop::Drain)]);
    world.order(&["1.0", "2.0"]);
    // What was begun ends first.
    let states = |world: &World| world.state.workers.stopped_releases()["2.0"];
    assert_eq!(states(&world), StopState::Draining);
    world.answer(worker, keys[0]);
    world.upkeep();
    world.ends(worker);
    world.upkeep();
    assert_eq!(states(&world), StopState::Drained);
    let waits = world.deliver(vec![task("new")]);
    let old = world.deliver(vec![pinned(task("old"), "1.0")]);
    world.upkeep();
    let other = world.ready(1024);
    world.begin();
    assert_eq!(world.given(), [(other, old[0])]);
    world.stops = BTreeMap::new();
    world.order(&["1.0", "2.0"]);
    let back = world.ready(1024);
    world.begin();
    assert_eq!(world.given(), [(back, waits[0])]);
}

#[test]
fn where_every_release_is_stopped_nothing_is_fetched_and_what_waits_goes_to_others() {
    let mut world = World::new();
    world.ready(1024);
    world.deliver(vec![control("a"), control("a")]);
    world.stops = BTreeMap::from([(Arc::from("1.0"), Stop::Pause)]);
    world.order(&["1.0"]);
    assert_eq!(world.state.room(), 0);
    assert_eq!(world.state.effects.give_back.len(), 1);
    world.stops = BTreeMap::new();
    world.order(&["1.0"]);
    assert!(world.state.room() > 0);
}

#[test]
fn a_target_that_is_pinned_to_a_release_on_its_way_waits_for_it() {
    let mut world = World::with(&["1.0"]);
    let worker = world.ready(1024);
    world.coming = BTreeSet::from([Arc::from("2.0")]);
    world.order(&["1.0"]);
    let keys = world.deliver(vec![pinned(task("a"), "2.0"), task("b")]);
    assert_eq!(world.given(), [(worker, keys[1])]);
    assert_eq!(world.outcomes(), []);
    world.coming = BTreeSet::new();
    world.order(&["1.0"]);
    world.begin();
    let ended = world.outcomes();
    assert_eq!((ended[0].0, &*ended[0].2), (keys[0], "no-release"));
}
