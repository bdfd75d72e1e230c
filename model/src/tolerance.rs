//! The difference up to which a number that is read back counts as the one that was asked for.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A difference: of the unit of the reading, or a part of the value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tolerance {
    /// In the unit of the reading.
    Absolute(f64),
    /// In hundredths of the value.
    Percent(f64),
}

impl Tolerance {
    /// Returns true if a number is near enough to the one that was asked for.
    #[must_use]
    pub fn has(self, expected: f64, seen: f64) -> bool {
        let most = match self {
            Self::Absolute(most) => most,
            Self::Percent(percent) => expected.abs() * percent / 100.0,
        };
        (expected - seen).abs() <= most
    }
}

impl FromStr for Tolerance {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix('%').unwrap_or(text).trim();
        let parsed: Option<f64> = number.parse().ok();
        match parsed.filter(|number| number.is_finite() && *number >= 0.0) {
            Some(number) if text.ends_with('%') => Ok(Self::Percent(number)),
            Some(number) => Ok(Self::Absolute(number)),
            None => Err(format!(
                "\"{text}\" is no tolerance: a number in the unit of the reading, as in \"0.5\", \
                 or a part of the value, as in \"1%\""
            )),
        }
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absolute(number) => number.fmt(f),
            Self::Percent(number) => write!(f, "{number}%"),
        }
    }
}

impl Serialize for Tolerance {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Tolerance {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tolerance_is_of_the_unit_or_of_the_value() {
        for (text, expected, seen, has) in [
            ("0.5", 22.5, 23.0, true),
            ("0.5", 22.5, 23.1, false),
            ("0", 1.0, 1.0, true),
            ("1%", 450.0, 448.0, true),
            ("1%", 450.0, 440.0, false),
            ("1%", -450.0, -448.0, true),
        ] {
            let tolerance: Tolerance = text.parse().unwrap();
            assert_eq!(tolerance.has(expected, seen), has, "{text} {seen}");
            assert_eq!(tolerance.to_string(), text);
        }
        for text in ["", "%", "-1", "inf", "1 W"] {
            assert!(text.parse::<Tolerance>().is_err(), "{text}");
        }
    }
}
