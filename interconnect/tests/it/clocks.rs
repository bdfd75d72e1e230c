//! Times exchanged between hosts whose clocks differ.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use utakata_interconnect::{Event, Message as _, clock::Clock, message::status};
use utakata_interconnect_conformance::sample::Queue;
use utakata_model::{Class, EnvironmentState, EnvironmentStatus, Reading, Readings, Task};

const HOUR: i64 = 3_600;

/// The true time, advanced by the test, and hosts whose clocks show it wrongly.
#[derive(Clone, Default)]
struct Truth(Arc<Mutex<Duration>>);

impl Truth {
    fn passes(&self, milliseconds: u64) {
        *self.0.lock() += Duration::from_millis(milliseconds);
    }

    /// A host whose clock is ahead by this many seconds, and which started at another time.
    fn host(&self, ahead: i64, started: u64) -> Clock {
        let (wall, steady) = (self.clone(), self.clone());
        let begin = Timestamp::from_second(1_800_000_000 + ahead).unwrap();
        Clock::with_steady(
            move || begin + *wall.0.lock(),
            move || Duration::from_secs(started) + *steady.0.lock(),
        )
    }
}

fn pairs(check: impl Fn(Truth, Clock, Clock)) {
    for ahead in [0, 2 * HOUR, -2 * HOUR, 15, -15, 30 * 365 * 24 * HOUR] {
        for started in [0, 7, 1_000_000] {
            let truth = Truth::default();
            check(
                truth.clone(),
                truth.host(0, 1000),
                truth.host(ahead, started),
            );
            let truth = Truth::default();
            check(
                truth.clone(),
                truth.host(ahead, started),
                truth.host(0, 1000),
            );
        }
    }
}

fn read(from: &Clock, seconds: i64) -> Task {
    let queue = Queue::new("hall-1", "snmp").unwrap();
    Task {
        expires: from.now() + SignedDuration::from_secs(seconds),
        ..queue.task(Class::Observe, 0)
    }
}

fn left(at: &Clock, task: &Task) -> i64 {
    i64::try_from(at.left(task.expires).as_millis()).unwrap()
}

#[test]
fn the_time_left_until_a_deadline_arrives_whatever_the_clocks_show() {
    pairs(|truth, le, wee| {
        let mut tasks = vec![read(&le, 3)];
        tasks.push(Task {
            class: Class::Control,
            ..read(&le, 60)
        });
        let came = Vec::<Task>::decode_stamped(&tasks.encode_stamped(&le).unwrap(), &wee).unwrap();
        assert_eq!([left(&wee, &came[0]), left(&wee, &came[1])], [3000, 60_000]);
        // The next message waits in a queue.
        let payload = vec![read(&le, 3)].encode_stamped(&le).unwrap();
        truth.passes(1200);
        let came = Vec::<Task>::decode_stamped(&payload, &wee).unwrap();
        assert_eq!(left(&wee, &came[0]), 1800);
        // It is forwarded by another process, which holds it for a while.
        let hub = truth.host(17 * HOUR, 3);
        let passed = came.encode_stamped(&wee).unwrap();
        let passed = Vec::<Task>::decode_stamped(&passed, &hub).unwrap();
        truth.passes(300);
        let passed = passed.encode_stamped(&hub).unwrap();
        assert_eq!(
            left(
                &wee,
                &Vec::<Task>::decode_stamped(&passed, &wee).unwrap()[0]
            ),
            1500
        );
    });
}

#[test]
fn no_read_is_taken_for_expired_because_a_machine_froze() {
    let (truth, stood) = (Truth::default(), Truth::default());
    let (le, wee) = (stood.host(0, 0), truth.host(0, 0));
    Vec::<Task>::decode_stamped(&vec![read(&le, 3)].encode_stamped(&le).unwrap(), &wee).unwrap();
    // The host of the logic environment freezes for an hour, with both of its clocks.
    truth.passes(3_600_000);
    let came = Vec::<Task>::decode_stamped(&vec![read(&le, 3)].encode_stamped(&le).unwrap(), &wee)
        .unwrap();
    assert_eq!(left(&wee, &came[0]), 3000);
}

#[test]
fn observations_have_their_true_age_whatever_the_clocks_show() {
    let queue = Queue::new("hall-1", "snmp").unwrap();
    pairs(|truth, le, wee| {
        let Event::Readings(sample) = queue.readings(0).unwrap() else {
            panic!("no readings");
        };
        let seen = |age| Readings {
            time: wee.before(Duration::from_millis(age)),
            readings: Vec::<Reading>::new(),
            ..(*sample).clone()
        };
        let came = Readings::decode_stamped(&seen(250).encode_stamped(&wee).unwrap(), &le).unwrap();
        assert_eq!(le.age(came.time), Duration::from_millis(250));
        let payload = seen(250).encode_stamped(&wee).unwrap();
        truth.passes(4000);
        let came = Readings::decode_stamped(&payload, &le).unwrap();
        assert_eq!(le.age(came.time), Duration::from_millis(4250));
    });
}

#[test]
fn an_environment_is_heard_from_now_and_its_clock_is_measured() {
    let queue = Queue::new("hall-1", "snmp").unwrap();
    for ahead in [0, 2 * HOUR, -2 * HOUR, 15, -15] {
        let truth = Truth::default();
        let (le, wee) = (truth.host(0, 9), truth.host(ahead, 0));
        let status = || {
            let event = queue.status("wee-1", EnvironmentState::Running).unwrap();
            let Event::Environment(status) = event else {
                panic!("no status");
            };
            EnvironmentStatus {
                time: wee.now(),
                ..(*status).clone()
            }
        };
        let payload = status().encode_stamped(&wee).unwrap();
        truth.passes(5_000_000);
        // A retained message is no measure; and nothing is reported as later than now.
        let kept = status::decode_retained(&payload, &le).unwrap();
        assert_eq!(kept.clock_ahead_ms, None);
        assert!(kept.time <= le.now());
        let live = EnvironmentStatus::decode_stamped(&status().encode_stamped(&wee).unwrap(), &le);
        let live = live.unwrap();
        assert_eq!(
            (live.time, live.clock_ahead_ms),
            (le.now(), (ahead != 0).then_some(ahead * 1000))
        );
        // Now that the sender's clock is known, the retained message has its true age.
        let kept = status::decode_retained(&payload, &le).unwrap();
        assert_eq!(le.age(kept.time), Duration::from_secs(5000));
    }
}

#[test]
fn an_earlier_build_reads_what_is_timed_and_what_it_wrote_is_read() {
    let truth = Truth::default();
    let (le, wee) = (truth.host(0, 0), truth.host(2 * HOUR, 5));
    let tasks = vec![read(&le, 3)];
    let before = Vec::<Task>::decode(&tasks.encode_stamped(&le).unwrap()).unwrap();
    assert_eq!(before[0].expires, tasks[0].expires);
    let after = Vec::<Task>::decode_stamped(&tasks.encode().unwrap(), &wee).unwrap();
    assert_eq!(after[0].expires, tasks[0].expires);
    let text = String::from_utf8(tasks.encode_stamped(&le).unwrap()).unwrap();
    assert!(text.starts_with(r#"{"version":2,"sent":{"by":""#), "{text}");
    assert!(text.contains(r#","left":[3000],"tasks":[{"#), "{text}");
}
