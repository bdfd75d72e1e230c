//! The form of a profile on disk (TOML). What is in it is checked and resolved elsewhere.

use std::{collections::BTreeMap, fmt};

use async_snmp::Oid;
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use toml::Spanned;
use utakata_worker_sdk::model::MetricName;

use super::Instance;

/// A profile: what the objects of a device mean.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// What it is for, in a sentence.
    pub description: String,
    /// Other profiles that are read along with it, by name.
    #[serde(default)]
    pub include: Vec<Spanned<String>>,
    /// How a device is recognised; absent: never by itself.
    #[serde(default)]
    pub r#match: Option<Match>,
    /// Single values.
    #[serde(default)]
    pub scalar: Vec<Spanned<Metric>>,
    /// Tables.
    #[serde(default)]
    pub table: Vec<Spanned<Table>>,
    /// What can be read of one instance, by the name of the action.
    #[serde(default)]
    pub observe: BTreeMap<String, Observe>,
    /// What can be set, by the name of the action.
    #[serde(default)]
    pub control: BTreeMap<String, Control>,
}

/// How a device is recognised: any one of these is enough.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    /// sysObjectID begins with one of these.
    pub system: Vec<OidText>,
    /// The device has something under one of these.
    pub present: Vec<OidText>,
}

/// A table: rows that share an index.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The OID of the entry, to which the numbers of columns are relative.
    pub entry: OidText,
    /// Rows that are read: all of these hold. Others are left out.
    #[serde(default)]
    pub when: OneOrMany<Condition>,
    /// The index of the one row that a `read` with these parameters means: `"{outlet}"`.
    #[serde(default)]
    pub row: Option<String>,
    /// Attributes of every reading of a row.
    #[serde(default)]
    pub attributes: BTreeMap<String, Attribute>,
    /// What is read of each row.
    pub metric: Vec<Spanned<Metric>>,
}

/// One metric, of a scalar (`oid`) or of the rows of a table (`column`).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// Its name.
    pub metric: MetricName,
    /// Scalar: the instance to read; of an action, with `{parameter}` where its parameters go.
    #[serde(default)]
    pub oid: Option<InstanceText>,
    /// Table: the column to read.
    #[serde(default)]
    pub column: Option<ColumnRef>,
    /// Where to look when the device has no value there.
    #[serde(default)]
    pub or: OneOrMany<ColumnRef>,
    /// UCUM unit of the reading.
    #[serde(default)]
    pub unit: String,
    /// The raw number is multiplied by this.
    #[serde(default)]
    pub factor: Option<f64>,
    /// Added after multiplying.
    #[serde(default)]
    pub offset: f64,
    /// Column with an SI prefix as in ENTITY-SENSOR-MIB (1 yocto ... 9 units ... 17 yotta).
    #[serde(default)]
    pub scale: Option<ColumnRef>,
    /// Column with the number of decimal digits.
    #[serde(default)]
    pub precision: Option<ColumnRef>,
    /// Column whose number the raw number is multiplied by, such as the size of a unit.
    #[serde(default)]
    pub times: Option<ColumnRef>,
    /// Names of the states that the raw value stands for.
    #[serde(default)]
    pub states: BTreeMap<String, String>,
    /// The state when none of them fits; absent: the raw value, marked suspect.
    #[serde(default)]
    pub other: Option<String>,
    /// The value is a text.
    #[serde(default)]
    pub text: bool,
    /// Raw values that mean "there is none".
    #[serde(default)]
    pub invalid: OneOrMany<Text>,
    /// Readings below this are suspect.
    #[serde(default)]
    pub min: Option<f64>,
    /// Readings above this are suspect.
    #[serde(default)]
    pub max: Option<f64>,
    /// Table: read only in rows where all of these hold.
    #[serde(default)]
    pub when: OneOrMany<Condition>,
    /// Attributes of this metric alone.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
}

/// A condition on a row.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The column to look at.
    #[serde(default)]
    pub column: Option<ColumnRef>,
    /// Or the part of the index, counted from 1.
    #[serde(default)]
    pub index: Option<usize>,
    /// It holds when the raw value is one of these.
    #[serde(default)]
    pub is: OneOrMany<Text>,
    /// It holds when the raw value is none of these.
    #[serde(default)]
    pub not: OneOrMany<Text>,
    /// It holds when the row has no value there (`true`), or any (`false`).
    #[serde(default)]
    pub absent: Option<bool>,
}

/// Where an attribute comes from.
#[derive(Debug)]
pub enum Attribute {
    /// Always the same text.
    Constant(String),
    /// From the row.
    Row(Box<RowAttribute>),
}

/// An attribute taken from the row; exactly one of `column`, `index`, `join` is given.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowAttribute {
    /// The text in a column.
    #[serde(default)]
    pub column: Option<ColumnRef>,
    /// Columns to look at when that one has none.
    #[serde(default)]
    pub or: OneOrMany<ColumnRef>,
    /// A part of the index, counted from 1, or `"*"` for all of it.
    #[serde(default)]
    pub index: Option<IndexPart>,
    /// A column of another table.
    #[serde(default)]
    pub join: Option<OidText>,
    /// Its row: these parts of the index.
    #[serde(default)]
    pub by: OneOrMany<usize>,
    /// Its row: the number in this column.
    #[serde(default)]
    pub by_column: Option<ColumnRef>,
    /// Index: the number of the unit before it, which is left out of the first.
    #[serde(default)]
    pub unit: Option<usize>,
    /// Other names for what is found.
    #[serde(default)]
    pub states: BTreeMap<String, String>,
    /// The text, with `{}` where the value goes.
    #[serde(default)]
    pub format: Option<String>,
}

/// Which part of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexPart {
    /// All of it, dotted.
    All,
    /// One number, counted from 1.
    Part(usize),
}

/// What can be read of the instance that the parameters of an action say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observe {
    /// Single values; an attribute `"{parameter}"` is that parameter.
    pub scalar: Vec<Spanned<Metric>>,
}

/// What can be set.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// The instance, with `{parameter}` where a parameter of the action goes.
    pub oid: String,
    /// The name of the object in its MIB, for messages.
    #[serde(default)]
    pub object: String,
    /// The type on the wire: `integer`, `unsigned`, `string`, `hex`, `oid`, `ip`, ...
    pub r#type: String,
    /// The value: a constant, or `"{parameter}"`.
    pub value: toml::Value,
    /// The raw value for each word that the parameter may be.
    #[serde(default)]
    pub values: BTreeMap<String, toml::Value>,
    /// What is answered besides the parameters.
    #[serde(default)]
    pub result: BTreeMap<String, String>,
}

/// A column: a number under the entry of the table, or a full OID of a table with the same index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnRef {
    /// Under the entry.
    Number(u32),
    /// Complete.
    Oid(Oid),
}

/// An OID in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidText(pub Oid);

/// The OID of an instance in a file, maybe with parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceText(pub Instance);

/// A raw value in a file: a whole number or a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
}

/// One thing or a list of them.
#[derive(Debug, Clone)]
pub struct OneOrMany<T>(pub Vec<T>);

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

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

/// What a file may hold in one place: numbers, texts, or a table.
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

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(match from.deserialize_any(ScalarVisitor)? {
            Scalar::Number(number) => Self::Number(number),
            Scalar::Text(text) => Self::Text(text),
        })
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

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Many<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Many<T> {
            type Value = Vec<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one thing, or a list of them")
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Vec<T>, E> {
                T::deserialize(de::value::I64Deserializer::new(number)).map(|one| vec![one])
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
        from.deserialize_any(Many(std::marker::PhantomData))
            .map(Self)
    }
}
