//! Equipment that lies, is slow, silent, or sends garbage: reported as such, holding nobody up.

use super::{
    pdus::{state, switch},
    place::Place,
    room::Room,
};

/// The time of the newest reading of a target.
fn seen(place: &Place, target: &str) -> String {
    let readings = place.json(&["get", "readings", target]);
    let times = readings.as_array().unwrap().iter();
    let times = times.filter_map(|one| one["time"].as_str());
    times.max().unwrap_or_default().to_owned()
}

fn until_seen_after(place: &Place, target: &str, before: &str) {
    place.until(&["get", "readings", target], |readings| {
        let mut times = readings.as_array()?.iter();
        times.find_map(|one| (one["time"].as_str()? > before).then_some(()))
    });
}

/// Waits until a target is shown as failing, with this code.
fn until_failing(place: &Place, target: &str, code: &str) {
    place.until(&["target", "show", target], |shown| {
        let is_so = shown["health"] == "failing" && shown["problem"]["code"] == *code;
        is_so.then_some(())
    });
}

/// Waits until the state of an outlet is shown with this quality.
fn until_outlet_is(place: &Place, target: &str, outlet: &str, quality: &str) {
    let arguments = [
        "get",
        "readings",
        target,
        "--metric",
        "utakata.outlet.state",
    ];
    place.until(&arguments, |readings| {
        let mut readings = readings.as_array()?.iter();
        let is_so = readings
            .any(|one| one["attributes"]["outlet"] == *outlet && one["quality"] == *quality);
        is_so.then_some(())
    });
}

/// Waits until no state of an outlet is shown any more.
fn until_outlet_is_gone(place: &Place, target: &str, outlet: &str) {
    let arguments = [
        "get",
        "readings",
        target,
        "--metric",
        "utakata.outlet.state",
    ];
    place.until(&arguments, |readings| {
        let mut readings = readings.as_array()?.iter();
        let is_there = readings.any(|one| one["attributes"]["outlet"] == *outlet);
        (!is_there).then_some(())
    });
}

fn until_answering(place: &Place, target: &str) {
    place.until(&["target", "show", target], |shown| {
        (shown["health"] == "answering").then_some(())
    });
}

#[test]
fn silence_garbage_half_tables_and_slowness_of_some_are_reported_and_the_others_are_still_read() {
    let (room, place) = (Room::start(), Place::new());
    let _up = place.up();
    room.observed_by(&place);
    room.fault("pdu-a1-a", "silent");
    room.fault("pdu-a1-b", "garbage");
    room.fault("pdu-a1-a2", "half-table");
    room.fault("pdu-a2-a", "slow=1500ms");
    until_failing(&place, "pdu-a1-a", "unreachable");
    until_failing(&place, "pdu-a1-b", "device-garbage");
    // Nobody can see that a table should have been longer: what a complete read lacks has gone.
    until_outlet_is_gone(&place, "pdu-a1-a2", "12");
    until_outlet_is(&place, "pdu-a1-a2", "1", "good");
    // Three rounds of all healthy devices of the same kinds, while all that continues.
    let well = ["pdu-a2-b", "pdu-a2-a2", "ups-a", "pdu-a1-b2"];
    for target in [well, well, well].concat() {
        until_seen_after(&place, target, &seen(&place, target));
    }
    // A broken-off table is no reason to discard the rest.
    until_seen_after(&place, "pdu-a1-a2", &seen(&place, "pdu-a1-a2"));
    // A slow device is read slowly, but it is read.
    until_seen_after(&place, "pdu-a2-a", &seen(&place, "pdu-a2-a"));
    for device in ["pdu-a1-a", "pdu-a1-b", "pdu-a1-a2", "pdu-a2-a"] {
        room.fault(device, "none");
        until_answering(&place, device);
    }
}

#[test]
fn a_liar_is_found_out_by_reading_it_back() {
    let (room, place) = (Room::start(), Place::new());
    let _up = place.up();
    room.observed_by(&place);
    for device in ["pdu-a1-a", "pdu-a1-a2"] {
        room.fault(device, "lying");
        let operation = switch(&place, device, "outlet-off", 3);
        assert_eq!(operation["counts"]["unsettled"], 1, "{operation}");
        let tasks = operation["tasks"].as_array().unwrap();
        let told = tasks.iter().find(|task| task["class"] == "control");
        let problem = &told.unwrap()["outcome"]["problem"];
        assert_eq!(problem["code"], "unverified", "{operation}");
        let truth = room.outlet(device, 3);
        assert_eq!((&truth["received"], &truth["done"]), (&1.into(), &0.into()));
        assert_eq!(state(&place, device, 3), "on");
    }
}

#[test]
fn a_cycle_of_a_slow_device_is_told_exactly_once() {
    let (room, place) = (Room::start(), Place::new());
    let _up = place.up();
    room.observed_by(&place);
    for device in ["pdu-a1-a", "pdu-a1-a2"] {
        room.fault(device, "slow=2500ms");
        let operation = switch(&place, device, "outlet-cycle", 4);
        let counts = &operation["counts"];
        let succeeded = counts["succeeded"].as_u64().unwrap();
        // Or the outcome is unknown: the answer came late, or the outlet was not seen to switch
        // off.
        let open = ["verifying", "unknown", "unsettled"];
        let open = open.map(|state| counts[state].as_u64().unwrap());
        assert_eq!(succeeded + open.iter().sum::<u64>(), 1, "{operation}");
        room.fault(device, "none");
        let truth = room.until(device, 4, |truth| truth["on"] == true);
        assert_eq!(truth["received"], 1, "{device}: {truth} {operation}");
        until_answering(&place, device);
        assert_eq!(room.outlet(device, 4)["received"], 1, "{operation}");
    }
}

#[test]
fn control_of_a_silent_device_has_failed_for_certain_and_nothing_was_told() {
    let (room, place) = (Room::start(), Place::new());
    let _up = place.up();
    room.observed_by(&place);
    room.fault("pdu-a1-a2", "silent");
    let operation = switch(&place, "pdu-a1-a2", "outlet-off", 3);
    assert_eq!(operation["counts"]["failed"], 1, "{operation}");
    let problem = &operation["tasks"][0]["outcome"]["problem"];
    assert_eq!(problem["code"], "unreachable", "{operation}");
    // It does not hold up others in the rack.
    let operation = switch(&place, "rack=A1,feed=A", "outlet-off", 3);
    assert_eq!(operation["counts"]["succeeded"], 1, "{operation}");
    room.fault("pdu-a1-a2", "none");
    until_answering(&place, "pdu-a1-a2");
    assert_eq!(room.truth("pdu-a1-a2")["sets"], 0);
    assert_eq!(room.outlet("pdu-a1-a", 3)["received"], 1);
}
