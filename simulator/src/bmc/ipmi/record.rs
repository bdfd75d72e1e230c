//! The records of sensors: full ones of numbers, compact ones of states (IPMI 2.0, 43.1 and 43.2). Pure.

use super::sensor::{Scale, Sensor};

/// The number of the version, and the types of records.
const VERSION: u8 = 0x51;
const FULL: u8 = 0x01;
const COMPACT: u8 = 0x02;
const BMC: u8 = 0x20;
/// A name in letters of eight bits, and its longest length.
const LETTERS: u8 = 0xc0;
const NAME_MAX: usize = 16;
/// The sensor is scanned, and its events are told.
const SCANNED: u8 = 0x7f;
/// It arms itself again, has limits that can be read, and its events can be switched off one by one.
const WITH_LIMITS: u8 = 0x68;
const WITHOUT_LIMITS: u8 = 0x40;
const SIGNED: u8 = 0x80;
const UNSIGNED: u8 = 0x00;
/// It tells no number.
const NO_NUMBER: u8 = 0xc0;

/// Returns the record of a sensor.
pub fn of(id: u16, sensor: &Sensor) -> Vec<u8> {
    let body = match sensor.scale {
        Some(scale) => full(sensor, scale),
        None => compact(sensor),
    };
    let kind = if sensor.scale.is_some() {
        FULL
    } else {
        COMPACT
    };
    let mut record = id.to_le_bytes().to_vec();
    record.extend([VERSION, kind, body.len() as u8]);
    record.extend(body);
    record
}

/// The part that both have: whose sensor it is, and of what.
fn head(sensor: &Sensor, capabilities: u8) -> Vec<u8> {
    let (entity, instance) = sensor.entity;
    vec![
        BMC,
        0,
        sensor.number,
        entity,
        instance,
        SCANNED,
        capabilities,
        sensor.kind,
        sensor.reading,
    ]
}

fn full(sensor: &Sensor, scale: Scale) -> Vec<u8> {
    let limits = sensor.limits;
    let mask = limits.mask();
    let mut body = head(sensor, WITH_LIMITS);
    // The events of limits that can be asserted and deasserted, and the limits that can be read.
    let events = (u16::from(limits.lower_critical.is_some()) << 2)
        | (u16::from(limits.upper_critical.is_some()) << 9)
        | (u16::from(limits.upper_fatal.is_some()) << 11);
    body.extend(events.to_le_bytes());
    body.extend(events.to_le_bytes());
    body.extend([mask, 0]);
    body.extend([
        if scale.is_signed { SIGNED } else { UNSIGNED },
        scale.unit,
        0,
    ]);
    // Linear: M, and neither B nor exponents.
    let [low, high] = scale.step.to_le_bytes();
    body.extend([0, low, high << 6, 0, 0, 0, 0]);
    // No nominal reading; the whole range.
    let (max, min) = if scale.is_signed {
        (0x7f, 0x80)
    } else {
        (0xff, 0)
    };
    body.extend([0, 0, 0, 0, max, min]);
    let at = |limit: Option<u8>| limit.unwrap_or(0);
    body.extend([at(limits.upper_fatal), at(limits.upper_critical), 0]);
    body.extend([0, at(limits.lower_critical), 0]);
    // No hysteresis, and two bytes that are reserved.
    body.extend([0, 0, 0, 0, 0]);
    body.extend(name(sensor));
    body
}

fn compact(sensor: &Sensor) -> Vec<u8> {
    let mut body = head(sensor, WITHOUT_LIMITS);
    // The states that can be asserted, deasserted and read: all.
    body.extend([0xff, 0x7f, 0xff, 0x7f, 0xff, 0x7f]);
    body.extend([NO_NUMBER, 0, 0]);
    // A record of its own for each; no hysteresis.
    body.extend([0x01, 0, 0, 0, 0, 0, 0, 0]);
    body.extend(name(sensor));
    body
}

fn name(sensor: &Sensor) -> Vec<u8> {
    let letters = sensor.name.as_bytes();
    let letters = &letters[..letters.len().min(NAME_MAX)];
    let mut bytes = vec![LETTERS | letters.len() as u8];
    bytes.extend(letters);
    bytes
}
