//! The sensors of a BMC: what its other face tells, in the numbers of IPMI. Pure.

use crate::bmc::tree::View;
use crate::bmc::tree::sensors::{self, Supply, Temperature};

/// The types of sensors (IPMI 2.0, table 42-3).
pub const TEMPERATURE: u8 = 0x01;
const VOLTAGE: u8 = 0x02;
pub const FAN: u8 = 0x04;
const SUPPLY: u8 = 0x08;
const POWER_UNIT: u8 = 0x09;
const OTHER: u8 = 0x0b;
/// The types of what they tell (table 42-1): a number with limits, redundancy, states of their own.
pub const THRESHOLDS: u8 = 0x01;
const REDUNDANCY: u8 = 0x0b;
const OWN: u8 = 0x6f;
/// Units (table 43-15).
const CELSIUS: u8 = 1;
const VOLTS: u8 = 4;
const WATTS: u8 = 6;
const RPM: u8 = 18;
/// The first number of each sort.
const FANS: u8 = 40;
const SUPPLIES: u8 = 60;
const WHOLE: u8 = 80;
/// A fan that is slower stands still.
const STANDING: u8 = 5;

/// A sensor as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct Sensor {
    pub number: u8,
    pub name: String,
    pub kind: u8,
    pub reading: u8,
    /// The entity that it measures, and its instance.
    pub entity: (u8, u8),
    /// The conversion of its number; none: it has states alone.
    pub scale: Option<Scale>,
    /// Its raw number; none: there is no reading now.
    pub raw: Option<u8>,
    /// The states that hold, by bit.
    pub states: u16,
    pub limits: Limits,
}

/// The unit and the factor of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    pub unit: u8,
    /// The value of one step.
    pub step: u16,
    pub is_signed: bool,
}

/// The raw numbers beyond which something is wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    pub lower_critical: Option<u8>,
    pub upper_critical: Option<u8>,
    pub upper_fatal: Option<u8>,
}

impl Limits {
    /// The bits of those that there are, in the order of the standard: lower non-critical, critical and
    /// non-recoverable, then upper.
    pub fn mask(self) -> u8 {
        u8::from(self.lower_critical.is_some()) << 1
            | u8::from(self.upper_critical.is_some()) << 4
            | u8::from(self.upper_fatal.is_some()) << 5
    }

    /// The bits of those that a number is beyond.
    fn crossed(self, raw: u8) -> u16 {
        let below = |limit: Option<u8>| u16::from(limit.is_some_and(|limit| raw <= limit));
        let above = |limit: Option<u8>| u16::from(limit.is_some_and(|limit| raw >= limit));
        below(self.lower_critical) << 1
            | above(self.upper_critical) << 4
            | above(self.upper_fatal) << 5
    }
}

impl Sensor {
    /// Returns what is wrong, or lost, by bit: what the event log is about.
    pub fn events(&self) -> u16 {
        match (self.reading, self.kind) {
            // That a supply is present is no event.
            (OWN, SUPPLY) => self.states & !1,
            (REDUNDANCY, _) => self.states & !1,
            _ => self.states,
        }
    }
}

/// Returns the sensors of a machine.
pub fn all(view: &View<'_>) -> Vec<Sensor> {
    let temperatures = sensors::temperatures(view);
    let mut all: Vec<Sensor> = temperatures.iter().map(temperature).collect();
    all.extend(fans(view));
    for supply in sensors::supplies(view) {
        all.extend(of_supply(&supply));
    }
    let watts = number(WHOLE, "System power", OTHER, (7, 1), (WATTS, 8));
    all.push(measured(watts, Some(view.measured.watts)));
    all.push(states(
        WHOLE + 1,
        "Power unit",
        (POWER_UNIT, OWN, 0x13),
        u16::from(!view.measured.is_on),
    ));
    all
}

fn temperature(one: &Temperature) -> Sensor {
    let entity = match one.context {
        "Intake" => 0x40,
        "CPU" => 0x03,
        "Memory" => 0x20,
        "VoltageRegulator" => 0x14,
        "StorageDevice" => 0x04,
        "PowerSupply" => 0x0a,
        "NetworkingDevice" | "Board" => 0x0b,
        _ => 0x07,
    };
    // Names have sixteen letters.
    let name = one.name.replace("Regulator", "VR");
    let degrees = Scale {
        unit: CELSIUS,
        step: 1,
        is_signed: true,
    };
    let mut sensor = Sensor {
        scale: Some(degrees),
        ..number(
            one.number as u8,
            &name,
            TEMPERATURE,
            (entity, one.number as u8),
            (CELSIUS, 1),
        )
    };
    sensor.limits.upper_critical = Some(one.limits.0 as u8);
    sensor.limits.upper_fatal = Some(one.limits.1 as u8);
    measured(sensor, one.celsius)
}

fn fans(view: &View<'_>) -> Vec<Sensor> {
    let fans = sensors::fans(view);
    let is_on = view.measured.is_on;
    let of = |fan: &sensors::Fan| {
        let place = fan.number as u8;
        let name = format!("Fan {place}");
        let mut sensor = number(FANS + place, &name, FAN, (0x1d, place), (RPM, 100));
        sensor.limits.lower_critical = Some(STANDING);
        measured(sensor, is_on.then_some(fan.rpm))
    };
    let mut all: Vec<Sensor> = fans.iter().map(of).collect();
    let is_lost = fans.iter().any(|fan| fan.has_failed);
    let state = if is_lost { 0b10 } else { 0b01 };
    all.push(states(
        FANS,
        "Fan redundancy",
        (FAN, REDUNDANCY, 0x1e),
        state,
    ));
    all
}

fn of_supply(supply: &Supply) -> Vec<Sensor> {
    let place = supply.number as u8;
    let first = SUPPLIES + (place - 1) * 4;
    let entity = (0x0a, place);
    let has_power = supply.volts > 0.0;
    let named = |what: &str| format!("Supply {place}{what}");
    let status = 1 | u16::from(supply.has_failed) << 1 | u16::from(!has_power) << 3;
    let input = number(first + 1, &named(" input"), OTHER, entity, (WATTS, 4));
    let output = number(first + 2, &named(" output"), OTHER, entity, (WATTS, 4));
    let volts = number(first + 3, &named(" voltage"), VOLTAGE, entity, (VOLTS, 1));
    vec![
        Sensor {
            entity,
            ..states(first, &named(" status"), (SUPPLY, OWN, 0x0a), status)
        },
        measured(input, Some(supply.input_watts)),
        measured(output, Some(supply.output_watts)),
        measured(volts, Some(supply.volts)),
    ]
}

fn number(number: u8, name: &str, kind: u8, entity: (u8, u8), (unit, step): (u8, u16)) -> Sensor {
    Sensor {
        number,
        name: name.to_owned(),
        kind,
        reading: THRESHOLDS,
        entity,
        scale: Some(Scale {
            unit,
            step,
            is_signed: false,
        }),
        raw: None,
        states: 0,
        limits: Limits::default(),
    }
}

fn states(number: u8, name: &str, (kind, reading, entity): (u8, u8, u8), states: u16) -> Sensor {
    Sensor {
        number,
        name: name.to_owned(),
        kind,
        reading,
        entity: (entity, 1),
        scale: None,
        raw: Some(0),
        states,
        limits: Limits::default(),
    }
}

/// Gives a sensor its number, and what it is beyond.
fn measured(mut sensor: Sensor, value: Option<f64>) -> Sensor {
    let step = f64::from(sensor.scale.map_or(1, |scale| scale.step));
    sensor.raw = value.map(|value| match sensor.scale {
        Some(Scale {
            is_signed: true, ..
        }) => ((value / step).round().clamp(-128.0, 127.0) as i8).cast_unsigned(),
        _ => (value / step).round().clamp(0.0, 255.0) as u8,
    });
    sensor.states = sensor.raw.map_or(0, |raw| sensor.limits.crossed(raw));
    sensor
}
