//! Recordings of real devices: the readings equal the recording.

use utakata_tests::{repository, servers::Snmpsim};
use utakata_worker_sdk::model::{Quality, Reading, ReadingValue};

use crate::device::{Device, community, find, number, text};

async fn read(simulator: &Snmpsim, kind: &str, device: &str) -> Vec<Reading> {
    let device = Device::new(kind, simulator.address(), community(device));
    device
        .run_within(
            std::time::Duration::from_secs(60),
            "read",
            serde_json::json!({}),
        )
        .await
        .unwrap()
        .readings
}

/// Metric, some of its attributes, value.
type Expected<'a> = (&'a str, &'a [(&'a str, &'a str)], ReadingValue);

/// Checks that no metric occurs twice with the same attributes.
fn check_unique(readings: &[Reading]) {
    for (at, reading) in readings.iter().enumerate() {
        let twin = readings
            .iter()
            .skip(at + 1)
            .find(|other| other.metric == reading.metric && other.attributes == reading.attributes);
        assert!(twin.is_none(), "{reading:?} {twin:?}");
    }
}

fn check_all(readings: &[Reading], expect: &[Expected<'_>]) {
    check_unique(readings);
    for (metric, attributes, value) in expect {
        let found = find(readings, metric, attributes);
        assert_eq!(
            found.map(|reading| &reading.value),
            Some(value),
            "{metric} {attributes:?}"
        );
        assert_eq!(found.map(|reading| reading.quality), Some(Quality::Good));
    }
}

fn n(number: f64) -> ReadingValue {
    ReadingValue::Number(number)
}

fn t(text: &str) -> ReadingValue {
    ReadingValue::Text(text.into())
}

#[tokio::test]
async fn recorded_devices_are_read_as_they_are() {
    let simulator = Snmpsim::start(repository::recordings()).unwrap();
    apc_7902b(&simulator).await;
    apc_8932(&simulator).await;
    eaton(&simulator).await;
    cisco(&simulator).await;
    recognised(&simulator).await;
}

async fn apc_7902b(simulator: &Snmpsim) {
    let readings = read(simulator, "apc-pdu", "apc-7902b").await;
    check_all(
        &readings,
        &[
            ("hw.model", &[], t("AP7902B")),
            ("hw.current", &[("phase", "1")], n(1.6)),
            ("hw.current", &[("bank", "1")], n(0.0)),
            ("hw.current", &[("bank", "2")], n(1.1)),
            (
                "utakata.outlet.state",
                &[("outlet", "1"), ("hw.name", "SW-CO-NY-3850-01")],
                t("on"),
            ),
            ("utakata.outlet.state", &[("outlet", "10")], t("off")),
            (
                "hw.status",
                &[("hw.type", "power_supply"), ("hw.id", "1")],
                t("ok"),
            ),
        ],
    );
    assert_eq!(states(&readings), 16);
}

async fn apc_8932(simulator: &Snmpsim) {
    let readings = read(simulator, "apc-pdu", "apc-8932").await;
    check_all(
        &readings,
        &[
            (
                "hw.power",
                &[("hw.name", "pwr-dc01-pdu-rack3-01")],
                n(160.0),
            ),
            ("hw.power.apparent", &[], n(170.0)),
            ("hw.power_factor", &[], n(0.95)),
            ("hw.energy", &[], n(6426.0 * 360_000.0)),
            ("hw.current", &[("phase", "1")], n(1.4)),
            ("hw.voltage", &[("phase", "1")], n(121.0)),
            ("hw.power", &[("phase", "1")], n(160.0)),
            ("hw.current", &[("bank", "1")], n(1.3)),
            ("utakata.outlet.state", &[("outlet", "13")], t("on")),
            ("utakata.outlet.state", &[("outlet", "2")], t("off")),
        ],
    );
    assert_eq!(states(&readings), 24);
    assert!(
        find(&readings, "hw.temperature", &[]).is_none(),
        "no sensor is plugged in"
    );
}

fn states(readings: &[Reading]) -> usize {
    readings
        .iter()
        .filter(|reading| reading.metric.as_str() == "utakata.outlet.state")
        .count()
}

async fn eaton(simulator: &Snmpsim) {
    let readings = read(simulator, "ups", "eaton-93e-80").await;
    let of = |circuit: &'static str, phase: &'static str| [("circuit", circuit), ("phase", phase)];
    check_all(
        &readings,
        &[
            ("hw.vendor", &[], t("EATON")),
            ("hw.status", &[("hw.type", "battery")], t("ok")),
            ("hw.battery.charge", &[], n(1.0)),
            ("hw.battery.time_left", &[], n(1092.0 * 60.0)),
            ("hw.voltage", &[("hw.type", "battery")], n(521.0)),
            (
                "hw.temperature",
                &[("hw.sensor_location", "battery")],
                n(25.0),
            ),
            ("utakata.ups.source", &[], t("normal")),
            ("hw.voltage", &of("input", "3"), n(233.0)),
            ("hw.current", &of("output", "1"), n(27.0)),
            ("hw.power", &of("output", "2"), n(3600.0)),
            ("hw.load", &of("output", "3"), n(0.12)),
            ("hw.voltage", &of("bypass", "2"), n(230.0)),
            ("hw.frequency", &[("circuit", "output")], n(49.0)),
        ],
    );
}

async fn cisco(simulator: &Snmpsim) {
    let readings = read(simulator, "cisco-env", "cisco-n5000").await;
    check_all(
        &readings,
        &[
            (
                "hw.status",
                &[("hw.type", "fan"), ("hw.name", "FanModule-1")],
                t("ok"),
            ),
            (
                "hw.status",
                &[("hw.type", "power"), ("hw.name", "PowerSupply-1")],
                t("ok"),
            ),
            (
                "hw.current",
                &[("hw.type", "power_supply"), ("hw.name", "PowerSupply-2")],
                n(13.25),
            ),
            (
                "hw.network.up",
                &[("network.interface.name", "mgmt0")],
                t("up"),
            ),
            (
                "hw.network.io",
                &[
                    ("network.interface.name", "Ethernet1/1"),
                    ("network.io.direction", "receive"),
                ],
                n(85_856_583_072_626.0),
            ),
            (
                "hw.network.bandwidth.limit",
                &[("network.interface.name", "Ethernet1/1")],
                n(1.25e9),
            ),
        ],
    );
    let outlet = number(
        &readings,
        "hw.temperature",
        &[("hw.name", "Module-1, Outlet")],
    );
    assert!((10.0..80.0).contains(&outlet), "{outlet}");
}

async fn recognised(simulator: &Snmpsim) {
    for (device, metric) in [
        ("apc-8932", "utakata.outlet.state"),
        ("eaton-93e-80", "hw.battery.charge"),
        ("geist-temperature-sensor", "hw.dew_point"),
        ("tripplite-poweralert", "utakata.outlet.state"),
        ("hp-onboard-administrator", "hw.network.io"),
    ] {
        let readings = read(simulator, "snmp", device).await;
        check_unique(&readings);
        assert!(
            find(&readings, metric, &[]).is_some(),
            "{device}: {}",
            readings.len()
        );
        let name = simulator
            .client(device)
            .unwrap()
            .value("1.3.6.1.2.1.1.5.0")
            .unwrap();
        assert_eq!(text(&readings, "system.name", &[]), name.trim(), "{device}");
    }
}
