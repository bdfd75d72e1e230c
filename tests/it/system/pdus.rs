//! Simulated PDUs and UPSs, observed and controlled through every box; checked against their own
//! truth.

use serde_json::Value;

use super::{place::Place, room::Room};

/// The state of an outlet, read from the device now.
pub fn state(place: &Place, device: &str, outlet: usize) -> Value {
    let read = place.json(&["read", device, "--metric", "utakata.outlet.state"]);
    let readings = read["tasks"][0]["readings"].as_array().unwrap();
    let number = outlet.to_string();
    let mut of_outlet = readings.iter();
    let found = of_outlet.find(|one| one["attributes"]["outlet"] == *number);
    found.unwrap_or_else(|| panic!("{device}: {read}"))["value"].clone()
}

/// Controls an outlet; returns the operation.
pub fn switch(place: &Place, device: &str, action: &str, outlet: usize) -> Value {
    let parameter = format!("outlet={outlet}");
    place
        .ask(&["control", device, action, "-p", &parameter, "--yes"])
        .1
}

fn check(place: &Place, room: &Room, device: &str) {
    let done = |action: &str| {
        let operation = switch(place, device, action, 3);
        assert_eq!(operation["counts"]["succeeded"], 1, "{operation}");
    };
    let is_truly = |on: bool, told: u64| {
        let truth = room.outlet(device, 3);
        assert_eq!(
            (&truth["on"], &truth["received"]),
            (&on.into(), &told.into())
        );
        let expect = if on { "on" } else { "off" };
        assert_eq!(state(place, device, 3), expect, "{truth}");
    };
    is_truly(true, 0);
    done("outlet-off");
    is_truly(false, 1);
    done("outlet-on");
    is_truly(true, 2);
    // It has succeeded when it is on again.
    done("outlet-cycle");
    is_truly(true, 3);
    assert_eq!(room.outlet(device, 3)["last"], "cycle");
    assert_eq!(room.outlet(device, 2)["received"], 0);
}

#[test]
fn outlets_of_both_vendors_go_off_and_on_and_are_cycled_once() {
    let (room, place) = (Room::start(), Place::new());
    let _up = place.up();
    room.observed_by(&place);
    check(&place, &room, "pdu-a1-a2");
    check(&place, &room, "pdu-a2-a");
}

#[test]
fn one_operation_switches_the_same_outlet_of_a_whole_rack_and_no_other() {
    let (room, place) = (Room::start(), Place::new());
    let _up = place.up();
    room.observed_by(&place);
    let operation = switch(&place, "rack=A1", "outlet-off", 5);
    assert_eq!(operation["counts"]["succeeded"], 4, "{operation}");
    for device in ["pdu-a1-a", "pdu-a1-b", "pdu-a1-a2", "pdu-a1-b2"] {
        let truth = room.outlet(device, 5);
        assert_eq!(
            (&truth["on"], &truth["received"]),
            (&false.into(), &1.into())
        );
        assert_eq!(room.truth(device)["sets"], 1);
    }
    assert_eq!(room.truth("pdu-a2-a2")["sets"], 0);
    // An outlet that one of them lacks: reported for that one, done for the others.
    let operation = switch(&place, "rack=A1,feed=A", "outlet-off", 20);
    assert_eq!(operation["counts"]["succeeded"], 1, "{operation}");
    assert_eq!(operation["counts"]["failed"], 1, "{operation}");
    assert_eq!(room.outlet("pdu-a1-a", 20)["on"], false);
}

#[test]
fn the_power_that_is_read_is_the_power_that_is_drawn() {
    let (room, place) = (Room::start(), Place::new());
    let _up = place.up();
    room.observed_by(&place);
    for device in ["pdu-a1-a", "pdu-a1-b2"] {
        let read = place.json(&["read", device, "--metric", "hw.power"]);
        let readings = read["tasks"][0]["readings"].as_array().unwrap();
        assert!(!read.to_string().contains("snmp.index"), "{read}");
        let outlets = readings.iter();
        let outlets = outlets
            .filter(|one| one["metric"] == "hw.power" && one["attributes"]["outlet"].is_string());
        let watts: f64 = outlets.filter_map(|one| one["value"].as_f64()).sum();
        let truth = room.truth(device)["watts"].as_f64().unwrap();
        assert!(
            truth > 100.0 && (watts - truth).abs() < truth * 0.25,
            "{device}: {watts} W, in truth {truth} W"
        );
    }
}

#[test]
fn a_ups_that_loses_its_mains_says_so_and_its_battery_can_be_tested() {
    let (room, place) = (Room::start(), Place::new());
    let _up = place.up();
    room.observed_by(&place);
    // By the schedule alone, as an operator sees it.
    let until = |metric: &str, expect: &str| {
        let arguments = ["get", "readings", "ups-a", "--metric", metric];
        place.until(&arguments, |readings| {
            let mut readings = readings.as_array()?.iter();
            readings.find_map(|one| (one["value"] == *expect).then_some(()))
        });
    };
    until("utakata.ups.source", "normal");
    room.fault("ups-a", "input-lost");
    until("utakata.ups.source", "battery");
    room.fault("ups-a", "none");
    until("utakata.ups.source", "normal");
    let tested = place.json(&["control", "ups-a", "battery-test"]);
    assert_eq!(tested["counts"]["succeeded"], 1, "{tested}");
    assert_eq!(room.truth("ups-a")["sets"], 1);
    until("utakata.ups.source", "battery");
}
