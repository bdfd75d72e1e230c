//! The part of BER (X.690) that SNMP needs, on slices: no copies, and no panic on any bytes.

use std::ops::Range;

use async_snmp::{Oid, Value};
use bytes::Bytes;
use utakata_worker_sdk::invariant;

use super::Absence;

/// The most numbers in an OID (RFC 2578, section 3.5).
const ARCS_MAX: usize = 128;

pub mod tag {
    pub const INTEGER: u8 = 0x02;
    pub const OCTETS: u8 = 0x04;
    pub const NULL: u8 = 0x05;
    pub const OID: u8 = 0x06;
    pub const IP_ADDRESS: u8 = 0x40;
    pub const COUNTER32: u8 = 0x41;
    pub const GAUGE32: u8 = 0x42;
    pub const TIME_TICKS: u8 = 0x43;
    pub const OPAQUE: u8 = 0x44;
    pub const COUNTER64: u8 = 0x46;
    /// From RFC 1442; a Gauge32 by another name.
    pub const UINTEGER32: u8 = 0x47;
    pub const NO_SUCH_OBJECT: u8 = 0x80;
    pub const NO_SUCH_INSTANCE: u8 = 0x81;
    pub const END_OF_MIB_VIEW: u8 = 0x82;
}

/// Reads one element after another.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
}

/// The content of an element, as a range in the message.
#[derive(Debug, Clone, Copy)]
pub struct Content {
    /// The position of its first byte.
    pub from: usize,
    /// The position after its last byte.
    pub to: usize,
}

impl Content {
    /// Its bytes in the message.
    pub fn of(self, message: &[u8]) -> &[u8] {
        let bytes = message.get(self.from..self.to);
        let what = "a content is not in the message it was read from";
        invariant::present(bytes, what, &self.to).unwrap_or_default()
    }
}

impl<'a> Reader<'a> {
    /// Reads a whole message.
    pub fn of(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            end: bytes.len(),
        }
    }

    /// Returns the number of bytes left.
    pub fn left(&self) -> usize {
        self.end.saturating_sub(self.at)
    }

    /// Returns true if everything was read.
    pub fn is_empty(&self) -> bool {
        self.left() == 0
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(..self.end)?.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// Reads a length. It may use more bytes than necessary.
    fn length(&mut self) -> Option<usize> {
        match self.byte()? {
            short @ ..=0x7f => Some(usize::from(short)),
            long @ 0x81..=0x84 => (0x80..long).try_fold(0_usize, |length, _| {
                Some(length << 8 | usize::from(self.byte()?))
            }),
            _ => None,
        }
    }

    /// Reads the next element, whatever its tag.
    pub fn any(&mut self) -> Option<(u8, Content)> {
        let tag = self.byte()?;
        let length = self.length()?;
        let (from, to) = (self.at, self.at.checked_add(length)?);
        if to > self.end {
            return None;
        }
        self.at = to;
        Some((tag, Content { from, to }))
    }

    /// Reads the next element, which must have this tag.
    pub fn take(&mut self, expected: u8) -> Option<Content> {
        self.any()
            .and_then(|(tag, content)| (tag == expected).then_some(content))
    }

    /// Returns a reader for the content of the next element.
    pub fn inside(&mut self, expected: u8) -> Option<Self> {
        let Content { from, to } = self.take(expected)?;
        Some(Self {
            bytes: self.bytes,
            at: from,
            end: to,
        })
    }

    /// Returns a reader for the content of the next element, as far as it was received.
    pub fn inside_cut(&mut self, expected: u8) -> Option<Self> {
        self.any_inside_cut()
            .and_then(|(tag, inside)| (tag == expected).then_some(inside))
    }

    /// The same for an element with any tag, and its tag.
    pub fn any_inside_cut(&mut self) -> Option<(u8, Self)> {
        let tag = self.byte()?;
        let length = self.length()?;
        let (at, end) = (self.at, self.at.saturating_add(length).min(self.end));
        self.at = end;
        let inside = Self {
            bytes: self.bytes,
            at,
            end,
        };
        Some((tag, inside))
    }

    /// Reads the next number.
    pub fn integer(&mut self, expected: u8) -> Option<i32> {
        let content = self.take(expected)?.of(self.bytes);
        (1..=8).contains(&content.len()).then(|| signed(content))
    }
}

/// Writes an element.
pub fn put(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    out.push(tag);
    let length = content.len().to_be_bytes();
    match content.len() {
        ..=0x7f => out.extend(length.last()),
        0x80..=0xff => {
            out.push(0x81);
            out.extend(length.last());
        }
        _ => {
            // UDP messages fit into this length.
            out.push(0x82);
            out.extend(length.last_chunk::<2>().into_iter().flatten());
        }
    }
    out.extend_from_slice(content);
}

/// Writes a number in as few bytes as possible.
pub fn put_integer(out: &mut Vec<u8>, tag: u8, number: i32) {
    let bytes = number.to_be_bytes();
    let fill = if number < 0 { 0xff } else { 0 };
    let spare = bytes.windows(2).take_while(|pair| {
        pair.first() == Some(&fill) && pair.last().is_some_and(|next| (next ^ fill) < 0x80)
    });
    put(out, tag, bytes.get(spare.count()..).unwrap_or_default());
}

/// Writes a number of an OID.
pub fn put_arc(out: &mut Vec<u8>, arc: u32) {
    for shift in [28, 21, 14, 7] {
        if arc >> shift > 0 {
            out.push(0x80 | (arc >> shift & 0x7f) as u8);
        }
    }
    out.push((arc & 0x7f) as u8);
}

/// Decodes the numbers of a part of an OID. `None` if they are not encoded correctly.
pub fn put_arcs(bytes: &[u8], arcs: &mut Vec<u32>) -> Option<()> {
    let mut arc: u32 = 0;
    let mut is_inside = false;
    for byte in bytes {
        if arc > u32::MAX >> 7 || (!is_inside && *byte == 0x80) {
            return None;
        }
        arc = arc << 7 | u32::from(byte & 0x7f);
        is_inside = byte & 0x80 != 0;
        if !is_inside {
            arcs.push(std::mem::take(&mut arc));
        }
    }
    (!is_inside).then_some(())
}

/// Returns true if these are the bytes of an OID in its canonical encoding.
pub fn is_oid(bytes: &[u8]) -> bool {
    // The first number stands for two.
    let (mut arcs, mut length, mut first) = (1, 0, 0);
    for byte in bytes {
        if length == 0 {
            first = *byte;
        }
        // A number of 32 bits has at most five bytes, with four bits in the first.
        let too_large = length == 4 && (*byte >= 0x80 || first > 0x8f);
        if too_large || first == 0x80 {
            return false;
        }
        length += 1;
        if *byte < 0x80 {
            arcs += 1;
            length = 0;
        }
    }
    arcs > 1 && length == 0 && arcs <= ARCS_MAX
}

/// Returns the exception that a tag stands for.
pub fn absence(tag: u8) -> Option<Absence> {
    match tag {
        tag::NULL | tag::NO_SUCH_OBJECT | tag::NO_SUCH_INSTANCE => Some(Absence::Hole),
        tag::END_OF_MIB_VIEW => Some(Absence::End),
        _ => None,
    }
}

/// Decodes the value at this range, which has been checked.
pub fn value(tag: u8, place: Range<usize>, message: &Bytes) -> Value {
    let what = "a value is not in the message it was read from";
    let (end, content) = (place.end, message.get(place));
    let content = invariant::present(content, what, &end).unwrap_or_default();
    let number = |content| u32::try_from(unsigned(content)).unwrap_or(u32::MAX);
    match tag {
        tag::INTEGER => Value::Integer(signed(content)),
        tag::OCTETS => Value::OctetString(message.slice_ref(content)),
        tag::OPAQUE => Value::Opaque(message.slice_ref(content)),
        tag::OID => Oid::from_ber(content).map_or(Value::Null, Value::ObjectIdentifier),
        tag::IP_ADDRESS => <[u8; 4]>::try_from(content).map_or(Value::Null, Value::IpAddress),
        tag::COUNTER32 => Value::Counter32(number(content)),
        tag::GAUGE32 | tag::UINTEGER32 => Value::Gauge32(number(content)),
        tag::TIME_TICKS => Value::TimeTicks(number(content)),
        tag::COUNTER64 => Value::Counter64(unsigned(content)),
        tag::NO_SUCH_OBJECT => Value::NoSuchObject,
        tag::NO_SUCH_INSTANCE => Value::NoSuchInstance,
        tag::END_OF_MIB_VIEW => Value::EndOfMibView,
        _ => Value::Null,
    }
}

fn unsigned(content: &[u8]) -> u64 {
    let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    content.iter().fold(0, add)
}

fn signed(content: &[u8]) -> i32 {
    let negative = content.first().is_some_and(|first| *first >= 0x80);
    let begin = if negative { -1 } else { 0 };
    let add = |number: i32, byte: &u8| number << 8 | i32::from(*byte);
    content.iter().fold(begin, add)
}
