//! The frame of a row in the journal. Pure.

use std::ops::Range;

/// The bytes before a payload: marker, length, checksum.
pub const HEAD: usize = 12;
/// The largest payload: a row of some million values.
pub const MAX_PAYLOAD: usize = 1 << 24;

/// No UTF-8 text contains its first byte.
const MARKER: [u8; 4] = [0xff, b'u', b'J', 1];

/// The next thing in the bytes of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A row, with the place of its payload; it ends where the payload does.
    Row(Range<usize>),
    /// Bytes that are no row.
    Damaged(usize),
    /// The rest may be the beginning of a row.
    Short,
}

/// Appends a payload in its frame.
pub fn frame(to: &mut Vec<u8>, payload: impl FnOnce(&mut Vec<u8>)) {
    let start = to.len();
    to.extend_from_slice(&MARKER);
    to.extend_from_slice(&[0; 8]);
    payload(to);
    let len = u32::try_from(to.len() - start - HEAD).unwrap_or(u32::MAX);
    to[start + 4..start + 8].copy_from_slice(&len.to_le_bytes());
    let sum = checksum(&to[start + 4..start + 8], &to[start + HEAD..]);
    to[start + 8..start + HEAD].copy_from_slice(&sum.to_le_bytes());
}

fn checksum(len: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(len);
    hasher.update(payload);
    hasher.finalize()
}

/// Returns the next thing in bytes that begin where a row should.
pub fn step(bytes: &[u8]) -> Step {
    let mut skipped = 0;
    loop {
        match row_at(&bytes[skipped..]) {
            Step::Row(_) | Step::Short if skipped > 0 => return Step::Damaged(skipped),
            Step::Damaged(_) => {}
            found => return found,
        }
        skipped += 1;
        let next = bytes[skipped..].iter().position(|one| *one == MARKER[0]);
        match next {
            Some(next) => skipped += next,
            None => return Step::Damaged(bytes.len()),
        }
    }
}

/// Returns the row at the beginning, `Short` if there may be one, or `Damaged` if there is none.
fn row_at(bytes: &[u8]) -> Step {
    let marked = bytes.len().min(MARKER.len());
    if bytes[..marked] != MARKER[..marked] {
        return Step::Damaged(0);
    }
    let Some(len) = bytes.get(4..8).and_then(|len| len.first_chunk::<4>()) else {
        return Step::Short;
    };
    let size = u32::from_le_bytes(*len) as usize;
    if size > MAX_PAYLOAD {
        return Step::Damaged(0);
    }
    let end = HEAD + size;
    let Some(payload) = bytes.get(HEAD..end) else {
        return Step::Short;
    };
    match checksum(len, payload).to_le_bytes() == bytes[8..HEAD] {
        true => Step::Row(HEAD..end),
        false => Step::Damaged(0),
    }
}
