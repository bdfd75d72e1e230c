//! `--within` bounds control whatever it waits for: also the read of what its target has now, where
//! the environment is paused.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{Place, wait_for};

/// The window of every task here, and the time that a slow machine may take to tell its end. The
/// read of a present value is given up later than that.
const WITHIN: Duration = Duration::from_secs(3);
const TOLD_WITHIN: Duration = Duration::from_secs(8);

/// Returns the state of an outlet of the demo, as soon as it can be read.
fn outlet(place: &Place, outlet: &str) -> Value {
    let read = ["read", "pdu-a1-a", "--metric", "utakata.outlet.state"];
    let state = wait_for(|| {
        let done = place.run(&[&read[..], &["-o", "json"]].concat());
        let read: Value = serde_json::from_str(&done.out).ok()?;
        let mut readings = read["tasks"][0]["readings"].as_array()?.iter();
        let its = readings.find(|one| one["attributes"]["outlet"] == outlet)?;
        Some(its["value"].clone())
    });
    state.unwrap_or_else(|| panic!("{}", place.told()))
}

/// Waits until an environment has paused what it was told to pause.
fn until_paused(place: &Place) {
    place.until(&["environment", "list"], |all| {
        let shown = all[0]["stopped"].to_string();
        shown.contains("\"paused\"").then_some(())
    });
}

#[test]
fn what_could_not_begin_within_its_window_never_begins_whoever_was_paused() {
    let place = Place::new();
    let up = place.up_with(&["--demo"]);
    place.until_served("apc-pdu");
    let environments = place.json(&["environment", "list"]);
    let name = environments[0]["id"].as_str().unwrap().to_owned();
    for (number, of) in [("5", &[][..]), ("6", &["--kind", "apc-pdu"])] {
        assert_eq!(outlet(&place, number), "on");
        let order = |verb| [&["environment", verb, &name], of].concat();
        let paused = place.run(&order("pause"));
        assert_eq!(paused.code, 0, "{}", paused.err);
        until_paused(&place);
        let parameter = format!("outlet={number}");
        let off = ["control", "pdu-a1-a", "outlet-off", "-p", &parameter, "-y"];
        let began = Instant::now();
        let more = ["--within", "3s", "-o", "json"];
        let done = place.run(&[&off[..], &more[..]].concat());
        let took = began.elapsed();
        let operation: Value = serde_json::from_str(&done.out).unwrap();
        let task = &operation["tasks"][0];
        assert_eq!(task["state"], "expired", "{}{}", done.out, done.err);
        assert_eq!(done.code, 1, "{}", done.err);
        assert_eq!(task["outcome"]["problem"]["code"], "expired", "{task}");
        // At the end of its window, and not when the read of the present value is given up.
        let in_time = WITHIN..TOLD_WITHIN;
        assert!(in_time.contains(&took), "{took:?}: {task}");

        assert_eq!(place.run(&order("resume")).code, 0);
        let seen = place.json(&["task", "show", task["id"].as_str().unwrap()]);
        assert_eq!(seen["state"], "expired", "{seen}");
        assert!(seen["attempts"].is_null(), "never permitted: {seen}");
        assert_eq!(outlet(&place, number), "on");
        // Another one is done at once.
        let again = place.run(&off);
        assert_eq!(again.code, 0, "{}{}", again.out, again.err);
        assert_eq!(outlet(&place, number), "off");
    }
    assert_eq!(up.stop(), 0, "{}", place.told());
}
