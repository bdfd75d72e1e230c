//! Policies on a table: a clock that is moved by hand, and values that are set.

use proptest::prelude::*;
use serde_json::{Value, json};
use utakata_model::Policy;

use super::*;
use crate::view::{Candidate, Cause, Fate, InputView, Sample, SampleValue};

mod chains;
mod clocks;
mod leases;
mod steps;

/// A policy on a table.
struct Table {
    compiled: Compiled,
    state: State,
    view: View,
    now: Timestamp,
    mode: Mode,
    is_ending: bool,
}

fn shed() -> Value {
    json!({
        "name": "shed",
        "watch": { "load": { "metric": "hw.power", "selector": "kind=pdu", "aggregate": "sum",
            "fresh": "20s", "at_least": "50%" } },
        "let": { "share": "load / 1000.0" },
        "when": "share > 0.9", "until": "share < 0.8", "hold": "10s",
        "act": [{ "action": "outlet-off",
            "on": { "selector": "tier=batch", "relation": "feeds" },
            "parameters": { "outlet": "$outlet" },
            "enough": "load - 850.0", "gives": "hw.power", "order_by": "shed", "at_a_time": 10,
            "settle": "20s",
            "expects": { "input": "load", "moves": "down", "by": 10.0, "within": "30s" } }],
        "back": { "when": "share < 0.7", "hold": "1m", "at_a_time": 1, "settle": "30s" },
        "envelope": { "at_most": ["40 in 1h"] },
    })
}

fn compiled(document: &Value) -> Compiled {
    let policy: Policy = serde_json::from_str(&document.to_string()).unwrap();
    Compiled::new(policy).unwrap_or_else(|wrong| panic!("{wrong:?}"))
}

impl Table {
    fn new(document: impl Into<Value>) -> Self {
        let document = document.into();
        let mut table = Self {
            compiled: compiled(&document),
            state: State::default(),
            view: View::default(),
            now: Timestamp::from_second(1_800_000_000).unwrap(),
            mode: Mode::Armed,
            is_ending: false,
        };
        let candidate = |at: u32| Candidate {
            target: "pdu-1".parse().unwrap(),
            outlet: Some(at.to_string()),
            order: Some((10 - at).to_string()),
            gives: Some(40.0),
            is_free: true,
        };
        table.view.candidates = vec![(1..=4).map(candidate).collect()];
        table
    }

    fn load(&mut self, watts: f64) {
        let sample = |name: &str, value: f64| Sample {
            target: name.parse().unwrap(),
            value: SampleValue::Number(value),
            heard: self.now,
        };
        self.view.inputs = vec![InputView {
            targets: 2,
            samples: vec![sample("pdu-1", watts / 2.0), sample("pdu-2", watts / 2.0)],
        }];
    }

    fn step(&mut self) -> Decided {
        let purpose = Purpose {
            mode: self.mode,
            is_ending: self.is_ending,
            prefix: "policy/shed/1",
        };
        let decided = decide(&self.compiled, &self.view, &self.state, purpose, self.now);
        self.state = decided.state.clone();
        decided
    }

    /// Lets seconds pass with a load, and returns what was decided in the last of them.
    fn pass(&mut self, seconds: u64, watts: f64) -> Decided {
        let mut last = None;
        for _ in 0..seconds {
            self.now += Duration::from_secs(1);
            self.load(watts);
            last = Some(self.step());
            if last
                .as_ref()
                .is_some_and(|one| !one.acts.is_empty() || !one.backs.is_empty())
            {
                break;
            }
        }
        last.unwrap()
    }

    fn set_fate(&mut self, decided: &Decided, fate: Fate) {
        let acts = decided.acts.iter().map(|one| one.key.clone());
        let backs = decided.backs.iter().map(|one| one.key.clone());
        self.view
            .fates
            .extend(acts.chain(backs).map(|key| (key, fate)));
    }
}

#[test]
fn it_acts_after_the_hold_on_as_few_as_will_do_and_hands_back_the_newest_first() {
    let mut table = Table::new(shed());
    let waits = table.pass(10, 920.0);
    assert!(waits.acts.is_empty(), "{}", waits.why);
    assert_eq!(waits.word, Word::Hold, "{}", waits.why);
    let acts = table.pass(2, 920.0);
    // 70 W are needed, each gives 40 W, the least label goes first.
    let outlets: Vec<&str> = acts
        .acts
        .iter()
        .filter_map(|one| one.outlet.as_deref())
        .collect();
    assert_eq!(outlets, ["4", "3"], "{}", acts.why);
    assert_eq!(acts.acts[0].parameters["outlet"], json!(4));
    table.set_fate(&acts, Fate::Open);
    assert!(
        table.pass(25, 920.0).acts.is_empty(),
        "it waits for what it began"
    );
    table.set_fate(&acts, Fate::Done);
    // Between the two conditions it holds.
    let holds = table.pass(40, 840.0);
    assert!(
        holds.acts.is_empty() && holds.backs.is_empty(),
        "{}",
        holds.why
    );
    assert_eq!(table.state.missed, 0);
    let back = table.pass(70, 650.0);
    assert_eq!(back.backs.len(), 1, "{}", back.why);
    assert_eq!(back.backs[0].undoes, acts.acts[1].key, "the newest first");
    assert!(table.pass(5, 650.0).backs.is_empty(), "it waits for it");
    table.set_fate(&back, Fate::Done);
    let last = table.pass(60, 650.0);
    assert_eq!(last.backs[0].undoes, acts.acts[0].key);
    table.set_fate(&last, Fate::Done);
    table.pass(2, 650.0);
    assert!(table.state.episode.is_none(), "all is handed back");
}

#[test]
fn what_is_not_known_pauses_a_timer_and_does_not_reset_it() {
    let mut table = Table::new(shed());
    table.pass(8, 920.0);
    table.now += Duration::from_secs(30);
    let blind = table.step();
    assert!(blind.why.contains("blind"), "{}", blind.why);
    assert!(blind.why.contains("0 of 2"), "{}", blind.why);
    let acts = table.pass(4, 920.0);
    assert!(!acts.acts.is_empty(), "{}", acts.why);
}

#[test]
fn a_clock_that_jumps_is_no_time_that_has_passed() {
    let document = json!({ "hold": "5m" });
    let mut policy = shed();
    policy["hold"] = document["hold"].clone();
    let mut table = Table::new(policy);
    table.pass(5, 920.0);
    table.now += Duration::from_secs(86_400);
    let after = table.pass(3, 920.0);
    assert!(after.acts.is_empty(), "{}", after.why);
    assert!(after.why.contains("of 5m"), "{}", after.why);
}

#[test]
fn a_missed_effect_and_one_the_wrong_way_stop_it() {
    let mut table = Table::new(shed());
    let acts = table.pass(15, 920.0);
    assert!(!acts.acts.is_empty(), "{}", acts.why);
    table.set_fate(&acts, Fate::Done);
    let mut word = Word::Nothing;
    for _ in 0..40 {
        word = table.pass(1, 990.0).word;
        if word == Word::Stop {
            break;
        }
    }
    assert_eq!(word, Word::Stop, "the wrong way");

    let mut policy = shed();
    policy["stop_after"] = json!(1);
    let mut table = Table::new(policy);
    let acts = table.pass(15, 920.0);
    table.set_fate(&acts, Fate::Done);
    let mut last = table.pass(1, 920.0);
    for _ in 0..40 {
        if last.word == Word::Stop {
            break;
        }
        last = table.pass(1, 920.0);
    }
    assert!(last.why.contains("no effect"), "{}", last.why);
}

#[test]
fn a_change_by_somebody_else_makes_it_yield_and_is_never_undone() {
    let mut table = Table::new(shed());
    let acts = table.pass(15, 920.0);
    table.set_fate(&acts, Fate::Done);
    table.pass(1, 920.0);
    let foreign = acts.acts[0].key.clone();
    table.view.fates.insert(foreign.clone(), Fate::Foreign);
    let yields = table.pass(60, 920.0);
    assert!(yields.acts.is_empty());
    assert!(yields.why.contains("yields"), "{}", yields.why);
    table.is_ending = true;
    let back = table.pass(1, 920.0);
    assert_eq!(back.backs.len(), 1);
    assert_ne!(back.backs[0].undoes, foreign);
}

#[test]
fn in_shadow_it_only_thinks() {
    let mut table = Table::new(shed());
    table.mode = Mode::Shadow;
    let acts = table.pass(15, 920.0);
    assert!(!acts.acts.is_empty());
    let changes = &table.state.episode.as_ref().unwrap().changes;
    assert!(changes.iter().all(|one| one.stage == Stage::Would));
    for _ in 0..4 {
        table.pass(70, 650.0);
    }
    assert!(table.state.episode.is_none());
}

#[test]
fn acts_and_hand_backs_that_chase_each_other_stop_it() {
    let mut table = Table::new(shed());
    let mut cycles = 0;
    let stops = loop {
        let acts = table.pass(60, 920.0);
        if acts.word == Word::Stop {
            break acts;
        }
        assert_eq!(acts.word, Word::Act, "{}", acts.why);
        table.set_fate(&acts, Fate::Done);
        table.pass(40, 840.0);
        while table.state.episode.is_some() {
            let backs = table.pass(120, 650.0);
            table.set_fate(&backs, Fate::Done);
        }
        cycles += 1;
        assert!(cycles < 5, "it goes on");
    };
    assert!(stops.why.contains("to and fro"), "{}", stops.why);
    assert_eq!(cycles, 2);
    // As often over a longer time is no swinging.
    let mut table = Table::new(shed());
    for _ in 0..4 {
        let acts = table.pass(60, 920.0);
        assert_eq!(acts.word, Word::Act, "{}", acts.why);
        table.set_fate(&acts, Fate::Done);
        table.pass(40, 840.0);
        while table.state.episode.is_some() {
            let backs = table.pass(120, 650.0);
            table.set_fate(&backs, Fate::Done);
        }
        table.pass(600, 650.0);
    }
}

#[test]
fn acts_on_several_outlets_of_one_target_are_done_one_after_the_other() {
    let act = |outlet: u32| {
        json!({ "action": "outlet-off", "on": { "selector": "name=pdu-1" },
            "parameters": { "outlet": outlet }, "settle": "5s" })
    };
    let mut policy = shed();
    policy["act"] = json!([act(3), act(4)]);
    let mut table = Table::new(policy);
    let whole = Candidate {
        target: "pdu-1".parse().unwrap(),
        outlet: None,
        order: None,
        gives: None,
        is_free: true,
    };
    table.view.candidates = vec![vec![whole.clone()], vec![whole]];
    let mut outlets = Vec::new();
    for _ in 0..2 {
        let acts = table.pass(30, 920.0);
        table.set_fate(&acts, Fate::Done);
        outlets.extend(acts.acts.iter().filter_map(|one| one.outlet.clone()));
    }
    assert_eq!(outlets, ["3", "4"]);
    assert!(table.pass(30, 920.0).acts.is_empty());
}

#[test]
fn looks_that_are_far_apart_count_as_the_time_between_them() {
    let mut policy = shed();
    policy["every"] = json!("15m");
    policy["hold"] = json!("20m");
    let mut table = Table::new(policy);
    let mut looks = 0;
    loop {
        table.now += Duration::from_secs(900);
        table.load(920.0);
        looks += 1;
        if !table.step().acts.is_empty() {
            break;
        }
        assert!(looks < 10);
    }
    assert_eq!(looks, 3);
}

#[test]
fn a_stored_state_is_as_good_as_the_one_that_follows_unless_something_happened() {
    let mut table = Table::new(shed());
    table.pass(2, 920.0);
    let stored = table.state.clone();
    table.pass(3, 920.0);
    assert!(stored.leads_to(&table.state), "only time has passed");
    // It did not hold for a moment: what was stored would act too early.
    table.pass(1, 500.0);
    assert!(!stored.leads_to(&table.state));
    table.pass(2, 920.0);
    assert!(!stored.leads_to(&table.state));
    let stored = table.state.clone();
    table.now += Duration::from_secs(20);
    table.load(920.0);
    table.step();
    assert!(!stored.leads_to(&table.state), "it is too old");
}

/// History has values in another order than whoever saw them.
#[test]
fn what_is_decided_does_not_depend_on_the_order_of_what_is_seen() {
    let numbers = [0.1, 0.2, 0.3, 1e9, 7.7, 1e-3, 123.4, 0.7];
    for aggregate in ["sum", "mean", "max", "min", "p90"] {
        let mut document = shed();
        document["watch"]["load"]["aggregate"] = json!(aggregate);
        let mut table = Table::new(document);
        let mut seen = Vec::new();
        for first in 0..numbers.len() {
            let (later, earlier) = (&numbers[first..], &numbers[..first]);
            let sample = |value: &f64| Sample {
                target: "pdu-1".parse().unwrap(),
                value: SampleValue::Number(*value),
                heard: table.now,
            };
            let samples = later.iter().chain(earlier).map(sample).collect();
            table.view.inputs = vec![InputView {
                targets: 1,
                samples,
            }];
            seen.push(format!("{:?}", table.step().evaluation));
        }
        seen.dedup();
        assert_eq!(seen.len(), 1, "{aggregate}: {seen:?}");
    }
}

proptest! {
    /// Between two states that are kept nothing but timers has run: every decision is made again from
    /// the last one that was.
    #[test]
    fn from_the_states_that_are_kept_every_decision_is_made_again(
        steps in prop::collection::vec((0usize..6, 1i64..100, 0usize..4, any::<bool>()), 1..200),
    ) {
        let mut table = Table::new(shed());
        let mut kept: Option<(State, Timestamp, Timestamp)> = None;
        for (load, passes, was, is_seen) in steps {
            table.now += jiff::SignedDuration::from_secs(if passes > 70 { passes } else { passes % 7 + 1 });
            if is_seen {
                table.load([500.0, 700.0, 880.0, 920.0, 920.0, 920.0][load]);
            }
            let keys = table.state.episode.iter().flat_map(|one| &one.changes);
            let keys: Vec<String> = keys.map(|one| one.latest.clone()).collect();
            let was = [Fate::Open, Fate::Done, Fate::Done, Fate::NotDone][was];
            table.view.fates.extend(keys.into_iter().map(|key| (key, was)));
            let before = table.state.clone();
            let decided = table.step();
            let is_kept = kept.is_none() || !before.runs_on_to(&decided.state, table.now);
            let from = match &kept {
                None => State::default(),
                // The moment of the decision before is kept as well.
                Some((state, looked, at)) if is_kept && looked == at => state.clone(),
                Some((state, looked, _)) if is_kept => state.as_of(*looked),
                Some((state, ..)) => state.as_of(table.now),
            };
            let purpose = Purpose { mode: Mode::Armed, is_ending: false, prefix: "policy/shed/1" };
            let mut view = table.view.clone();
            if !is_kept {
                // What the ledger knew was taken over before.
                view.fates.clear();
            }
            let again = decide(&table.compiled, &view, &from, purpose, table.now);
            prop_assert_eq!(format!("{:?}", again), format!("{decided:?}"));
            kept = match kept {
                Some((state, _, at)) if !is_kept => Some((state, table.now, at)),
                _ => Some((decided.state, table.now, table.now)),
            };
        }
    }

    /// Whatever is seen and whatever the clock does, there is a decision, always the same one; a
    /// target is changed once in an episode, and the end hands back all that was done.
    #[test]
    fn it_is_total_and_deterministic_and_ends_with_all_handed_back(
        steps in prop::collection::vec(
            (prop::num::f64::ANY, -30i64..90, 0u8..6, any::<bool>()), 1..120),
        is_leased: bool,
    ) {
        let mut policy = shed();
        if is_leased {
            policy["dead_man"] = json!({ "lease": "1m", "renew": "20s" });
        }
        let mut table = Table::new(policy);
        let mut open: Vec<String> = Vec::new();
        for (watts, passes, fate, is_seen) in steps {
            table.now += jiff::SignedDuration::from_secs(passes);
            if is_seen {
                table.load(if fate > 2 { 900.0 + watts.rem_euclid(200.0) } else { watts });
            }
            let fates = [
                Fate::Open,
                Fate::Done,
                Fate::NotDone,
                Fate::Unsettled,
                Fate::Done,
                Fate::Foreign,
            ];
            let fate = fates[usize::from(fate)];
            for key in open.drain(..) {
                table.view.fates.insert(key, fate);
            }
            let before = table.state.clone();
            let decided = table.step();
            let purpose = Purpose { mode: Mode::Armed, is_ending: false, prefix: "policy/shed/1" };
            let again = decide(&table.compiled, &table.view, &before, purpose, table.now);
            prop_assert_eq!(format!("{:?}", again), format!("{decided:?}"));
            let json = serde_json::to_string(&table.state).unwrap();
            let read: State = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(&read, &table.state);
            open.extend(decided.acts.iter().map(|one| one.key.clone()));
            open.extend(decided.backs.iter().map(|one| one.key.clone()));
            open.extend(decided.renewals.iter().map(|one| one.key.clone()));
            let changes = table.state.episode.iter().flat_map(|one| &one.changes);
            let mut outlets: Vec<_> = changes.map(|one| &one.outlet).collect();
            let all = outlets.len();
            outlets.sort_unstable();
            outlets.dedup();
            prop_assert_eq!(outlets.len(), all);
        }
        table.is_ending = true;
        for _ in 0..30 {
            let keys = table.state.episode.iter().flat_map(|one| &one.changes);
            let keys: Vec<String> = keys.map(|one| one.latest.clone()).collect();
            table.view.fates.extend(keys.into_iter().map(|key| (key, Fate::Done)));
            table.now += Duration::from_secs(1);
            table.step();
        }
        prop_assert!(table.state.episode.is_none(), "{:?}", table.state.episode);
    }
}
