//! Sensor data records: what a BMC says of its sensors (IPMI 2.0, chapter 43). Pure.

mod convert;
mod name;

pub use convert::{Conversion, Factors, Linearisation};

/// A sensor, as its record describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sensor {
    pub name: String,
    /// The controller that has it, and the unit of it.
    pub owner: u8,
    pub unit: u8,
    pub number: u8,
    /// The entity that it measures.
    pub entity: (u8, u8),
    /// The type of the sensor, and of what it tells.
    pub kind: u8,
    pub reading: u8,
    /// The conversion of its readings. Absent: it has states alone.
    pub conversion: Option<Conversion>,
    pub measure: Measure,
}

/// The unit of a sensor's readings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Measure {
    pub base: u8,
    pub is_percent: bool,
    /// True if the unit is one of several: by time, or together with another one.
    pub is_compound: bool,
}

/// The types of records.
const FULL: u8 = 0x01;
const COMPACT: u8 = 0x02;

/// The length of the head of a record.
pub const HEAD: usize = 5;
/// The type of what a sensor tells: thresholds.
pub const THRESHOLDS: u8 = 0x01;

/// The length of a record, with its head. `None`: it has no head.
pub fn length(head: &[u8]) -> Option<usize> {
    Some(HEAD + usize::from(*head.get(4)?))
}

/// The sensors of a record: several, where they share one. None: it is of something else.
pub fn sensors(record: &[u8]) -> Vec<Sensor> {
    let found = match record.get(3) {
        Some(&FULL) => full(record).map(|sensor| vec![sensor]),
        Some(&COMPACT) => compact(record),
        // Sensors of events alone, and controllers and parts, have no readings.
        _ => None,
    };
    found.unwrap_or_default()
}

/// The part that full and compact records have in common.
fn head(record: &[u8], name: String) -> Option<Sensor> {
    let byte = |at: usize| record.get(at).copied();
    let flags = byte(20)?;
    Some(Sensor {
        name,
        owner: byte(5)?,
        unit: byte(6)? & 3,
        number: byte(7)?,
        entity: (byte(8)?, byte(9)? & 0x7f),
        kind: byte(12)?,
        reading: byte(13)? & 0x7f,
        conversion: None,
        measure: Measure {
            base: byte(21)?,
            is_percent: flags & 1 != 0,
            is_compound: flags & 0x3e != 0,
        },
    })
}

fn full(record: &[u8]) -> Option<Sensor> {
    let name = name::read(record.get(47..)?)?;
    let mut sensor = head(record, name)?;
    let factors = Factors::read(record.get(24..30)?)?;
    let format = record.get(20)? >> 6;
    // 3: it tells no number.
    if format != 3 {
        sensor.conversion = Some(Conversion {
            format,
            linearisation: Linearisation::of(*record.get(23)? & 0x7f),
            factors,
        });
    }
    Some(sensor)
}

fn compact(record: &[u8]) -> Option<Vec<Sensor>> {
    let name = name::read(record.get(31..)?)?;
    let sensor = head(record, name)?;
    let sharing = *record.get(23)?;
    let (count, first) = (sharing & 0x0f, *record.get(24)? & 0x7f);
    let is_letter = sharing >> 4 & 3 == 1;
    if count < 2 {
        return Some(vec![sensor]);
    }
    let of = |at: u8| {
        let suffix = match is_letter {
            true => char::from(b'A'.wrapping_add(first).wrapping_add(at)).to_string(),
            false => first.wrapping_add(at).to_string(),
        };
        Sensor {
            name: format!("{}{suffix}", sensor.name),
            number: sensor.number.wrapping_add(at),
            ..sensor.clone()
        }
    };
    Some((0..count).map(of).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A full record of a fan: 60 rpm a step.
    fn fan() -> Vec<u8> {
        let mut record = vec![1, 0, 0x51, FULL, 0, 0x20, 0, 5, 29, 1, 0x7f, 0x68, 4, 1];
        record.extend([0; 6]);
        record.extend([0, 18, 0, 0, 60, 0, 0, 0, 0, 0]);
        record.extend([0; 17]);
        record.push(0xc0 | 4);
        record.extend(b"FAN1");
        record[4] = u8::try_from(record.len() - HEAD).unwrap();
        record
    }

    #[test]
    fn a_full_record_is_a_sensor_with_a_number() {
        let record = fan();
        assert_eq!(length(&record[..HEAD]), Some(record.len()));
        let found = sensors(&record);
        let [sensor] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert_eq!(
            (sensor.name.as_str(), sensor.number, sensor.kind),
            ("FAN1", 5, 4)
        );
        assert_eq!(
            (sensor.measure.base, sensor.measure.is_compound),
            (18, false)
        );
        let conversion = sensor.conversion.as_ref().unwrap();
        assert_eq!(conversion.value(100), Some(6000.0));
    }

    #[test]
    fn a_compact_record_may_be_of_several_sensors() {
        let mut record = vec![1, 0, 0x51, COMPACT, 0, 0x20, 0, 80, 10, 1, 0, 0, 8, 0x6f];
        record.extend([0; 6]);
        record.extend([0xc0, 0, 0, 0x02, 1]);
        record.extend([0; 6]);
        record.push(0xc0 | 3);
        record.extend(b"PSU");
        let names: Vec<String> = sensors(&record).into_iter().map(|one| one.name).collect();
        assert_eq!(names, ["PSU1", "PSU2"]);
        assert!(sensors(&record).iter().all(|one| one.conversion.is_none()));
    }

    proptest! {
        #[test]
        fn any_record_is_read_without_harm(
            record in proptest::collection::vec(any::<u8>(), 0..90),
            kind in 1_u8..4,
        ) {
            let mut record = record;
            if let Some(byte) = record.get_mut(3) {
                *byte = kind;
            }
            for sensor in sensors(&record) {
                if let Some(conversion) = &sensor.conversion {
                    let value = conversion.value(7);
                    prop_assert!(value.is_none_or(f64::is_finite));
                }
            }
        }
    }
}
