//! The part of BER (X.690) that SNMP needs, without allocation when reading.

pub const INTEGER: u8 = 0x02;
pub const OCTET_STRING: u8 = 0x04;
pub const OBJECT_IDENTIFIER: u8 = 0x06;
pub const SEQUENCE: u8 = 0x30;
/// The tag of a Counter32.
pub const COUNTER32: u8 = 0x41;
/// The tag of a Gauge32.
pub const GAUGE32: u8 = 0x42;
/// The tag of TimeTicks.
pub const TIME_TICKS: u8 = 0x43;
/// The tag of a Counter64.
pub const COUNTER64: u8 = 0x46;

/// Takes the next element off `input`: its tag and its content. `None` if it is incomplete.
pub fn take<'a>(input: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&tag, rest) = input.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (
                digits
                    .iter()
                    .fold(0, |length, digit| length << 8 | usize::from(*digit)),
                rest,
            )
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    *input = rest;
    Some((tag, content))
}

/// Takes the next element off `input`, which must have this tag; returns its content.
pub fn expect<'a>(input: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    take(input)
        .filter(|(found, _)| *found == tag)
        .map(|(_, content)| content)
}

/// The number in the content of an INTEGER of up to eight bytes.
pub fn number(content: &[u8]) -> Option<i64> {
    let (&first, rest) = content.split_first()?;
    if content.len() > 8 {
        return None;
    }
    let sign = i64::from(first as i8);
    Some(
        rest.iter()
            .fold(sign, |number, byte| number << 8 | i64::from(*byte)),
    )
}

/// Appends an element.
pub fn put(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    put_head(out, tag, content.len());
    out.extend_from_slice(content);
}

/// Appends tag and length of an element of up to 65,535 bytes.
pub fn put_head(out: &mut Vec<u8>, tag: u8, length: usize) {
    out.push(tag);
    match length {
        0..=0x7f => out.push(length as u8),
        0x80..=0xff => out.extend_from_slice(&[0x81, length as u8]),
        _ => out.extend_from_slice(&[0x82, (length >> 8) as u8, length as u8]),
    }
}

/// Appends a non-negative number as an INTEGER-like element, in as few bytes as possible.
pub fn put_unsigned(out: &mut Vec<u8>, tag: u8, number: u64) {
    // One byte more than the number needs keeps its first bit, the sign, clear.
    let bytes = (u128::from(number)).to_be_bytes();
    let needed = 1 + (64 - number.leading_zeros() as usize) / 8;
    put(out, tag, &bytes[bytes.len() - needed..]);
}

/// Opens an element whose length is not known yet; [`close`] it with the mark returned.
pub fn open(out: &mut Vec<u8>, tag: u8) -> usize {
    out.extend_from_slice(&[tag, 0x82, 0, 0]);
    out.len()
}

/// Writes the length of the element opened at `mark`: everything appended since.
pub fn close(out: &mut [u8], mark: usize) {
    let length = out.len().saturating_sub(mark) as u16;
    if let Some(place) = mark
        .checked_sub(2)
        .and_then(|start| out.get_mut(start..mark))
    {
        place.copy_from_slice(&length.to_be_bytes());
    }
}
