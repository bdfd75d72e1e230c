//! The states of sensors (IPMI 2.0, tables 42-2 and 42-3).

use crate::sdr::{Sensor, THRESHOLDS};

/// The states that bits mean: the worst of which one is set counts.
struct Row {
    /// The type of the sensor. Absent: any.
    kind: Option<u8>,
    /// The type of what it tells.
    reading: u8,
    /// The word for what it is of.
    of: &'static str,
    failed: u16,
    degraded: u16,
    /// The bits of which one must be set for it to be ok. 0: it is ok without any.
    ok: u16,
}

const fn bits(all: &[u8]) -> u16 {
    let mut sum = 0;
    let mut at = 0;
    while at < all.len() {
        sum |= 1 << all[at];
        at += 1;
    }
    sum
}

const fn row(
    kind: Option<u8>,
    reading: u8,
    of: &'static str,
    failed: &[u8],
    degraded: &[u8],
    ok: &[u8],
) -> Row {
    Row {
        kind,
        reading,
        of,
        failed: bits(failed),
        degraded: bits(degraded),
        ok: bits(ok),
    }
}

/// The type of readings that are of the sensor's own type.
const OWN: u8 = 0x6f;

const ROWS: [Row; 14] = [
    // Thresholds: critical and beyond, then non-critical.
    row(None, THRESHOLDS, "sensor", &[1, 2, 4, 5], &[0, 3], &[]),
    // Severity: critical or worse, then non-critical.
    row(None, 0x07, "sensor", &[2, 3, 5, 6], &[1, 4], &[]),
    // Redundancy: insufficient, then lost or less.
    row(None, 0x0b, "redundancy", &[5], &[1, 2, 3, 4, 6, 7], &[0]),
    // Predictive failure.
    row(None, 0x04, "sensor", &[], &[1], &[]),
    row(Some(0x05), OWN, "chassis", &[], &[0, 1, 2, 3, 4, 5, 6], &[]),
    row(
        Some(0x07),
        OWN,
        "cpu",
        &[0, 1, 2, 3, 4, 5, 6, 11],
        &[8, 10, 12],
        &[],
    ),
    // Present and failed is failed, though it is present.
    row(
        Some(0x08),
        OWN,
        "power_supply",
        &[1, 3, 4],
        &[2, 5, 6],
        &[0],
    ),
    row(Some(0x09), OWN, "power", &[3, 5, 6], &[7], &[]),
    row(Some(0x0c), OWN, "memory", &[1, 2, 3], &[0, 5, 7, 10], &[]),
    row(Some(0x0d), OWN, "physical_disk", &[1, 6], &[2, 5, 7], &[0]),
    row(
        Some(0x13),
        OWN,
        "sensor",
        &[0, 1, 3, 4, 5, 8, 10],
        &[7, 11],
        &[],
    ),
    row(Some(0x21), OWN, "slot", &[0], &[], &[]),
    row(Some(0x28), OWN, "manager", &[2, 3], &[0, 1, 4, 5], &[]),
    row(Some(0x29), OWN, "battery", &[1], &[0], &[]),
];

fn meaning(sensor: &Sensor) -> Option<&'static Row> {
    ROWS.iter().find(|row| {
        row.reading == sensor.reading && row.kind.is_none_or(|kind| kind == sensor.kind)
    })
}

/// Returns true if the states of a sensor have a meaning.
pub fn has(sensor: &Sensor) -> bool {
    meaning(sensor).is_some()
}

/// Returns the state that the bits of a sensor mean, and the word for what it is of. `None`: they
/// mean nothing, or the thing is not there.
pub fn of_states(sensor: &Sensor, states: u16) -> Option<(&'static str, &'static str)> {
    let row = meaning(sensor)?;
    let state = match states {
        states if states & row.failed != 0 => "failed",
        states if states & row.degraded != 0 => "degraded",
        states if row.ok == 0 || states & row.ok != 0 => "ok",
        _ => return None,
    };
    Some((state, row.of))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdr::Measure;

    #[test]
    fn bits_become_states() {
        for (kind, reading, states, expect) in [
            (1, THRESHOLDS, 0, Some("ok")),
            (1, THRESHOLDS, 0b00_1000, Some("degraded")),
            (1, THRESHOLDS, 0b01_1000, Some("failed")),
            // A supply that is there and has failed is not "ok".
            (8, OWN, 0x01, Some("ok")),
            (8, OWN, 0x03, Some("failed")),
            (8, OWN, 0x09, Some("failed")),
            (8, OWN, 0x05, Some("degraded")),
            (8, OWN, 0x00, None),
            (0x0c, OWN, 0x40, Some("ok")),
            (0x0c, OWN, 0x02, Some("failed")),
            (4, 0x0b, 0x01, Some("ok")),
            (4, 0x0b, 0x02, Some("degraded")),
            (0x23, OWN, 0x02, None),
        ] {
            let sensor = Sensor {
                name: "x".into(),
                owner: 0x20,
                unit: 0,
                number: 1,
                entity: (10, 1),
                kind,
                reading,
                conversion: None,
                measure: Measure::default(),
            };
            let state = of_states(&sensor, states).map(|(state, _)| state);
            assert_eq!(state, expect, "{kind:#x} {reading:#x} {states:#x}");
        }
    }
}
