//! The cell of a target: what a floor shows of it. Pure.

use jiff::Timestamp;
use utakata_api::{inventory::Health, view::ViewCell};
use utakata_model::{Reading, ReadingValue};

use crate::{
    observe::{Covers, health},
    observed::LastSeen,
};

/// The attributes of a reading that is about a part of the device.
const PARTS: [&str; 5] = ["outlet", "phase", "bank", "line", "cpu"];
/// The locations of sensors that measure the air in front of the device.
const INLETS: [&str; 5] = ["external", "inlet", "intake", "ambient", "room"];

/// The cell of a target on a floor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cell {
    pub health: Health,
    /// In W.
    pub power: Option<f64>,
    /// In degrees Celsius.
    pub temperature: Option<f64>,
    /// The second of the last answer.
    pub answered: Option<i64>,
}

impl Cell {
    /// The cell of a target of which nothing is known.
    pub(super) const UNSEEN: Self = Self {
        health: Health::Unseen,
        power: None,
        temperature: None,
        answered: None,
    };

    /// Returns the cell of what was seen.
    pub(super) fn of(
        seen: &LastSeen,
        covers: Option<Covers>,
        now: Timestamp,
        started: Timestamp,
    ) -> Self {
        let mut power = Power::default();
        let mut temperature = Temperature::default();
        for one in seen.actions.iter().flat_map(|action| action.values()) {
            let ReadingValue::Number(number) = one.reading.value else {
                continue;
            };
            match one.reading.metric.as_str() {
                "hw.power" => power.add(one.reading, number),
                "hw.temperature" => temperature.add(one.reading, number),
                _ => {}
            }
        }
        Self {
            health: health(seen, covers, now, started),
            power: power.of_device().map(f64::round),
            temperature: temperature.of_device().map(|it| (it * 10.0).round() / 10.0),
            answered: seen.answered.map(Timestamp::as_second),
        }
    }

    /// Returns it for a message of this time.
    pub(super) fn numbered(self, number: u32, now: Timestamp) -> ViewCell {
        let health = Some(self.health).filter(|health| *health != Health::Answering);
        let age = self.answered.map(|answered| now.as_second() - answered);
        ViewCell(number, health, self.power, self.temperature, age)
    }
}

/// The powers that a device reports: the sum of its inlets, or of the outputs of a UPS, or else the
/// greatest, which is the whole.
#[derive(Default)]
struct Power {
    inlets: Option<f64>,
    outputs: Option<f64>,
    greatest: Option<f64>,
}

impl Power {
    fn add(&mut self, reading: &Reading, number: f64) {
        let plus = |known: Option<f64>| Some(known.map_or(number, |known| known + number));
        match attribute(reading, "circuit") {
            Some("output") => return self.outputs = plus(self.outputs),
            Some(_) => return,
            None => {}
        }
        if PARTS.iter().any(|part| has(reading, part)) {
            return;
        }
        if has(reading, "inlet") {
            self.inlets = plus(self.inlets);
        }
        self.greatest = Some(self.greatest.map_or(number, |known| known.max(number)));
    }

    fn of_device(&self) -> Option<f64> {
        self.inlets.or(self.outputs).or(self.greatest)
    }
}

/// The temperatures that a device reports: the greatest at its inlet, or else the greatest of all.
#[derive(Default)]
struct Temperature {
    inlet: Option<f64>,
    greatest: Option<f64>,
}

impl Temperature {
    fn add(&mut self, reading: &Reading, number: f64) {
        let greater = |known: Option<f64>| Some(known.map_or(number, |known| known.max(number)));
        let location = attribute(reading, "hw.sensor_location");
        if location.is_some_and(|location| INLETS.contains(&location)) {
            self.inlet = greater(self.inlet);
        }
        self.greatest = greater(self.greatest);
    }

    fn of_device(&self) -> Option<f64> {
        self.inlet.or(self.greatest)
    }
}

fn attribute<'r>(reading: &'r Reading, key: &str) -> Option<&'r str> {
    reading.attributes.get(key).map(AsRef::as_ref)
}

fn has(reading: &Reading, key: &str) -> bool {
    attribute(reading, key).is_some()
}

#[cfg(test)]
mod tests {
    use utakata_model::{MetricName, Quality};

    use super::*;

    fn reading(attributes: &[(&'static str, &'static str)]) -> Reading {
        Reading {
            metric: MetricName::new("hw.power").unwrap(),
            attributes: attributes
                .iter()
                .map(|(key, value)| ((*key).into(), (*value).into()))
                .collect(),
            value: ReadingValue::Number(0.0),
            unit: "W".into(),
            quality: Quality::Good,
        }
    }

    #[test]
    fn the_power_of_a_device_is_that_of_its_inlets_or_the_greatest_of_the_whole() {
        let power = |values: &[(&[(&'static str, &'static str)], f64)]| {
            let mut power = Power::default();
            for (attributes, number) in values {
                power.add(&reading(attributes), *number);
            }
            power.of_device()
        };
        assert_eq!(power(&[]), None);
        assert_eq!(power(&[(&[("outlet", "1")], 9.0)]), None);
        assert_eq!(
            power(&[(&[("outlet", "1")], 9.0), (&[("hw.id", "1")], 5.0)]),
            Some(5.0)
        );
        assert_eq!(
            power(&[(&[("inlet", "1")], 2.0), (&[("inlet", "2")], 3.0)]),
            Some(5.0)
        );
        let circuit = |name| [("circuit", name), ("phase", "1")];
        let (input, output) = (circuit("input"), circuit("output"));
        assert_eq!(
            power(&[(&input, 9.0), (&output, 4.0), (&output, 4.0)]),
            Some(8.0)
        );
        assert_eq!(power(&[(&[("hw.id", "psu1")], 2.0), (&[], 4.0)]), Some(4.0));
    }

    #[test]
    fn the_temperature_of_a_device_is_that_of_the_air_before_it() {
        let temperature = |values: &[(&[(&'static str, &'static str)], f64)]| {
            let mut temperature = Temperature::default();
            for (attributes, number) in values {
                temperature.add(&reading(attributes), *number);
            }
            temperature.of_device()
        };
        assert_eq!(temperature(&[]), None);
        assert_eq!(temperature(&[(&[], 30.0), (&[], 31.0)]), Some(31.0));
        let inlet: &[(&str, &str)] = &[("hw.sensor_location", "inlet")];
        assert_eq!(
            temperature(&[(&[], 70.0), (inlet, 24.5), (inlet, 23.0)]),
            Some(24.5)
        );
    }
}
