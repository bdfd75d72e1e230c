//! Read-backs of an outlet, a setpoint, and of devices that do not tell.

use serde_json::json;
use utakata_model::{ActionName, TargetName, TaskId, TaskKey};

use super::*;

fn verify(value: impl Into<Value>) -> Verify {
    let value: Value = value.into();
    serde_json::from_value(json!({
        "action": "read",
        "parameters": { "metrics": ["utakata.outlet.state"], "outlet": "$outlet", "bank": "$bank" },
        "metric": "utakata.outlet.state",
        "attributes": { "outlet": "$outlet" },
        "value": value,
    }))
    .unwrap()
}

fn readings(readings: Value) -> Readings {
    Readings {
        target: TargetName::new("pdu-1").unwrap(),
        action: ActionName::new("read").unwrap(),
        seen_by: TaskKey {
            task: TaskId::generate(),
            attempt: 1,
        },
        time: "2026-11-24T00:00:00Z".parse().unwrap(),
        readings: serde_json::from_value(readings).unwrap(),
    }
}

fn outlet(outlet: &str, value: impl Into<Value>) -> Value {
    let value: Value = value.into();
    json!({ "metric": "utakata.outlet.state", "attributes": { "outlet": outlet }, "value": value })
}

fn check(expected: &Value, parameters: &Value, seen: Value, evidence: Evidence) {
    let told = format!("{expected} with {parameters}, seen {seen}");
    let expected = Expected::new(&verify(expected.clone()), parameters).unwrap();
    assert_eq!(judge(&expected, &readings(seen)), evidence, "{told}");
}

#[test]
fn parameters_are_put_where_the_manifest_wants_them() {
    let expected = Expected::new(&verify("$state"), &json!({ "outlet": 3, "state": "off" }));
    let expected = expected.unwrap();
    let parameters = json!({ "metrics": ["utakata.outlet.state"], "outlet": 3 });
    assert_eq!(Value::Object(expected.parameters.clone()), parameters);
    assert_eq!(expected.attributes["outlet"], "3");
    assert_eq!(expected.value, Some("off".into()));
    let unknown = Expected::new(&verify("off"), &json!({})).unwrap_err();
    assert_eq!(unknown.to_string(), "there is no value for \"$outlet\"");
    let unknown = Expected::new(&verify("off"), &json!({ "outlet": [3] }));
    assert!(unknown.is_err(), "a list is no attribute");
}

#[test]
fn the_value_at_the_right_place_proves_it_and_another_one_does_not() {
    let three = json!({ "outlet": 3 });
    let off = json!("off");
    for (seen, evidence) in [
        (json!([outlet("3", "off")]), Evidence::Effect),
        (json!([outlet("3", "on")]), Evidence::Other),
        (json!([outlet("3", "OFF")]), Evidence::Other),
        (
            json!([outlet("2", "off"), outlet("3", "on")]),
            Evidence::Other,
        ),
        (
            json!([outlet("2", "on"), outlet("3", "off")]),
            Evidence::Effect,
        ),
        (json!([outlet("2", "off")]), Evidence::None),
        (json!([]), Evidence::None),
        // The reading may name its place more precisely than the expectation does.
        (
            json!([{ "metric": "utakata.outlet.state", "value": "off",
                     "attributes": { "outlet": "3", "bank": "1" } }]),
            Evidence::Effect,
        ),
        (
            json!([{ "metric": "hw.status", "attributes": { "outlet": "3" }, "value": "off" }]),
            Evidence::None,
        ),
    ] {
        check(&off, &three, seen, evidence);
    }
}

#[test]
fn what_is_doubtful_or_contradicts_itself_proves_nothing() {
    let three = json!({ "outlet": 3 });
    let doubtful = |quality: &str| {
        let mut reading = outlet("3", "off");
        reading["quality"] = json!(quality);
        reading
    };
    let of_bank = |bank: &str, value: &str| {
        let mut reading = outlet("3", value);
        reading["attributes"]["bank"] = json!(bank);
        reading
    };
    for (seen, evidence) in [
        (json!([doubtful("good")]), Evidence::Effect),
        (json!([doubtful("suspect")]), Evidence::None),
        (json!([doubtful("stale")]), Evidence::None),
        (
            json!([of_bank("1", "off"), doubtful("suspect")]),
            Evidence::None,
        ),
        (
            json!([of_bank("1", "off"), of_bank("2", "off")]),
            Evidence::Effect,
        ),
        (
            json!([of_bank("1", "off"), of_bank("2", "on")]),
            Evidence::None,
        ),
    ] {
        check(&json!("off"), &three, seen, evidence);
    }
    let mut other = readings(json!([outlet("3", "off")]));
    other.action = ActionName::new("walk").unwrap();
    let expected = Expected::new(&verify("off"), &three).unwrap();
    assert_eq!(judge(&expected, &other), Evidence::None);
    let infinite = ReadingValue::Number(f64::INFINITY);
    let mut odd = readings(json!([outlet("3", 1)]));
    odd.readings[0].value = infinite;
    assert_eq!(observed_value(&expected, &odd), None);
}

#[test]
fn numbers_compare_as_numbers_and_states_as_texts() {
    for (expected, seen, evidence) in [
        (json!(22), json!(22.0), Evidence::Effect),
        (json!(22.9), json!(22.900_000_000_000_002), Evidence::Effect),
        (json!(22.9), json!(22.91), Evidence::Other),
        (json!(0), json!(0), Evidence::Effect),
        (json!(0), json!(1e-12), Evidence::Other),
        (json!("22"), json!(22), Evidence::Effect),
        (json!(22), json!("22.0"), Evidence::Effect),
        (json!("22"), json!("22.0"), Evidence::Other),
        (json!("off"), json!(0), Evidence::None),
        (json!(22), json!("unknown"), Evidence::None),
        (json!(true), json!("true"), Evidence::Effect),
        (json!(true), json!("off"), Evidence::Other),
        (json!(true), json!(1), Evidence::None),
        (json!(null), json!("off"), Evidence::None),
        (json!(["off"]), json!("off"), Evidence::None),
    ] {
        let parameters = json!({ "outlet": 3, "wanted": expected });
        for value in [expected.clone(), json!("$wanted")] {
            check(
                &value,
                &parameters,
                json!([outlet("3", seen.clone())]),
                evidence,
            );
        }
    }
    // The expected value was never given, so no reading is conclusive.
    let seen = json!([outlet("3", "off")]);
    check(
        &json!("$wanted"),
        &json!({ "outlet": 3 }),
        seen,
        Evidence::None,
    );
}

#[test]
fn todays_value_is_that_of_the_same_place() {
    let last = readings(json!([outlet("2", "off"), outlet("3", "on")]));
    let verify = verify("off");
    let today = |parameters: Value| {
        current_reading(&verify, &parameters, &last).map(|one| one.value.clone())
    };
    assert_eq!(
        today(json!({ "outlet": 3 })),
        Some(ReadingValue::Text("on".into()))
    );
    assert_eq!(today(json!({ "outlet": 4 })), None);
    assert_eq!(today(json!({})), None);
}

#[test]
fn a_number_within_the_tolerance_and_any_further_value_prove_it() {
    let shows = |value: Value, seen: Value| {
        let verify: Verify = serde_json::from_value(json!({
            "action": "read", "metric": "hw.power.limit", "value": value,
            "any": ["off", "$other"], "tolerance": "1%",
        }))
        .unwrap();
        let expected = Expected::new(&verify, &json!({ "other": 900 })).unwrap();
        let readings = readings(json!([{ "metric": "hw.power.limit", "value": seen }]));
        expected.is_shown(&readings.readings)
    };
    for (value, seen, expect) in [
        (json!(450), json!(448.0), Some(true)),
        (json!(450), json!(440.0), Some(false)),
        (json!(450), json!(905.0), Some(true)),
        (json!("on"), json!("off"), Some(true)),
        (json!("on"), json!("starting"), Some(false)),
        (json!(450), json!("off"), Some(true)),
        (json!(450), json!("unlimited"), None),
    ] {
        assert_eq!(shows(value.clone(), seen.clone()), expect, "{value} {seen}");
    }
}
