//! The example policies and the example floor, and the mistakes that people make in them.

use std::{fs, path::Path};

use crate::parse;

/// The example of a floor, seen from the policies.
const FLOOR: &str = "../floor.yaml";

fn example(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/policies");
    fs::read_to_string(folder.join(name)).unwrap()
}

fn mistakes(text: &str) -> Vec<String> {
    let found = parse("site.yaml", text, Path::new(".")).err();
    let found = found.unwrap_or_default();
    found.iter().map(ToString::to_string).collect()
}

/// Checks that a change of an example is found, on its line, with these words.
#[track_caller]
fn finds(name: &str, (before, after): (&str, &str), words: &[&str]) {
    let text = example(name);
    assert!(text.contains(before), "{name} has no {before}");
    let changed = text.replacen(before, after, 1);
    let found = mistakes(&changed);
    let all = found.join("\n");
    assert!(!found.is_empty(), "{after}: no mistake was found");
    for word in words {
        assert!(all.contains(word), "{after}: {all}");
    }
    let at = changed
        .lines()
        .position(|line| line.contains(after.lines().next().unwrap()));
    let line = format!("site.yaml:{}:", at.unwrap() + 1);
    assert!(all.contains(&line), "{after}: not on {line}: {all}");
}

#[test]
fn the_examples_are_right() {
    for name in [
        "shed-feed-a.yaml",
        "warm-aisle.yaml",
        "hung-bmc.yaml",
        "site.yaml",
        FLOOR,
    ] {
        let found = mistakes(&example(name));
        assert!(found.is_empty(), "{name}: {found:?}");
    }
}

#[test]
fn a_policy_that_sheds_load() {
    let name = "shed-feed-a.yaml";
    finds(
        name,
        ("hold: 15s", "hold: 15"),
        &["hold: 15 has no unit", "15s"],
    );
    finds(
        name,
        ("when: share > 0.90", "when: shares > 0.90"),
        &["there is no \"shares\"", "share"],
    );
    finds(
        name,
        ("enough: load - 0.85 * 72000.0", "enough: load - source"),
        &["act.0.enough", "a text"],
    );
    finds(
        name,
        ("settle: 30s", "settle: 0s"),
        &["it changes what it watches", "settle: 20s"],
    );
    finds(
        name,
        ("input: load, moves: down", "input: laod, moves: down"),
        &["there is no input \"laod\"", "load"],
    );
    finds(
        name,
        (
            "  metric: hw.power\n    selector",
            "  metric: hw.powr\n    selector",
        ),
        &["did you mean"],
    );
}

#[test]
fn a_policy_that_warms_an_aisle() {
    let name = "warm-aisle.yaml";
    finds(
        name,
        ("min: 18.0, max: 24.0, step", "min: 24.0, max: 18.0, step"),
        &["min 24 is more than max 18", "exchange them"],
    );
    finds(
        name,
        ("aggregate: p98", "aggregate: p100"),
        &["p100", "p1 to p99"],
    );
    finds(
        name,
        ("settle: 15m", "settle: 0s"),
        &["it changes what it watches", "settle: 20s"],
    );
    finds(
        name,
        ("yield: 4h", "dead_man: { lease: 20m, renew: 15m }"),
        &["dead_man.renew", "at most half the lease, 10m"],
    );
    finds(
        name,
        ("- action: set-setpoint", "- action: set-point"),
        &["does not allow set-point", "set-setpoint"],
    );
}

#[test]
fn a_policy_that_resets_a_bmc() {
    let name = "hung-bmc.yaml";
    finds(
        name,
        (
            "silent > duration('10m') && watts > 40.0",
            "silent > duration('10m') && watts > silent",
        ),
        &["when", "cannot be compared"],
    );
    finds(
        name,
        ("for_each: kind=redfish", "for_eech: kind=redfish"),
        &["there is no key \"for_eech\"", "for_each"],
    );
    finds(name, ("fresh: 2m", "frsh: 2m"), &["frsh", "fresh"]);
}

#[test]
fn an_envelope() {
    let name = "site.yaml";
    finds(
        name,
        ("60 in 1h", "60 per hour"),
        &["60 per hour", "40 in 1h"],
    );
    finds(name, ("Europe/Berlin", "Europe/Brelin"), &["Europe/Brelin"]);
    finds(name, ("Mon 08:00", "08:00"), &["Fri 16:00 .. Mon 08:00"]);
}

#[test]
fn a_floor() {
    for (change, words) in [
        (
            ("face: south", "face: sout"),
            &["did you mean \"south\"?"][..],
        ),
        (("face: south", "face: east"), &["face north or south"]),
        (("[A1..A2]", "[A2..A1]"), &["ends before it begins"]),
        (("[A1..A2]", "[A1, A1]"), &["rack A1 is in row A already"]),
        (
            ("at: [4.8, 1.8]", "at: [2.0, 1.8]"),
            &["ups-b at 2, 1.8 is where rack A1 is: move ups-b"],
        ),
        (
            ("at: [4.8, 1.8]", "at: [5.8, 1.8]"),
            &["ups-b reaches from 5.8, 1.8", "6 by 4.8 m"],
        ),
        (("air: hot", "air: hoot"), &["did you mean \"hot\"?"]),
        (("aisles:", "aisels:"), &["did you mean \"aisles\"?"]),
    ] {
        finds(FLOOR, change, words);
    }
}
