//! Durations as people write them: `250ms`, `30s`, `5m`, `1h30m`.

use std::time::Duration;

/// The reason why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a duration: write for example 250ms, 30s, 5m or 1h30m")]
pub struct DurationError {
    /// The text that is not a duration.
    pub text: String,
}

const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// Parses a duration: numbers with units (`ms`, `s`, `m`, `h`, `d`), one after the other.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let wrong = || DurationError { text: text.into() };
    let mut rest = text.trim();
    let mut milliseconds = 0u64;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let count: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let letters = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        let (_, factor) = UNITS
            .iter()
            .find(|(unit, _)| *unit == &rest[..letters])
            .ok_or_else(wrong)?;
        milliseconds = count
            .checked_mul(*factor)
            .and_then(|added| milliseconds.checked_add(added))
            .ok_or_else(wrong)?;
        rest = &rest[letters..];
    }
    Ok(Duration::from_millis(milliseconds))
}

/// Formats a duration for people: from a second on, rounded to a second.
pub fn rough(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        return format(duration);
    }
    let rounded = duration.saturating_add(Duration::from_millis(500));
    format(Duration::from_secs(rounded.as_secs()))
}

/// Formats a duration, rounded to a millisecond, in the largest units that fit: `1h30m`.
pub fn format(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if rest == 0 {
        return "0s".into();
    }
    let mut text = String::new();
    for (unit, factor) in UNITS.iter().rev() {
        let count = rest / factor;
        rest %= factor;
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    text
}

/// Serializes a duration as text, for `#[serde(with = "utakata_model::duration")]`.
pub fn serialize<S: serde::Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&format(*duration))
}

/// Deserializes a duration from text, for `#[serde(with = "utakata_model::duration")]`.
pub fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = <String as serde::Deserialize>::deserialize(from)?;
    parse(&text).map_err(serde::de::Error::custom)
}

/// The text form of a duration that may be null.
pub mod option {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct Written(#[serde(with = "super")] Duration);

    /// Serializes the text, or null.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(duration: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        duration.map(Written).serialize(to)
    }

    /// Deserializes the text, or null.
    ///
    /// # Errors
    /// The text is not a duration.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        let written = Option::<Written>::deserialize(from)?;
        Ok(written.map(|Written(duration)| duration))
    }
}

/// The text form of a field that may be absent, for `#[serde(with =
/// "utakata_model::duration::optional")]`.
pub mod optional {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Serializes the duration, if there is one.
    pub fn serialize<S: Serializer>(duration: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => super::serialize(duration, to),
            None => to.serialize_none(),
        }
    }

    /// Deserializes the duration, if there is one.
    pub fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Option<Duration>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        let read = |text: String| super::parse(&text).map_err(D::Error::custom);
        text.map(read).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn people_are_not_told_milliseconds_of_seconds() {
        for (milliseconds, text) in [
            (0, "0s"),
            (999, "999ms"),
            (4_997, "5s"),
            (59_500, "1m"),
            (3_600_400, "1h"),
        ] {
            assert_eq!(rough(Duration::from_millis(milliseconds)), text);
        }
    }

    #[test]
    fn durations_read_as_people_write_them() {
        for (text, milliseconds) in [
            ("250ms", 250),
            ("30s", 30_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("0s", 0),
            ("1d", 86_400_000),
        ] {
            assert_eq!(
                parse(text),
                Ok(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
        for text in [
            "",
            "5",
            "s",
            "5 s",
            "5x",
            "-5s",
            "99999999999999999999s",
            "18446744073709551615d",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(milliseconds in 0u64..10_000_000_000) {
            let duration = Duration::from_millis(milliseconds);
            prop_assert_eq!(parse(&format(duration)), Ok(duration));
        }
    }
}
