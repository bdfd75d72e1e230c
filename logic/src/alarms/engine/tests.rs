use std::time::Duration;

use jiff::SignedDuration;
use utakata_api::alarm::{AlarmChangeKind, AlarmNotice};
use utakata_model::{Relation, Schedule, Target};

use super::*;
use crate::kinds::KindsSnapshot;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_000_000).unwrap() + SignedDuration::from_secs(second)
}

fn entry(name: &str, device: u64) -> Arc<TargetEntry> {
    let target = Target::new(name.parse().unwrap(), "snmp".parse().unwrap(), "a".into());
    Arc::new(TargetEntry::of(target, device))
}

/// An engine that knows a switch and what is behind it, all read every ten seconds.
fn site(behind: u64) -> (Engine, Vec<Arc<TargetEntry>>) {
    let mut targets = vec![entry("sw-1", 0)];
    targets.extend((1..=behind).map(|number| entry(&format!("bmc-{number}"), number)));
    let schedule = Schedule {
        name: "all".parse().unwrap(),
        selector: Default::default(),
        interval: Duration::from_secs(10),
        action: None,
        parameters: serde_json::json!({}),
    };
    let selected: Arc<[Arc<TargetEntry>]> = targets.clone().into();
    let coverage = Coverage::build(&[Arc::new(schedule)], &KindsSnapshot::default(), |_| {
        Arc::clone(&selected)
    });
    let relation: Relation = serde_json::from_value(serde_json::json!({
        "relation": "reaches", "from": "sw-1", "to": "name!=sw-1",
    }))
    .unwrap();
    let declared: Vec<&Target> = targets.iter().map(|entry| &*entry.target).collect();
    let graph = Graph::build(declared.into_iter(), [&relation].into_iter());
    let mut engine = Engine::new(Arc::new(Rules::new(&[])), Vec::new(), 0, at(0));
    engine.surround(Arc::new(coverage), Arc::new(graph), &targets, at(0));
    for target in &targets {
        engine.ended(target, true, at(5));
    }
    (engine, targets)
}

fn told(output: &Output) -> Vec<(String, AlarmNotice)> {
    let notices = output.changes.iter();
    let notices =
        notices.filter_map(|change| Some((change.alarm.target.to_string(), change.notice?)));
    notices.collect()
}

#[test]
fn what_is_silent_behind_a_dead_switch_is_told_as_the_switch() {
    let (mut engine, targets) = site(40);
    engine.tick(at(34));
    assert!(engine.take_output().changes.is_empty());
    engine.tick(at(36));
    engine.explain(at(36));
    let output = engine.take_output();
    assert_eq!(
        output
            .changes
            .iter()
            .filter(|one| one.change == AlarmChangeKind::Raised)
            .count(),
        41
    );
    assert_eq!(told(&output), [("sw-1".into(), AlarmNotice::Raised)]);
    // It comes back, and so does everything behind it: only its end is told.
    for target in &targets {
        engine.ended(target, true, at(60));
        engine.explain(at(60));
    }
    engine.tick(at(61));
    assert_eq!(
        told(&engine.take_output()),
        [("sw-1".into(), AlarmNotice::Over)]
    );
}

#[test]
fn what_is_silent_behind_a_switch_that_answers_is_told_once_the_switch_was_read() {
    let (mut engine, targets) = site(2);
    engine.ended(&targets[0], true, at(30));
    engine.ended(&targets[1], true, at(30));
    engine.tick(at(36));
    engine.explain(at(36));
    let output = engine.take_output();
    assert_eq!(told(&output), []);
    assert!(output.ask.contains("sw-1"), "{:?}", output.ask);
    engine.ended(&targets[0], true, at(37));
    engine.explain(at(37));
    assert_eq!(
        told(&engine.take_output()),
        [("bmc-2".into(), AlarmNotice::Raised)]
    );
}

#[test]
fn a_suspect_that_does_not_answer_is_the_cause_at_once() {
    let (mut engine, targets) = site(1);
    engine.ended(&targets[0], true, at(30));
    engine.tick(at(36));
    engine.explain(at(36));
    assert_eq!(told(&engine.take_output()), []);
    engine.ended(&targets[0], false, at(37));
    engine.explain(at(37));
    let output = engine.take_output();
    assert_eq!(told(&output), [("sw-1".into(), AlarmNotice::Raised)]);
    // It stays explained for as long as that lasts.
    engine.tick(at(90));
    assert_eq!(told(&engine.take_output()), []);
}
