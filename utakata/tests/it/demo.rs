//! The promises of the README: live readings, and an outlet that is switched off.

use crate::program::Place;

#[test]
fn the_demo_shows_readings_and_switches_an_outlet() {
    let place = Place::new();
    let up = place.up_with(&["--demo"]);
    assert!(up.ready["simulator"].is_string(), "{}", up.ready);
    let targets = place.json(&["target", "list", "-l", "room=demo"]);
    assert!(targets.as_array().unwrap().len() >= 10, "{targets}");
    place.until_served("apc-pdu");
    place.until(
        &["get", "readings", "pdu-a1-a", "--metric", "hw.power"],
        |readings| {
            let mut watts = readings.as_array()?.iter().map(|one| one["value"].as_f64());
            watts.find(|watts| watts.is_some_and(|watts| watts > 0.0))
        },
    );
    let state = || {
        let read = place.json(&["read", "pdu-a1-a", "--metric", "utakata.outlet.state"]);
        let readings = read["tasks"][0]["readings"].as_array().unwrap().clone();
        let third = readings
            .iter()
            .find(|reading| reading["attributes"]["outlet"] == "3");
        third.map_or_else(|| read.clone(), |reading| reading["value"].clone())
    };
    assert_eq!(state(), "on");
    let off = [
        "control",
        "name=pdu-a1-a",
        "outlet-off",
        "-p",
        "outlet=3",
        "-y",
    ];
    let done = place.run(&off);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert_eq!(state(), "off");
    // The cooling units are of a kind that only a demo has.
    place.until_served("crac");
    let setpoint = || {
        let read = place.json(&["read", "crac-1", "--metric", "hvac.setpoint"]);
        read["tasks"][0]["readings"][0]["value"].clone()
    };
    assert_eq!(setpoint(), 20.0);
    let warmer = [
        "control",
        "name=crac-1",
        "set-setpoint",
        "-p",
        "celsius=21.5",
        "-y",
    ];
    let done = place.run(&warmer);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert_eq!(setpoint(), 21.5);
    assert_eq!(up.stop(), 0, "{}", place.told());
}
