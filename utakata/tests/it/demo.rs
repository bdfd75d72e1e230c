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
    one_room_by_several_protocols(&place);
    assert_eq!(up.stop(), 0, "{}", place.told());
}

/// A cooling unit is one, by SNMP and by Modbus behind a gateway; a UPS, by SNMP and by an upsd.
fn one_room_by_several_protocols(place: &Place) {
    let first = |target: &str, metric: &str| {
        let read = place.json(&["read", target, "--metric", metric]);
        read["tasks"][0]["readings"][0]["value"].clone()
    };
    place.until_served("modbus-crac");
    assert_eq!(first("cu-1", "hvac.setpoint"), 21.5);
    let colder = [
        "control",
        "cu-1",
        "set-setpoint",
        "-p",
        "celsius=19.5",
        "-y",
    ];
    let done = place.run(&colder);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert_eq!(first("crac-1", "hvac.setpoint"), 19.5);
    place.until_served("nut");
    let sources = ["ups-a", "nut-1-ups-a"].map(|ups| first(ups, "utakata.ups.source"));
    assert_eq!(sources, ["normal", "normal"]);
    place.until_served("ipmi");
    place.until(&["target", "list", "-l", "room=demo"], |targets| {
        let targets = targets.as_array()?;
        let is_well = |one: &serde_json::Value| one["health"] == "answering";
        (targets.len() == 19 && targets.iter().all(is_well)).then_some(())
    });
    for (target, part) in [
        ("cu-1", "crac-1"),
        ("nut-1-ups-b", "ups-b"),
        ("bmc-a2-01-ipmi", "pdu-a2-b"),
        ("pdu-a1-a", "crac-2"),
    ] {
        let why = place.run(&["why", target]);
        assert!(why.out.contains(part), "{target}: {}{}", why.out, why.err);
    }
}
