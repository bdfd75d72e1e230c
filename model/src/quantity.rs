//! Metrics and units, and the plausible range of their readings.
//!
//! Names follow OpenTelemetry's hardware and system conventions, units are UCUM. Two ranges apply.
//! The *plausible* range ([`Plausible`]) is what equipment in a data centre shows; a profile that
//! knows better sets another one. The *possible* range (`possible`) is set by physics or by the
//! definition of the metric, whatever a profile says and whichever worker reports it. A reading
//! outside of either is suspect.

mod band;
mod possible;

use crate::suggest;

pub use band::{DeadBand, is_change};
pub use possible::{is_possible, limits};

/// The nature of a metric's numbers, by which impossible ones are recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// A measurement: the limits of integer types mean that there is none.
    Measured,
    /// An amount: 65535 may be a real one.
    Amount,
    /// A growing total, which may take every value.
    Total,
}

/// The facts about a known metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantity {
    /// The name of the metric.
    pub metric: &'static str,
    /// The UCUM unit of the metric.
    pub unit: &'static str,
    /// The limits beyond which readings are suspect.
    pub range: (f64, f64),
    /// The nature of the metric's numbers.
    pub nature: Nature,
}

/// The plausible range of a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plausible {
    /// The limits beyond which readings are suspect.
    pub range: (f64, f64),
    /// The nature of the number.
    pub nature: Nature,
}

const fn measured(metric: &'static str, unit: &'static str, low: f64, high: f64) -> Quantity {
    let range = (low, high);
    Quantity {
        metric,
        unit,
        range,
        nature: Nature::Measured,
    }
}

const fn amount(metric: &'static str, unit: &'static str, high: f64) -> Quantity {
    let range = (0.0, high);
    Quantity {
        metric,
        unit,
        range,
        nature: Nature::Amount,
    }
}

const fn total(metric: &'static str, unit: &'static str) -> Quantity {
    let range = (0.0, f64::MAX);
    Quantity {
        metric,
        unit,
        range,
        nature: Nature::Total,
    }
}

/// The number of seconds in a week: no battery lasts longer.
const WEEK: f64 = 604_800.0;
/// The number of seconds in fifty years.
const LIFE: f64 = 1_577_880_000.0;
/// About an exbibyte.
const EXA: f64 = 1e18;

/// The known metrics.
static METRICS: [Quantity; 47] = [
    measured("hw.temperature", "Cel", -60.0, 200.0),
    measured("hw.humidity", "1", 0.0, 1.0),
    measured("hw.dew_point", "Cel", -60.0, 60.0),
    measured("hw.voltage", "V", 0.0, 1_000.0),
    measured("hw.current", "A", 0.0, 5_000.0),
    measured("hw.power", "W", 0.0, 5e6),
    measured("hw.power.apparent", "V.A", 0.0, 5e6),
    measured("hw.power.reactive", "var", -5e6, 5e6),
    measured("hw.power_factor", "1", 0.0, 1.0),
    measured("hw.crest_factor", "1", 0.0, 10.0),
    measured("hw.distortion", "1", 0.0, 2.0),
    measured("hw.efficiency", "1", 0.0, 1.0),
    total("hw.energy", "J"),
    total("hw.energy.apparent", "V.A.h"),
    measured("hw.frequency", "Hz", 0.0, 1_000.0),
    measured("hw.load", "1", 0.0, 2.0),
    measured("hw.unbalance", "1", 0.0, 1.0),
    measured("hw.battery.charge", "1", 0.0, 1.0),
    measured("hw.battery.time_left", "s", 0.0, WEEK),
    measured("hw.fan.speed", "rpm", 0.0, 60_000.0),
    measured("hw.fan.speed_ratio", "1", 0.0, 1.0),
    measured("hw.airflow", "m3/min", 0.0, 10_000.0),
    measured("hw.air_velocity", "m/s", 0.0, 100.0),
    measured("hw.flow", "l/min", 0.0, 100_000.0),
    measured("hw.pressure", "Pa", -1e5, 5e6),
    measured("hw.optical_power", "dB[mW]", -60.0, 30.0),
    measured("hw.vibration", "m/s2", 0.0, 1_000.0),
    measured("hw.utilization", "1", 0.0, 1.0),
    amount("hw.network.bandwidth.limit", "By/s", 1e13),
    amount("hw.network.mtu", "By", 1e9),
    total("hw.network.io", "By"),
    total("hw.network.packets", "{packet}"),
    total("hw.errors", "{error}"),
    total("system.network.packet.dropped", "{packet}"),
    measured("system.uptime", "s", 0.0, LIFE),
    measured("system.cpu.utilization", "1", 0.0, 1.0),
    measured("system.load_average", "1", 0.0, 1e5),
    amount("system.memory.limit", "By", EXA),
    amount("system.memory.usage", "By", EXA),
    amount("system.memory.available", "By", EXA),
    amount("system.storage.limit", "By", EXA),
    amount("system.storage.usage", "By", EXA),
    amount("system.processes.count", "{process}", 1e8),
    amount("system.users.count", "{user}", 1e7),
    amount("utakata.alarms", "{alarm}", 1e6),
    measured("utakata.ups.on_battery", "s", 0.0, LIFE),
    total("utakata.ups.input.bad", "{event}"),
];

/// The plausible range of each unit, for unknown metrics.
const UNITS: [(&str, Plausible); 22] = [
    of_unit("Cel", -60.0, 200.0),
    of_unit("K", 200.0, 500.0),
    of_unit("V", 0.0, 1_000.0),
    of_unit("A", 0.0, 5_000.0),
    of_unit("W", 0.0, 5e6),
    of_unit("V.A", 0.0, 5e6),
    of_unit("var", -5e6, 5e6),
    of_unit("Hz", 0.0, 1e12),
    of_unit("rpm", 0.0, 60_000.0),
    of_unit("dB[mW]", -60.0, 30.0),
    of_unit("dB", -200.0, 200.0),
    of_unit("Pa", -1e5, 5e6),
    of_unit("%", 0.0, 100.0),
    of_unit("s", 0.0, LIFE),
    of_unit("m3/min", 0.0, 10_000.0),
    of_unit("l/min", 0.0, 100_000.0),
    of_unit("m/s", 0.0, 100.0),
    of_unit("nm", 0.0, 1e5),
    of_unit("Ohm", 0.0, 1e9),
    of_unit("J", 0.0, f64::MAX),
    of_unit("By", 0.0, EXA),
    of_unit("By/s", 0.0, 1e13),
];

const fn of_unit(unit: &'static str, low: f64, high: f64) -> (&'static str, Plausible) {
    let nature = match unit.as_bytes() {
        b"By" | b"By/s" => Nature::Amount,
        b"J" => Nature::Total,
        _ => Nature::Measured,
    };
    (
        unit,
        Plausible {
            range: (low, high),
            nature,
        },
    )
}

impl Quantity {
    /// Returns all known metrics.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        METRICS.iter()
    }

    /// Returns the facts about a metric by its name, with or without `hw.`.
    pub fn find(name: &str) -> Option<&'static Self> {
        METRICS
            .iter()
            .find(|known| known.metric == name || known.metric.strip_prefix("hw.") == Some(name))
    }

    /// Returns `did you mean "…"?` for an unknown name.
    pub fn hint(name: &str) -> String {
        suggest::hint(name, METRICS.iter().map(|known| known.metric))
    }
}

impl Plausible {
    /// Returns the plausible range of a metric's numbers in a unit.
    pub fn of(metric: &str, unit: &str) -> Self {
        let named =
            Quantity::find(metric).filter(|known| known.metric == metric && known.unit == unit);
        if let Some(Quantity { range, nature, .. }) = named {
            let (range, nature) = (*range, *nature);
            return Self { range, nature };
        }
        let known = UNITS.iter().find(|(known, _)| *known == unit);
        known.map_or_else(|| Self::of_other(unit), |(_, plausible)| *plausible)
    }

    fn of_other(unit: &str) -> Self {
        // `{outlet}`, `{request}`: countable things.
        match unit.starts_with('{') {
            true => Self {
                range: (0.0, f64::MAX),
                nature: Nature::Amount,
            },
            false => Self {
                range: (f64::NEG_INFINITY, f64::INFINITY),
                nature: Nature::Measured,
            },
        }
    }

    /// Returns false for a number without a unit whose metric is unknown.
    pub fn is_known(self) -> bool {
        self.range.0.is_finite() && self.range.1.is_finite()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_known_by_name_and_by_unit() {
        for (metric, unit, range) in [
            ("hw.voltage", "V", (0.0, 1000.0)),
            ("my.voltage", "V", (0.0, 1000.0)),
            // The same number means something else in another unit.
            ("hw.temperature", "K", (200.0, 500.0)),
            ("my.count", "{thing}", (0.0, f64::MAX)),
            ("my.ratio", "1", (f64::NEG_INFINITY, f64::INFINITY)),
        ] {
            assert_eq!(Plausible::of(metric, unit).range, range, "{metric} {unit}");
        }
        assert_eq!(
            Quantity::find("temperature"),
            Quantity::find("hw.temperature")
        );
        assert_eq!(Quantity::find("uptime"), None);
        assert!(Quantity::hint("hw.temprature").contains("hw.temperature")); // typos: on purpose
    }
}
