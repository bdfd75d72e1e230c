//! Identifiers of things: texts by which the same thing is known again, however it is reached.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The length of the longest identifier, in bytes.
const LENGTH_MAX: usize = 160;
/// The shortest serial number that tells things apart.
const SERIAL_MIN: usize = 4;
/// The shortest engine id (RFC 3411, SnmpEngineID).
const ENGINE_MIN: usize = 5;

/// UUIDs that makers forget to replace: those of reference firmware.
const FORGOTTEN_UUIDS: [&str; 3] = [
    "03000200-0400-0500-0006-000700080009",
    "12345678-1234-5678-90ab-cddeefaabbcc",
    "00020003-0004-0005-0006-000700080009",
];
/// Serial numbers that are none.
const FORGOTTEN_SERIALS: [&str; 14] = [
    "none",
    "null",
    "n/a",
    "unknown",
    "default",
    "default string",
    "not specified",
    "not available",
    "system serial number",
    "chassis serial number",
    "to be filled by o.e.m.",
    "0123456789",
    "123456789",
    "1234567890",
];

/// A text by which a thing is known again: `uuid:4c4c4544-…`, `serial:apc:5A1203E01234`,
/// `engine:80001f88…`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[derive(utoipa::ToSchema)]
#[schema(value_type = String, example = "uuid:4c4c4544-0032-4b10-8053-b7c04f4c4d32")]
pub struct Identifier(Arc<str>);

/// The error for a text that is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0:.40}\" is not an identifier: a word, a colon and a text")]
pub struct NotAnIdentifier(String);

impl Identifier {
    /// Returns the identifier of a UUID in text, unless it is one that says nothing.
    pub fn uuid(text: &str) -> Option<Self> {
        Self::of_uuid(Uuid::parse_str(text.trim()).ok()?)
    }

    /// Returns the identifier of a UUID in bytes, in the order of RFC 9562, if it is one that can
    /// have been made by its rules.
    pub fn uuid_bytes(bytes: [u8; 16]) -> Option<Self> {
        let uuid = Uuid::from_bytes(bytes);
        let is_regular = matches!(uuid.get_variant(), uuid::Variant::RFC4122);
        let is_made = is_regular && (1..=8).contains(&uuid.get_version_num());
        Self::of_uuid(uuid).filter(|_| is_made)
    }

    fn of_uuid(uuid: Uuid) -> Option<Self> {
        let text = uuid.hyphenated().to_string();
        let is_known = FORGOTTEN_UUIDS.contains(&text.as_str());
        let is_empty = uuid.is_nil() || uuid.is_max();
        (!is_known && !is_empty).then(|| Self(format!("uuid:{text}").into()))
    }

    /// Returns the identifier of a serial number, which is its maker's.
    pub fn serial(vendor: Option<&str>, text: &str) -> Option<Self> {
        let text = text.trim();
        let is_forgotten = FORGOTTEN_SERIALS.contains(&text.to_lowercase().as_str());
        let is_one_character = |first| text.chars().all(|c| c == first);
        let says_nothing = text.chars().next().is_none_or(is_one_character);
        let is_plain = text.chars().all(|c| c.is_ascii_graphic() || c == ' ');
        if is_forgotten || says_nothing || !is_plain || text.len() < SERIAL_MIN {
            return None;
        }
        // "Dell Inc." and "DELL" are one maker.
        let vendor = vendor.unwrap_or_default().to_lowercase();
        let vendor = vendor.split(|c: char| !c.is_ascii_alphanumeric());
        let vendor = vendor.into_iter().find(|word| !word.is_empty());
        let text = match vendor {
            Some(vendor) => format!("serial:{vendor}:{text}"),
            None => format!("serial:{text}"),
        };
        (text.len() <= LENGTH_MAX).then(|| Self(text.into()))
    }

    /// Returns the identifier of an SNMP engine.
    pub fn engine(id: &[u8]) -> Option<Self> {
        let says_something = id.iter().any(|byte| !matches!(byte, 0 | 0xff));
        let is_one = (ENGINE_MIN..=32).contains(&id.len()) && says_something;
        let text = || id.iter().map(|byte| format!("{byte:02x}"));
        is_one.then(|| Self(format!("engine:{}", text().collect::<String>()).into()))
    }

    /// Returns the identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Identifier {
    type Error = NotAnIdentifier;

    fn try_from(text: String) -> Result<Self, NotAnIdentifier> {
        let is_word = |word: &str| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
        };
        let is_one = text.len() <= LENGTH_MAX
            && text.chars().all(|c| c.is_ascii_graphic() || c == ' ')
            && text
                .split_once(':')
                .is_some_and(|(word, rest)| is_word(word) && !rest.is_empty());
        match is_one {
            true => Ok(Self(text.into())),
            false => Err(NotAnIdentifier(text)),
        }
    }
}

impl From<Identifier> for String {
    fn from(identifier: Identifier) -> Self {
        identifier.0.as_ref().into()
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_things_have_in_common_identifies_none_of_them() {
        for text in [
            "00000000-0000-0000-0000-000000000000",
            "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
            "03000200-0400-0500-0006-000700080009",
            "not a uuid",
        ] {
            assert_eq!(Identifier::uuid(text), None, "{text}");
        }
        for text in [
            "",
            "0000",
            "N/A",
            "To be filled by O.E.M.",
            "1",
            "a\u{7}bcd",
        ] {
            assert_eq!(Identifier::serial(None, text), None, "{text:?}");
        }
        for id in [&[0; 12][..], &[1, 2, 3, 4], &[0xff; 8]] {
            assert_eq!(Identifier::engine(id), None, "{id:?}");
        }
        // Neither the version nor the variant of a UUID.
        assert_eq!(Identifier::uuid_bytes([0x11; 16]), None);
    }

    #[test]
    fn the_same_thing_has_the_same_identifier_in_other_words() {
        let uuid = |text| Identifier::uuid(text).unwrap().to_string();
        let upper = "4C4C4544-0032-4B10-8053-B7C04F4C4D32";
        assert_eq!(uuid(upper), format!("uuid:{}", upper.to_lowercase()));
        assert_eq!(uuid(&upper.replace('-', "")), uuid(upper));
        let serial = |vendor, text| Identifier::serial(vendor, text).unwrap().to_string();
        assert_eq!(
            serial(Some("Dell Inc."), " 7G2KLM2 "),
            "serial:dell:7G2KLM2"
        );
        assert_eq!(
            serial(Some("DELL"), "7G2KLM2"),
            serial(Some("Dell Inc."), "7G2KLM2")
        );
        assert_eq!(serial(None, "7G2KLM2"), "serial:7G2KLM2");
        let engine = Identifier::engine(&[0x80, 0, 0x1f, 0x88, 4]).unwrap();
        assert_eq!(engine.as_str(), "engine:80001f8804");
        for text in ["uuid:a", "mac:00 11"] {
            assert!(Identifier::try_from(text.to_owned()).is_ok(), "{text}");
        }
        for text in ["", "a", "a:", ":a", "A:b", "a:b\n"] {
            assert!(Identifier::try_from(text.to_owned()).is_err(), "{text:?}");
        }
    }
}
