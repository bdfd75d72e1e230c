//! Reading from Debian's upsd.

use serde_json::json;
use utakata_tests::{servers::Nut, wait};
use utakata_worker_sdk::model::ReadingValue;

use crate::device::{Device, number, text, value};

pub const ON_LINE: &str = "\
battery.charge: 97
battery.runtime: 1860
battery.voltage: 54.6
device.mfr: Example Power
device.model: EP 6000
device.serial: EP0001
input.voltage: 231.3
input.L2-N.voltage: 229.5
output.frequency: 50.0
outlet.1.status: off
ups.beeper.status: enabled
ups.delay.shutdown: 20
ups.load: 38
ups.status: OL CHRG
ups.test.result: Done and passed
";

#[tokio::test]
async fn what_is_read_is_what_upsc_tells() {
    let nut = Nut::start(&[("ups1", ON_LINE), ("ups2", "ups.status: OB LB\n")]).unwrap();
    let address = nut.address();
    let all = Device::new(format!("ups1@{address}"), None).read().await;
    for (metric, attribute, variable, factor) in [
        ("hw.battery.charge", "battery", "battery.charge", 0.01),
        ("hw.battery.time_left", "battery", "battery.runtime", 1.0),
        ("hw.voltage", "battery", "battery.voltage", 1.0),
        ("hw.voltage", "input", "input.voltage", 1.0),
        ("hw.voltage", "2", "input.L2-N.voltage", 1.0),
        ("hw.frequency", "output", "output.frequency", 1.0),
        ("hw.load", "", "ups.load", 0.01),
    ] {
        let told: f64 = nut.upsc("ups1", variable).unwrap().parse().unwrap();
        let read = number(&all, metric, attribute);
        assert!((read - told * factor).abs() < 1e-9, "{variable}: {read}");
    }
    let vendor = nut.upsc("ups1", "device.mfr").unwrap();
    assert_eq!(text(&all, "hw.vendor", ""), vendor);
    assert_eq!(text(&all, "utakata.outlet.state", "1"), "off");
    assert_eq!(text(&all, "utakata.ups.source", ""), "normal");
    assert_eq!(text(&all, "hw.battery.state", ""), "charging");
    let other = Device::new(format!("ups2@{address}"), None).read().await;
    assert_eq!(text(&other, "utakata.ups.source", ""), "battery");
    assert_eq!(text(&other, "hw.status", "battery"), "failed");
}

#[tokio::test]
async fn only_what_is_asked_for_is_told() {
    let nut = Nut::start(&[("ups1", ON_LINE)]).unwrap();
    // The only UPS of a server needs no name.
    let device = Device::new(nut.address(), None);
    let asked = device
        .run("read", json!({ "metrics": ["hw.battery"] }))
        .await;
    let readings = asked.unwrap().readings;
    let names: Vec<&str> = readings.iter().map(|one| one.metric.as_str()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(
        names.iter().all(|name| name.starts_with("hw.battery")),
        "{names:?}"
    );
}

#[tokio::test]
async fn a_change_is_seen_and_stale_values_are_not_told() {
    let nut = Nut::start(&[("ups1", ON_LINE)]).unwrap();
    let device = Device::new(nut.address(), None);
    let source = async || value(&device.read().await, "utakata.ups.source", "");
    nut.tell("ups1", &ON_LINE.replace("OL CHRG", "OB DISCHRG"))
        .unwrap();
    let battery = Some(ReadingValue::Text("battery".into()));
    wait::until("on battery", async || source().await == battery).await;
    nut.freeze("ups1").unwrap();
    let fails = async || device.run("read", json!({})).await.is_err();
    wait::until("its values are stale", fails).await;
    let failure = device.run("read", json!({})).await.unwrap_err();
    assert_eq!(&*failure.problem.code, "unreachable");
    assert!(
        failure.problem.message.contains("DATA-STALE"),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_wrong_target_is_named_with_the_remedy() {
    let nut = Nut::start(&[("ups1", ON_LINE), ("ups2", ON_LINE)]).unwrap();
    let address = nut.address();
    for (place, code, part) in [
        (format!("ups3@{address}"), "bad-address", "UNKNOWN-UPS"),
        (address.to_string(), "bad-address", "ups1, ups2"),
        ("ups1@127.0.0.1:1".into(), "unreachable", "no upsd answers"),
        ("a b@127.0.0.1".into(), "bad-address", "name of a UPS"),
    ] {
        let failure = Device::new(&place, None).run("read", json!({})).await;
        let problem = failure.unwrap_err().problem;
        assert_eq!(&*problem.code, code, "{place}: {problem}");
        assert!(problem.message.contains(part), "{place}: {problem}");
    }
}
