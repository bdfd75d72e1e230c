//! A target that does not answer is left alone, and others are not.

use utakata_model::BreakerState;

use super::*;

impl World {
    fn fail(&mut self, worker: Number, key: TaskKey, code: &str) {
        let said = AttemptOutcome {
            id: key.task.as_bytes().to_vec(),
            attempt: key.attempt,
            status: WireStatus::Failed.into(),
            problem: Some(utakata_protocol::v1::Problem {
                code: code.into(),
                message: "as the test says".into(),
                ..Default::default()
            }),
            ..AttemptOutcome::default()
        };
        let answer = Answer::from_wire(said).unwrap();
        self.report(worker, WorkerEvent::Answers(vec![answer]));
        self.begin();
    }

    /// A read of the target fails like this, so often.
    fn fails(&mut self, worker: Number, target: &str, code: &str, times: usize) {
        for _ in 0..times {
            let key = self.deliver(vec![task(target)])[0];
            assert_eq!(self.given(), [(worker, key)]);
            self.fail(worker, key, code);
            assert_eq!(
                self.outcomes(),
                [(key, OutcomeStatus::Failed, code.to_owned())]
            );
        }
    }

    fn breakers(&self) -> Vec<(String, BreakerState)> {
        let breakers = self.state.breakers(self.now).into_iter();
        breakers
            .map(|breaker| (breaker.target.to_string(), breaker.state))
            .collect()
    }
}

fn open(target: &str) -> (String, BreakerState) {
    (target.into(), BreakerState::Open)
}

#[test]
fn reads_of_a_silent_target_fail_at_once_and_others_continue() {
    let mut world = World::new();
    let worker = world.ready(8);
    world.fails(worker, "a", "unreachable", 4);
    assert!(world.breakers().is_empty());
    let keys = world.deliver(vec![task("a"), task("a"), task("b")]);
    world.given();
    world.fail(worker, keys[0], "deadline");
    // What waited ends as well.
    let at_once = |key| (key, OutcomeStatus::Failed, "breaker-open".to_owned());
    let ended = world.outcomes();
    assert_eq!(ended[1..], [at_once(keys[1])]);
    assert_eq!(world.breakers(), [open("a")]);
    let next = world.deliver(vec![task("a"), task("b")]);
    assert!(world.given().is_empty());
    assert_eq!(world.outcomes(), [at_once(next[0])]);
    world.answer(worker, keys[2]);
    assert_eq!(world.given(), [(worker, next[1])]);
}

#[test]
fn one_attempt_finds_out_and_an_answer_closes() {
    let mut world = World::new();
    let worker = world.ready(8);
    world.fails(worker, "a", "unreachable", 5);
    world.wait(1300);
    assert_eq!(world.breakers(), [("a".into(), BreakerState::HalfOpen)]);
    let keys = world.deliver(vec![task("a")]);
    assert_eq!(world.given(), [(worker, keys[0])]);
    let behind = world.deliver(vec![task("a")])[0];
    assert_eq!(world.outcomes()[0].2, "breaker-open");
    world.fail(worker, keys[0], "unreachable");
    assert_eq!(world.outcomes()[0].0, keys[0]);
    assert_eq!(world.breakers(), [open("a")]);
    world.wait(1400);
    assert_eq!(world.breakers(), [open("a")]);
    world.wait(1200);
    let key = world.deliver(vec![task("a")])[0];
    assert_eq!(world.given(), [(worker, key)]);
    // Any answer of the target will do.
    world.fail(worker, key, "device-refused");
    assert!(world.breakers().is_empty());
    let key = world.deliver(vec![task("a")])[0];
    assert_eq!(world.given(), [(worker, key)]);
    assert_ne!(behind, key);
}

#[test]
fn control_of_a_silent_target_waits_and_is_the_one_that_finds_out() {
    let mut world = World::without_answers();
    let worker = world.ready(8);
    world.fails(worker, "a", "unreachable", 5);
    let keys = world.deliver(vec![control("a"), control("a"), control("b")]);
    let asks = world.asks();
    assert_eq!(asks.len(), 1);
    assert_eq!(asks[0].key, keys[2]);
    assert!(world.outcomes().is_empty());
    world.wait(1300);
    let ask = world.asks();
    let ask = ask.into_iter().find(|ask| ask.key == keys[0]).unwrap();
    // What is refused does not find out.
    world.refuse(ask, Refused::Recalled);
    world.begin();
    let ask = world.asks()[0];
    assert_eq!(ask.key, keys[1]);
    world.permit(ask);
    world.begin();
    assert_eq!(world.given(), [(worker, keys[1])]);
    world.answer(worker, keys[1]);
    assert!(world.breakers().is_empty());
}

#[test]
fn what_says_nothing_of_a_target_neither_opens_nor_closes() {
    let mut world = World::new();
    let worker = world.ready(8);
    world.fails(worker, "a", "unreachable", 3);
    world.fails(worker, "a", "bad-parameters", 5);
    assert!(world.breakers().is_empty());
    world.fails(worker, "a", "unreachable", 2);
    assert_eq!(world.breakers(), [open("a")]);
    world.wait(1300);
    world.fails(worker, "a", "bad-parameters", 1);
    assert_eq!(world.breakers(), [("a".into(), BreakerState::HalfOpen)]);
    world.fails(worker, "a", "unreachable", 1);
    assert_eq!(world.breakers(), [open("a")]);
}

#[test]
fn control_that_expires_while_its_target_is_left_alone_is_reported() {
    let mut world = World::new();
    let worker = world.ready(8);
    world.fails(worker, "a", "unreachable", 5);
    let soon = Task {
        expires: Timestamp::now() + Duration::from_secs(1),
        ..control("a")
    };
    let key = world.deliver(vec![soon])[0];
    let later = Timestamp::now() + Duration::from_secs(2);
    world.state.upkeep(Moment {
        now: world.now + Duration::from_secs(2),
        clock: later,
    });
    let expired = (key, OutcomeStatus::Expired, "expired".to_owned());
    assert_eq!(world.outcomes(), [expired]);
}
