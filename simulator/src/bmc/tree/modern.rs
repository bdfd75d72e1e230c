//! The measurements in `Sensors`, `ThermalSubsystem`, `PowerSubsystem` and `EnvironmentMetrics`.

use serde_json::{Value, json};

use super::sensors::{self, Fan, Supply, Temperature};
use super::{View, collection, link, resource, status, with};

const FANS: &str = "/Chassis/1/ThermalSubsystem/Fans";
const SUPPLIES: &str = "/Chassis/1/PowerSubsystem/PowerSupplies";
const SENSORS: &str = "/Chassis/1/Sensors";

pub fn document(view: &View<'_>, path: &[&str]) -> Option<Value> {
    Some(match path {
        ["Sensors"] => members(
            SENSORS,
            "SensorCollection",
            sensors::temperatures(view).len(),
        ),
        ["Sensors", id] => {
            let all = sensors::temperatures(view);
            sensor(all.iter().find(|one| one.number.to_string() == *id)?)
        }
        ["ThermalSubsystem"] => with(
            resource(
                "/Chassis/1/ThermalSubsystem",
                "ThermalSubsystem",
                "ThermalSubsystem",
                "Thermal subsystem",
            ),
            json!({ "Fans": link(FANS), "Status": status("OK") }),
        ),
        ["ThermalSubsystem", "Fans"] => members(FANS, "FanCollection", sensors::fans(view).len()),
        ["ThermalSubsystem", "Fans", id] => {
            let all = sensors::fans(view);
            fan(all.iter().find(|one| one.number.to_string() == *id)?)
        }
        ["PowerSubsystem"] => with(
            resource(
                "/Chassis/1/PowerSubsystem",
                "PowerSubsystem",
                "PowerSubsystem",
                "Power subsystem",
            ),
            json!({ "CapacityWatts": 1600, "PowerSupplies": link(SUPPLIES) }),
        ),
        ["PowerSubsystem", "PowerSupplies"] => members(
            SUPPLIES,
            "PowerSupplyCollection",
            sensors::supplies(view).len(),
        ),
        ["PowerSubsystem", "PowerSupplies", id, rest @ ..] => {
            let all = sensors::supplies(view);
            let found = all.iter().find(|one| one.number.to_string() == *id)?;
            match rest {
                [] => supply(found),
                ["Metrics"] => metrics(found),
                _ => return None,
            }
        }
        ["EnvironmentMetrics"] => environment(view),
        _ => return None,
    })
}

fn members(path: &str, of: &str, count: usize) -> Value {
    let ids: Vec<String> = (1..=count).map(|number| number.to_string()).collect();
    collection(path, of, ids.iter().map(String::as_str))
}

fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

fn sensor(one: &Temperature) -> Value {
    let id = one.number.to_string();
    let path = format!("{SENSORS}/{id}");
    with(
        resource(&path, "Sensor", &id, one.name),
        json!({
            "ReadingType": "Temperature",
            "ReadingUnits": "Cel",
            "Reading": one.celsius.map(tenths),
            "PhysicalContext": one.context,
            "Thresholds": {
                "UpperCaution": { "Reading": one.limits.0 },
                "UpperCritical": { "Reading": one.limits.1 },
            },
            "Status": match one.celsius {
                Some(celsius) if celsius > one.limits.0 => status("Critical"),
                Some(_) => status("OK"),
                None => json!({ "State": "Absent" }),
            },
        }),
    )
}

fn fan(one: &Fan) -> Value {
    let id = one.number.to_string();
    with(
        resource(&format!("{FANS}/{id}"), "Fan", &id, &format!("Fan {id}")),
        json!({
            "SpeedPercent": { "Reading": one.percent.round(), "SpeedRPM": one.rpm.round() },
            "Status": status(if one.has_failed { "Critical" } else { "OK" }),
        }),
    )
}

fn supply(one: &Supply) -> Value {
    let id = one.number.to_string();
    let path = format!("{SUPPLIES}/{id}");
    with(
        resource(&path, "PowerSupply", &id, &format!("Supply {id}")),
        json!({
            "Model": "Simulated 800 W",
            "PowerSupplyType": "AC",
            "PowerCapacityWatts": 800,
            "Metrics": link(&format!("{path}/Metrics")),
            "Status": { "State": one.state(), "Health": one.health() },
        }),
    )
}

fn metrics(one: &Supply) -> Value {
    let path = format!("{SUPPLIES}/{}/Metrics", one.number);
    let current = if one.volts > 0.0 {
        one.input_watts / one.volts
    } else {
        0.0
    };
    with(
        resource(&path, "PowerSupplyMetrics", "Metrics", "Supply metrics"),
        json!({
            "InputVoltage": { "Reading": tenths(one.volts) },
            "InputCurrentAmps": { "Reading": tenths(current) },
            "InputPowerWatts": { "Reading": tenths(one.input_watts) },
            "OutputPowerWatts": { "Reading": tenths(one.output_watts) },
        }),
    )
}

fn environment(view: &View<'_>) -> Value {
    let measured = view.measured;
    with(
        resource(
            "/Chassis/1/EnvironmentMetrics",
            "EnvironmentMetrics",
            "EnvironmentMetrics",
            "Environment",
        ),
        json!({
            "@odata.etag": view.settings.tag(),
            "TemperatureCelsius": { "Reading": tenths(measured.inlet) },
            "PowerWatts": { "Reading": tenths(measured.watts) },
            "PowerLimitWatts": { "SetPoint": measured.limit, "ControlMode": "Automatic" },
        }),
    )
}
