//! Reading from BMCs.

use serde_json::json;
use utakata_tests::{servers::Ipmi, wait};
use utakata_worker_sdk::harness::alone::value;

use crate::bmc::Target;

/// The metric of a unit, as ipmitool writes it.
fn metric(unit: &str) -> Option<&'static str> {
    Some(match unit {
        "degrees C" => "hw.temperature",
        "RPM" => "hw.fan.speed",
        "Volts" => "hw.voltage",
        "Watts" => "hw.power",
        "Amps" => "hw.current",
        _ => return None,
    })
}

/// Compares every number that ipmitool tells with what was read.
async fn compare(bmc: &Ipmi, expect: usize) {
    let answer = Target::new(bmc).run("read", json!({})).await.unwrap();
    assert!(answer.missing.is_empty(), "{:?}", answer.missing);
    let mut compared = 0;
    for line in bmc
        .ipmitool(&["-c", "sdr", "list", "full"])
        .unwrap()
        .lines()
    {
        let words: Vec<&str> = line.split(',').collect();
        let [name, told, unit, ..] = words.as_slice() else {
            continue;
        };
        let Some(metric) = metric(unit) else {
            continue;
        };
        let read = value(&answer.readings, metric, name);
        match told.parse::<f64>() {
            Ok(told) => {
                let read: f64 = read.unwrap_or_else(|| panic!("no {name}")).parse().unwrap();
                assert!((read - told).abs() < 0.001, "{name}: {read}, told {told}");
                compared += 1;
            }
            // ipmitool says that there is no reading.
            Err(_) => assert_eq!(read, None, "{name}"),
        }
    }
    assert_eq!(compared, expect);
    let power = value(&answer.readings, "utakata.power.state", "");
    assert_eq!(power.as_deref(), Some("on"));
}

#[tokio::test]
async fn what_is_read_by_suite_3_is_what_ipmitool_tells() {
    compare(&Ipmi::sha1().unwrap(), 6).await;
}

#[tokio::test]
async fn what_is_read_by_suite_17_is_what_ipmitool_tells() {
    let bmc = Ipmi::sha256().unwrap();
    compare(&bmc, 4).await;
    let answer = Target::new(&bmc).run("read", json!({})).await.unwrap();
    let readings = answer.readings;
    for (metric, attribute, expect) in [
        // Functions, two's complement, factors that the BMC is asked for.
        ("hw.temperature", "Square", Some("36")),
        ("hw.voltage", "Root", Some("12")),
        ("hw.temperature", "Below", Some("-10")),
        ("hw.fan.speed", "Asked", Some("1000")),
        // Present, and failed.
        ("hw.status", "PSU1", Some("failed")),
        // No reading now, and no sensor.
        ("hw.temperature", "Off", None),
        ("hw.temperature", "Gone", None),
        ("hw.power", "dcmi", Some("412")),
        ("hw.firmware_version", "", Some("2.37")),
    ] {
        let found = value(&readings, metric, attribute);
        assert_eq!(found.as_deref(), expect, "{metric} {attribute}");
    }
    let identity = answer.recognition.unwrap().identity;
    assert_eq!(identity.as_deref(), Some("343:0x0070"));
}

#[tokio::test]
async fn only_what_is_asked_for_is_told() {
    let bmc = Ipmi::sha1().unwrap();
    let target = Target::new(&bmc);
    for (metric, expect) in [
        ("utakata.power.state", 1),
        ("hw.fan", 1),
        ("hw.temperature", 2),
    ] {
        let asked = json!({ "metrics": [metric] });
        let readings = target.run("read", asked).await.unwrap().readings;
        assert_eq!(readings.len(), expect, "{metric}: {readings:?}");
    }
}

#[tokio::test]
async fn a_limit_that_is_crossed_is_a_state_and_an_entry_of_the_log() {
    let bmc = Ipmi::sha1().unwrap();
    let target = Target::new(&bmc);
    let status = async || {
        let readings = target.run("read", json!({})).await.unwrap().readings;
        let entries = value(&readings, "utakata.log.entries", "");
        (value(&readings, "hw.status", "CPU1 Temp"), entries)
    };
    let (before, entries) = status().await;
    assert_eq!(before.as_deref(), Some("ok"));
    assert_eq!(entries.as_deref(), Some("0"));
    bmc.tell("CPU1_Temp", 95).unwrap();
    let is_hot = async || {
        let (state, entries) = status().await;
        state.as_deref() == Some("failed") && entries.as_deref() != Some("0")
    };
    wait::until("the sensor is beyond its limit", is_hot).await;
    let log = target.run("log", json!({ "last": 1 })).await.unwrap();
    let log = log.result.unwrap();
    assert_eq!(log["last"][0]["sensor"], "CPU1 Temp", "{log}");
    assert_eq!(log["last"][0]["direction"], "asserted", "{log}");
}

#[tokio::test]
async fn a_wrong_credential_is_named_and_not_tried_again_and_again() {
    let bmc = Ipmi::sha1().unwrap();
    for (user, password) in [("admin", "wrong"), ("nobody", "secret")] {
        let target = Target::with(&bmc, &[("user", user), ("password", password)]);
        for round in 0..3 {
            let problem = target.run("read", json!({})).await.unwrap_err().problem;
            assert_eq!(&*problem.code, "bad-credential", "{user}: {problem}");
            let is_told = problem.message.contains("nothing was sent");
            assert_eq!(is_told, round > 0, "{user}: {problem}");
        }
    }
}

#[tokio::test]
async fn a_suite_that_is_not_there_is_named() {
    let bmc = Ipmi::sha256().unwrap();
    let credential = [("user", "admin"), ("password", "secret"), ("suite", "3")];
    let target = Target::with(&bmc, &credential);
    let problem = target.run("read", json!({})).await.unwrap_err().problem;
    assert_eq!(&*problem.code, "device-refused", "{problem}");
    assert!(problem.message.contains("cipher suites 3"), "{problem}");
}
