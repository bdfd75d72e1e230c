//! The keys of a profile that all protocols share, as they are on disk (TOML).
//!
//! A protocol has further keys of its own: [`Keyed`] reads both from one table, refuses any that
//! neither knows, and keeps the place of every error.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use utakata_model::MetricName;

use crate::{
    condition::{Expectation, Test},
    number,
    raw::Literal,
};

/// The keys of a table in a file.
pub trait Keys: Default {
    /// The names of the keys.
    const KEYS: &'static [&'static str];

    /// Takes the value of a key that is one of [`Self::KEYS`].
    ///
    /// # Errors
    /// The value has the wrong type.
    fn take<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error>;
}

/// Returns the name of a field without the mark by which it may be a word of the language.
pub const fn plain(name: &'static str) -> &'static str {
    match name.as_bytes() {
        [b'r', b'#', ..] => name.split_at(2).1,
        _ => name,
    }
}

/// Declares a struct whose fields are the keys of a table, each with a default.
#[macro_export]
macro_rules! keys {
    ($(#[$of:meta])* pub struct $name:ident { $($(#[$doc:meta])* pub $field:ident: $type:ty,)* }) => {
        $(#[$of])*
        #[derive(Debug, Clone, Default)]
        pub struct $name { $($(#[$doc])* pub $field: $type,)* }

        impl $crate::form::Keys for $name {
            const KEYS: &'static [&'static str] = &[$($crate::form::plain(stringify!($field))),*];

            fn take<'de, A: serde::de::MapAccess<'de>>(
                &mut self,
                key: &str,
                map: &mut A,
            ) -> Result<(), A::Error> {
                // Without keys, nothing is taken.
                let _ = (&map, key);
                $(if key == $crate::form::plain(stringify!($field)) {
                    self.$field = map.next_value()?;
                })*
                Ok(())
            }
        }
    };
}

/// A table with the keys of a protocol and the shared ones.
#[derive(Debug, Clone, Default)]
pub struct Keyed<A, B> {
    /// The keys of the protocol.
    pub own: A,
    /// The shared keys.
    pub shared: B,
}

keys! {
    /// The keys that give a raw value its meaning.
    pub struct Value {
        pub metric: Option<MetricName>,
        /// The UCUM unit of the reading.
        pub unit: String,
        /// The factor by which the raw number is multiplied.
        pub factor: Option<f64>,
        /// The offset added after multiplying.
        pub offset: f64,
        /// The names of states, by raw value.
        pub states: States,
        /// The state for all other raw values. Absent: the raw value, marked suspect.
        pub other: Option<String>,
        /// `true` if the value is a text.
        pub text: bool,
        /// The raw values that mean "there is none".
        pub invalid: OneOrMany<Invalid>,
        /// The limits beyond which there is no reading.
        pub valid: Option<(f64, f64)>,
        /// The limit below which readings are suspect.
        pub min: Option<f64>,
        /// The limit above which readings are suspect.
        pub max: Option<f64>,
        /// The position of the number in a text: `"first"`, `"unit"`, or a pattern with one group.
        pub number: Option<String>,
        /// The name of a conversion.
        pub convert: Option<String>,
        /// The attributes of this metric alone.
        pub attributes: BTreeMap<String, String>,
    }
}

keys! {
    /// A condition on a raw value.
    pub struct Condition {
        /// The values of which it must be one.
        pub is: OneOrMany<Literal>,
        /// The values of which it must be none.
        pub not: OneOrMany<Literal>,
        pub above: Option<f64>,
        pub below: Option<f64>,
        /// The pattern that its text must match.
        pub matches: Option<String>,
        /// The pattern that its text must not match.
        pub unlike: Option<String>,
        /// `true` if there must be no value, `false` if there must be one.
        pub absent: Option<bool>,
        /// `true` if the condition also holds without a value.
        pub or_absent: bool,
    }
}

/// Names of raw values: a map, or the name of one in `[states.NAME]`.
#[derive(Debug, Clone)]
pub enum States {
    Map(BTreeMap<String, String>),
    Name(String),
}

/// Raw values that mean "not available".
#[derive(Debug, Clone)]
pub enum Invalid {
    /// A single value.
    Is(Literal),
    /// All values in a range.
    Range(InvalidRange),
}

/// A range of raw values that mean "there is none".
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InvalidRange {
    /// The number below which values are in the range.
    pub below: Option<f64>,
    /// The number above which values are in the range.
    pub above: Option<f64>,
    /// The pattern whose texts are in the range.
    pub matches: Option<String>,
}

/// A single item or a list.
#[derive(Debug, Clone)]
pub struct OneOrMany<T>(pub Vec<T>);

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl Default for States {
    fn default() -> Self {
        Self::Map(BTreeMap::new())
    }
}

impl States {
    /// Returns true if there is no condition.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Map(map) if map.is_empty())
    }
}

impl Condition {
    /// Compiles the condition.
    pub fn compile(&self) -> Result<Test, String> {
        type Stated = Option<Result<Expectation, String>>;
        let one_of: Stated =
            (!self.is.0.is_empty()).then(|| Ok(Expectation::OneOf(self.is.0.clone())));
        let none_of = (!self.not.0.is_empty()).then(|| Ok(Expectation::NoneOf(self.not.0.clone())));
        let between = (self.above.is_some() || self.below.is_some()).then(|| {
            Ok(Expectation::Between(
                self.above.unwrap_or(f64::NEG_INFINITY),
                self.below.unwrap_or(f64::INFINITY),
            ))
        });
        let absent = self.absent.map(|absent| match absent {
            true => Ok(Expectation::Absent),
            false => Ok(Expectation::Present),
        });
        let matches = self.matches.as_deref();
        let matches = matches.map(|text| Ok(Expectation::Matches(pattern(text)?)));
        let unlike = self.unlike.as_deref();
        let unlike = unlike.map(|text| Ok(Expectation::Unlike(pattern(text)?)));
        let all = [one_of, none_of, between, absent, matches, unlike];
        let mut given = all.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(wanted), None) => Ok(Test {
                wanted: wanted?,
                or_absent: self.or_absent,
            }),
            _ => Err(
                "a condition has one of \"is\", \"not\" and \"absent\", \"above\" and \"below\", \
                 \"matches\", \"unlike\""
                    .into(),
            ),
        }
    }
}

/// Compiles a regular expression in a file.
pub fn pattern(text: &str) -> Result<regex::Regex, String> {
    regex::Regex::new(text).map_err(|error| number::pattern_problem(text, &error))
}

impl<'de, A: Keys, B: Keys> Deserialize<'de> for Keyed<A, B> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct KeyedVisitor<A, B>(PhantomData<(A, B)>);
        impl<'de, A: Keys, B: Keys> Visitor<'de> for KeyedVisitor<A, B> {
            type Value = Keyed<A, B>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut keyed = Keyed {
                    own: A::default(),
                    shared: B::default(),
                };
                while let Some(key) = map.next_key_seed(KnownKeys(&[A::KEYS, B::KEYS]))? {
                    match A::KEYS.contains(&key.as_str()) {
                        true => keyed.own.take(&key, &mut map)?,
                        false => keyed.shared.take(&key, &mut map)?,
                    }
                }
                Ok(keyed)
            }
        }
        from.deserialize_map(KeyedVisitor(PhantomData))
    }
}

/// Reads the name of a key that is one of these, so that an unknown one is reported at its own
/// place.
struct KnownKeys<'a>(&'a [&'static [&'static str]]);

impl<'de> DeserializeSeed<'de> for KnownKeys<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<String, D::Error> {
        let key = String::deserialize(from)?;
        let mut known = self.0.iter().flat_map(|keys| keys.iter());
        if known.any(|one| *one == key) {
            return Ok(key);
        }
        let known = self.0.iter().flat_map(|keys| keys.iter());
        let known: Vec<String> = known.map(|one| format!("`{one}`")).collect();
        // The wording of serde, which `Error::parse` understands.
        let message = format!(
            "unknown field `{key}`, expected one of {}",
            known.join(", ")
        );
        Err(de::Error::custom(message))
    }
}

/// Reads a value that may be a number or a text.
struct LiteralVisitor;

impl Visitor<'_> for LiteralVisitor {
    type Value = Literal;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or a text")
    }
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Literal, E> {
        Ok(Literal::Number(number))
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Literal, E> {
        i64::try_from(number)
            .map(Literal::Number)
            .map_err(de::Error::custom)
    }
    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Literal, E> {
        Ok(Literal::Decimal(number))
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Literal, E> {
        Ok(Literal::Text(text.into()))
    }
}

impl<'de> Deserialize<'de> for Literal {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(LiteralVisitor)
    }
}

impl<'de> Deserialize<'de> for Invalid {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct InvalidVisitor;
        impl<'de> Visitor<'de> for InvalidVisitor {
            type Value = Invalid;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a text, or a table with below, above or matches")
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Invalid, E> {
                LiteralVisitor.visit_i64(number).map(Invalid::Is)
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Invalid, E> {
                LiteralVisitor.visit_u64(number).map(Invalid::Is)
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Invalid, E> {
                LiteralVisitor.visit_f64(number).map(Invalid::Is)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Invalid, E> {
                LiteralVisitor.visit_str(text).map(Invalid::Is)
            }
            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Invalid, M::Error> {
                InvalidRange::deserialize(MapAccessDeserializer::new(map)).map(Invalid::Range)
            }
        }
        from.deserialize_any(InvalidVisitor)
    }
}

impl<'de> Deserialize<'de> for States {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct StatesVisitor;
        impl<'de> Visitor<'de> for StatesVisitor {
            type Value = States;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of states, or the name of one in [states.NAME]")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<States, E> {
                Ok(States::Name(text.into()))
            }
            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<States, M::Error> {
                BTreeMap::deserialize(MapAccessDeserializer::new(map)).map(States::Map)
            }
        }
        from.deserialize_any(StatesVisitor)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Many<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Many<T> {
            type Value = Vec<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a single item, or a list")
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Vec<T>, E> {
                T::deserialize(de::value::I64Deserializer::new(number)).map(|one| vec![one])
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Vec<T>, E> {
                T::deserialize(de::value::F64Deserializer::new(number)).map(|one| vec![one])
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<T>, E> {
                T::deserialize(de::value::StrDeserializer::new(text)).map(|one| vec![one])
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vec<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|one| vec![one])
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
                let mut many = Vec::new();
                while let Some(one) = list.next_element()? {
                    many.push(one);
                }
                Ok(many)
            }
        }
        from.deserialize_any(Many(PhantomData)).map(Self)
    }
}

#[cfg(test)]
mod tests;
