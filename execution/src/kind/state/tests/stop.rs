//! A kind that is paused or drained by an order, and goes on.

use utakata_model::StopState;

use super::*;

impl World {
    /// What is asked of the kind from now on.
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

    fn drains(&self) -> usize {
        let sends = self.state.effects.sends.iter();
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
fn a_permit_for_what_was_handed_over_is_told_to_be_of_no_use() {
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
    assert!(!world.is_over(), "it goes on when it is told to");
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
    let (now, clock) = (world.now, Timestamp::now());
    world.state.not_handed_over(reads, now, clock);
    let ended = (keys[1], OutcomeStatus::Expired, "draining".to_owned());
    assert_eq!(world.outcomes(), [ended]);
}
