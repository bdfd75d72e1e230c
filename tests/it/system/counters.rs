//! Devices that count the commands they receive, through every box: what is done is done once.

use serde_json::{Value, json};

use super::{place::Place, room::Room};

const DEVICE: &str = "drill-0001";

fn tell(place: &Place, action: &str, token: &str) -> Value {
    let parameter = format!("token={token}");
    place.ask(&["control", DEVICE, action, "-p", &parameter]).1
}

/// Returns the number of times that a token was marked, according to the device.
fn seen(place: &Place, token: &str) -> Value {
    let parameter = format!("token={token}");
    let read = place.json(&["read", DEVICE, "--action", "seen", "-p", &parameter]);
    let mut readings = read["tasks"][0]["readings"].as_array().unwrap().iter();
    let found = readings.find(|one| {
        one["metric"] == "utakata.drill.marks" && one["attributes"] == json!({ "token": token })
    });
    found.unwrap_or_else(|| panic!("{read}"))["value"].clone()
}

#[test]
fn a_mark_is_done_once_and_read_back_also_when_its_answer_is_lost() {
    let (counters, place) = (Room::counters(2), Place::new());
    place.release_drill();
    let _up = place.up();
    counters.observed_by(&place);
    let is_truly = |token: &str, told: u64, done: u64| {
        let truth = counters.token(DEVICE, token);
        let (expect, found) = (
            (&json!(told), &json!(done)),
            (&truth["received"], &truth["done"]),
        );
        assert_eq!(found, expect, "{token}: {truth}");
    };
    let told = tell(&place, "mark", "first");
    assert_eq!(told["counts"]["succeeded"], 1, "{told}");
    is_truly("first", 1, 1);
    assert_eq!(seen(&place, "first"), 1.0);
    assert_eq!(seen(&place, "never"), 0.0);
    let put = tell(&place, "put", "value-1");
    assert_eq!(put["counts"]["succeeded"], 1, "{put}");
    let read = place.json(&["read", DEVICE, "--metric", "utakata.drill.value"]);
    assert!(read.to_string().contains("value-1"), "{read}");

    counters.fault(DEVICE, "mute-sets");
    let blind = tell(&place, "blind-mark", "blind");
    assert_eq!(blind["counts"]["unsettled"], 1, "{blind}");
    is_truly("blind", 1, 1);
    let mute = tell(&place, "mark", "mute");
    assert_eq!(mute["counts"]["succeeded"], 1, "{mute}");
    is_truly("mute", 1, 1);
    assert_eq!(seen(&place, "mute"), 1.0);

    counters.fault(DEVICE, "none");
    counters.fault(DEVICE, "lying");
    let lie = tell(&place, "mark", "lie");
    assert_eq!(lie["counts"]["failed"], 1, "{lie}");
    is_truly("lie", 1, 0);
    assert_eq!(seen(&place, "lie"), 0.0);
    assert_eq!(counters.truth("drill-0002")["sets"], 0);
}
