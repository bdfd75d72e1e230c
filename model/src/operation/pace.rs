//! The pace of an operation: the number of targets at a time, their order, and when to stop.

use std::{fmt, num::NonZeroU32, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize};

use crate::label::is_key_character;

/// The pace at which an operation goes through its targets. By default it has no limits: all
/// targets at once, ordered by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Pace {
    /// The number of targets at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_a_time: Option<AtATime>,
    /// The number of targets at a time that have the same value of a label. All of these limits
    /// apply together.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub at_most: Vec<AtMost>,
    /// The label by which targets are ordered. Numbers in its value count as numbers (`u9` before
    /// `u10`), targets without it come last, and those with the same value are ordered by name.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "optional_key"
    )]
    #[schema(pattern = "^[A-Za-z0-9._/-]+$")]
    pub order_by: Option<String>,
    /// The number of tasks that may fail, expire or be unsettled before no further one begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1)]
    pub stop_after: Option<NonZeroU32>,
}

impl Pace {
    /// Returns true if it is the default pace.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Returns true if it has no limits.
    pub fn is_unlimited(&self) -> bool {
        self.at_a_time.is_none() && self.at_most.is_empty() && self.stop_after.is_none()
    }
}

/// A number of targets at a time: absolute (`10`), or a share of the operation's targets (`25%`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AtATime(Amount);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Amount {
    Number(NonZeroU32),
    /// A share from 1 to 100.
    Percent(u32),
}

impl AtATime {
    /// Returns the number of targets at a time for an operation with that many targets: a share is
    /// rounded up, and never 0.
    pub fn of(self, targets: usize) -> usize {
        match self.0 {
            Amount::Number(number) => usize::try_from(number.get()).unwrap_or(usize::MAX),
            Amount::Percent(percent) => {
                let share = targets as u128 * u128::from(percent);
                usize::try_from(share.div_ceil(100)).map_or(usize::MAX, |share| share.max(1))
            }
        }
    }
}

impl fmt::Display for AtATime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Amount::Number(number) => number.fmt(f),
            Amount::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl FromStr for AtATime {
    type Err = PaceError;

    fn from_str(text: &str) -> Result<Self, PaceError> {
        let amount = match text.strip_suffix('%') {
            Some(percent) => number(percent)
                .filter(|percent| percent.get() <= 100)
                .map(|percent| Amount::Percent(percent.get())),
            None => number(text).map(Amount::Number),
        };
        amount
            .map(Self)
            .ok_or_else(|| PaceError::AtATime { text: text.into() })
    }
}

text_form!(AtATime);

impl utoipa::PartialSchema for AtATime {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(
                "How many at a time: a number (10), or a share of the operation's targets (25%), \
                 rounded up",
            ))
            .pattern(Some("^(0*[1-9][0-9]*|0*([1-9][0-9]?|100)%)$"))
            .examples(["10", "25%"])
            .into()
    }
}

impl utoipa::ToSchema for AtATime {}

/// The number of targets at a time that have the same value of a label. With the label `rack`, two
/// targets in the same rack are limited and two in different racks are not; a target without the
/// label is not limited at all.
///
/// As text it is `1/rack`: one per rack.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AtMost {
    /// The key of the label, or one of the words that selectors read from the target itself
    /// (`kind`, `zone`, `address`).
    #[serde(deserialize_with = "key")]
    #[schema(pattern = "^[A-Za-z0-9._/-]+$")]
    pub label: String,
    /// The largest number of targets at a time.
    #[schema(value_type = u32, minimum = 1)]
    pub max: NonZeroU32,
}

impl fmt::Display for AtMost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.max, self.label)
    }
}

impl FromStr for AtMost {
    type Err = PaceError;

    fn from_str(text: &str) -> Result<Self, PaceError> {
        let wrong = || PaceError::AtMost { text: text.into() };
        // The number comes first, because a label may contain slashes.
        let (max, label) = text.split_once('/').ok_or_else(wrong)?;
        let max = number(max).ok_or_else(wrong)?;
        let label = checked(label)?.to_owned();
        Ok(Self { label, max })
    }
}

/// The reason why a text is not part of a pace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PaceError {
    /// The text is not a number of targets at a time.
    #[error(
        "\"{text}\" is not a number of targets, nor a share from 1% to 100%: write for example 10 or 25%"
    )]
    AtATime {
        /// The rejected text.
        text: String,
    },
    /// The text is not a limit per label.
    #[error("\"{text}\" is not a number and a label: write for example 1/rack")]
    AtMost {
        /// The rejected text.
        text: String,
    },
    /// The text is not the key of a label.
    #[error(
        "\"{text}\" is not the key of a label: use letters, digits, '.', '_', '-' and '/', as in \
         rack"
    )]
    Key {
        /// The rejected text.
        text: String,
    },
}

/// Returns the key of a label, if it is one.
///
/// # Errors
/// It is empty, or has a character that labels cannot have.
pub fn checked(key: &str) -> Result<&str, PaceError> {
    if !key.is_empty() && key.chars().all(is_key_character) {
        return Ok(key);
    }
    Err(PaceError::Key { text: key.into() })
}

fn number(text: &str) -> Option<NonZeroU32> {
    // The standard library would accept a sign, too.
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

fn key<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    checked(&text).map_err(serde::de::Error::custom)?;
    Ok(text)
}

fn optional_key<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    if let Some(text) = &text {
        checked(text).map_err(serde::de::Error::custom)?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
