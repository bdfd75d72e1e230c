//! The interpretation of readings. Pure.

mod generic;
mod state;

use std::{collections::BTreeSet, sync::Arc};

use utakata_profile::{Collection, Meaning, Raw, Scaling};
use utakata_worker_sdk::model::{
    Measurand, MetricName, Quality, Reading, ReadingValue, reading::Attributes,
};

use crate::{
    profile::Profile,
    sdr::{Factors, Sensor},
};
pub use generic::meaning;

/// A sensor with its meaning.
#[derive(Debug)]
pub struct Known {
    pub sensor: Sensor,
    /// The attributes of its readings.
    attributes: Attributes,
    /// The meaning of its number. Absent: it has none, or none is known.
    meaning: Option<Meaning>,
}

/// A reading of a sensor as the BMC tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    raw: u8,
    /// The states that hold, by bit.
    states: u16,
}

/// Gives sensors their meaning, and names that differ.
pub fn known(sensors: Vec<Sensor>, profiles: &[Arc<Profile>]) -> Vec<Known> {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    let mut twice: BTreeSet<String> = BTreeSet::new();
    for sensor in &sensors {
        if !names.insert(&sensor.name) {
            twice.insert(sensor.name.clone());
        }
    }
    let of = |sensor: Sensor| {
        let id = match twice.contains(&sensor.name) {
            true => format!("{} #{:02x}", sensor.name, sensor.number),
            false => sensor.name.clone(),
        };
        let corrections = profiles
            .iter()
            .flat_map(|profile| &profile.content.corrections);
        let mut corrections = corrections.filter(|one| one.is_of(&sensor));
        let meaning = match corrections.next() {
            Some(correction) => correction.meaning.clone(),
            None => meaning(&sensor),
        };
        Known {
            attributes: Attributes::from([("hw.id".into(), id.into())]),
            meaning,
            sensor,
        }
    };
    sensors.into_iter().map(of).collect()
}

impl Told {
    /// Reads the answer to Get Sensor Reading. `None`: there is no reading now.
    pub fn read(data: &[u8]) -> Option<Self> {
        let [raw, flags, states @ ..] = data else {
            return None;
        };
        let (is_scanning, is_unavailable) = (flags & 0x40 != 0, flags & 0x20 != 0);
        let low = states.first().copied().unwrap_or(0);
        let high = states.get(1).copied().unwrap_or(0) & 0x7f;
        (is_scanning && !is_unavailable).then_some(Self {
            raw: *raw,
            states: u16::from_le_bytes([low, high]),
        })
    }

    /// The raw number.
    pub fn raw(self) -> u8 {
        self.raw
    }
}

impl Known {
    /// Returns true if its readings may be among those that are asked for.
    pub fn tells(&self, is_wanted: impl Fn(&str) -> bool) -> bool {
        let metric = self.meaning.as_ref().map(|meaning| meaning.metric.as_str());
        metric.is_some_and(&is_wanted) || (state::has(&self.sensor) && is_wanted("hw.status"))
    }

    /// Adds its readings. `factors` are those that the BMC tells for this raw number alone.
    pub fn add(&self, told: Told, factors: Option<Factors>, into: &mut Collection) {
        let conversion = self.sensor.conversion.clone().map(|mut conversion| {
            conversion.factors = factors.unwrap_or(conversion.factors);
            conversion
        });
        let value = conversion.and_then(|conversion| conversion.value(told.raw));
        if let (Some(meaning), Some(value)) = (&self.meaning, value) {
            let of = (&Raw::Float(value), &Scaling::NONE);
            into.add(meaning, of, &self.attributes, &self.sensor.name);
        }
        let Some((state, of)) = state::of_states(&self.sensor, told.states) else {
            return;
        };
        let mut attributes = self.attributes.clone();
        attributes.insert("hw.type".into(), of.into());
        text("hw.status", state, attributes, into);
    }
}

/// Adds a text as a reading.
pub fn text(metric: &str, value: &str, attributes: Attributes, into: &mut Collection) {
    push(
        metric,
        ReadingValue::Text(value.into()),
        "",
        attributes,
        into,
    );
}

/// Adds a number as a reading.
pub fn number(metric: &str, value: f64, unit: &str, attributes: Attributes, into: &mut Collection) {
    push(metric, ReadingValue::Number(value), unit, attributes, into);
}

fn push(
    metric: &str,
    value: ReadingValue,
    unit: &str,
    attributes: Attributes,
    into: &mut Collection,
) {
    let Ok(metric) = MetricName::new(metric) else {
        return;
    };
    into.push(Reading {
        of: Measurand {
            metric,
            attributes,
            unit: unit.into(),
        }
        .into(),
        value,
        quality: Quality::Good,
    });
}

/// Adds what Get Chassis Status tells (IPMI 2.0, 28.2). Returns true if the power is on.
pub fn chassis(data: &[u8], into: &mut Collection) -> Option<bool> {
    let [power, _, misc, ..] = data else {
        return None;
    };
    let is_on = power & 1 != 0;
    let of = |kind: &str| {
        Attributes::from([
            ("hw.id".into(), "chassis".into()),
            ("hw.type".into(), kind.into()),
        ])
    };
    let state = if is_on { "on" } else { "off" };
    let system = Attributes::from([("hw.type".into(), "system".into())]);
    text("utakata.power.state", state, system, into);
    // Power: overload, fault, fault of the control. Then fans and drives.
    for (kind, byte, faults) in [
        ("power", power, 0x1a),
        ("fan", misc, 0x08),
        ("physical_disk", misc, 0x04),
    ] {
        let status = if byte & faults != 0 { "failed" } else { "ok" };
        text("hw.status", status, of(kind), into);
    }
    let intrusion = if misc & 1 != 0 { "open" } else { "closed" };
    text("utakata.intrusion", intrusion, of("chassis"), into);
    Some(is_on)
}

/// Adds the power that DCMI tells (DCMI 1.5, 6.6.1).
pub fn dcmi(data: &[u8], into: &mut Collection) {
    let [0xdc, low, high, rest @ ..] = data else {
        return;
    };
    // The last byte says whether it measures at all.
    if rest.get(14).is_some_and(|state| state & 0x40 != 0) {
        let watts = f64::from(u16::from_le_bytes([*low, *high]));
        let attributes = Attributes::from([("hw.id".into(), "dcmi".into())]);
        number("hw.power", watts, "W", attributes, into);
    }
}

#[cfg(test)]
mod tests;
