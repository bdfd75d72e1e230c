//! The measurements in `Thermal` and `Power`.

use serde_json::{Value, json};

use super::sensors::{self, Fan, Supply, Temperature};
use super::{ROOT, View, resource, status, with};

pub fn document(view: &View<'_>, path: &[&str]) -> Option<Value> {
    match path {
        ["Thermal"] => Some(thermal(view)),
        ["Power"] => Some(power(view)),
        _ => None,
    }
}

fn thermal(view: &View<'_>) -> Value {
    let temperatures = sensors::temperatures(view);
    let temperatures: Vec<Value> = temperatures.iter().map(temperature).collect();
    let fans: Vec<Value> = sensors::fans(view).iter().map(fan).collect();
    with(
        resource("/Chassis/1/Thermal", "Thermal", "Thermal", "Thermal"),
        json!({ "Temperatures": temperatures, "Fans": fans }),
    )
}

fn temperature(one: &Temperature) -> Value {
    let at = one.number - 1;
    json!({
        "@odata.id": format!("{ROOT}/Chassis/1/Thermal#/Temperatures/{at}"),
        "MemberId": at.to_string(),
        "Name": one.name,
        "SensorNumber": one.number,
        "PhysicalContext": one.context,
        // What is not there is 0, as on real machines.
        "ReadingCelsius": one.celsius.map_or(0.0, f64::round) as i64,
        "UpperThresholdCritical": one.limits.0,
        "UpperThresholdFatal": one.limits.1,
        "Status": match one.celsius {
            Some(celsius) if celsius > one.limits.0 => status("Critical"),
            Some(_) => status("OK"),
            None => json!({ "State": "Absent" }),
        },
    })
}

fn fan(one: &Fan) -> Value {
    let at = one.number - 1;
    json!({
        "@odata.id": format!("{ROOT}/Chassis/1/Thermal#/Fans/{at}"),
        "MemberId": at.to_string(),
        "Name": format!("Fan {}", one.number),
        "PhysicalContext": "SystemBoard",
        "Reading": one.percent.round() as i64,
        "ReadingUnits": "Percent",
        "Status": status(if one.has_failed { "Critical" } else { "OK" }),
    })
}

fn power(view: &View<'_>) -> Value {
    let measured = view.measured;
    let supplies: Vec<Value> = sensors::supplies(view).iter().map(supply).collect();
    with(
        resource("/Chassis/1/Power", "Power", "Power", "Power"),
        json!({
            "@odata.etag": view.settings.tag(),
            "PowerControl": [{
                "@odata.id": format!("{ROOT}/Chassis/1/Power#/PowerControl/0"),
                "MemberId": "0",
                "Name": "System power",
                "PowerConsumedWatts": measured.watts.round() as i64,
                "PowerCapacityWatts": 1600,
                "PowerLimit": {
                    "LimitInWatts": measured.limit.map(|watts| watts.round() as i64),
                    "LimitException": "NoAction",
                },
            }],
            "PowerSupplies": supplies,
        }),
    )
}

fn supply(one: &Supply) -> Value {
    let at = one.number - 1;
    json!({
        "@odata.id": format!("{ROOT}/Chassis/1/Power#/PowerSupplies/{at}"),
        "MemberId": at.to_string(),
        "Name": format!("Supply {}", one.number),
        "Model": "Simulated 800 W",
        "PowerSupplyType": "AC",
        "LineInputVoltage": one.volts.round() as i64,
        "PowerInputWatts": one.input_watts.round() as i64,
        "PowerOutputWatts": one.output_watts.round() as i64,
        "PowerCapacityWatts": 800,
        "Status": { "State": one.state(), "Health": one.health() },
    })
}
