//! Policies in the room of twenty racks.

use std::time::Duration;

use serde_json::{Value, json};
use utakata_model::{Envelope, Policy};
use utakata_policy::{Purpose, State, decide};
use utakata_room::{Blueprint, Condition};

use crate::{
    ledger::Gate,
    report::Promise,
    run::{Config, Kills, Trial, run},
    story::Story,
};

const HOUR: Duration = Duration::from_secs(3600);

fn north() -> Blueprint {
    Blueprint::parse(utakata_room::blueprint::NORTH, "north").unwrap()
}

fn policy(document: &Value) -> Policy {
    // As a text: limits are read from texts.
    serde_json::from_str(&document.to_string()).unwrap()
}

/// Sheds what can be spared on a feed while the other one is gone.
fn shed(feed: &str, other: &str) -> Value {
    json!({
        "name": format!("shed-{feed}"),
        "watch": {
            "load": { "metric": "hw.power", "selector": format!("name=ups-{feed}"),
                "where": { "circuit": "output" }, "aggregate": "sum", "fresh": "90s" },
            "source": { "metric": "utakata.ups.source", "selector": format!("name=ups-{other}"),
                "fresh": "2m" },
        },
        "let": { "share": "load / 72000.0" },
        "when": "share > 0.90 && source != 'normal'", "until": "share < 0.80", "hold": "15s",
        "act": [{ "action": "outlet-off",
            "on": { "relation": "feeds", "selector": "tier=batch",
                "from": format!("feed={}", feed.to_uppercase()) },
            "parameters": { "outlet": "$outlet" }, "enough": "load - 0.85 * 72000.0",
            "gives": "hw.power", "order_by": "shed", "at_a_time": 10, "settle": "30s",
            "expects": { "input": "load", "moves": "down", "by": 50.0, "within": "2m" } }],
        "back": { "when": "share < 0.70 && source == 'normal'", "hold": "5m", "at_a_time": 5,
            "settle": "60s" },
        "envelope": { "at_most": ["200 in 1h", "20 in 1m", "10 in 1h per target"],
            "both_feeds": { "actions": ["outlet-off"], "except": "tier=batch",
                "live": { "metric": "utakata.outlet.state", "is": "on" } } },
    })
}

/// Makes the supply air warmer as long as every inlet is cool enough.
fn warm() -> Value {
    json!({
        "name": "warm", "every": "15s",
        "watch": {
            "inlets": { "metric": "hw.temperature", "selector": "kind=apc-pdu", "aggregate": "p98",
                "fresh": "3m", "at_least": "50%" },
            "setpoint": { "metric": "hvac.setpoint", "unit": "Cel", "selector": "kind=crac",
                "aggregate": "each", "fresh": "3m" },
        },
        "let": { "by": "inlets > 26.5 ? -1.0 : (inlets < 25.0 ? 0.5 : 0.0)" },
        "when": "by != 0.0",
        "act": [{ "action": "set-setpoint", "on": { "selector": "kind=crac" },
            "parameters": { "celsius": "= clamp(setpoint + by, 18.0, 24.0)" }, "at_a_time": 1,
            "settle": "10m" }],
        "blind": "back",
        "envelope": { "at_most": ["6 in 1h"],
            "ranges": { "celsius": { "min": 18.0, "max": 24.0, "step": 1.0 } } },
    })
}

fn both() -> Vec<Policy> {
    vec![policy(&shed("a", "b")), policy(&shed("b", "a"))]
}

fn site() -> Vec<Envelope> {
    let site = json!({ "name": "site", "limits": { "at_most": ["400 in 1h"] } });
    vec![serde_json::from_str(&site.to_string()).unwrap()]
}

fn config(hours: u32, seed: u64) -> Config {
    Config {
        lasts: HOUR * hours,
        seed,
        trouble: HOUR,
        ..Config::default()
    }
}

#[test]
fn a_feed_that_would_trip_does_not_where_a_policy_sheds_in_time() {
    let mut prevented = 0;
    for seed in 1..=3 {
        let report = run(&north(), &both(), &site(), config(4, seed)).unwrap();
        assert!(report.is_clean(), "seed {seed}: {report:#?}");
        assert_eq!(report.with.trips, 0, "seed {seed}: {report:#?}");
        prevented += report.without.trips;
        if report.without.trips > 0 {
            assert!(
                report.acts > 0 && report.backs > 0,
                "seed {seed}: {report:#?}"
            );
            assert!(
                report.with.dark_hours < report.without.dark_hours,
                "{report:#?}"
            );
        }
        assert!(report.impossible.is_empty(), "{:?}", report.impossible);
    }
    assert!(prevented > 0, "no seed has anything to prevent");
}

#[test]
fn the_same_seed_is_the_same_trial() {
    let tried = |seed| run(&north(), &both(), &site(), config(2, seed)).unwrap();
    assert_eq!(tried(2), tried(2));
    assert_ne!(tried(2).story, tried(3).story);
}

/// A run, with every decision of it.
fn traced(policies: &[Policy], config: Config) -> Trial {
    let mut trial = Trial::new(&north(), policies, &site(), config).unwrap();
    trial.engine.trace = Some(Vec::new());
    trial.run();
    trial
}

#[test]
fn what_was_decided_is_decided_again_from_the_same_inputs_bit_by_bit() {
    let mut policies = both();
    policies.push(policy(&warm()));
    let trial = traced(&policies, config(3, 4));
    let trace = trial.engine.trace.as_ref().unwrap();
    assert!(trace.iter().any(|one| !one.decided.acts.is_empty()));
    let compiled: Vec<_> = trial.engine.compiled().collect();
    let mut states = vec![State::default(); policies.len()];
    for one in trace {
        let purpose = Purpose {
            mode: one.mode,
            is_ending: one.is_ending,
            prefix: trial.engine.prefix(one.policy, one.instance),
        };
        let state = &mut states[one.policy];
        let again = decide(compiled[one.policy], &one.view, state, purpose, one.at);
        assert_eq!(format!("{again:?}"), format!("{:?}", one.decided));
        *state = again.state;
    }
}

#[test]
fn an_engine_that_dies_between_any_two_steps_decides_the_same_bit_by_bit() {
    let (lives, dies) = (
        config(3, 4),
        Config {
            kills: Kills::EachStep,
            ..config(3, 4)
        },
    );
    let (lived, died) = (traced(&both(), lives), traced(&both(), dies));
    assert!(
        died.engine.counts.kills > 3000,
        "{}",
        died.engine.counts.kills
    );
    let (one, other) = (lived.engine.trace.unwrap(), died.engine.trace.unwrap());
    assert_eq!(one.len(), other.len());
    for (one, other) in one.iter().zip(&other) {
        // The timers that were stored may be older, and lead to the same.
        assert_eq!(one.view, other.view);
        let (one, other) = (&one.decided, &other.decided);
        assert_eq!((one.word, &one.why), (other.word, &other.why));
        assert_eq!((&one.acts, &one.backs), (&other.acts, &other.backs));
        assert_eq!(one.state, other.state);
    }
    let keys = |received: &[crate::ledger::Received]| -> Vec<(Duration, String)> {
        received
            .iter()
            .map(|one| (one.at, one.key.clone()))
            .collect()
    };
    assert!(!lived.ledger.received.is_empty());
    assert_eq!(keys(&lived.ledger.received), keys(&died.ledger.received));
}

/// The drill of the pure engine: utilities are lost at random, and it dies every few seconds in the
/// middle of a step or right after it.
#[test]
fn nothing_is_exceeded_done_twice_or_left_however_often_the_engine_dies() {
    let mut kills = 0;
    for seed in 1..=20 {
        let config = Config {
            kills: Kills::OneIn(2),
            ..config(1, seed)
        };
        let report = run(&north(), &both(), &site(), config).unwrap();
        assert!(report.broken.is_empty(), "seed {seed}: {report:#?}");
        assert_eq!(report.with.trips, 0, "seed {seed}: {report:#?}");
        assert!(report.for_a_person.is_empty(), "seed {seed}: {report:#?}");
        kills += report.kills;
    }
    assert!(kills > 10_000, "{kills}");
}

#[test]
fn setpoints_that_are_told_again_hold_and_go_back_however_often_the_engine_dies() {
    let mut leased = warm();
    leased["dead_man"] = json!({ "lease": "10m", "renew": "2m" });
    let config = Config {
        kills: Kills::OneIn(2),
        ..config(3, 5)
    };
    let trial = traced(&[policy(&leased)], config);
    let counts = &trial.engine.counts;
    assert!(counts.renewals > 20 && counts.kills > 100, "{counts:?}");
    let let_go = trial.room.cooling.iter().map(|unit| unit.let_go);
    assert_eq!(let_go.sum::<u32>(), 0);
    let report = trial.report(Default::default());
    assert!(report.broken.is_empty(), "{report:#?}");
}

#[test]
fn without_the_gate_a_trial_finds_what_is_exceeded() {
    let hasty = |feed: &str, other: &str| {
        let mut document = shed(feed, other);
        document["envelope"]["at_most"] = json!(["3 in 1h"]);
        policy(&document)
    };
    let policies = [hasty("a", "b"), hasty("b", "a")];
    let (mut with, mut without) = (0, 0);
    for seed in 1..=2 {
        for gate in [Gate::On, Gate::Off] {
            let config = Config {
                gate,
                ..config(3, seed)
            };
            let report = run(&north(), &policies, &site(), config).unwrap();
            let found = report.broken.iter();
            let found = found.filter(|one| one.promise == Promise::Envelope).count();
            match gate {
                Gate::On => with += found,
                Gate::Off => without += found,
            }
        }
    }
    assert_eq!(with, 0);
    assert!(without > 0);
}

#[test]
fn supply_air_follows_the_inlets_and_takes_less_energy() {
    let calm = Blueprint {
        utilities: Vec::new(),
        ..unsupplied(north())
    };
    let report = run(&calm, &[policy(&warm())], &site(), config(6, 9)).unwrap();
    assert!(report.broken.is_empty(), "{report:#?}");
    assert!(report.acts > 0, "{report:#?}");
    assert!(report.with.inlet_max < 33.0, "{report:#?}");
}

/// The same room, where nothing that supplies it ever fails.
fn unsupplied(mut room: Blueprint) -> Blueprint {
    room.upses.iter_mut().for_each(|ups| ups.utility = None);
    room.cooling.iter_mut().for_each(|unit| unit.utility = None);
    room
}

/// Turns the setpoints up, and says what that does to the air that is supplied.
fn warm_supply() -> Value {
    json!({
        "name": "warm-supply",
        "watch": {
            "supply": { "metric": "hw.temperature", "selector": "kind=crac", "aggregate": "mean",
                "where": { "hw.sensor_location": "supply" }, "fresh": "1m" },
            "setpoint": { "metric": "hvac.setpoint", "unit": "Cel", "selector": "kind=crac",
                "aggregate": "each", "fresh": "1m" },
        },
        "when": "supply < 23.0",
        "act": [{ "action": "set-setpoint", "on": { "selector": "kind=crac" },
            "parameters": { "celsius": "= clamp(setpoint + 0.5, 18.0, 24.0)" }, "at_a_time": 1,
            "settle": "5m",
            "expects": { "input": "supply", "moves": "up", "by": 0.05, "within": "10m" } }],
        "envelope": { "at_most": ["12 in 1h"] },
    })
}

#[test]
fn a_wrong_sign_is_found_by_the_first_acts_and_handed_back() {
    let tried = |condition: Option<Condition>| {
        let mut trial =
            Trial::new(&north(), &[policy(&warm_supply())], &site(), config(2, 1)).unwrap();
        trial.story = Story::default();
        for unit in 0..trial.room.cooling.len() {
            if let Some(condition) = condition {
                trial.room.set_cooling(unit, condition).unwrap();
            }
        }
        trial.run();
        trial.report(Default::default())
    };
    let right = tried(None);
    assert!(right.stops.is_empty() && right.acts >= 8, "{right:#?}");
    let wrong = tried(Some(Condition::SignWrong));
    assert_eq!(wrong.stops.len(), 1, "{wrong:#?}");
    assert!(wrong.stops[0].contains("the wrong way"), "{wrong:#?}");
    assert!(wrong.acts <= 3, "{wrong:#?}");
    assert!(wrong.broken.is_empty(), "{wrong:#?}");
}

#[test]
fn a_policy_that_has_nothing_to_do_with_the_room_is_told_so() {
    let mut strange = shed("a", "b");
    strange["watch"]["load"]["selector"] = json!("name=ups-z");
    let error = run(&north(), &[policy(&strange)], &[], config(1, 1)).unwrap_err();
    let told = error.to_string();
    assert!(
        told.contains("shed-a") && told.contains("load selects"),
        "{told}"
    );
    let mut strange = shed("a", "b");
    strange["watch"]["load"]["metric"] = json!("hw.fan.speed");
    let error = run(&north(), &[policy(&strange)], &[], config(1, 1)).unwrap_err();
    assert!(error.to_string().contains("nothing here shows"), "{error}");
}
