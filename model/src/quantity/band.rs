//! The dead band of a metric: how far a value may move before it counts as changed. Pure.

use super::{Nature, Plausible};
use crate::{Quality, Reading, ReadingValue};

/// A dead band: the larger of a fixed distance and a share of the value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DeadBand {
    /// The distance, in the unit of the metric.
    pub absolute: f64,
    /// The share of the last value.
    pub relative: f64,
}

/// The dead bands of units: about what sensors of that sort resolve, so that their noise is no
/// change. The accuracy of sensors is several times as much.
const UNITS: [(&str, DeadBand); 17] = [
    ("Cel", band(0.2, 0.0)),
    ("K", band(0.2, 0.0)),
    // Humidity, load, charge: half a per cent.
    ("1", band(0.005, 0.0)),
    ("%", band(0.5, 0.0)),
    ("V", band(0.5, 0.002)),
    ("A", band(0.05, 0.01)),
    ("W", band(1.0, 0.01)),
    ("V.A", band(1.0, 0.01)),
    ("var", band(1.0, 0.01)),
    ("Hz", band(0.02, 0.0)),
    ("rpm", band(30.0, 0.02)),
    ("Pa", band(1.0, 0.01)),
    ("l/min", band(0.1, 0.01)),
    ("m3/min", band(0.1, 0.01)),
    ("m/s", band(0.05, 0.02)),
    ("dB[mW]", band(0.1, 0.0)),
    ("s", band(1.0, 0.05)),
];

const fn band(absolute: f64, relative: f64) -> DeadBand {
    DeadBand { absolute, relative }
}

impl DeadBand {
    /// Returns the dead band of a unit. Without one, every other number is a change.
    pub fn of(unit: &str) -> Self {
        let known = UNITS.iter().find(|(known, _)| *known == unit);
        known.map_or(band(0.0, 0.0), |(_, band)| *band)
    }

    /// Returns true if a number has left the band around another.
    pub fn is_left(self, before: f64, now: f64) -> bool {
        (now - before).abs() > self.absolute.max(before.abs() * self.relative)
    }
}

/// Returns true if a reading says something else than the last one of its series that was passed
/// on: another state, another quality, or a number beyond the dead band. Totals grow all the time:
/// of them, only one that begins again says something.
pub fn is_change(before: &(ReadingValue, Quality), now: &Reading) -> bool {
    if before.1 != now.quality {
        return true;
    }
    match (&before.0, &now.value) {
        (ReadingValue::Number(before), ReadingValue::Number(number)) => {
            let plausible = Plausible::of(now.metric.as_str(), &now.unit);
            match plausible.nature {
                Nature::Total => number < before,
                _ if now.metric.as_str() == "system.uptime" => number < before,
                _ => DeadBand::of(&now.unit).is_left(*before, *number),
            }
        }
        (before, now) => before != now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Measurand, MetricName};

    #[test]
    fn what_stays_within_its_band_is_no_change_and_a_total_is_one_when_it_begins_again() {
        let number = ReadingValue::Number;
        let text = |text: &str| ReadingValue::Text(text.into());
        for (metric, unit, before, now, expect) in [
            ("hw.temperature", "Cel", number(20.0), number(20.1), false),
            ("hw.temperature", "Cel", number(20.0), number(20.3), true),
            ("hw.power", "W", number(1_000.0), number(1_009.0), false),
            ("hw.power", "W", number(1_000.0), number(1_011.0), true),
            ("hw.power", "W", number(2.0), number(2.9), false),
            ("hw.energy", "J", number(5.0), number(900.0), false),
            ("hw.energy", "J", number(900.0), number(5.0), true),
            ("system.uptime", "s", number(5.0), number(500.0), false),
            ("system.uptime", "s", number(500.0), number(5.0), true),
            ("hw.status", "", text("ok"), text("ok"), false),
            ("hw.status", "", text("ok"), text("failed"), true),
            ("my.things", "{thing}", number(1.0), number(2.0), true),
        ] {
            let reading = Reading {
                of: Measurand {
                    metric: MetricName::new(metric).unwrap(),
                    attributes: Default::default(),
                    unit: unit.into(),
                }
                .into(),
                value: now,
                quality: Quality::Good,
            };
            let found = is_change(&(before, Quality::Good), &reading);
            assert_eq!(found, expect, "{reading:?}");
            let doubted = (reading.value.clone(), Quality::Suspect);
            assert!(is_change(&doubted, &reading), "another quality is a change");
        }
    }
}
