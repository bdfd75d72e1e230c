//! The range in which a number can be at all, by metric and by unit. Pure.
//!
//! It is the last judge of every worker's readings, in whatever language it is written: a value
//! that means "not equipped" (2,147,483,647) must not become a temperature. It is therefore far
//! wider than [`Plausible`](super::Plausible), and a profile cannot widen it.

use std::{collections::HashMap, sync::LazyLock};

use super::Quantity;
use crate::{MetricName, Reading, ReadingValue, quantity::Nature};

/// A range, with the metric or the unit to which it applies.
type Limit = (&'static str, (f64, f64));

/// The limits of units.
const UNITS: [Limit; 24] = [
    // Absolute zero; above it, no sensor of a room or of a chip survives (type K: 1,372 °C, IEC
    // 60584-1).
    ("Cel", (-273.15, 2_000.0)),
    ("K", (0.0, 2_273.15)),
    // The highest voltage of transmission lines (IEC 60038: 1,100 kV), in both polarities.
    ("V", (-1.2e6, 1.2e6)),
    // The largest busways carry 6.3 kA (IEC 61439-6); a short circuit is below 200 kA.
    ("A", (-2e5, 2e5)),
    // The largest sites take some gigawatts from the grid.
    ("W", (-1e10, 1e10)),
    ("V.A", (-1e10, 1e10)),
    ("var", (-1e10, 1e10)),
    // Light has less than 1e15 Hz.
    ("Hz", (0.0, 1e15)),
    // Micro turbines reach 500,000 rpm.
    ("rpm", (0.0, 1e6)),
    // A reading of 200 dBm would be 10 PW.
    ("dB[mW]", (-200.0, 200.0)),
    ("dB", (-1_000.0, 1_000.0)),
    // Vacuum, and the hydraulics of heavy machines (70 MPa).
    ("Pa", (-1e5, 1e8)),
    ("%", (-1_000.0, 10_000.0)),
    // About 300 years, the largest whole number of 64 bits in nanoseconds.
    ("s", (-1e10, 1e10)),
    ("m3/min", (-1e6, 1e6)),
    ("l/min", (-1e7, 1e7)),
    // The speed of light.
    ("m/s", (-299_792_458.0, 299_792_458.0)),
    ("nm", (0.0, 1e9)),
    ("Ohm", (0.0, 1e15)),
    // A gigawatt for 300 years.
    ("J", (-1e19, 1e19)),
    // 64 bits.
    ("By", (0.0, 1.844_674_407_370_955_2e19)),
    ("By/s", (0.0, 1e15)),
    ("m/s2", (-1e6, 1e6)),
    ("lx", (0.0, 1e6)),
];

/// The limits of metrics that are narrower than those of their units, and of ratios.
const METRICS: [Limit; 13] = [
    // By definition; sensors are off by some per cent (their accuracy is 2 to 5 %).
    ("hw.humidity", (-0.1, 1.1)),
    // By definition; negative where energy flows back.
    ("hw.power_factor", (-1.1, 1.1)),
    // The peak over the effective value; a pulse per period is far below 100.
    ("hw.crest_factor", (0.0, 100.0)),
    // Of the fundamental: a current that is nearly all harmonics has several times as much.
    ("hw.distortion", (0.0, 100.0)),
    // By definition; meters are off by some per cent.
    ("hw.efficiency", (-0.1, 1.1)),
    ("hw.battery.charge", (-0.1, 1.5)),
    ("hw.utilization", (-0.1, 1.5)),
    ("hw.fan.speed_ratio", (-0.1, 2.0)),
    // Ten times of what is allowed trips any breaker (IEC 60898-1, type C).
    ("hw.load", (-10.0, 10.0)),
    ("hw.unbalance", (-10.0, 10.0)),
    // Beyond 100 %, of several processors in some devices.
    ("system.cpu.utilization", (-0.1, 1_024.0)),
    // Water condenses neither below absolute zero nor above its critical point (374 °C).
    ("hw.dew_point", (-273.15, 374.0)),
    ("hw.battery.time_left", (-1.0, 1e8)),
];

/// The limits of integer types, in which devices say "there is none". No measurement is exactly
/// one of them, whatever its unit.
const SENTINELS: [f64; 6] = [
    2_147_483_647.0,
    -2_147_483_648.0,
    4_294_967_295.0,
    9_223_372_036_854_775_807.0,
    -9_223_372_036_854_775_808.0,
    18_446_744_073_709_551_615.0,
];

static LIMITS: LazyLock<HashMap<&'static str, (f64, f64)>> =
    LazyLock::new(|| UNITS.into_iter().chain(METRICS).collect());
static NATURES: LazyLock<HashMap<&'static str, &'static Quantity>> =
    LazyLock::new(|| Quantity::all().map(|known| (known.metric, known)).collect());

/// Returns the range in which a metric's numbers in a unit can be at all; `None` if any number can.
pub fn limits(metric: &str, unit: &str) -> Option<(f64, f64)> {
    let named = NATURES.get(metric).is_some_and(|known| known.unit == unit);
    let of_metric = LIMITS.get(metric).filter(|_| named);
    of_metric.or_else(|| LIMITS.get(unit)).copied()
}

/// Returns false for a number that no such quantity has: it is outside the possible range, or the
/// limit of an integer type.
pub fn is_possible(reading: &Reading) -> bool {
    let ReadingValue::Number(number) = reading.value else {
        return true;
    };
    let within = |(low, high): (f64, f64)| number >= low && number <= high;
    let is_small = number.abs() < SENTINELS[0];
    limits(reading.metric.as_str(), &reading.unit).is_none_or(within)
        && (is_small || !SENTINELS.contains(&number) || may_be_any(&reading.metric, &reading.unit))
}

/// Returns true for amounts and totals, which may have every value.
fn may_be_any(metric: &MetricName, unit: &str) -> bool {
    let known = NATURES.get(metric.as_str());
    let known = known.filter(|known| known.unit == unit);
    match known {
        Some(known) => known.nature != Nature::Measured,
        None => unit.starts_with('{') || matches!(unit, "By" | "J" | "By/s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Measurand, Quality};

    fn reading(metric: &str, unit: &str, number: f64) -> Reading {
        Reading {
            of: Measurand {
                metric: MetricName::new(metric).unwrap(),
                attributes: Default::default(),
                unit: unit.into(),
            }
            .into(),
            value: ReadingValue::Number(number),
            quality: Quality::Good,
        }
    }

    #[test]
    fn what_no_such_quantity_has_is_not_possible() {
        for (metric, unit, number, expect) in [
            ("hw.temperature", "Cel", 24.5, true),
            ("hw.temperature", "Cel", -273.15, true),
            ("hw.temperature", "Cel", -274.0, false),
            ("hw.temperature", "Cel", 2_147_483_647.0, false),
            ("hw.temperature", "Cel", 214_748_364.7, false),
            ("my.temperature", "Cel", 214_748_364.7, false),
            ("hw.voltage", "V", -48.0, true),
            ("hw.voltage", "V", 110_000.0, true),
            ("hw.humidity", "1", 0.45, true),
            ("hw.humidity", "1", 45.0, false),
            // The name alone says nothing: this is another unit.
            ("hw.humidity", "%", 45.0, true),
            ("hw.network.io", "By", 4_294_967_295.0, true),
            ("my.things", "{thing}", 2_147_483_647.0, true),
            ("my.ratio", "1", 2_147_483_646.0, true),
            ("my.ratio", "1", 2_147_483_647.0, false),
        ] {
            let found = is_possible(&reading(metric, unit, number));
            assert_eq!(found, expect, "{metric} {unit} {number}");
        }
    }

    #[test]
    fn every_plausible_number_is_possible() {
        for known in Quantity::all() {
            let Some((low, high)) = limits(known.metric, known.unit) else {
                continue;
            };
            let is_all = known.nature == Nature::Total || known.range.1 <= high;
            assert!(known.range.0 >= low && is_all, "{known:?}");
        }
    }
}
