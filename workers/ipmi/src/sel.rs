//! The event log of a BMC (IPMI 2.0, chapters 31 and 32). Pure.

use serde_json::{Value as Json, json};

/// The size of the log, as Get SEL Info tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Info {
    pub entries: u16,
    pub is_overflowed: bool,
}

/// An entry of the event log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The number of the entry, and of the one after it.
    pub number: u16,
    pub next: u16,
    /// The 16 bytes of the record.
    record: Vec<u8>,
}

/// The number after the last entry.
pub const END: u16 = 0xffff;
/// Records of this type are events of the BMC's sensors.
const EVENT: u8 = 0x02;
/// Times before this are seconds since the BMC started.
const STARTED: u32 = 0x2000_0000;

impl Info {
    /// Reads the answer to Get SEL Info.
    pub fn read(data: &[u8]) -> Option<Self> {
        let [_, low, high, rest @ ..] = data else {
            return None;
        };
        Some(Self {
            entries: u16::from_le_bytes([*low, *high]),
            is_overflowed: rest.get(10)? & 0x80 != 0,
        })
    }
}

impl Entry {
    /// Reads the answer to Get SEL Entry.
    pub fn read(data: &[u8]) -> Option<Self> {
        let [low, high, record @ ..] = data else {
            return None;
        };
        let record = record.get(..16)?;
        let number = u16::from_le_bytes([*record.first()?, *record.get(1)?]);
        Some(Self {
            number,
            next: u16::from_le_bytes([*low, *high]),
            record: record.to_vec(),
        })
    }

    /// The entry for people and programs. `name` is that of a sensor by its owner and number.
    pub fn show(&self, name: impl Fn(u8, u8) -> Option<String>) -> Json {
        let hex =
            |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
        let byte = |at: usize| self.record.get(at).copied().unwrap_or(0);
        let mut shown = json!({ "entry": self.number, "type": byte(2) });
        if let Json::Object(shown) = &mut shown {
            // From 0xe0 on, records have no time.
            if byte(2) < 0xe0 {
                let time = u32::from_le_bytes([byte(3), byte(4), byte(5), byte(6)]);
                let key = if time < STARTED { "seconds" } else { "time" };
                shown.insert(key.into(), time.into());
            }
            if byte(2) == EVENT {
                let (owner, number) = (byte(7), byte(11));
                let sensor = name(owner, number);
                let sensor = sensor.unwrap_or_else(|| format!("#{number:02x}"));
                shown.insert("sensor".into(), sensor.into());
                shown.insert("sensor_type".into(), byte(10).into());
                shown.insert("event_type".into(), (byte(12) & 0x7f).into());
                let is_over = byte(12) & 0x80 != 0;
                let direction = if is_over { "deasserted" } else { "asserted" };
                shown.insert("direction".into(), direction.into());
                shown.insert("state".into(), (byte(13) & 0x0f).into());
                shown.insert(
                    "data".into(),
                    hex(self.record.get(13..).unwrap_or_default()).into(),
                );
            } else {
                shown.insert(
                    "data".into(),
                    hex(self.record.get(7..).unwrap_or_default()).into(),
                );
            }
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_names_its_sensor_and_what_became_of_it() {
        let data = [
            0xff, 0xff, 0x02, 0x00, 0x02, 0x10, 0x32, 0x54, 0x66, 0x20, 0x00, 0x04, 0x01, 0x02,
            0x81, 0x59, 0x57, 0x55,
        ];
        let entry = Entry::read(&data).unwrap();
        assert_eq!((entry.number, entry.next), (2, END));
        let shown = entry
            .show(|owner, number| (owner == 0x20 && number == 2).then(|| "CPU1 Temp".to_owned()));
        assert_eq!(shown["sensor"], "CPU1 Temp");
        assert_eq!(shown["direction"], "deasserted");
        assert_eq!(
            (&shown["state"], &shown["data"]),
            (&json!(9), &json!("595755"))
        );
        assert!(Entry::read(&data[..10]).is_none());
    }

    #[test]
    fn the_size_of_the_log_is_read() {
        let mut data = vec![0x51, 0x03, 0x00, 0x10, 0x27];
        data.extend([0; 8]);
        data.push(0x82);
        let expect = Info {
            entries: 3,
            is_overflowed: true,
        };
        assert_eq!(Info::read(&data), Some(expect));
        assert_eq!(Info::read(&data[..4]), None);
    }
}
