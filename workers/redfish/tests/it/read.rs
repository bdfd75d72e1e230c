//! Reading old and new models, in the forms in which services tell them.

use serde_json::json;
use utakata_worker_sdk::model::Reading;

use crate::{
    bmc::{Bmc, Habits, PASSWORD, USER, modern, tree},
    device::{Device, value},
};

const LOGIN: &[(&str, &str)] = &[("user", USER), ("password", PASSWORD)];

fn expect(readings: &[Reading], all: &[(&str, &str, &str)]) {
    for (metric, attribute, expect) in all {
        let found = value(readings, metric, attribute);
        assert_eq!(found.as_deref(), Some(*expect), "{metric} {attribute}");
    }
}

#[tokio::test]
async fn the_old_model_and_sensors_make_one_picture() {
    let bmc = Bmc::start(tree(), Habits::default()).await;
    let readings = Device::new(bmc.url(), LOGIN).read().await;
    expect(
        &readings,
        &[
            ("utakata.power.state", "", "on"),
            ("hw.temperature", "Inlet", "23.5"),
            ("hw.temperature", "CPU", "61"),
            ("hw.fan.speed_ratio", "Fan", "0.35"),
            ("hw.power", "input", "320"),
            ("hw.power.limit", "", "500"),
            ("hw.status", "power_supply", "failed"),
            ("utakata.indicator", "", "off"),
        ],
    );
    let temperatures = readings
        .iter()
        .filter(|one| one.metric.as_str() == "hw.temperature");
    // Neither "nan", nor the absent one as 0, nor the inlet a second time.
    assert_eq!(temperatures.count(), 2, "{readings:?}");
}

#[tokio::test]
async fn the_new_model_is_read_too() {
    let bmc = Bmc::start(modern(), Habits::default()).await;
    let readings = Device::new(bmc.url(), LOGIN).read().await;
    expect(
        &readings,
        &[
            ("utakata.power.state", "A", "on"),
            ("utakata.power.state", "B", "off"),
            ("hw.fan.speed", "Fan 1", "9100"),
            ("hw.fan.speed_ratio", "Fan 1", "0.42"),
            ("hw.power", "input", "700.5"),
            ("hw.voltage", "input", "229.1"),
            ("hw.power", "chassis", "690"),
        ],
    );
}

#[tokio::test]
async fn members_that_come_with_their_collection_are_not_asked_for() {
    for expands in [false, true] {
        let habits = Habits {
            expands,
            ..Habits::default()
        };
        let bmc = Bmc::start(tree(), habits).await;
        let device = Device::new(bmc.url(), LOGIN);
        let first = device.read().await;
        let again = device.read().await;
        assert_eq!(first, again);
        let single = bmc.count("GET /redfish/v1/Chassis/1/Sensors/a");
        assert_eq!(single, if expands { 0 } else { 2 }, "expands: {expands}");
        // What was found is not looked for again.
        assert_eq!(bmc.count("GET /redfish/v1/Chassis/1/Power"), 0);
        assert_eq!(bmc.count("GET /redfish/v1/chassis/1/power"), 2);
    }
}

#[tokio::test]
async fn a_slash_at_the_end_and_a_busy_service_are_followed() {
    let habits = Habits {
        slash: true,
        busy: 2,
        ..Habits::default()
    };
    let bmc = Bmc::start(tree(), habits).await;
    let readings = Device::new(bmc.url(), LOGIN).read().await;
    expect(&readings, &[("hw.temperature", "CPU", "61")]);
}

#[tokio::test]
async fn a_part_that_is_gone_is_named_and_the_rest_is_told() {
    let bmc = Bmc::start(tree(), Habits::default()).await;
    let device = Device::new(bmc.url(), LOGIN);
    let whole = device.run("read", json!({})).await.unwrap();
    assert!(whole.missing.is_empty(), "{:?}", whole.missing);
    let thermal = bmc
        .state
        .lock()
        .tree
        .remove("/redfish/v1/Chassis/1/Thermal");
    let part = device.run("read", json!({})).await.unwrap();
    assert!(!part.missing.is_empty());
    assert!(value(&part.readings, "hw.temperature", "CPU").is_none());
    assert!(value(&part.readings, "hw.temperature", "Inlet").is_some());
    // It is looked for anew, and found when it is back.
    let path = "/redfish/v1/Chassis/1/Thermal".to_owned();
    bmc.state.lock().tree.insert(path, thermal.unwrap());
    let back = device.run("read", json!({})).await.unwrap();
    assert!(back.missing.is_empty(), "{:?}", back.missing);
    assert_eq!(back.readings, whole.readings);
}

#[tokio::test]
async fn only_what_is_asked_for_is_fetched() {
    let bmc = Bmc::start(tree(), Habits::default()).await;
    let device = Device::new(bmc.url(), LOGIN);
    assert_eq!(
        device.value("utakata.power.state").await.as_deref(),
        Some("on")
    );
    assert_eq!(bmc.count("GET /redfish/v1/Chassis"), 0);
    let one = Device::new(format!("{}/B", bmc.url()), LOGIN);
    assert!(one.value("utakata.power.state").await.is_none());
}

#[tokio::test]
async fn what_is_no_service_is_said_to_be_none() {
    let bmc = Bmc::start(json!({}), Habits::default()).await;
    let failure = Device::new(bmc.url(), LOGIN).run("read", json!({})).await;
    let problem = failure.unwrap_err().problem;
    assert_eq!(&*problem.code, "device-refused", "{problem}");
    let nobody = Device::new("http://127.0.0.1:1", LOGIN);
    let problem = nobody.run("read", json!({})).await.unwrap_err().problem;
    assert_eq!(&*problem.code, "unreachable", "{problem}");
}

#[tokio::test]
async fn members_that_are_nowhere_but_in_their_collection_are_read_each_time() {
    let mut tree = tree();
    let all = tree.as_object_mut().unwrap();
    let mut sensor = all.remove("/redfish/v1/Chassis/1/Sensors/a").unwrap();
    sensor["@odata.id"] = "/redfish/v1/Chassis/1/Sensors/a".into();
    all["/redfish/v1/Chassis/1/Sensors"]["Members"][0] = sensor;
    let bmc = Bmc::start(tree, Habits::default()).await;
    let device = Device::new(bmc.url(), LOGIN);
    for _ in 0..3 {
        let answer = device.run("read", json!({})).await.unwrap();
        let inlet = value(&answer.readings, "hw.temperature", "Inlet");
        assert_eq!(inlet.as_deref(), Some("23.5"));
        assert!(answer.missing.is_empty(), "{:?}", answer.missing);
    }
}

#[tokio::test]
async fn a_root_is_found_under_either_spelling() {
    for root in ["/redfish/v1", "/redfish/v1/"] {
        let habits = Habits {
            root,
            ..Habits::default()
        };
        let bmc = Bmc::start(tree(), habits).await;
        let readings = Device::new(bmc.url(), LOGIN).read().await;
        expect(&readings, &[("utakata.power.state", "", "on")]);
    }
}

#[tokio::test]
async fn what_takes_minutes_or_needs_a_licence_is_never_asked_for() {
    const OTHERS: [&str; 3] = ["UpdateService", "TelemetryService", "EventService"];
    let mut tree = tree();
    for service in OTHERS {
        let path = format!("/redfish/v1/{service}");
        tree["/redfish/v1"][service] = json!({ "@odata.id": path });
        tree[path] = json!({ "FirmwareInventory": { "@odata.id": "/redfish/v1/UpdateService/F" } });
    }
    let bmc = Bmc::start(tree, Habits::default()).await;
    Device::new(bmc.url(), LOGIN).read().await;
    for service in OTHERS {
        assert_eq!(bmc.count(&format!("GET /redfish/v1/{service}")), 0);
    }
}
