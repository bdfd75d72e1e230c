//! Long texts, compressed: similar lines of JSON take a twentieth of their space.

use std::io;

/// Shorter texts are left uncompressed, so that the database's own tools can read them.
const FROM: usize = 4096;
/// The level of zstd: the next one takes longer and compresses these texts no better.
const LEVEL: i32 = 1;

/// The compressed text alone; or the text as it is.
pub(super) struct Packed<'t> {
    pub text: &'t str,
    pub bytes: Vec<u8>,
}

/// Compresses a text that is long enough.
///
/// # Errors
/// There is not enough memory.
pub(super) fn pack(text: &str) -> io::Result<Packed<'_>> {
    if text.len() < FROM {
        let bytes = Vec::new();
        return Ok(Packed { text, bytes });
    }
    let bytes = zstd::bulk::compress(text.as_bytes(), LEVEL)?;
    Ok(Packed { text: "", bytes })
}

/// Decompresses a text.
///
/// # Errors
/// It is not a compressed text.
pub(super) fn unpack(bytes: &[u8]) -> io::Result<String> {
    let text = zstd::stream::decode_all(bytes)?;
    String::from_utf8(text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_is_unpacked_and_what_is_short_stays_as_it_is() {
        let line = r#"{"at":"2026-11-24T00:00:00Z","what":"task.state","state":"queued"}"#;
        let long = format!("{line}\n").repeat(FROM / line.len() + 1);
        let packed = pack(&long).unwrap();
        assert_eq!(packed.text, "");
        assert!(packed.bytes.len() * 20 < long.len());
        assert_eq!(unpack(&packed.bytes).unwrap(), long);
        let short = pack(line).unwrap();
        assert_eq!((short.text, short.bytes), (line, Vec::new()));
    }

    #[test]
    fn what_is_damaged_is_refused_and_not_read_as_something_else() {
        let packed = pack(&"one line\n".repeat(1000)).unwrap().bytes;
        assert!(unpack(&packed[..packed.len() - 1]).is_err());
        assert!(unpack(b"no frame").is_err());
    }
}
