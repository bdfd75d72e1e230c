//! The event log (IPMI 2.0, chapters 31 and 32): what has changed at the sensors, and when. It outlives
//! the loss of power. Pure: times are passed in.

use std::collections::BTreeMap;

use super::sensor::{Sensor, THRESHOLDS};

/// The number of entries that it takes; then it tells that it is full.
const ENTRIES_MAX: usize = 512;
const EVENT: u8 = 0x02;
const BMC: u8 = 0x20;
const REVISION: u8 = 0x04;
const DEASSERTED: u8 = 0x80;
/// The bytes of an event are the reading and the limit.
const WITH_READING: u8 = 0x50;
const VERSION: u8 = 0x51;
/// Entries can be reserved; the log has overflowed.
const RESERVABLE: u8 = 0x02;
const OVERFLOWED: u8 = 0x80;
const LAST: u16 = 0xffff;
/// There is no such entry, and a reservation is over (table 5-2).
const ABSENT: u8 = 0xcb;
const UNRESERVED: u8 = 0xc5;
const WRONG: u8 = 0xcc;

/// The log of a BMC.
#[derive(Debug, Default)]
pub struct Log {
    entries: Vec<[u8; 16]>,
    is_overflowed: bool,
    /// The times of the last entry and of the last time that it was emptied.
    added: u32,
    erased: u32,
    reservation: u16,
    /// The faults of the last time, by sensor. None: nobody has looked yet.
    seen: Option<BTreeMap<u8, u16>>,
}

impl Log {
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// Writes down what has become wrong, or well, since the last time.
    pub fn look(&mut self, sensors: &[Sensor], time: u32) {
        let now: BTreeMap<u8, u16> = sensors
            .iter()
            .map(|sensor| (sensor.number, sensor.events()))
            .collect();
        if let Some(before) = self.seen.take() {
            for sensor in sensors {
                let before = before.get(&sensor.number).copied().unwrap_or(0);
                let changed = before ^ sensor.events();
                for bit in (0..15).filter(|bit| changed & 1 << bit != 0) {
                    self.write(sensor, bit, time);
                }
            }
        }
        self.seen = Some(now);
    }

    fn write(&mut self, sensor: &Sensor, bit: u8, time: u32) {
        if self.entries.len() >= ENTRIES_MAX {
            self.is_overflowed = true;
            return;
        }
        let is_there = sensor.events() & 1 << bit != 0;
        let direction = if is_there { 0 } else { DEASSERTED };
        // Of limits there are two events: falling below, and rising above.
        let (offset, reading, limit) = match sensor.reading {
            THRESHOLDS => {
                let limits = sensor.limits;
                let (offset, limit) = match bit {
                    1 => (2, limits.lower_critical),
                    4 => (9, limits.upper_critical),
                    _ => (11, limits.upper_fatal),
                };
                (
                    offset | WITH_READING,
                    sensor.raw.unwrap_or(0),
                    limit.unwrap_or(0),
                )
            }
            _ => (bit, 0xff, 0xff),
        };
        let [n0, n1] = (self.entries.len() as u16 + 1).to_le_bytes();
        let [t0, t1, t2, t3] = time.to_le_bytes();
        self.entries.push([
            n0,
            n1,
            EVENT,
            t0,
            t1,
            t2,
            t3,
            BMC,
            0,
            REVISION,
            sensor.kind,
            sensor.number,
            direction | sensor.reading,
            offset,
            reading,
            limit,
        ]);
        self.added = time;
    }

    /// Answers Get SEL Info.
    pub fn info(&self) -> Vec<u8> {
        let mut answer = vec![VERSION];
        answer.extend((self.entries.len() as u16).to_le_bytes());
        let free = (ENTRIES_MAX - self.entries.len()) * 16;
        answer.extend((free as u16).to_le_bytes());
        answer.extend(self.added.to_le_bytes());
        answer.extend(self.erased.to_le_bytes());
        let overflow = if self.is_overflowed { OVERFLOWED } else { 0 };
        answer.push(RESERVABLE | overflow);
        answer
    }

    /// Answers Reserve SEL.
    pub fn reserve(&mut self) -> Vec<u8> {
        self.reservation = self.reservation.wrapping_add(1).max(1);
        self.reservation.to_le_bytes().to_vec()
    }

    /// Answers Get SEL Entry.
    pub fn entry(&self, data: &[u8]) -> Result<Vec<u8>, u8> {
        let [_, _, n0, n1, offset, count] = data else {
            return Err(WRONG);
        };
        let place = match u16::from_le_bytes([*n0, *n1]) {
            0 => 0,
            LAST => self.entries.len().checked_sub(1).ok_or(ABSENT)?,
            number => usize::from(number) - 1,
        };
        let entry = self.entries.get(place).ok_or(ABSENT)?;
        let next = match place + 1 < self.entries.len() {
            true => place as u16 + 2,
            false => LAST,
        };
        let mut answer = next.to_le_bytes().to_vec();
        let rest = entry.get(usize::from(*offset)..).ok_or(WRONG)?;
        answer.extend(&rest[..rest.len().min(usize::from(*count))]);
        Ok(answer)
    }

    /// Answers Clear SEL, for the one who has reserved it.
    pub fn clear(&mut self, data: &[u8], time: u32) -> Result<Vec<u8>, u8> {
        let [r0, r1, b'C', b'L', b'R', order] = data else {
            return Err(WRONG);
        };
        if u16::from_le_bytes([*r0, *r1]) != self.reservation {
            return Err(UNRESERVED);
        }
        if *order == 0xaa {
            self.entries.clear();
            self.is_overflowed = false;
            self.erased = time;
        }
        // It is done.
        Ok(vec![1])
    }
}
