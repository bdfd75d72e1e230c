//! The file format of a profile (TOML): the keys that SNMP adds to those common to all protocols.
//! Contents are checked and resolved elsewhere.

use std::{collections::BTreeMap, fmt};

use async_snmp::Oid;
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};
use toml::Spanned;
use utakata_profile::{
    form::{self, Keyed, Keys, OneOrMany, States},
    keys,
    raw::Literal,
};

use super::Instance;

keys! {
    /// A profile: the meaning of a device's objects.
    pub struct File {
        /// The conditions by which a device is recognised; absent: only explicit use.
        pub r#match: Option<Spanned<Match>>,
        /// The single values.
        pub scalar: Vec<Spanned<Metric>>,
        pub table: Vec<Spanned<Table>>,
        /// Reads of a single instance, by the name of the action.
        pub observe: BTreeMap<String, Observe>,
        /// Controls, by the name of the action.
        pub control: BTreeMap<String, Control>,
        /// The OIDs of notifications, by their names.
        pub notification: BTreeMap<String, OidText>,
        /// The OIDs of objects that come with notifications, by their names.
        pub object: BTreeMap<String, OidText>,
    }
}

/// The conditions by which a device is recognised: any one of these suffices, unless an exception
/// matches.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    /// Prefixes of sysObjectID.
    pub system: Vec<OidText>,
    /// Subtrees of which one must not be empty.
    pub present: Vec<OidText>,
    /// The pattern that sysDescr must match.
    pub description: Option<String>,
    /// The devices that are excluded.
    pub except: Except,
}

/// Devices excluded even if a condition matches.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Except {
    /// Prefixes of sysObjectID.
    pub system: Vec<OidText>,
    /// The pattern that sysDescr must match.
    pub description: Option<String>,
}

/// A table: rows that share an index.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The OID of the entry, to which column numbers are relative.
    pub entry: OidText,
    /// Conditions for a row to be read: all of them must hold.
    #[serde(default)]
    pub when: OneOrMany<Condition>,
    /// The index of the single row selected by these parameters of `read`: `"{outlet}"`.
    #[serde(default)]
    pub row: Option<String>,
    /// Attributes of every reading of a row.
    #[serde(default)]
    pub attributes: BTreeMap<String, Attribute>,
    /// The metrics of each row.
    pub metric: Vec<Spanned<Metric>>,
}

/// A metric, either of a scalar (`oid`) or of the rows of a table (`column`).
pub type Metric = Keyed<MetricKeys, form::Value>;

keys! {
    /// The place from which a metric is read, and its conditions.
    pub struct MetricKeys {
        /// Scalar: the instance to read; in an action, with `{parameter}` in place of its
        /// parameters.
        pub oid: Option<InstanceText>,
        /// In a table: the column to read.
        pub column: Option<ColumnRef>,
        /// The columns to use when the device has no value there.
        pub or: OneOrMany<ColumnRef>,
        /// Scalar: alternatives; the largest value counts.
        pub largest: OneOrMany<Largest>,
        /// The column with a scale, in the form given by `scale_form`.
        pub scale: Option<ColumnRef>,
        /// `"si"` (1 yocto ... 9 units ... 17 yotta, as in ENTITY-SENSOR-MIB), `"power-of-ten"`,
        /// `"signed-divisor"` (-100 divides by 100, 10 multiplies by 10).
        pub scale_form: Option<String>,
        /// The column with the number of decimal digits.
        pub precision: Option<ColumnRef>,
        /// The column with a factor for the raw number, such as the size of a unit.
        pub times: Option<ColumnRef>,
        /// The column with a divisor for the raw number.
        pub divide_by: Option<ColumnRef>,
        /// The object that states the unit of the number.
        pub unit_of: Option<UnitOf>,
        /// Conditions for it to be read: all of them must hold.
        pub when: OneOrMany<Condition>,
        /// Table: selects the metric by a neighbouring value.
        pub by: Option<By>,
    }
}

/// A condition: an operand, and what it must satisfy.
pub type Condition = Keyed<Operand, form::Condition>;

keys! {
    /// The operand; exactly one of `oid`, `column`, `index`, `join` is given.
    pub struct Operand {
        /// A scalar, including its instance.
        pub oid: Option<OidText>,
        /// A column of the row.
        pub column: Option<ColumnRef>,
        /// A component of the index, from 1.
        pub index: Option<usize>,
        /// A column of another table.
        pub join: Option<OidText>,
        /// Selects the row of the join by these components of the index.
        pub by: OneOrMany<usize>,
        /// Selects the row of the join by the number in this column.
        pub by_column: Option<ColumnRef>,
    }
}

/// The object that states the unit of a number, and the raw values for each unit.
pub type UnitOf = Keyed<Operand, Units>;

keys! {
    /// Raw values, by the unit they mean.
    pub struct Units {
        /// The values that mean degrees Celsius.
        pub celsius: OneOrMany<Literal>,
        /// The values that mean degrees Fahrenheit.
        pub fahrenheit: OneOrMany<Literal>,
        pub kelvin: OneOrMany<Literal>,
    }
}

/// Selects a column's metric by a neighbouring value.
#[derive(Debug, Clone, Default)]
pub struct By {
    pub of: Operand,
    /// The metric for each raw value.
    pub choices: BTreeMap<String, Choice>,
}

/// A metric that a column may stand for.
#[derive(Debug, Clone)]
pub enum Choice {
    /// A well-known metric, by name.
    Name(String),
    /// One with its own keys.
    Keys(Box<Keyed<Nothing, form::Value>>),
}

keys! {
    /// No keys other than the common ones.
    pub struct Nothing {}
}

/// An alternative scalar for the same metric.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Largest {
    /// The instance to read.
    pub oid: OidText,
    /// The factor by which its number is multiplied.
    #[serde(default = "one")]
    pub factor: f64,
}

fn one() -> f64 {
    1.0
}

/// The origin of an attribute.
#[derive(Debug, Clone)]
pub enum Attribute {
    /// A constant text.
    Constant(String),
    /// A value in the row.
    Row(Box<RowAttribute>),
}

/// An attribute taken from the row; exactly one of `column`, `index`, `join` is given.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowAttribute {
    /// The column with the text.
    #[serde(default)]
    pub column: Option<ColumnRef>,
    /// The columns to use when that one has no value.
    #[serde(default)]
    pub or: OneOrMany<ColumnRef>,
    /// A component of the index, from 1, or `"*"` for the whole index.
    #[serde(default)]
    pub index: Option<IndexPart>,
    /// A column of another table.
    #[serde(default)]
    pub join: Option<OidText>,
    /// Selects the row of the join by these components of the index.
    #[serde(default)]
    pub by: OneOrMany<usize>,
    /// Selects the row of the join by the number in this column.
    #[serde(default)]
    pub by_column: Option<ColumnRef>,
    /// Index: the component before it with the unit, omitted for the first unit.
    #[serde(default)]
    pub unit: Option<usize>,
    /// Replacements for the text found.
    #[serde(default)]
    pub states: States,
    /// The text, with `{}` in place of the value.
    #[serde(default)]
    pub format: Option<String>,
}

/// A component of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexPart {
    /// The whole index, dotted.
    All,
    /// One number of it, counted from 1.
    Part(usize),
}

/// A read of the instance selected by the parameters of an action.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observe {
    /// Scalars; an attribute `"{parameter}"` is the value of that parameter.
    pub scalar: Vec<Spanned<Metric>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// The instance, with `{parameter}` in place of parameters of the action.
    pub oid: String,
    /// The name of the object in its MIB, for messages.
    #[serde(default)]
    pub object: String,
    /// The type on the wire: `integer`, `unsigned`, `string`, `hex`, `oid`, `ip`, ...
    pub r#type: String,
    /// The value: a constant, or `"{parameter}"`.
    pub value: toml::Value,
    /// The raw value for each permitted word of the parameter.
    #[serde(default)]
    pub values: BTreeMap<String, toml::Value>,
    /// The value where a parameter is given that may be left out, by that parameter: a text with
    /// parameters, `"{celsius};{lease}"`.
    #[serde(default)]
    pub value_with: BTreeMap<String, String>,
    /// The result besides the parameters.
    #[serde(default)]
    pub result: BTreeMap<String, String>,
}

/// A column: a number under the entry of the table, or a full OID of a table with the same index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnRef {
    /// A number below the entry.
    Number(u32),
    /// A complete OID.
    Oid(Oid),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidText(pub Oid);

/// The OID of an instance in a file, possibly with parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceText(pub Instance);

impl<'de> Deserialize<'de> for OidText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        oid(&text).map(Self).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for InstanceText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let instance = match text.contains('{') {
            true => Instance::parse(&text),
            false => oid(&text).map(|oid| Instance::fixed(&oid)),
        };
        instance.map(Self).map_err(de::Error::custom)
    }
}

fn oid(text: &str) -> Result<Oid, String> {
    let wrong = || format!("\"{text}\" is not an OID: numbers and dots, as in 1.3.6.1.2.1.1.3.0");
    let oid = Oid::parse(text).map_err(|_| wrong())?;
    if oid.len() < 2 || oid.validate().is_err() {
        return Err(wrong());
    }
    Ok(oid)
}

/// A value that a file may give in one place: a number, a text, or a table.
enum Scalar {
    Number(i64),
    Text(String),
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number or a text")
    }
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar::Number(number))
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Scalar, E> {
        i64::try_from(number)
            .map(Scalar::Number)
            .map_err(de::Error::custom)
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(text.into()))
    }
}

impl<'de> Deserialize<'de> for ColumnRef {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match from.deserialize_any(ScalarVisitor)? {
            Scalar::Number(number) => u32::try_from(number)
                .map(Self::Number)
                .map_err(|_| de::Error::custom(format!("{number} is not the number of a column"))),
            Scalar::Text(text) => oid(&text).map(Self::Oid).map_err(de::Error::custom),
        }
    }
}

impl<'de> Deserialize<'de> for IndexPart {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match from.deserialize_any(ScalarVisitor)? {
            Scalar::Text(text) if text == "*" => Ok(Self::All),
            Scalar::Number(number) if number > 0 => usize::try_from(number)
                .map(Self::Part)
                .map_err(de::Error::custom),
            _ => Err(de::Error::custom(
                "a part of the index is a number from 1, or \"*\" for all of it",
            )),
        }
    }
}

impl<'de> Deserialize<'de> for Attribute {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct AttributeVisitor;
        impl<'de> Visitor<'de> for AttributeVisitor {
            type Value = Attribute;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or a table with column, index or join")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Attribute, E> {
                Ok(Attribute::Constant(text.into()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Attribute, A::Error> {
                RowAttribute::deserialize(MapAccessDeserializer::new(map))
                    .map(|row| Attribute::Row(Box::new(row)))
            }
        }
        from.deserialize_any(AttributeVisitor)
    }
}

impl<'de> Deserialize<'de> for Choice {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct ChoiceVisitor;
        impl<'de> Visitor<'de> for ChoiceVisitor {
            type Value = Choice;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a metric, or a table with its keys")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Choice, E> {
                Ok(Choice::Name(text.into()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Choice, A::Error> {
                Keyed::deserialize(MapAccessDeserializer::new(map))
                    .map(|keys| Choice::Keys(Box::new(keys)))
            }
        }
        from.deserialize_any(ChoiceVisitor)
    }
}

impl<'de> Deserialize<'de> for By {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct ByVisitor;
        impl<'de> Visitor<'de> for ByVisitor {
            type Value = By;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table with what is looked at, and a metric for each raw value")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<By, A::Error> {
                let mut by = By::default();
                while let Some(key) = map.next_key::<String>()? {
                    if Operand::KEYS.contains(&key.as_str()) {
                        by.of.take(&key, &mut map)?;
                    } else {
                        by.choices.insert(key, map.next_value()?);
                    }
                }
                Ok(by)
            }
        }
        from.deserialize_map(ByVisitor)
    }
}
