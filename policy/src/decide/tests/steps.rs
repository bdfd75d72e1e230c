//! Several changes of one target: a setpoint that is set further and further.

use std::collections::BTreeMap;

use super::*;

/// A unit whose setpoint follows the load, and what it was told.
struct Unit {
    table: Table,
    celsius: f64,
    /// What each operation sets; absent for a hand-back.
    told: BTreeMap<String, Option<f64>>,
}

const BEFORE: f64 = 18.0;

fn warm(also: &Value) -> Value {
    let mut policy = shed();
    policy["when"] = json!("load > 900.0");
    policy["until"] = json!("load < 900.0");
    policy["hold"] = json!("0s");
    policy["act"] = json!([{ "action": "set-setpoint", "on": { "selector": "kind=crac" },
        "parameters": { "celsius": "= clamp(load / 50.0, 18.0, 30.0)" }, "settle": "5s" }]);
    policy["back"] = json!({ "when": "load < 500.0", "hold": "5s" });
    if let (Some(policy), Some(also)) = (policy.as_object_mut(), also.as_object()) {
        policy.extend(also.clone());
    }
    policy
}

impl Unit {
    fn new(also: &Value) -> Self {
        let mut table = Table::new(warm(also));
        table.view.candidates = vec![vec![Candidate {
            target: "crac-1".parse().unwrap(),
            outlet: None,
            order: None,
            gives: None,
            is_free: true,
        }]];
        Self {
            table,
            celsius: BEFORE,
            told: BTreeMap::new(),
        }
    }

    /// Takes note of what a decision asks for.
    fn tell(&mut self, decided: &Decided) {
        let number = |parameters: &BTreeMap<String, Value>| parameters["celsius"].as_f64();
        let acts = decided.acts.iter();
        let acts = acts.map(|one| (one.key.clone(), number(&one.parameters)));
        for renewal in &decided.renewals {
            assert_eq!(number(&renewal.parameters), Some(self.celsius));
        }
        let again = decided.renewals.iter();
        let again = again.map(|one| (one.key.clone(), number(&one.parameters)));
        let backs = decided.backs.iter().map(|one| (one.key.clone(), None));
        self.told.extend(acts.chain(again).chain(backs));
    }

    /// Ends what is under way, and lets the fates of all that was done follow from what is shown.
    fn end(&mut self, is_done: bool) {
        let fates = &mut self.table.view.fates;
        for (key, celsius) in &self.told {
            if fates.get(key).is_none_or(|fate| *fate == Fate::Open) {
                let fate = match is_done {
                    true => Fate::Done,
                    false => Fate::NotDone,
                };
                fates.insert(key.clone(), fate);
                if is_done {
                    self.celsius = celsius.unwrap_or(BEFORE);
                }
            }
        }
        self.show();
    }

    fn show(&mut self) {
        let fates = &mut self.table.view.fates;
        for (key, celsius) in &self.told {
            if let (Some(fate), Some(celsius)) = (fates.get_mut(key), celsius)
                && *fate != Fate::NotDone
                && *fate != Fate::Open
            {
                let is_shown = (self.celsius - celsius).abs() < 1e-9;
                *fate = if is_shown { Fate::Done } else { Fate::Foreign };
            }
        }
    }

    /// Lets seconds pass until something is asked for.
    fn pass(&mut self, seconds: u64, load: f64) -> Decided {
        let mut decided = self.table.pass(1, load);
        self.tell(&decided);
        for _ in 1..seconds {
            if !decided.acts.is_empty() || !decided.backs.is_empty() {
                break;
            }
            decided = self.table.pass(1, load);
            self.tell(&decided);
        }
        decided
    }

    /// Sets the setpoint by an act of its own.
    fn act(&mut self, load: f64, is_done: bool) -> Request {
        let acts = self.pass(20, load);
        assert_eq!(acts.acts.len(), 1, "{}", acts.why);
        self.end(is_done);
        self.pass(1, load);
        acts.acts[0].clone()
    }
}

#[test]
fn a_hand_back_that_fails_after_several_steps_is_tried_again() {
    let mut unit = Unit::new(&json!({}));
    let first = unit.act(1025.0, true);
    unit.act(1050.0, true);
    let back = unit.pass(20, 400.0);
    assert_eq!(back.backs[0].undoes, first.key, "{}", back.why);
    unit.end(false);
    let again = unit.pass(20, 400.0);
    assert_eq!(unit.table.state.yields, None, "nobody else has changed it");
    assert_eq!(again.backs[0].undoes, first.key, "{}", again.why);
    unit.end(true);
    unit.pass(1, 400.0);
    assert!(unit.table.state.episode.is_none());
}

#[test]
fn what_the_second_step_has_changed_is_handed_back_if_the_first_changed_nothing() {
    let mut unit = Unit::new(&json!({}));
    let first = unit.act(1025.0, true);
    unit.act(1050.0, false);
    let second = unit.act(1050.0, true);
    unit.act(1100.0, true);
    let back = unit.pass(20, 400.0);
    assert_eq!(back.backs[0].undoes, first.key);
    assert_eq!(back.backs[0].or_undoes, Some(second.key));
}

#[test]
fn a_step_that_fails_is_tried_again() {
    let mut unit = Unit::new(&json!({}));
    unit.act(1025.0, true);
    let failed = unit.act(1050.0, false);
    let again = unit.act(1050.0, true);
    assert_eq!(failed.parameters, again.parameters);
    assert_ne!(failed.key, again.key);
    // One that cannot be asked for is no change, either.
    let acts = unit.pass(20, 1100.0);
    unit.table.state.withdraw(&acts.acts[0].key);
    let changes = &unit.table.state.episode.as_ref().unwrap().changes;
    assert_eq!(changes[0].set.parameters, again.parameters);
    assert_eq!(changes[0].latest, again.key);
}

#[test]
fn what_is_told_again_is_what_was_done_last() {
    let mut unit = Unit::new(&json!({ "dead_man": { "lease": "2m", "renew": "10s" } }));
    let first = unit.act(1025.0, true);
    unit.act(1050.0, false);
    // Between the conditions it only tells it again.
    let mut renewals = Vec::new();
    for _ in 0..15 {
        let decided = unit.pass(1, 880.0);
        renewals.extend(decided.renewals.clone());
        unit.end(true);
    }
    assert!(!renewals.is_empty());
    for renewal in renewals {
        assert_eq!(renewal.parameters, first.parameters, "it would be a change");
        assert_eq!(renewal.renews, first.key);
    }
}

#[test]
fn a_step_that_was_not_done_has_no_effect_to_be_missed() {
    let mut unit = Unit::new(&json!({ "stop_after": 1 }));
    let policy = json!({ "input": "load", "moves": "up", "by": 10.0, "within": "5s" });
    let mut document = warm(&json!({ "stop_after": 1 }));
    document["act"][0]["expects"] = policy;
    unit.table.compiled = compiled(&document);
    unit.act(1025.0, true);
    let seen = unit.pass(2, 1040.0);
    assert_eq!(seen.word, Word::Hold, "{}", seen.why);
    unit.act(1050.0, false);
    let mut last = unit.pass(1, 1050.0);
    for _ in 0..20 {
        assert_ne!(last.word, Word::Stop, "{}", last.why);
        unit.end(false);
        last = unit.pass(1, 1050.0);
    }
}

#[test]
fn what_nobody_has_begun_is_withdrawn_before_it_hands_back() {
    let mut unit = Unit::new(&json!({}));
    unit.act(1025.0, true);
    let waits = unit.pass(20, 1050.0);
    let key = waits.acts[0].key.clone();
    unit.table.view.fates.insert(key.clone(), Fate::Open);
    assert!(unit.pass(5, 1050.0).withdrawals.is_empty());
    let mut wants_back = unit.pass(1, 400.0);
    for _ in 0..10 {
        wants_back = unit.pass(1, 400.0);
    }
    let only = std::slice::from_ref(&key);
    assert_eq!(wants_back.withdrawals, only, "{}", wants_back.why);
    unit.table.is_ending = true;
    assert_eq!(unit.pass(1, 1050.0).withdrawals, only);
    unit.table.view.fates.insert(key, Fate::NotDone);
    let back = unit.pass(1, 1050.0);
    assert_eq!(back.word, Word::Back, "{}", back.why);
    assert!(back.withdrawals.is_empty());
    // What it hands back is not withdrawn.
    assert!(unit.pass(1, 1050.0).withdrawals.is_empty());
}

proptest! {
    /// Whatever fails, a policy that is alone takes nothing for the work of somebody else, tells again
    /// what stands, and brings back what was there before.
    #[test]
    fn whatever_fails_what_stands_is_known_and_handed_back(
        steps in prop::collection::vec((0usize..6, 1u64..20, 0u8..4), 1..100),
        is_leased: bool,
    ) {
        let dead_man = json!({ "dead_man": { "lease": "12h", "renew": "10s" } });
        let mut unit = Unit::new(&if is_leased { dead_man } else { json!({}) });
        let loads = [400.0, 880.0, 1025.0, 1050.0, 1100.0, 1200.0];
        for (load, seconds, fate) in steps {
            unit.pass(seconds, loads[load]);
            match fate {
                0 => {}
                1 => unit.end(false),
                _ => unit.end(true),
            }
            unit.show();
            prop_assert_eq!(unit.table.state.yields, None);
            let is_changed = (unit.celsius - BEFORE).abs() > 1e-9;
            prop_assert!(!is_changed || unit.table.state.episode.is_some());
        }
        unit.table.is_ending = true;
        for _ in 0..6 {
            unit.end(true);
            unit.pass(1, 880.0);
        }
        prop_assert!(unit.table.state.episode.is_none(), "{:?}", unit.table.state.episode);
        prop_assert_eq!(unit.celsius, BEFORE);
    }
}
