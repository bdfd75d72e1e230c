//! The meaning of a sensor's number by its unit (IPMI 2.0, table 43-15).

use std::collections::BTreeMap;

use utakata_profile::{Meaning, form::Value, states::Named};
use utakata_worker_sdk::model::MetricName;

use crate::sdr::Sensor;

/// The type of fans (table 42-3).
const FAN: u8 = 0x04;
/// The entities that are inlets of air (table 43-13).
const INLETS: [u8; 2] = [0x37, 0x40];

/// Returns the meaning of a sensor's number. `None`: its unit is none that has a metric.
pub fn meaning(sensor: &Sensor) -> Option<Meaning> {
    sensor.conversion.as_ref()?;
    let form = form(sensor)?;
    // A row that does not compile fails the test of the table.
    Meaning::compile(&form, &Named::new()).ok()
}

fn form(sensor: &Sensor) -> Option<Value> {
    let measure = sensor.measure;
    if measure.is_compound {
        return None;
    }
    if measure.is_percent {
        let metric = match sensor.kind {
            FAN => "hw.fan.speed_ratio",
            _ => "hw.utilization",
        };
        return value(metric, "1", Some(0.01), None);
    }
    let mut form = match measure.base {
        1 => value("hw.temperature", "Cel", None, None),
        2 => value("hw.temperature", "Cel", None, Some("fahrenheit")),
        3 => value("hw.temperature", "Cel", None, Some("kelvin")),
        4 => value("hw.voltage", "V", None, None),
        5 => value("hw.current", "A", None, None),
        6 => value("hw.power", "W", None, None),
        7 => value("hw.energy", "J", None, None),
        9 => value("hw.power.apparent", "V.A", None, None),
        14 => value("hw.pressure", "Pa", Some(1000.0), None),
        15 => value("hw.pressure", "Pa", Some(6894.757), None),
        17 => value("hw.airflow", "m3/min", Some(0.028_316_8), None),
        18 => value("hw.fan.speed", "rpm", None, None),
        19 => value("hw.frequency", "Hz", None, None),
        _ => None,
    }?;
    if measure.base == 4 {
        // There are rails below zero.
        form.min = Some(-100.0);
    }
    if INLETS.contains(&sensor.entity.0) && measure.base <= 3 {
        form.attributes = BTreeMap::from([("place".into(), "inlet".into())]);
    }
    Some(form)
}

fn value(metric: &str, unit: &str, factor: Option<f64>, convert: Option<&str>) -> Option<Value> {
    Some(Value {
        metric: MetricName::new(metric).ok(),
        unit: unit.into(),
        factor,
        convert: convert.map(String::from),
        ..Value::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdr::{Conversion, Factors, Linearisation, Measure};

    #[test]
    fn every_unit_that_has_a_metric_has_a_meaning() {
        let known: Vec<u8> = (0..=255).filter(|base| is_known(*base, false)).collect();
        assert_eq!(known, [1, 2, 3, 4, 5, 6, 7, 9, 14, 15, 17, 18, 19]);
        assert!(is_known(0, true));
    }

    fn is_known(base: u8, is_percent: bool) -> bool {
        let sensor = Sensor {
            name: "x".into(),
            owner: 0x20,
            unit: 0,
            number: 1,
            entity: (7, 1),
            kind: 1,
            reading: 1,
            conversion: Some(Conversion {
                format: 0,
                linearisation: Linearisation::Linear,
                factors: Factors::default(),
            }),
            measure: Measure {
                base,
                is_percent,
                is_compound: false,
            },
        };
        // A row that does not compile would be silent.
        assert_eq!(
            form(&sensor).is_some(),
            meaning(&sensor).is_some(),
            "{base}"
        );
        meaning(&sensor).is_some()
    }
}
