//! Slots, rooms, and what is remembered.

use std::{collections::BTreeMap, time::Duration};

use utakata_model::{ActionName, Class, Kind, TargetName, TaskId};

use super::*;

fn task(seconds: u64) -> Waiting {
    let task = Task {
        key: TaskKey {
            task: TaskId::generate(),
            attempt: 1,
        },
        target: TargetName::new("a").unwrap(),
        kind: Kind::new("k").unwrap(),
        address: String::new(),
        credential: BTreeMap::new(),
        action: ActionName::new("read").unwrap(),
        class: Class::Observe,
        parameters: serde_json::Value::Null,
        timeout: Duration::from_secs(seconds),
    };
    Waiting {
        subject: Subject::build(&task, Instant::now()),
        task,
    }
}

#[test]
fn an_attempt_that_ended_is_remembered_for_a_long_time_but_not_for_ever() {
    let mut attempts = Attempts::build(1);
    let first = task(1).subject.key;
    assert!(attempts.is_new(first));
    assert!(attempts.end(first));
    assert!(!attempts.end(first), "it ends once");
    for _ in 1..REMEMBERED {
        attempts.end(task(1).subject.key);
    }
    assert!(!attempts.is_new(first));
    attempts.end(task(1).subject.key);
    assert!(attempts.is_new(first));
    assert_eq!(attempts.states.len(), REMEMBERED);
}

#[test]
fn those_that_wait_begin_in_turn_expire_in_time_and_can_be_taken_back() {
    let mut attempts = Attempts::build(1);
    let (short, long, other) = (task(1), task(60), task(60));
    let keys = [&short, &long, &other].map(|waiting| waiting.subject.key);
    let now = Instant::now();
    [short, long, other]
        .into_iter()
        .for_each(|one| attempts.wait(one));
    assert_eq!(attempts.count(), 3);
    assert!(attempts.has_room());
    attempts.wait(task(60));
    assert!(!attempts.has_room(), "four wait for one slot");

    assert!(attempts.next_expiry().unwrap() <= now + Duration::from_secs(1));
    let expired = attempts.expired(now + Duration::from_secs(2));
    assert_eq!(expired.iter().map(|s| s.key).collect::<Vec<_>>(), [keys[0]]);
    attempts.end(keys[0]);
    assert!(attempts.next_expiry().unwrap() > now + Duration::from_secs(2));

    assert!(matches!(attempts.cancel(keys[2]), Cancel::Before(subject) if subject.key == keys[2]));
    attempts.end(keys[2]);
    assert!(matches!(attempts.cancel(keys[2]), Cancel::Nothing));
    assert_eq!(attempts.next_to_begin().unwrap().subject.key, keys[1]);
}
