use utakata_profile::Filter;

use super::*;
use crate::{
    profile::Library,
    sdr::{Conversion, Linearisation, Measure, THRESHOLDS},
};

fn sensor(name: &str, kind: u8, base: u8) -> Sensor {
    Sensor {
        name: name.into(),
        owner: 0x20,
        unit: 0,
        number: 7,
        entity: (7, 1),
        kind,
        reading: THRESHOLDS,
        conversion: Some(Conversion {
            format: 2,
            linearisation: Linearisation::Linear,
            factors: Factors {
                m: 1,
                ..Factors::default()
            },
        }),
        measure: Measure {
            base,
            ..Measure::default()
        },
    }
}

fn read(sensors: Vec<Sensor>, answer: &[u8]) -> Vec<String> {
    let profiles = Library::shipped().unwrap().resolve(["ipmi"]).unwrap();
    let mut all = Collection::new(Filter::default());
    for known in known(sensors, &profiles) {
        if let Some(told) = Told::read(answer) {
            known.add(told, None, &mut all);
        }
    }
    let shown = all.readings.iter().map(|one| {
        let attributes = one.attributes.iter();
        let attributes: Vec<String> = attributes.map(|(k, v)| format!("{k}={v}")).collect();
        let attributes = attributes.join(",");
        format!(
            "{}{{{attributes}}} {}{} {:?}",
            one.metric, one.value, one.unit, one.quality
        )
    });
    shown.collect()
}

#[test]
fn a_reading_is_told_by_the_record_and_its_corrections() {
    let ok = |id: &str| format!("hw.status{{hw.id={id},hw.type=sensor}} ok Good");
    assert_eq!(
        read(vec![sensor("CPU1 Temp", 1, 1)], &[52, 0xc0, 0xc0]),
        [
            "hw.temperature{hw.id=CPU1 Temp} 52Cel Good",
            &ok("CPU1 Temp")
        ]
    );
    // -44 is a distance.
    assert_eq!(
        read(vec![sensor("P1 Therm Margin", 1, 1)], &[0xd4, 0xc0, 0xc0]),
        [
            "hw.temperature.margin{hw.id=P1 Therm Margin} -44Cel Good",
            &ok("P1 Therm Margin")
        ]
    );
    // A rate: there is no metric for it, and no harm.
    let mut rate = sensor("Rate", 1, 6);
    rate.measure.is_compound = true;
    assert_eq!(read(vec![rate], &[52, 0xc0, 0xc0]), [ok("Rate")]);
}

#[test]
fn what_is_not_measured_is_no_reading() {
    for flags in [0x80, 0xe0, 0x20, 0x00] {
        let none = read(vec![sensor("CPU1 Temp", 1, 1)], &[0, flags, 0xc0]);
        assert!(none.is_empty(), "{flags:#x}: {none:?}");
    }
    assert!(read(vec![sensor("CPU1 Temp", 1, 1)], &[]).is_empty());
}

#[test]
fn two_sensors_of_one_name_are_two() {
    let mut other = sensor("Temp", 1, 1);
    other.number = 8;
    let all = read(vec![sensor("Temp", 1, 1), other], &[30, 0xc0, 0xc0]);
    assert_eq!(all.len(), 4, "{all:?}");
}

#[test]
fn power_and_faults_are_told_by_the_chassis_and_by_dcmi() {
    let mut all = Collection::new(Filter::default());
    assert_eq!(chassis(&[0x61, 0x10, 0x40, 0x70], &mut all), Some(true));
    assert_eq!(chassis(&[], &mut all), None);
    let answer = [
        0xdc, 0x9a, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40,
    ];
    dcmi(&answer, &mut all);
    let value = |metric: &str| {
        let found = all
            .readings
            .iter()
            .find(|one| one.metric.as_str() == metric);
        found.map(|one| one.value.to_string())
    };
    assert_eq!(value("utakata.power.state").as_deref(), Some("on"));
    assert_eq!(value("hw.power").as_deref(), Some("410"));
    assert_eq!(value("utakata.intrusion").as_deref(), Some("closed"));
}
