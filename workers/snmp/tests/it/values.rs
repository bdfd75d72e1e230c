//! Devices that send impossible values, none, or values that no profile expects.

use std::{fmt::Write, path::Path};

use utakata_tests::servers::Snmpsim;
use utakata_worker_sdk::model::{Quality, Reading};

use crate::{
    device::{Device, community},
    invented,
};

/// The objects of a device: OID, type, value, in the format of snmpsim.
pub type Walk<'a> = &'a [(&'a str, &'a str, &'a str)];

pub const INTEGER: &str = "2";
pub const OCTETS: &str = "4";
const HEX: &str = "4x";
const OID: &str = "6";
const COUNTER: &str = "65";
const GAUGE: &str = "66";
const TICKS: &str = "67";

/// Writes a recording for snmpsim, including what every agent has.
fn record(folder: &Path, name: &str, walk: Walk<'_>) {
    let system = [
        ("1.3.6.1.2.1.1.1.0", OCTETS, "a device"),
        ("1.3.6.1.2.1.1.2.0", OID, "1.3.6.1.4.1.99999.1"),
    ];
    let is_given = |oid: &str| walk.iter().any(|(given, ..)| *given == oid);
    let system = system.iter().filter(|(oid, ..)| !is_given(oid));
    let mut objects: Vec<_> = system.chain(walk).collect();
    objects.sort_by_key(|(oid, ..)| {
        oid.split('.')
            .map(|arc| arc.parse::<u32>().unwrap())
            .collect::<Vec<_>>()
    });
    let mut text = String::new();
    for (oid, kind, value) in objects {
        writeln!(text, "{oid}|{kind}|{value}").unwrap();
    }
    std::fs::write(folder.join(format!("{name}.snmprec")), text).unwrap();
}

/// Formats each reading of these metrics as `metric{key=text} value unit quality`.
fn shown(readings: &[Reading], metrics: &[&str]) -> Vec<String> {
    let wanted = readings
        .iter()
        .filter(|reading| metrics.contains(&reading.metric.as_str()));
    let mut shown: Vec<String> = wanted
        .map(|reading| {
            let pairs = reading.attributes.iter();
            let pairs: Vec<String> = pairs.map(|(key, text)| format!("{key}={text}")).collect();
            let quality = match reading.quality {
                Quality::Good => "",
                _ => " suspect",
            };
            let (metric, value, unit) = (&reading.metric, &reading.value, &reading.unit);
            format!("{metric}{{{}}} {value} {unit}{quality}", pairs.join(","))
        })
        .collect();
    shown.sort();
    shown
}

/// Its name, its kind, its objects, the metrics examined, and the expected readings.
pub type Case = (
    &'static str,
    &'static str,
    Walk<'static>,
    &'static [&'static str],
    &'static [&'static str],
);

const CASES: [Case; 6] = [
    (
        "wrong-sign",
        "apc-pdu",
        &[
            ("1.3.6.1.4.1.318.1.1.26.4.3.1.3.1", OCTETS, "pdu"),
            ("1.3.6.1.4.1.318.1.1.26.4.3.1.5.1", GAUGE, "4294967295"),
            ("1.3.6.1.4.1.318.1.1.26.4.3.1.9.1", COUNTER, "4294967295"),
            ("1.3.6.1.4.1.318.1.1.26.4.3.1.16.1", GAUGE, "65535"),
            ("1.3.6.1.4.1.318.1.1.26.4.3.1.17.1", INTEGER, "-1"),
            ("1.3.6.1.4.1.318.1.1.26.10.2.2.1.3.1", OCTETS, "cold"),
            ("1.3.6.1.4.1.318.1.1.26.10.2.2.1.8.1", GAUGE, "4294967246"),
            ("1.3.6.1.4.1.318.1.1.26.10.2.2.1.10.1", INTEGER, "35"),
            ("1.3.6.1.4.1.318.1.1.26.10.2.2.1.8.2", INTEGER, "-1"),
        ],
        &[
            "hw.power",
            "hw.power.apparent",
            "hw.power_factor",
            "hw.energy",
            "hw.temperature",
            "hw.humidity",
        ],
        &[
            "hw.humidity{hw.id=1,hw.name=cold,hw.sensor_location=external} 0.35 1",
            "hw.power.apparent{hw.id=1,hw.name=pdu} 655350 V.A suspect",
            "hw.temperature{hw.id=1,hw.name=cold,hw.sensor_location=external} -5 Cel",
        ],
    ),
    (
        "odd-texts",
        "apc-pdu",
        &[
            ("1.3.6.1.4.1.318.1.1.12.3.5.1.1.2.1", HEX, "5afc72696368"),
            ("1.3.6.1.4.1.318.1.1.12.3.5.1.1.2.2", HEX, "6462006f6c64"),
            ("1.3.6.1.4.1.318.1.1.12.3.5.1.1.2.3", HEX, "202020"),
            ("1.3.6.1.4.1.318.1.1.12.3.5.1.1.4.1", INTEGER, "1"),
            ("1.3.6.1.4.1.318.1.1.12.3.5.1.1.4.2", INTEGER, "2"),
            ("1.3.6.1.4.1.318.1.1.12.3.5.1.1.4.3", INTEGER, "1"),
        ],
        &["utakata.outlet.state"],
        &[
            "utakata.outlet.state{hw.name=Zürich,outlet=1} on ",
            "utakata.outlet.state{hw.name=db,outlet=2} off ",
            "utakata.outlet.state{outlet=3} on ",
        ],
    ),
    (
        "sensors",
        "snmp",
        &[
            ("1.3.6.1.2.1.47.1.1.1.1.2.10", OCTETS, "RX Power Sensor"),
            ("1.3.6.1.2.1.47.1.1.1.1.2.11", OCTETS, "PSU input"),
            ("1.3.6.1.2.1.47.1.1.1.1.4.10", INTEGER, "3"),
            ("1.3.6.1.2.1.47.1.1.1.1.4.11", INTEGER, "4"),
            ("1.3.6.1.2.1.47.1.1.1.1.7.3", OCTETS, "port 7"),
            ("1.3.6.1.2.1.99.1.1.1.1.10", INTEGER, "6"),
            ("1.3.6.1.2.1.99.1.1.1.1.11", INTEGER, "6"),
            ("1.3.6.1.2.1.99.1.1.1.1.12", INTEGER, "6"),
            ("1.3.6.1.2.1.99.1.1.1.1.13", INTEGER, "8"),
            ("1.3.6.1.2.1.99.1.1.1.2.10", INTEGER, "8"),
            ("1.3.6.1.2.1.99.1.1.1.2.11", INTEGER, "9"),
            ("1.3.6.1.2.1.99.1.1.1.2.12", INTEGER, "9"),
            ("1.3.6.1.2.1.99.1.1.1.2.13", INTEGER, "9"),
            ("1.3.6.1.2.1.99.1.1.1.3.10", INTEGER, "0"),
            ("1.3.6.1.2.1.99.1.1.1.3.11", INTEGER, "0"),
            ("1.3.6.1.2.1.99.1.1.1.3.12", INTEGER, "7"),
            ("1.3.6.1.2.1.99.1.1.1.3.13", INTEGER, "1"),
            ("1.3.6.1.2.1.99.1.1.1.4.10", INTEGER, "1"),
            ("1.3.6.1.2.1.99.1.1.1.4.11", INTEGER, "231"),
            ("1.3.6.1.2.1.99.1.1.1.4.12", INTEGER, "-1000000000"),
            ("1.3.6.1.2.1.99.1.1.1.4.13", INTEGER, "-32768"),
        ],
        &[
            "hw.power",
            "hw.optical_power",
            "hw.temperature",
            "hw.status",
        ],
        &[
            "hw.optical_power{hw.id=10,hw.location=port 7,hw.name=RX Power Sensor} 0 dB[mW]",
            "hw.power{hw.id=11,hw.name=PSU input} 231 W",
        ],
    ),
    (
        "absent",
        "cisco-env",
        &[
            ("1.3.6.1.4.1.9.9.13.1.3.1.2.1", OCTETS, "inlet"),
            ("1.3.6.1.4.1.9.9.13.1.3.1.2.2", OCTETS, "outlet"),
            ("1.3.6.1.4.1.9.9.13.1.3.1.3.1", GAUGE, "23"),
            ("1.3.6.1.4.1.9.9.13.1.3.1.3.2", GAUGE, "0"),
            ("1.3.6.1.4.1.9.9.13.1.3.1.6.1", INTEGER, "1"),
            ("1.3.6.1.4.1.9.9.13.1.3.1.6.2", INTEGER, "5"),
        ],
        &["hw.temperature", "hw.status"],
        &[
            "hw.status{hw.id=1,hw.name=inlet,hw.type=temperature} ok ",
            "hw.temperature{hw.id=1,hw.name=inlet,hw.type=temperature} 23 Cel",
        ],
    ),
    (
        "volts-in-tenths",
        "ups",
        &[
            ("1.3.6.1.2.1.33.1.2.3.0", INTEGER, "65535"),
            ("1.3.6.1.2.1.33.1.2.4.0", INTEGER, "100"),
            ("1.3.6.1.2.1.33.1.2.6.0", INTEGER, "-25"),
            ("1.3.6.1.2.1.33.1.3.3.1.3.1", INTEGER, "2313"),
            ("1.3.6.1.2.1.33.1.3.3.1.4.1", INTEGER, "65535"),
            ("1.3.6.1.2.1.33.1.3.3.1.5.1", INTEGER, "65535"),
        ],
        &[
            "hw.battery.time_left",
            "hw.battery.charge",
            "hw.voltage",
            "hw.current",
            "hw.power",
        ],
        &[
            "hw.battery.charge{} 1 1",
            "hw.current{hw.type=battery} -2.5 A",
            "hw.power{circuit=input,phase=1} 65535 W suspect",
            "hw.voltage{circuit=input,phase=1} 2313 V suspect",
        ],
    ),
    (
        "uptime",
        "snmp",
        &[
            ("1.3.6.1.2.1.1.3.0", TICKS, "18000"),
            ("1.3.6.1.6.3.10.2.1.3.0", INTEGER, "42949852"),
        ],
        &["system.uptime"],
        &["system.uptime{} 42949852 s"],
    ),
];

#[tokio::test]
async fn what_cannot_be_is_suspect_and_what_means_none_is_no_reading() {
    let folder = tempfile::tempdir().unwrap();
    let cases = || CASES.iter().chain(&invented::CASES);
    for (name, _, walk, ..) in cases() {
        record(folder.path(), name, walk);
    }
    let simulator = Snmpsim::start(folder.path()).unwrap();
    for (name, kind, _, metrics, expect) in cases() {
        let device = Device::new(kind, simulator.address(), community(name));
        let readings = device.read().await;
        assert_eq!(shown(&readings, metrics), *expect, "{name}");
    }
}

#[tokio::test]
async fn a_value_that_is_not_a_number_is_reported_with_its_row() {
    let folder = tempfile::tempdir().unwrap();
    record(
        folder.path(),
        "odd",
        &[
            ("1.3.6.1.4.1.2021.10.1.2.1", OCTETS, "Load-1"),
            ("1.3.6.1.4.1.2021.10.1.2.2", OCTETS, "Load-5"),
            ("1.3.6.1.4.1.2021.10.1.2.3", OCTETS, "Load-15"),
            ("1.3.6.1.4.1.2021.10.1.3.1", OCTETS, " 0.25 "),
            ("1.3.6.1.4.1.2021.10.1.3.2", OCTETS, "N/A"),
            ("1.3.6.1.4.1.2021.10.1.3.3", OCTETS, "0x1a"),
        ],
    );
    let simulator = Snmpsim::start(folder.path()).unwrap();
    let device = Device::new("snmp", simulator.address(), community("odd"));
    let answer = device.run("read", serde_json::json!({})).await.unwrap();
    let loads = shown(&answer.readings, &["system.load_average"]);
    assert_eq!(
        loads,
        ["system.load_average{system.load.window=Load-1} 0.25 1"]
    );
    let result = answer.result.unwrap();
    assert_eq!(result["count"], 2, "{result}");
    assert_eq!(result["not_numbers"][0]["row"], "2", "{result}");
    assert_eq!(result["not_numbers"][0]["value"], "N/A", "{result}");
    // What the device says it lacks is not reported as missing.
    let missing = answer.missing.into_entries();
    let rows: Vec<_> = missing.iter().map(|one| one.row.as_deref()).collect();
    assert_eq!(rows, [Some("3")], "{missing:?}");
}
