//! Texts as devices send them: UTF-8, Latin-1, and with NULs.

use std::borrow::Cow;

/// The lengths of addresses and keys, at which a text that is not UTF-8 must look more like one
/// than elsewhere (4 and 16 for IP, 6 for MAC, 8 for EUI-64 and DateAndTime).
const OF_ADDRESSES: [usize; 4] = [4, 6, 8, 16];

/// The characters of Windows-1252 where Latin-1 has control characters; `\0` where it has none that
/// people write.
const WINDOWS: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘',
    '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

/// Returns the text in octets, without surrounding white space; `None` if they are not text.
/// Anything behind a NUL does not belong to it: C strings end there.
pub fn of(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let text = text_before_nul(bytes)?;
    if text.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return std::str::from_utf8(text)
            .ok()
            .map(|text| text.trim().into());
    }
    match std::str::from_utf8(text) {
        Ok(text) => is_printable(text).then(|| text.trim().into()),
        Err(_) if looks_latin(text) => {
            let text: String = text.iter().map(|byte| letter(*byte)).collect();
            Some(text.trim().to_owned().into())
        }
        Err(_) => None,
    }
}

/// Returns the text in octets, or the octets in hexadecimal.
pub fn shown(bytes: &[u8]) -> Cow<'_, str> {
    of(bytes).unwrap_or_else(|| {
        let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        digits.join(":").into()
    })
}

/// The words with which devices say "there is none", in lower case and without punctuation.
const NONE: [&str; 16] = [
    "",
    "n/a",
    "na",
    "nan",
    "none",
    "null",
    "nil",
    "no data",
    "not available",
    "unavailable",
    "not present",
    "absent",
    "not installed",
    "not supported",
    "unsupported",
    "unknown",
];

/// Returns true if a text in place of a number says that there is none.
pub fn says_none(text: &str) -> bool {
    let is_sign = |c: char| {
        c.is_whitespace() || matches!(c, '-' | '*' | '.' | '<' | '>' | '(' | ')' | '[' | ']' | '?')
    };
    NONE.contains(&text.trim_matches(is_sign).to_lowercase().as_str())
}

/// Returns the text before the first NUL. `None` if a NUL does not end a text here.
fn text_before_nul(bytes: &[u8]) -> Option<&[u8]> {
    let Some(end) = bytes.iter().position(|byte| *byte == 0) else {
        return Some(bytes);
    };
    let (text, rest) = bytes.split_at(end);
    if rest.iter().all(|byte| *byte == 0) {
        // A single NUL is more often a number than an empty text, and so are the octets of an
        // address.
        return (!text.is_empty() || !OF_ADDRESSES.contains(&bytes.len())).then_some(text);
    }
    let is_address = OF_ADDRESSES.contains(&bytes.len());
    let is_readable = |byte: &u8| matches!(byte, 0 | b' '..=b'~');
    (end > 1 && (!is_address || rest.iter().all(is_readable))).then_some(text)
}

fn is_printable(text: &str) -> bool {
    text.chars().all(|c| !c.is_control() || c.is_whitespace())
}

/// Returns true if octets that are not UTF-8 are a text in Latin-1 or Windows-1252.
fn looks_latin(bytes: &[u8]) -> bool {
    let is_shown = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0xa0..);
    let is_windows = |byte: &u8| matches!(byte, 0x80..0xa0) && letter(*byte) != '\0';
    if !bytes.iter().all(|byte| is_shown(byte) || is_windows(byte)) {
        return false;
    }
    let plain = bytes
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric() || **byte == b' ');
    let plain = plain.count();
    if !OF_ADDRESSES.contains(&bytes.len()) {
        return plain > 0 || bytes.len() < 4;
    }
    let is_of_names = |byte: &u8| match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => true,
        b' ' | b'-' | b'_' | b'.' | b',' | b':' | b'/' | b'(' | b')' | b'#' | b'+' | b'&' => true,
        0xb0 | 0xb2 | 0xb3 | 0xb5 => true, // °, ², ³, µ
        0xd7 | 0xf7 => false,              // ×, ÷
        byte => *byte >= 0xc0,
    };
    bytes.iter().all(is_of_names) && plain * 2 > bytes.len()
}

/// Returns the character of an octet in Windows-1252, which includes those of Latin-1.
fn letter(byte: u8) -> char {
    match byte {
        0x80..0xa0 => WINDOWS[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn octets_are_the_text_that_was_meant_or_shown_in_hexadecimal() {
        for (bytes, expect) in [
            (&b"PDU A1\0"[..], "PDU A1"),
            (b"db\0old junk", "db"),
            (b"db\0\0\0\0\0\0", "db"),
            (b"PDU\0fw 1.2\xff\xff", "PDU"),
            (b"Z\xfcrich", "Zürich"),
            ("Zürich".as_bytes(), "Zürich"),
            (b"Halle 3, Z\xfcri", "Halle 3, Züri"),
            (b"Temp \xb0C", "Temp °C"),
            (b"rack \x96 left", "rack – left"),
            (b"B\xfcro", "Büro"),
            (b"   ", ""),
            (b"", ""),
            (b"line1\nline2", "line1\nline2"),
            (b"\x54\x10\xec\xa1\x3c\x3f", "54:10:ec:a1:3c:3f"),
            (b"\x54\x70\xec\xa1\x3c\x3f", "54:70:ec:a1:3c:3f"),
            (b"\x00\x1b\x21\x3c\x4d\x5e", "00:1b:21:3c:4d:5e"),
            (b"\x54\x70\x00\xa1\x3c\x3f", "54:70:00:a1:3c:3f"),
            (b"\x00\x00\x00\x00\x00\x00", "00:00:00:00:00:00"),
            (b"\xc0\xa8\x64\x65", "c0:a8:64:65"),
            (
                b"\x07\xe8\x01\x02\x0c\x1e\x00\x00",
                "07:e8:01:02:0c:1e:00:00",
            ),
            (b"\x07", "07"),
            (b"\x1b[31mred", "1b:5b:33:31:6d:72:65:64"),
        ] {
            assert_eq!(shown(bytes), expect, "{bytes:?}");
        }
    }

    #[test]
    fn words_for_none_are_known() {
        for (text, expect) in [
            ("N/A", true),
            ("--", true),
            ("", true),
            ("<none>", true),
            (" Not available. ", true),
            ("25 bananas", false),
            ("0x1a", false),
            ("23.5", false),
        ] {
            assert_eq!(says_none(text), expect, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_octets_are_shown_and_never_with_a_control_character(
            bytes in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let text = shown(&bytes);
            prop_assert!(text.chars().all(|c| !c.is_control() || c.is_whitespace()), "{text:?}");
        }

        #[test]
        fn what_was_written_in_utf_8_comes_back(text in "[ -~À-ÿ°µ€äß中]{0,40}") {
            prop_assert_eq!(shown(text.as_bytes()), text.trim());
        }

        #[test]
        fn names_in_latin_1_come_back(text in "[A-Za-z0-9 ]{3,8}[A-Za-z ][À-ÖØ-öø-ÿ][a-z ][A-Za-z0-9 ]{0,20}") {
            let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
            prop_assert_eq!(shown(&latin), text.trim());
        }

        #[test]
        fn nothing_behind_a_nul_is_shown(text in "[A-Za-z ]{9,20}", junk in "[a-z]{0,9}") {
            let bytes = [text.as_bytes(), b"\0", junk.as_bytes()].concat();
            prop_assert_eq!(shown(&bytes), text.trim());
        }
    }
}
