//! The bytes of the protocol: requests, answers, and the two framings. Pure.
//!
//! Modbus Application Protocol V1.1b3; Modbus Messaging on TCP/IP V1.0b; Modbus over Serial Line
//! V1.02 (the checksum).

use std::collections::BTreeMap;

use crate::address::Framing;

/// The most registers of one request.
pub const REGISTERS_MAX: u16 = 125;
/// The longest frame, in bytes.
pub const FRAME_MAX: usize = 260;
/// The function and the kind of request by which a device identifies itself (6.21), and the objects
/// that each has to have: its maker, its model and its version.
const IDENTIFY: u8 = 0x2b;
const IDENTIFICATION: u8 = 0x0e;
const BASIC: u8 = 1;
/// The length of the header of Modbus/TCP before the function, in bytes.
const HEADER: usize = 7;

/// The tables of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    Coil,
    Discrete,
    Holding,
    Input,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Reads so many registers or bits from an address.
    Read { table: Table, at: u16, count: u16 },
    /// Writes one register.
    WriteOne { at: u16, value: u16 },
    /// Writes several registers.
    WriteMany { at: u16, values: Vec<u16> },
    /// Writes one coil.
    WriteCoil { at: u16, on: bool },
    /// Asks the device who made it (Read Device Identification, the basic objects).
    Identify,
}

/// The content of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The registers, or the bits as registers of 0 and 1.
    Values(Vec<u16>),
    /// The request is confirmed.
    Confirmed,
    /// The objects by which a device identifies itself, by their numbers.
    Identified(BTreeMap<u8, String>),
    /// The device refuses, with a code.
    Exception(u8),
}

/// The reason why bytes are no answer to a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// More bytes are needed.
    #[error("the answer is not complete")]
    Short,
    /// It answers another request: a late one.
    #[error("it is the answer to another request")]
    Other,
    /// It is no frame of the protocol, or contradicts the request.
    #[error("it is no answer of Modbus: {0}")]
    Garbage(&'static str),
}

impl Table {
    /// Returns true if it holds single bits.
    pub fn is_bits(self) -> bool {
        matches!(self, Self::Coil | Self::Discrete)
    }
}

impl Request {
    /// The code of the function.
    fn function(&self) -> u8 {
        match self {
            Self::Read { table, .. } => match table {
                Table::Coil => 1,
                Table::Discrete => 2,
                Table::Holding => 3,
                Table::Input => 4,
            },
            Self::WriteCoil { .. } => 5,
            Self::WriteOne { .. } => 6,
            Self::WriteMany { .. } => 16,
            Self::Identify => IDENTIFY,
        }
    }

    /// The function and its data.
    fn data(&self) -> Vec<u8> {
        let mut bytes = vec![self.function()];
        let mut word = |word: u16| bytes.extend(word.to_be_bytes());
        match self {
            Self::Read { at, count, .. } => {
                word(*at);
                word(*count);
            }
            Self::WriteOne { at, value } => {
                word(*at);
                word(*value);
            }
            Self::WriteCoil { at, on } => {
                word(*at);
                word(if *on { 0xff00 } else { 0 });
            }
            Self::WriteMany { at, values } => {
                let count = u16::try_from(values.len()).unwrap_or(u16::MAX);
                word(*at);
                word(count);
                bytes.push(u8::try_from(count * 2).unwrap_or(u8::MAX));
                bytes.extend(values.iter().flat_map(|value| value.to_be_bytes()));
            }
            Self::Identify => bytes.extend([IDENTIFICATION, BASIC, 0]),
        }
        bytes
    }

    /// The frame of the request. `number` tells its answer from those of others, where the framing
    /// has such a number.
    pub fn frame(&self, framing: Framing, unit: u8, number: u16) -> Vec<u8> {
        let data = self.data();
        match framing {
            Framing::Tcp => {
                let length = u16::try_from(data.len() + 1).unwrap_or(u16::MAX);
                let mut bytes = number.to_be_bytes().to_vec();
                bytes.extend([0, 0]);
                bytes.extend(length.to_be_bytes());
                bytes.push(unit);
                bytes.extend(data);
                bytes
            }
            Framing::Rtu => {
                let mut bytes = vec![unit];
                bytes.extend(data);
                let sum = checksum(&bytes).to_le_bytes();
                bytes.extend(sum);
                bytes
            }
        }
    }

    /// Reads the answer to the request.
    ///
    /// # Errors
    /// It is not complete, or none of this request.
    pub fn answer(
        &self,
        framing: Framing,
        (unit, number): (u8, u16),
        bytes: &[u8],
    ) -> Result<Answer, Error> {
        let data = match framing {
            Framing::Tcp => of_tcp(bytes, unit, number)?,
            Framing::Rtu => self.of_rtu(bytes, unit)?,
        };
        let (function, rest) = data.split_first().ok_or(Error::Short)?;
        if *function == self.function() | 0x80 {
            return rest
                .first()
                .map(|code| Answer::Exception(*code))
                .ok_or(Error::Short);
        }
        if *function != self.function() {
            return Err(Error::Other);
        }
        match self {
            Self::Read { table, count, .. } => values(*table, *count, rest),
            Self::Identify => identification(rest),
            // The first four bytes are repeated: where, and what or how many.
            _ => match self.data().get(1..5) == rest.get(..4) && rest.len() == 4 {
                true => Ok(Answer::Confirmed),
                false => Err(Error::Other),
            },
        }
    }

    /// The function and data in a frame of a serial line, which tells no length.
    fn of_rtu<'a>(&self, bytes: &'a [u8], unit: u8) -> Result<&'a [u8], Error> {
        let [first, function, third, ..] = bytes else {
            return Err(Error::Short);
        };
        let length = match (*function & 0x80, self) {
            (0x80, _) => 2,
            (_, Self::Read { .. }) => 2 + usize::from(*third),
            (_, Self::Identify) => return Err(Error::Garbage("it is not asked that way")),
            _ => 5,
        };
        let frame = bytes.get(..length + 3).ok_or(Error::Short)?;
        let (content, sum) = frame.split_at(length + 1);
        if checksum(content).to_le_bytes() != sum {
            return Err(Error::Garbage("its checksum is wrong"));
        }
        match *first == unit {
            true => Ok(content.get(1..).unwrap_or_default()),
            false => Err(Error::Other),
        }
    }
}

/// The function and data in a frame of Modbus/TCP.
fn of_tcp(bytes: &[u8], unit: u8, number: u16) -> Result<&[u8], Error> {
    let Some(([n0, n1, p0, p1, l0, l1, found], rest)) = bytes.split_first_chunk::<HEADER>() else {
        return Err(Error::Short);
    };
    if [*p0, *p1] != [0, 0] {
        return Err(Error::Garbage("its protocol is another one"));
    }
    let length = usize::from(u16::from_be_bytes([*l0, *l1]));
    if !(2..=FRAME_MAX - HEADER + 1).contains(&length) {
        return Err(Error::Garbage("its length is impossible"));
    }
    let data = rest.get(..length - 1).ok_or(Error::Short)?;
    if u16::from_be_bytes([*n0, *n1]) != number || *found != unit {
        return Err(Error::Other);
    }
    Ok(data)
}

/// The objects of a device's identification: the kind of the request, how much of it the device
/// has, whether more follows and from where, their number; then each with its length.
fn identification(rest: &[u8]) -> Result<Answer, Error> {
    let [IDENTIFICATION, _, _, _, _, count, objects @ ..] = rest else {
        return Err(Error::Garbage("it does not identify itself"));
    };
    let mut all = BTreeMap::new();
    let mut objects = objects;
    for _ in 0..*count {
        let [id, length, after @ ..] = objects else {
            break;
        };
        let cut = after.split_at_checked(usize::from(*length));
        let (text, after) = cut.ok_or(Error::Garbage("an object of it is cut off"))?;
        all.insert(*id, String::from_utf8_lossy(text).trim().to_owned());
        objects = after;
    }
    Ok(Answer::Identified(all))
}

fn values(table: Table, count: u16, rest: &[u8]) -> Result<Answer, Error> {
    let (length, bytes) = rest.split_first().ok_or(Error::Short)?;
    let count = usize::from(count);
    let expected = if table.is_bits() {
        count.div_ceil(8)
    } else {
        count * 2
    };
    if usize::from(*length) != expected || bytes.len() != expected {
        return Err(Error::Garbage("it has another number of registers"));
    }
    let values = match table.is_bits() {
        true => (0..count)
            .filter_map(|at| Some(u16::from(bytes.get(at / 8)? >> (at % 8) & 1)))
            .collect(),
        false => bytes
            .chunks_exact(2)
            .filter_map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?)))
            .collect(),
    };
    Ok(Answer::Values(values))
}

/// The checksum of a serial line: CRC-16 with the polynomial 0xA001.
fn checksum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |sum, byte| {
        (0..8).fold(sum ^ u16::from(*byte), |sum, _| match sum & 1 {
            1 => sum >> 1 ^ 0xa001,
            _ => sum >> 1,
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const READ: Request = Request::Read {
        table: Table::Holding,
        at: 0x6b,
        count: 3,
    };

    #[test]
    fn frames_are_those_of_the_specification() {
        // The example of section 6.3 there.
        let frame = READ.frame(Framing::Tcp, 0x11, 7);
        assert_eq!(frame, [0, 7, 0, 0, 0, 6, 0x11, 3, 0, 0x6b, 0, 3]);
        let frame = READ.frame(Framing::Rtu, 0x11, 7);
        assert_eq!(frame, [0x11, 3, 0, 0x6b, 0, 3, 0x76, 0x87]);
        let coil = Request::WriteCoil { at: 0xac, on: true };
        assert_eq!(coil.frame(Framing::Tcp, 1, 0)[7..], [5, 0, 0xac, 0xff, 0]);
        let many = Request::WriteMany {
            at: 1,
            values: vec![10, 258],
        };
        assert_eq!(
            many.frame(Framing::Tcp, 1, 0)[7..],
            [16, 0, 1, 0, 2, 4, 0, 10, 1, 2]
        );
    }

    #[test]
    fn answers_are_read_in_both_framings() {
        let data = [3, 6, 2, 0x2b, 0, 0, 0, 0x64];
        let tcp = [&[0, 7, 0, 0, 0, 9, 0x11][..], &data].concat();
        let mut rtu = [&[0x11][..], &data].concat();
        rtu.extend(checksum(&rtu).to_le_bytes());
        let expect = Ok(Answer::Values(vec![0x22b, 0, 0x64]));
        assert_eq!(READ.answer(Framing::Tcp, (0x11, 7), &tcp), expect);
        assert_eq!(READ.answer(Framing::Rtu, (0x11, 7), &rtu), expect);
        let exception = [0, 7, 0, 0, 0, 3, 0x11, 0x83, 2];
        let expect = Ok(Answer::Exception(2));
        assert_eq!(READ.answer(Framing::Tcp, (0x11, 7), &exception), expect);
        let bits = Request::Read {
            table: Table::Coil,
            at: 0,
            count: 10,
        };
        let answer = [0, 0, 0, 0, 0, 5, 1, 1, 2, 0b1000_0001, 0b10];
        let expect = Ok(Answer::Values(vec![1, 0, 0, 0, 0, 0, 0, 1, 0, 1]));
        assert_eq!(bits.answer(Framing::Tcp, (1, 0), &answer), expect);
    }

    #[test]
    fn an_answer_to_something_else_is_none() {
        let good = [0, 7, 0, 0, 0, 9, 0x11, 3, 6, 0, 1, 0, 2, 0, 3];
        for (at, value, expect) in [
            (1, 8, Error::Other),
            (6, 1, Error::Other),
            (7, 4, Error::Other),
            (2, 1, Error::Garbage("its protocol is another one")),
            (8, 4, Error::Garbage("it has another number of registers")),
        ] {
            let mut bytes = good;
            bytes[at] = value;
            assert_eq!(
                READ.answer(Framing::Tcp, (0x11, 7), &bytes),
                Err(expect),
                "{at}"
            );
        }
        for length in 0..good.len() {
            let read = READ.answer(Framing::Tcp, (0x11, 7), &good[..length]);
            assert_eq!(read, Err(Error::Short), "{length}");
        }
        let write = Request::WriteOne { at: 5, value: 225 };
        let other = [0, 7, 0, 0, 0, 6, 0x11, 6, 0, 5, 0, 224];
        assert_eq!(
            write.answer(Framing::Tcp, (0x11, 7), &other),
            Err(Error::Other)
        );
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for framing in [Framing::Tcp, Framing::Rtu] {
                let _ = READ.answer(framing, (1, 1), &bytes);
            }
        }
    }
}
