use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{
    runtime::Exit,
    samples::{release, task},
    worker::StreamEnd,
};

fn workers() -> Workers {
    let release = release("echo", "1.0");
    let mut workers = Workers::new(
        Kind::new("echo").unwrap(),
        EnvironmentId::new("here").unwrap(),
        &Config::default(),
    );
    let chosen = Chosen {
        size: release.manifest.pool.clone(),
        release,
        is_active: true,
        is_kept: false,
    };
    workers.on_order(&[chosen], &BTreeMap::new());
    workers
}

fn ready(workers: &mut Workers, number: Number, now: Instant) {
    workers.start(0, number, now);
    workers.on_ready(number, 2, true, now);
}

#[test]
fn a_worker_takes_tasks_from_hello_until_it_is_to_go() {
    let (mut workers, now, number) = (workers(), Instant::now(), Number(1));
    workers.start(0, number, now);
    assert_eq!(workers.worker_of(0), None);
    workers.on_ready(number, 2, true, now);
    for _ in 0..2 {
        assert_eq!(workers.worker_of(0), Some(number));
        assert!(workers.give(0, number, &task("a"), now));
    }
    assert_eq!(workers.worker_of(0), None, "it is full");
    let ends = Ends {
        ended: 1,
        ..Ends::default()
    };
    workers.on_ends(number, ends, now);
    assert_eq!(workers.worker_of(0), Some(number));
    workers.drain(number, Duration::from_secs(1), now);
    assert_eq!(workers.worker_of(0), None);
}

#[test]
fn a_worker_whose_stream_has_no_room_is_passed_over() {
    let (mut workers, now, number) = (workers(), Instant::now(), Number(1));
    ready(&mut workers, number, now);
    workers.on_room(|_| Some(1));
    assert_eq!(workers.worker_of(0), None);
    workers.on_room(|_| Some(2));
    assert_eq!(workers.worker_of(0), Some(number));
}

#[test]
fn a_worker_that_answers_what_it_does_not_have_is_killed_and_counted_once() {
    let (mut workers, now, number) = (workers(), Instant::now(), Number(1));
    ready(&mut workers, number, now);
    let strays = Ends {
        strays: 1000,
        ..Ends::default()
    };
    workers.on_ends(number, strays, now);
    workers.on_parted(number, StreamEnd::Cut, now);
    workers.on_ended(number, Ended::Exit(Exit::Signal(9)), now);
    assert_eq!(workers.take_effects().kills, [number]);
    let lost = workers.bury(now);
    assert!(lost.len() == 1 && lost[0].is_gone && !lost[0].is_expected);
    let status = workers.status(0);
    assert_eq!(status[0].lost, 1);
    assert_eq!(&*status[0].problem.as_ref().unwrap().code, "worker-flood");
}

/// Workers, one of which is ready, and will say at its end whose fault that was.
fn explained() -> (Workers, Instant, Number) {
    let (mut workers, now, number) = (workers(), Instant::now(), Number(1));
    ready(&mut workers, number, now);
    workers.on_explained(number);
    (workers, now, number)
}

#[test]
fn a_worker_that_its_place_has_taken_away_is_no_failure() {
    for exit in [Exit::Evicted, Exit::Unseen] {
        let (mut workers, now, number) = explained();
        workers.on_parted(number, StreamEnd::Closed, now);
        assert_eq!(workers.status(0)[0].lost, 0, "nobody is blamed yet");
        workers.on_ended(number, Ended::Exit(exit), now);
        let lost = workers.bury(now);
        assert_eq!(lost[0].is_gone, exit.is_proven());
        assert!(workers.is_empty());
        let status = workers.status(0);
        assert_eq!((status[0].lost, &status[0].problem), (0, &None));
    }
}

#[test]
fn a_worker_that_says_at_its_end_that_it_crashed_is_a_failure_from_then_on() {
    let (mut workers, now, number) = explained();
    workers.on_parted(number, StreamEnd::Broken("reset".into()), now);
    assert_eq!(workers.status(0)[0].lost, 0);
    workers.on_ended(number, Ended::Exit(Exit::OutOfMemory), now);
    let status = workers.status(0);
    assert_eq!(status[0].lost, 1);
    let problem = status[0].problem.as_ref().unwrap();
    assert_eq!(&*problem.code, "worker-crashed");
    assert!(problem.message.contains("memory"), "{problem}");
}

#[test]
fn a_worker_that_was_told_to_end_gets_nothing_more_and_its_end_says_whose_doing_that_was() {
    for (exit, lost) in [(Exit::Evicted, 0), (Exit::Code(0), 1)] {
        let (mut workers, now, number) = explained();
        workers.on_leaving(number, now);
        assert_eq!(workers.worker_of(0), None);
        assert!(matches!(
            workers.take_effects().sends[..],
            [Outgoing {
                message: Message::Drain(_),
                ..
            }]
        ));
        workers.on_parted(number, StreamEnd::Closed, now);
        assert_eq!(workers.status(0)[0].lost, 0);
        workers.on_ended(number, Ended::Exit(exit), now);
        assert_eq!(workers.status(0)[0].lost, lost, "{exit:?}");
    }
}

#[test]
fn a_worker_that_must_go_gets_nothing_more_and_one_that_is_out_of_reach_is_given_up() {
    let (mut workers, now, number) = explained();
    workers.on_must_go(number, Duration::from_secs(5), now);
    assert_eq!(workers.worker_of(0), None);
    assert!(matches!(
        workers.take_effects().sends[..],
        [Outgoing {
            message: Message::Drain(_),
            ..
        }]
    ));
    let (mut workers, now, number) = explained();
    workers.on_out_of_reach(number, now);
    assert_eq!(workers.take_effects().kills, [number]);
    let lost = workers.bury(now + Duration::from_secs(1));
    assert!(lost.len() == 1 && !lost[0].is_gone);
    assert_eq!((workers.count(), workers.status(0)[0].lost), (1, 0));
    workers.on_ended(number, Ended::Exit(Exit::Signal(9)), now);
    assert!(workers.bury(now)[0].is_gone);
    assert_eq!((workers.count(), workers.status(0)[0].lost), (0, 0));
}

/// Something that happens to a worker.
#[derive(Debug, Clone, Copy)]
enum Event {
    Start,
    Ready,
    Give,
    Answer,
    Overdue,
    Drain,
    Part,
    Exit,
    EndAll,
    Pass,
}

fn events() -> impl Strategy<Value = Vec<(Event, u64)>> {
    let event = prop::sample::select(vec![
        Event::Start,
        Event::Ready,
        Event::Give,
        Event::Give,
        Event::Answer,
        Event::Overdue,
        Event::Drain,
        Event::Part,
        Event::Exit,
        Event::EndAll,
        Event::Pass,
    ]);
    prop::collection::vec((event, 0u64..4), 1..120)
}

/// Workers, and what is known of them from outside.
struct Model {
    workers: Workers,
    now: Instant,
    started: u64,
    forgotten: BTreeSet<Number>,
}

impl Model {
    fn new() -> Self {
        Self {
            workers: workers(),
            now: Instant::now(),
            started: 0,
            forgotten: BTreeSet::new(),
        }
    }

    fn apply(&mut self, event: Event, which: u64) {
        let (workers, now) = (&mut self.workers, self.now);
        let number = Number(which + 1);
        let is_known = workers.load_of(number).is_some();
        match event {
            Event::Start => {
                self.started += 1;
                workers.start(0, Number(self.started), now);
            }
            Event::Ready => workers.on_ready(number, 2, true, now),
            Event::Give => {
                if let Some(chosen) = workers.worker_of(0) {
                    assert!(workers.give(0, chosen, &task("a"), now));
                }
            }
            Event::Answer if is_known => {
                let ends = Ends {
                    ended: 1,
                    ..Ends::default()
                };
                workers.on_ends(number, ends, now);
            }
            Event::Overdue => drop(workers.on_overdue(number)),
            Event::Drain => workers.drain(number, Duration::from_secs(1), now),
            Event::Part => workers.on_parted(number, StreamEnd::Closed, now),
            Event::Exit => workers.on_ended(number, Ended::Exit(Exit::Code(0)), now),
            Event::EndAll => workers.end_all(now),
            Event::Answer => {}
            Event::Pass => self.now += Duration::from_secs(1),
        }
    }

    /// Looks at what must hold after each event.
    fn check(&mut self) {
        let lost = self.workers.bury(self.now);
        let gone: Vec<Number> = lost
            .iter()
            .filter(|l| l.is_gone)
            .map(|l| l.number)
            .collect();
        let effects = self.workers.take_effects();
        assert_eq!(effects.forgotten, gone, "whoever is gone is told of, once");
        for number in effects.forgotten {
            assert!(
                self.forgotten.insert(number),
                "{number:?} is forgotten once"
            );
            assert_eq!(self.workers.load_of(number), None);
        }
        for send in &effects.sends {
            assert!(self.workers.load_of(send.worker).is_some());
        }
        let room = self.workers.room_of(0);
        assert!(room.free <= room.capacity, "{room:?}");
        for number in (1..=self.started).map(Number) {
            if let Some((running, capacity)) = self.workers.load_of(number) {
                assert!(
                    running <= capacity,
                    "{number:?} has {running} of {capacity}"
                );
            }
        }
        let there = self.workers.count() as usize;
        assert_eq!(there + self.forgotten.len(), self.started as usize);
    }
}

proptest! {
    #[test]
    fn no_worker_has_more_than_it_takes_and_each_is_forgotten_once_when_it_has_gone(
        events in events()
    ) {
        let mut model = Model::new();
        for (event, which) in events {
            model.apply(event, which);
            model.check();
        }
    }
}

#[test]
fn the_end_of_a_worker_is_a_problem_for_a_short_time_unless_it_happens_again() {
    let (mut workers, now) = (workers(), Instant::now());
    let problem = |workers: &Workers| workers.status(0)[0].problem.clone();
    let die = |workers: &mut Workers, number: Number, now: Instant| {
        workers.start(0, number, now);
        workers.on_parted(number, StreamEnd::Cut, now);
        workers.on_ended(number, Ended::Exit(Exit::Signal(9)), now);
        workers.bury(now);
    };
    die(&mut workers, Number(1), now);
    let later = now + Duration::from_secs(119);
    workers.bury(later);
    assert_eq!(&*problem(&workers).unwrap().code, "worker-crashed");
    // Nothing wants another one, or another release serves now: that is no news of today.
    let later = now + Duration::from_secs(120);
    workers.bury(later);
    let status = &workers.status(0)[0];
    assert_eq!((status.ready, status.lost, &status.problem), (0, 1, &None));
    // A release that never starts is told of without a break.
    for (number, pause) in [(2, 0), (3, 60), (4, 120), (5, 180)] {
        die(
            &mut workers,
            Number(number),
            later + Duration::from_secs(pause),
        );
        workers.bury(later + Duration::from_secs(pause + 59));
        assert!(problem(&workers).is_some(), "{number}");
    }
}
