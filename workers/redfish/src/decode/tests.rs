use std::sync::Arc;

use serde_json::json;
use utakata_profile::{
    Collection,
    json::{Resource, decode},
};
use utakata_worker_sdk::model::reading::Attributes;

use super::*;
use crate::profile::Library;

/// The readings of one resource, as `metric{attributes} value unit`.
fn read(place: &str, document: &Json) -> Vec<String> {
    read_all(&[(place, document)])
}

/// The readings of documents, of which only the wanted parts may be parsed without a difference.
fn read_all(all: &[(&str, &Json)]) -> Vec<String> {
    let library = Library::shipped().unwrap();
    let profiles = library.resolve(["redfish"]).unwrap();
    let wanted = crate::profile::wanted(&profiles);
    let parts: Vec<(&str, Json)> = all
        .iter()
        .map(|(place, document)| {
            (
                *place,
                wanted.parse(document.to_string().as_bytes()).unwrap(),
            )
        })
        .collect();
    let parts: Vec<(&str, &Json)> = parts.iter().map(|(place, part)| (*place, part)).collect();
    let whole = decoded(&profiles, all);
    assert_eq!(decoded(&profiles, &parts), whole);
    whole
}

fn decoded(profiles: &[Arc<Profile>], all: &[(&str, &Json)]) -> Vec<String> {
    let of = Attributes::from([("chassis".into(), "1".into())]);
    let resources: Vec<Resource<'_>> = all
        .iter()
        .map(|(place, document)| Resource {
            place,
            path: "/x",
            of: &of,
            document,
        })
        .collect();
    let mut into = Collection::default();
    let reads = profiles.iter().flat_map(|profile| &profile.content.reads);
    decode(reads, &resources, &mut into);
    assert!(into.unread.is_empty(), "{:?}", into.unread);
    let shown = into.readings.iter().map(|one| {
        let id = one.attributes.get("hw.id").map_or("", |id| id);
        format!(
            "{} {id} {} {} {:?}",
            one.metric, one.value, one.unit, one.quality
        )
    });
    shown.collect()
}

fn sensor(reading: &Json, unit: &str, kind: &str, name: &str) -> Json {
    json!({ "Id": "s", "Name": name, "Reading": reading, "ReadingUnits": unit,
        "ReadingType": kind, "Status": { "State": "Enabled" } })
}

#[test]
fn the_unit_of_a_sensor_says_what_it_is() {
    for (reading, unit, kind, name, expect) in [
        (
            json!(31.5),
            "Cel",
            "Temperature",
            "Inlet",
            "hw.temperature s 31.5 Cel Good",
        ),
        (
            json!(420),
            "Watts",
            "Current",
            "Sys Power",
            "hw.power s 420 W Good",
        ),
        (
            json!(4602),
            "RPM",
            "AirFlow",
            "Fan 1",
            "hw.fan.speed s 4602 rpm Good",
        ),
        (
            json!(101_000),
            "Pa",
            "Altitude",
            "HBM",
            "hw.pressure s 101000 Pa Good",
        ),
        (
            json!("57.000000"),
            "Cel",
            "Temperature",
            "NIC",
            "hw.temperature s 57 Cel Good",
        ),
        (
            json!(40),
            "%",
            "Percent",
            "Fan 1",
            "hw.fan.speed_ratio s 0.4 1 Good",
        ),
        (
            json!(40),
            "%",
            "Percent",
            "GPU",
            "hw.utilization s 0.4 1 Good",
        ),
        (
            json!(97),
            "%",
            "Percent",
            "PS1 powerfactor",
            "hw.power_factor s 0.97 1 Good",
        ),
        (
            json!(91),
            "%",
            "Percent",
            "Battery Health",
            "utakata.ratio s 0.91 1 Good",
        ),
        (
            json!(-51),
            "Cel",
            "Temperature",
            "CPU 1 DTS",
            "hw.temperature.margin s -51 Cel Good",
        ),
        (
            json!(-40),
            "C",
            "Temperature",
            "Core",
            "hw.temperature.margin s -40 Cel Good",
        ),
        (
            json!(40),
            "%",
            "Humidity",
            "Inlet",
            "hw.humidity s 0.4 1 Good",
        ),
        (
            json!(2),
            "kWh",
            "EnergykWh",
            "Sum",
            "hw.energy s 7200000 J Good",
        ),
        (json!(1), "kW", "Power", "Sum", "hw.power s 1000 W Good"),
    ] {
        let found = read("sensors", &sensor(&reading, unit, kind, name));
        assert_eq!(found, [expect], "{unit} {kind}");
    }
}

#[test]
fn what_is_not_measured_is_no_reading() {
    let nothing = Vec::<String>::new();
    for document in [
        sensor(&json!("nan"), "Cel", "Temperature", "a"),
        sensor(&json!("N/A"), "W", "Power", "a"),
        sensor(&Json::Null, "W", "Power", "a"),
        json!({ "Id": "s", "Reading": 0, "ReadingUnits": "Cel", "Status": { "State": "Absent" } }),
        // Unit and type contradict each other.
        sensor(&json!(7855), "kW", "EnergykWh", "Energy"),
        // Neither type nor unit.
        json!({ "Id": "s", "Name": "02-CPU", "Reading": 40, "Status": { "State": "Enabled" } }),
        json!({ "Id": "s", "Name": "a", "ReadingUnits": "Cel" }),
    ] {
        assert_eq!(read("sensors", &document), nothing, "{document}");
    }
    let thermal = json!({ "Temperatures": [
        { "MemberId": "0", "Name": "CPU", "ReadingCelsius": 0, "Status": { "State": "Absent" } },
        null,
        { "MemberId": "2", "Name": "P1 Therm Margin", "ReadingCelsius": -61,
          "Status": { "State": "Enabled" } },
    ] });
    let found = read("thermal", &thermal);
    assert_eq!(found, ["hw.temperature.margin 2 -61 Cel Good"]);
    let power = json!({ "PowerControl": [{ "PowerConsumedWatts": 0 }],
        "Voltages": [{ "Name": "System Board DIMM PG", "ReadingVolts": 1 }] });
    assert_eq!(read("power", &power), nothing);
    // Without a state nothing is critical, and a chassis knows nothing of its system's power.
    let supplies = json!({ "PowerSupplies": [
        { "MemberId": "0", "Name": "PSU1", "Status": null },
        { "MemberId": "1", "Name": "PSU2", "Status": { "State": null, "Health": null } },
    ] });
    assert_eq!(read("power", &supplies), nothing);
    let chassis = json!({ "Id": "1", "PowerState": "On" });
    assert_eq!(read("chassis", &chassis), nothing);
}

#[test]
fn fans_of_the_old_model_turn_or_have_a_ratio() {
    let fans = json!({ "Fans": [
        { "MemberId": "0", "Name": "Fan 1", "Reading": 27, "ReadingUnits": "Percent" },
        { "MemberId": "1", "FanName": "Fan 2", "ReadingRPM": 4800 },
        { "Name": "Fan 3", "Reading": 5000, "ReadingUnits": "RPM" },
        { "FanName": "Fan 4", "CurrentReading": 17, "Units": "Percent" },
    ] });
    assert_eq!(
        read("thermal", &fans),
        [
            "hw.fan.speed_ratio 0 0.27 1 Good",
            "hw.fan.speed 1 4800 rpm Good",
            "hw.fan.speed 2 5000 rpm Good",
            "hw.fan.speed_ratio 3 0.17 1 Good",
        ]
    );
}

#[test]
fn what_sensors_have_told_is_not_told_again_and_the_rest_is() {
    let sensor = sensor(&json!(31), "Cel", "Temperature", "Inlet Temp");
    let thermal = json!({ "Temperatures": [
        { "MemberId": "0", "Name": "Inlet_Temp", "ReadingCelsius": 31 },
        { "MemberId": "1", "Name": "CPU Temp", "ReadingCelsius": 55 },
    ] });
    let found = read_all(&[("thermal", &thermal), ("sensors", &sensor)]);
    assert_eq!(
        found,
        [
            "hw.temperature s 31 Cel Good",
            "hw.temperature 1 55 Cel Good"
        ]
    );
}

#[test]
fn a_service_is_recognised_by_its_root() {
    let library = Library::shipped().unwrap();
    let by = |root: &Json| {
        let fits = library.recognisable().filter(|one| recognises(one, root));
        fits.map(|one| one.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(by(&json!({ "Vendor": "HPE" })), ["hpe-ilo"]);
    assert_eq!(by(&json!({ "Vendor": "HPEX" })), Vec::<String>::new());
    assert_eq!(by(&json!({})), Vec::<String>::new());
}
