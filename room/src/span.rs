//! Durations as people write them: `250ms`, `3s`, `2m`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// The error for a text that is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration: write a number and ms, s, m or h, like 250ms or 3s")]
pub struct Error(String);

/// Parses a duration: a whole number followed by `ms`, `s`, `m` or `h`.
pub fn parse(text: &str) -> Result<Duration, Error> {
    let refused = || Error(text.to_owned());
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .ok_or_else(refused)?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| refused())?;
    let milliseconds = match unit.trim() {
        "ms" => Some(number),
        "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => None,
    };
    milliseconds.map(Duration::from_millis).ok_or_else(refused)
}

/// Deserializes a duration, for `#[serde(deserialize_with = "span::deserialize")]`.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, milliseconds) in [
            ("250ms", Some(250)),
            ("3s", Some(3_000)),
            (" 2m ", Some(120_000)),
            ("1h", Some(3_600_000)),
        ]
        .into_iter()
        .chain([
            ("", None),
            ("3", None),
            ("s", None),
            ("-1s", None),
            ("3 parsec", None),
        ])
        .chain([
            ("99999999999999999999s", None),
            ("18446744073709551615h", None),
        ]) {
            assert_eq!(
                parse(text).ok(),
                milliseconds.map(Duration::from_millis),
                "{text}"
            );
        }
    }
}
