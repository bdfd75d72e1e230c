use std::time::Duration;

use jiff::SignedDuration;
use utakata_api::alarm::{AlarmChangeKind, AlarmNotice};
use utakata_model::{ReadingValue, Readings, Relation, Schedule, Target};

use super::*;
use crate::{kinds::KindsSnapshot, observed::Contact};

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
        engine.ended(target, Contact::Answer, at(5));
    }
    (engine, targets)
}

/// Lets workers ask targets in vain every ten seconds, the last time at a second.
fn try_in_vain(engine: &mut Engine, targets: &[Arc<TargetEntry>], last: i64) {
    for second in [last - 20, last - 10, last] {
        for target in targets {
            engine.ended(target, Contact::InVain, at(second));
        }
    }
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
    try_in_vain(&mut engine, &targets, 34);
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
        engine.ended(target, Contact::Answer, at(60));
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
    engine.ended(&targets[0], Contact::Answer, at(30));
    engine.ended(&targets[1], Contact::Answer, at(30));
    try_in_vain(&mut engine, &targets[2..], 30);
    engine.tick(at(36));
    engine.explain(at(36));
    let output = engine.take_output();
    assert_eq!(told(&output), []);
    assert!(output.ask.contains("sw-1"), "{:?}", output.ask);
    engine.ended(&targets[0], Contact::Answer, at(37));
    engine.explain(at(37));
    assert_eq!(
        told(&engine.take_output()),
        [("bmc-2".into(), AlarmNotice::Raised)]
    );
}

#[test]
fn a_suspect_that_does_not_answer_is_the_cause_at_once() {
    let (mut engine, targets) = site(1);
    engine.ended(&targets[0], Contact::Answer, at(30));
    try_in_vain(&mut engine, &targets[1..], 30);
    engine.tick(at(36));
    engine.explain(at(36));
    assert_eq!(told(&engine.take_output()), []);
    engine.ended(&targets[0], Contact::InVain, at(37));
    engine.explain(at(37));
    let output = engine.take_output();
    assert_eq!(told(&output), [("sw-1".into(), AlarmNotice::Raised)]);
    // It stays explained for as long as that lasts.
    engine.tick(at(90));
    assert_eq!(told(&engine.take_output()), []);
}

#[test]
fn what_nobody_asked_is_not_silent_and_becomes_so_only_when_it_was_asked_for_long_enough() {
    let (mut engine, targets) = site(0);
    let target = &targets[0];
    // Its environment is paused after one attempt in vain: reads expire, and nobody asks.
    engine.ended(target, Contact::InVain, at(15));
    for second in 16..=300 {
        if second % 10 == 0 {
            engine.ended(target, Contact::None, at(second));
        }
        engine.tick(at(second));
    }
    assert_eq!(told(&engine.take_output()), []);
    // It goes on. One attempt in vain says nothing of all the time before it.
    for second in [301, 311, 321] {
        engine.ended(target, Contact::InVain, at(second));
        engine.tick(at(second));
    }
    assert_eq!(told(&engine.take_output()), []);
    engine.ended(target, Contact::InVain, at(331));
    engine.tick(at(331));
    let raised = [("sw-1".into(), AlarmNotice::Raised)];
    assert_eq!(told(&engine.take_output()), raised);
    // What is active stays so while nobody asks.
    engine.ended(target, Contact::None, at(400));
    engine.tick(at(600));
    assert_eq!(told(&engine.take_output()), []);
    engine.ended(target, Contact::Answer, at(601));
    let over = [("sw-1".into(), AlarmNotice::Over)];
    let output = engine.take_output();
    assert_eq!(told(&output), over);
    // An answer is no value.
    assert_eq!(output.changes[0].alarm.value, None);
}

/// Returns readings of a target at a second, each a metric with one attribute.
fn readings(of: &TargetEntry, second: i64, values: &[(&str, f64)]) -> Readings {
    let reading = |(metric, value): &(&str, f64)| utakata_model::Reading {
        of: utakata_model::Measurand {
            metric: metric.parse().unwrap(),
            attributes: [("hw.id".into(), "1".into())].into(),
            unit: "W".into(),
        }
        .into(),
        value: ReadingValue::Number(*value),
        quality: utakata_model::Quality::Good,
    };
    Readings {
        target: of.target.name.clone(),
        action: "read".parse().unwrap(),
        seen_by: utakata_model::TaskKey {
            task: utakata_model::TaskId::from_bytes([0; 16]),
            attempt: 1,
        },
        time: at(second),
        readings: values.iter().map(reading).collect(),
    }
}

fn ruled(engine: &mut Engine, rule: serde_json::Value) {
    let rule = Arc::new(serde_json::from_value(rule).unwrap());
    engine.rule(Arc::new(Rules::new(&[rule])), at(0));
    engine.take_output();
}

fn of_rule(output: &Output, rule: &str) -> Vec<(AlarmChangeKind, i64)> {
    let changes = output.changes.iter();
    let changes = changes.filter(|change| change.alarm.rule.as_str() == rule);
    changes
        .map(|change| (change.change, change.at.as_second() - 1_000_000))
        .collect()
}

#[test]
fn a_metric_that_a_target_has_no_longer_is_absent_until_it_is_there_again() {
    let (mut engine, targets) = site(0);
    let target = &targets[0];
    ruled(
        &mut engine,
        serde_json::json!({ "name": "no-power", "on": { "absence": "hw.power" } }),
    );
    // It is there for longer than anybody waits for it: that is no alarm.
    for second in (10..=100).step_by(10) {
        engine.saw(
            target,
            &readings(target, second, &[("hw.power", 1.0)]),
            at(second),
        );
        engine.ended(target, Contact::Answer, at(second));
    }
    assert_eq!(of_rule(&engine.take_output(), "no-power"), []);
    for second in (110..=150).step_by(10) {
        engine.saw(
            target,
            &readings(target, second, &[("hw.energy", 1.0)]),
            at(second),
        );
        engine.ended(target, Contact::Answer, at(second));
        engine.tick(at(second));
    }
    let raised = [(AlarmChangeKind::Raised, 130)];
    assert_eq!(of_rule(&engine.take_output(), "no-power"), raised);
    engine.saw(
        target,
        &readings(target, 160, &[("hw.power", 1.0)]),
        at(160),
    );
    engine.ended(target, Contact::Answer, at(160));
    let over = [(AlarmChangeKind::Over, 160)];
    assert_eq!(of_rule(&engine.take_output(), "no-power"), over);
}

#[test]
fn silence_raises_an_alarm_whose_rule_says_so_though_all_was_well() {
    let (mut engine, targets) = site(0);
    let target = &targets[0];
    ruled(
        &mut engine,
        serde_json::json!({ "name": "mute", "on": { "metric": "hw.power" },
            "raise": "value > 100.0", "silent": "raise" }),
    );
    for second in [10, 20, 30] {
        engine.saw(
            target,
            &readings(target, second, &[("hw.power", 1.0)]),
            at(second),
        );
        engine.tick(at(second));
    }
    // Nobody asks for it meanwhile.
    engine.tick(at(90));
    assert_eq!(of_rule(&engine.take_output(), "mute"), []);
    engine.saw(target, &readings(target, 91, &[("hw.power", 1.0)]), at(91));
    try_in_vain(&mut engine, &targets, 115);
    engine.tick(at(115));
    assert_eq!(of_rule(&engine.take_output(), "mute"), []);
    engine.tick(at(116));
    let raised = [(AlarmChangeKind::Raised, 116)];
    assert_eq!(of_rule(&engine.take_output(), "mute"), raised);
    engine.saw(
        target,
        &readings(target, 120, &[("hw.power", 1.0)]),
        at(120),
    );
    let over = [(AlarmChangeKind::Over, 120)];
    assert_eq!(of_rule(&engine.take_output(), "mute"), over);
}

#[test]
fn a_trend_that_is_all_right_is_kept_once_for_all_its_rules_and_never_written() {
    let (mut engine, targets) = site(0);
    let target = &targets[0];
    let rule = |number: u32| {
        let raise = match number % 2 {
            0 => "value > 1000.0".to_owned(),
            _ => format!("slope('10m') > {number}.0"),
        };
        let rule = serde_json::json!({ "name": format!("rule-{number}"), "raise": raise,
            "on": { "metric": "hw.power" } });
        Arc::new(serde_json::from_value(rule).unwrap())
    };
    let rules: Vec<_> = (0..10).map(rule).collect();
    engine.rule(Arc::new(Rules::new(&rules)), at(0));
    let mut hear = |second: i64, watts: f64| {
        let readings = readings(target, second, &[("hw.power", watts)]);
        engine.saw(target, &readings, at(second));
        let watched = &engine.targets[&target.target.name];
        assert_eq!(watched.trends.len(), 1);
        (
            watched.records.len(),
            engine.deadlines.len(),
            engine.take_output().dirty.len(),
        )
    };
    for second in (0..1200).step_by(60) {
        assert_eq!(hear(second, 100.0), (0, 0, 0), "at {second}");
    }
    // 13.3 W a second for the last minutes: the trends of all but the steepest rules are wrong.
    for minute in 0..9_i32 {
        hear(
            1200 + 60 * i64::from(minute),
            100.0 + 800.0 * f64::from(minute),
        );
    }
    let active = |number: u32| {
        let key = (
            format!("rule-{number}").parse().unwrap(),
            crate::alarms::record::series(
                &readings(target, 0, &[("hw.power", 0.0)]).readings[0].attributes,
            ),
        );
        engine.targets[&target.target.name]
            .records
            .get(&key)
            .is_some_and(|one| one.is_active())
    };
    assert!((0..10).all(active));
}

#[test]
fn a_target_about_which_there_is_nothing_to_say_takes_little_memory() {
    // There are 100,000 of them.
    let watched = size_of::<Watched>();
    assert!(watched <= 224, "{watched}");
    let (engine, _) = site(1);
    assert_eq!(
        size_of_val(engine.targets.values().next().unwrap()),
        size_of::<usize>()
    );
}
