use proptest::prelude::*;
use utakata_model::Cure;

use super::*;

const RULE: Rule = Rule {
    failures: 3,
    first: Duration::from_secs(1),
    max: Duration::from_secs(30),
};

struct World {
    breaker: Breaker,
    target: TargetName,
    start: Instant,
    now: Instant,
}

impl World {
    fn new(target: &str) -> Self {
        let start = Instant::now();
        Self {
            breaker: Breaker::default(),
            target: TargetName::new(target).unwrap(),
            start,
            now: start,
        }
    }

    fn silence(&mut self) -> bool {
        let problem = Problem::new("unreachable", Cure::Retry, "no answer");
        let clock = Timestamp::UNIX_EPOCH + (self.now - self.start);
        self.breaker
            .on_silence(&self.target, &problem, &RULE, self.now, clock)
    }

    fn passage(&self) -> Passage {
        self.breaker.passage(self.now)
    }

    /// Waits until the next attempt may be made; how long that was.
    fn cool(&mut self) -> Duration {
        let until = self.breaker.opens_at(self.now).unwrap();
        let waited = until - self.now;
        self.now = until;
        waited
    }

    fn open(target: &str) -> Self {
        let mut world = Self::new(target);
        assert!(!world.silence() && !world.silence());
        assert_eq!(world.passage(), Passage::Free);
        assert!(world.silence());
        world
    }
}

#[test]
fn it_opens_after_several_attempts_in_a_row_without_an_answer() {
    let world = World::open("a");
    assert_eq!(world.passage(), Passage::None);
    let mut world = World::new("a");
    for _ in 0..10 {
        assert!(!world.silence() && !world.silence());
        world.breaker.on_answer();
    }
    assert_eq!(world.passage(), Passage::Free);
    assert!(world.breaker.is_forgotten(world.now));
}

#[test]
fn half_open_it_lets_one_attempt_through_which_closes_it_or_opens_it_again() {
    let mut world = World::open("a");
    world.cool();
    assert_eq!(world.passage(), Passage::Trial);
    world.breaker.begin();
    assert_eq!(world.passage(), Passage::None);
    world.breaker.release();
    assert_eq!(world.passage(), Passage::Trial);
    world.breaker.begin();
    world.breaker.release();
    assert!(!world.silence());
    assert_eq!(world.passage(), Passage::None);
    world.cool();
    world.breaker.begin();
    world.breaker.on_answer();
    assert_eq!(world.passage(), Passage::Free);
}

#[test]
fn it_waits_twice_as_long_each_time_up_to_the_most() {
    let mut world = World::open("a");
    let mut cool_downs = Vec::new();
    for _ in 0..7 {
        cool_downs.push(world.cool());
        world.silence();
    }
    for (wait, expect) in cool_downs.iter().zip([1, 2, 4, 8, 16, 30, 30]) {
        let expect = Duration::from_secs(expect);
        let range = expect * 3 / 4..=expect * 5 / 4;
        assert!(range.contains(wait), "{cool_downs:?}");
    }
}

#[test]
fn targets_that_fell_silent_together_are_not_tried_together() {
    let names = (0..100).map(|n| format!("pdu-{n}"));
    let waits = names.map(|name| World::open(&name).cool());
    let mut waits: Vec<Duration> = waits.collect();
    waits.sort();
    waits.dedup();
    assert!(waits.len() > 90);
    assert!(waits[waits.len() - 1] - waits[0] > Duration::from_millis(300));
}

#[test]
fn it_is_reported_with_what_was_seen_until_it_closes() {
    let mut world = World::open("a");
    let status = |world: &World| world.breaker.status(&world.target, world.now);
    let told = status(&world).unwrap();
    assert_eq!((told.state, told.failures), (BreakerState::Open, 3));
    assert_eq!(told.since, Timestamp::UNIX_EPOCH);
    assert_eq!(&*told.problem.code, "unreachable");
    world.cool();
    assert_eq!(status(&world).unwrap().state, BreakerState::HalfOpen);
    world.silence();
    let told = status(&world).unwrap();
    assert_eq!((told.since, told.failures), (Timestamp::UNIX_EPOCH, 4));
    world.breaker.on_answer();
    assert_eq!(status(&world), None);
}

#[test]
fn what_was_not_spoken_to_for_long_is_as_good_as_new() {
    let mut world = World::new("a");
    assert!(!world.silence() && !world.silence());
    world.now += FORGOTTEN_AFTER;
    assert!(world.breaker.is_forgotten(world.now));
    assert!(!world.silence());
}

#[test]
fn a_rule_of_no_failures_never_opens() {
    let mut breaker = Breaker::default();
    let rule = Rule {
        failures: 0,
        ..RULE
    };
    let target = TargetName::new("a").unwrap();
    let problem = Problem::new("unreachable", Cure::Retry, "no answer");
    for _ in 0..1000 {
        let now = Instant::now();
        assert!(!breaker.on_silence(&target, &problem, &rule, now, Timestamp::now()));
    }
}

proptest! {
    /// Whatever happens: it never stays shut longer than the longest cool-down, and only one
    /// attempt at a time is on trial.
    #[test]
    fn it_always_lets_somebody_through_again(
        steps in prop::collection::vec((0u8..5, 0u64..20_000), 1..200),
    ) {
        let mut world = World::new("a");
        let mut on_trial = 0;
        for (step, wait) in steps {
            world.now += Duration::from_millis(wait);
            match step {
                0 | 1 => { world.silence(); }
                2 => world.breaker.on_answer(),
                3 => { world.breaker.release(); on_trial = 0; }
                _ => match world.passage() {
                    Passage::Trial => {
                        world.breaker.begin();
                        on_trial += 1;
                    }
                    Passage::Free | Passage::None => {}
                },
            }
            if world.breaker.open.as_ref().is_none_or(|open| !open.is_on_trial) {
                on_trial = 0;
            }
            prop_assert!(on_trial <= 1);
            let max = RULE.max * 5 / 4;
            let at = world.breaker.opens_at(world.now);
            prop_assert!(at.is_none_or(|at| at - world.now <= max));
        }
    }
}
