//! The cell of a target: what a floor shows of it. Pure.

use jiff::Timestamp;
use utakata_api::{inventory::Health, view::ViewCell};
use utakata_history::{Attempt, time::timestamp};
use utakata_model::{ReadingValue, reading::Attributes};

use crate::{
    observe::{Covers, health},
    observed::LastSeen,
};

/// The metrics that a cell shows.
pub(super) const POWER: &str = "hw.power";
pub(super) const TEMPERATURE: &str = "hw.temperature";
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
                POWER => power.add(&one.reading.attributes, number),
                TEMPERATURE => temperature.add(&one.reading.attributes, number),
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

    /// Returns the cell of a time of the past: of the last attempts to read the target before it, in
    /// the order of their times, and the last values.
    pub(super) fn of_past<'v>(
        attempts: &[Attempt],
        values: impl IntoIterator<Item = (&'v str, &'v Attributes, f64)>,
        covers: Option<Covers>,
        at: Timestamp,
    ) -> Self {
        let mut power = Power::default();
        let mut temperature = Temperature::default();
        for (metric, attributes, number) in values {
            match metric {
                POWER => power.add(attributes, number),
                TEMPERATURE => temperature.add(attributes, number),
                _ => {}
            }
        }
        let answers = attempts.iter().filter(|one| one.is_answer);
        let answered = answers.map(|one| timestamp(one.heard)).next_back();
        let health = match (attempts.last(), answered) {
            (None, _) => Health::Unseen,
            (Some(last), _) if !last.is_answer => Health::Failing,
            (_, Some(seen)) if covers.is_some_and(|covers| covers.is_stale(seen, at)) => {
                Health::Stale
            }
            _ => Health::Answering,
        };
        Self {
            health,
            power: power.of_device().map(f64::round),
            temperature: temperature.of_device().map(|it| (it * 10.0).round() / 10.0),
            answered: answered.map(Timestamp::as_second),
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
    fn add(&mut self, attributes: &Attributes, number: f64) {
        let plus = |known: Option<f64>| Some(known.map_or(number, |known| known + number));
        match attribute(attributes, "circuit") {
            Some("output") => return self.outputs = plus(self.outputs),
            Some(_) => return,
            None => {}
        }
        if PARTS.iter().any(|part| attributes.contains_key(part)) {
            return;
        }
        if attributes.contains_key("inlet") {
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
    fn add(&mut self, attributes: &Attributes, number: f64) {
        let greater = |known: Option<f64>| Some(known.map_or(number, |known| known.max(number)));
        let location = attribute(attributes, "hw.sensor_location");
        if location.is_some_and(|location| INLETS.contains(&location)) {
            self.inlet = greater(self.inlet);
        }
        self.greatest = greater(self.greatest);
    }

    fn of_device(&self) -> Option<f64> {
        self.inlet.or(self.greatest)
    }
}

/// Returns true if a series of power may count for the device as a whole.
pub(super) fn is_of_device(attributes: &Attributes) -> bool {
    let is_output = attribute(attributes, "circuit") == Some("output");
    is_output || !PARTS.iter().any(|part| attributes.contains_key(part))
}

fn attribute<'r>(attributes: &'r Attributes, key: &str) -> Option<&'r str> {
    attributes.get(key).map(AsRef::as_ref)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn attributes(pairs: &[(&'static str, &'static str)]) -> Attributes {
        let pair = |(key, value): &(&'static str, &'static str)| ((*key).into(), (*value).into());
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn the_past_of_a_target_is_that_of_its_last_attempt_before_the_time() {
        let at = Timestamp::from_second(1000).unwrap();
        let covers = Some(Covers {
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
        });
        let none = attributes(&[]);
        for (attempts, covers, health, answered) in [
            (&[][..], covers, Health::Unseen, None),
            (&[(995, true)], covers, Health::Answering, Some(995)),
            (&[(900, true)], covers, Health::Stale, Some(900)),
            // Nobody reads it any more: what it was then is not too late.
            (&[(900, true)], None, Health::Answering, Some(900)),
            (
                &[(990, true), (995, false)],
                covers,
                Health::Failing,
                Some(990),
            ),
            (&[(995, false)], covers, Health::Failing, None),
            (
                &[(990, false), (995, true)],
                covers,
                Health::Answering,
                Some(995),
            ),
        ] {
            let attempt = |(second, is_answer): &(i64, bool)| Attempt {
                heard: second * 1000,
                is_answer: *is_answer,
            };
            let attempts: Vec<Attempt> = attempts.iter().map(attempt).collect();
            let values = [
                (POWER, &none, 40.4),
                (TEMPERATURE, &none, 21.26),
                ("hw.load", &none, 1.0),
            ];
            let cell = Cell::of_past(&attempts, values, covers, at);
            let expect = Cell {
                health,
                power: Some(40.0),
                temperature: Some(21.3),
                answered,
            };
            assert_eq!(cell, expect, "{attempts:?}");
        }
    }

    #[test]
    fn no_series_is_left_out_that_counts_for_a_device() {
        for (pairs, expect) in [
            (&[][..], true),
            (&[("outlet", "1")], false),
            (&[("hw.id", "psu1")], true),
            (&[("circuit", "output"), ("phase", "1")], true),
            (&[("circuit", "input"), ("phase", "1")], false),
        ] {
            let attributes = attributes(pairs);
            let mut power = Power::default();
            power.add(&attributes, 1.0);
            assert_eq!(is_of_device(&attributes), expect, "{pairs:?}");
            assert!(expect || power.of_device().is_none(), "{pairs:?}");
        }
    }

    #[test]
    fn the_power_of_a_device_is_that_of_its_inlets_or_the_greatest_of_the_whole() {
        let power = |values: &[(&[(&'static str, &'static str)], f64)]| {
            let mut power = Power::default();
            for (pairs, number) in values {
                power.add(&attributes(pairs), *number);
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
            for (pairs, number) in values {
                temperature.add(&attributes(pairs), *number);
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
