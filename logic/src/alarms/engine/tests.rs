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
    let names = (1..=behind).map(|number| format!("bmc-{number}"));
    let names: Vec<String> = [String::from("sw-1")].into_iter().chain(names).collect();
    site_of(&names, &[("reaches", "sw-1", "name!=sw-1")])
}

/// An engine that knows targets and relations, all read every ten seconds.
fn site_of(names: &[String], relations: &[(&str, &str, &str)]) -> (Engine, Vec<Arc<TargetEntry>>) {
    let targets = (0..).zip(names).map(|(number, name)| entry(name, number));
    let targets: Vec<_> = targets.collect();
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
    let relation = |(relation, from, to): &(&str, &str, &str)| {
        serde_json::from_value(serde_json::json!({
            "relation": relation, "from": from, "to": to,
        }))
    };
    let relations: Vec<Relation> = relations.iter().map(|one| relation(one).unwrap()).collect();
    let declared: Vec<&Target> = targets.iter().map(|entry| &*entry.target).collect();
    let graph = Graph::build(declared.into_iter(), relations.iter());
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

/// Lets targets fall silent, and returns those of which people are told in the next minutes.
fn told_of(engine: &mut Engine, silent: &[Arc<TargetEntry>]) -> Vec<String> {
    let mut all = Vec::new();
    for second in 6..=120 {
        for target in silent.iter().filter(|_| second % 10 == 5) {
            engine.ended(target, Contact::InVain, at(second));
        }
        engine.tick(at(second));
        engine.explain(at(second));
        all.extend(
            told(&engine.take_output())
                .into_iter()
                .map(|(name, _)| name),
        );
    }
    all
}

#[test]
fn what_explains_each_other_is_told_once() {
    // By labels alone: a PDU feeds the switch of its rack, which reaches it.
    for order in [["pdu", "sw"], ["sw", "pdu"]] {
        let names = order.map(String::from);
        let relations = [("feeds", "pdu", "name=sw"), ("reaches", "sw", "name=pdu")];
        let (mut engine, targets) = site_of(&names, &relations);
        let told = told_of(&mut engine, &targets);
        assert_eq!(told.len(), 1, "{told:?}");
    }
    // Both feeds of the switch, and a server behind it.
    let names = ["pdu-a", "pdu-b", "sw", "bmc"].map(String::from);
    let relations = [
        ("feeds", "pdu-a", "name in (sw,bmc)"),
        ("feeds", "pdu-b", "name in (sw,bmc)"),
        ("reaches", "sw", "name!=sw"),
    ];
    let (mut engine, targets) = site_of(&names, &relations);
    // Whether the other feed is alive nobody can see while the switch is silent.
    assert_eq!(told_of(&mut engine, &targets), ["pdu-a", "sw"]);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn of_what_is_silent_something_is_told_whatever_depends_on_what(
        edges in proptest::collection::vec((0_usize..6, 0_usize..6, proptest::bool::ANY), 0..12),
    ) {
        let names: Vec<String> = (0..6).map(|number| format!("t{number}")).collect();
        // A circle of one relation is refused: each goes one way.
        let selectors: Vec<String> = names.iter().map(|name| format!("name={name}")).collect();
        let relations: Vec<(&str, &str, &str)> = edges
            .iter()
            .filter(|(from, to, _)| from != to)
            .map(|(a, b, feeds)| match feeds {
                true => ("feeds", &*names[*a.min(b)], &*selectors[*a.max(b)]),
                false => ("reaches", &*names[*a.max(b)], &*selectors[*a.min(b)]),
            })
            .collect();
        let (mut engine, targets) = site_of(&names, &relations);
        let told = told_of(&mut engine, &targets);
        // Each group of what hangs together.
        let mut group: Vec<usize> = (0..6).collect();
        for _ in 0..6 {
            for (a, b, _) in &edges {
                let least = group[*a].min(group[*b]);
                (group[*a], group[*b]) = (least, least);
            }
        }
        for least in group.iter().collect::<BTreeSet<_>>() {
            let of_it = names.iter().zip(&group).filter(|(_, of)| *of == least);
            let is_told = of_it.clone().any(|(name, _)| told.contains(name));
            let of_it: Vec<_> = of_it.collect();
            proptest::prop_assert!(is_told, "{of_it:?}: {told:?}");
        }
    }
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

/// An engine of one target with a rule on its power, which has to be high for 30 seconds.
fn hot() -> (Engine, Arc<TargetEntry>) {
    let (mut engine, mut targets) = site(0);
    let rule = serde_json::json!({ "name": "hot", "on": { "metric": "hw.power" },
        "raise": "value > 100.0", "hold": "30s" });
    ruled(&mut engine, rule);
    (engine, targets.remove(0))
}

fn see(engine: &mut Engine, target: &Arc<TargetEntry>, second: i64, power: f64) {
    let readings = readings(target, second, &[("hw.power", power)]);
    engine.saw(target, &readings, at(second));
    engine.tick(at(second));
}

#[test]
fn a_clock_that_is_set_keeps_what_is_held_its_age_and_makes_nobody_deaf() {
    for step in [-3600, 3600] {
        let (mut engine, target) = hot();
        for second in [10, 20, 30] {
            see(&mut engine, &target, second, 200.0);
        }
        engine.shift(SignedDuration::from_secs(step));
        see(&mut engine, &target, 35 + step, 200.0);
        engine.tick(at(39 + step));
        assert_eq!(of_rule(&engine.take_output(), "hot"), [], "{step}");
        engine.tick(at(41 + step));
        let raised = [(AlarmChangeKind::Raised, 41 + step)];
        assert_eq!(of_rule(&engine.take_output(), "hot"), raised);
        see(&mut engine, &target, 45 + step, 1.0);
        let over = [(AlarmChangeKind::Over, 45 + step)];
        assert_eq!(of_rule(&engine.take_output(), "hot"), over);
    }
}

#[test]
fn what_is_read_of_the_store_is_no_change() {
    let (mut engine, target) = hot();
    let until = at(9000);
    engine.locked(&target.target.name, Some(until), at(8));
    for second in [10, 20, 30, 40, 50] {
        see(&mut engine, &target, second, 200.0);
    }
    let output = engine.take_output();
    assert_eq!(output.changes.len(), 1);
    engine.locked(&target.target.name, Some(until), at(60));
    assert!(engine.take_output().changes.is_empty());
    engine.locked(&target.target.name, None, at(61));
    assert_eq!(engine.take_output().changes.len(), 1);
}

#[test]
fn an_alarm_whose_rule_is_gone_is_told_as_done_whether_or_not_it_was_seen() {
    for is_over in [false, true] {
        let (mut engine, target) = hot();
        for second in [10, 20, 30, 40] {
            see(&mut engine, &target, second, 200.0);
        }
        if is_over {
            see(&mut engine, &target, 50, 1.0);
        }
        let output = engine.take_output();
        assert!(output.changes.iter().all(|change| !change.done));
        engine.rule(Arc::new(Rules::new(&[])), at(60));
        let output = engine.take_output();
        let last = output.changes.last().map(|one| (one.change, one.done));
        assert_eq!(last, Some((AlarmChangeKind::Over, true)), "{is_over}");
    }
}
