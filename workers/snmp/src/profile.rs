//! Profiles: what the objects of a device mean, as data.
//!
//! A profile is read from TOML (`file`) and compiled once (`compile`) into what decoding
//! needs: numbers of columns, tables of states, attributes as shared texts.

mod compile;
pub mod error;
pub mod file;
pub mod instance;
pub mod library;

use std::{collections::BTreeMap, sync::Arc};

use async_snmp::Oid;
use serde_json::Value as Json;
use utakata_worker_sdk::model::MetricName;

pub use error::Error;
pub use file::IndexPart;
pub use instance::Instance;
pub use library::Library;

/// A compiled profile.
#[derive(Debug)]
pub struct Profile {
    /// Its name: that of its file, without the ending.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Profiles that are read along with it.
    pub include: Vec<String>,
    /// How a device is recognised.
    pub recognise: Option<Recognise>,
    /// Single values.
    pub scalars: Vec<Scalar>,
    /// Tables.
    pub tables: Vec<Table>,
    /// What can be read of one instance, by action.
    pub observes: BTreeMap<String, Observe>,
    /// What can be set, by action.
    pub controls: BTreeMap<String, Control>,
}

/// How a device is recognised: one of these is enough.
#[derive(Debug)]
pub struct Recognise {
    /// Beginnings of sysObjectID.
    pub system: Vec<Oid>,
    /// Subtrees that must not be empty.
    pub present: Vec<Oid>,
}

/// One value.
#[derive(Debug, Clone)]
pub struct Scalar {
    /// Where it is read, in order of preference.
    pub oids: Vec<Oid>,
    /// What it means.
    pub meaning: Meaning,
}

/// Rows with a common index.
#[derive(Debug, Clone)]
pub struct Table {
    /// Columns to fetch; everything else refers to them by position.
    pub columns: Vec<Oid>,
    /// Columns of other tables, for joins.
    pub joins: Vec<Oid>,
    /// Rows that count.
    pub when: Vec<Condition>,
    /// The index of the one row that parameters mean.
    pub row: Option<Instance>,
    /// Attributes of a row.
    pub attributes: Vec<(Arc<str>, Attribute)>,
    /// What is read of a row.
    pub metrics: Vec<ColumnMetric>,
}

/// A metric of a row.
#[derive(Debug, Clone)]
pub struct ColumnMetric {
    /// Columns with the value, in order of preference.
    pub columns: Vec<usize>,
    /// Column with an SI prefix.
    pub scale: Option<usize>,
    /// Column with the number of decimal digits.
    pub precision: Option<usize>,
    /// Column with a number to multiply by.
    pub times: Option<usize>,
    /// Rows that have it.
    pub when: Vec<Condition>,
    /// What it means.
    pub meaning: Meaning,
}

/// What a raw value means.
#[derive(Debug, Clone)]
pub struct Meaning {
    /// The metric.
    pub metric: MetricName,
    /// UCUM unit.
    pub unit: Arc<str>,
    /// How the raw value becomes the reading.
    pub reading: Kind,
    /// Raw values that mean "there is none".
    pub invalid: Vec<Raw>,
    /// Attributes of this metric alone.
    pub attributes: Vec<(Arc<str>, Arc<str>)>,
}

/// How a raw value becomes a reading.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A number: `raw * multiply / divide + offset`.
    Number {
        /// Multiplied by this,
        multiply: f64,
        /// divided by this (so that tenths come out exact),
        divide: f64,
        /// and this is added.
        offset: f64,
        /// Suspect outside of this range.
        range: (f64, f64),
    },
    /// A state by name.
    State {
        /// Names of raw values.
        names: Names,
        /// The name of all others.
        other: Option<Arc<str>>,
    },
    /// The text as it is.
    Text,
}

/// Names of raw values; few, so a list is the fastest.
#[derive(Debug, Clone, Default)]
pub struct Names(pub Vec<(Raw, Arc<str>)>);

/// A raw value to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Raw {
    /// A number.
    Number(i64),
    /// A text.
    Text(Box<[u8]>),
}

/// A condition on a row.
#[derive(Debug, Clone)]
pub struct Condition {
    /// What is looked at.
    pub of: Operand,
    /// The values.
    pub values: Vec<Raw>,
    /// Whether it must be one of them, or none.
    pub wanted: Wanted,
}

/// What a condition looks at.
#[derive(Debug, Clone, Copy)]
pub enum Operand {
    /// A column, by position.
    Column(usize),
    /// A part of the index, from 0.
    Index(usize),
}

/// What a condition asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// One of them.
    OneOf,
    /// None of them.
    NoneOf,
    /// There is no value.
    Absent,
    /// There is a value.
    Present,
}

/// Where an attribute comes from.
#[derive(Debug, Clone)]
pub enum Attribute {
    /// Always the same.
    Constant(Arc<str>),
    /// From the row.
    Row {
        /// Where.
        source: Source,
        /// Other names for what is found.
        names: Names,
        /// The texts before and after it.
        around: Option<(Box<str>, Box<str>)>,
    },
}

/// Where an attribute's text is found.
#[derive(Debug, Clone)]
pub enum Source {
    /// Columns of the row, in order of preference.
    Columns(Vec<usize>),
    /// The index.
    Index(IndexPart),
    /// A part of the index (from 0) behind that of its unit, which is left out of the first.
    UnitIndex(usize, usize),
    /// A join, by parts of the index (from 0).
    JoinIndex(usize, Vec<usize>),
    /// A join, by the number in a column.
    JoinColumn(usize, usize),
}

/// What can be read of the instance that the parameters of an action say.
#[derive(Debug)]
pub struct Observe {
    /// Single values.
    pub scalars: Vec<ObservedScalar>,
}

/// A value of the instance that the parameters say.
#[derive(Debug)]
pub struct ObservedScalar {
    /// Where it is read.
    pub instance: Instance,
    /// What it means.
    pub meaning: Meaning,
    /// Attributes that are parameters of the action, and which.
    pub attributes: Vec<(Arc<str>, String)>,
}

/// What can be set.
#[derive(Debug)]
pub struct Control {
    /// The instance.
    pub oid: Instance,
    /// The name of the object, for messages.
    pub object: String,
    /// The type on the wire.
    pub kind: crate::value::Kind,
    /// The value.
    pub value: Given,
    /// What is answered besides the parameters.
    pub result: BTreeMap<String, String>,
}

/// The value of a control.
#[derive(Debug)]
pub enum Given {
    /// Always the same.
    Constant(Json),
    /// A parameter as it is.
    Parameter(String),
    /// A parameter that is one of these words.
    OneOf(String, BTreeMap<String, Json>),
}

impl Profile {
    /// The parameters by which rows of its tables are meant.
    pub fn row_parameters(&self) -> impl Iterator<Item = &str> {
        let rows = self.tables.iter().filter_map(|table| table.row.as_ref());
        rows.flat_map(Instance::parameters)
    }

    /// The metrics that it tells.
    pub fn metrics(&self) -> impl Iterator<Item = &MetricName> {
        let scalars = self.scalars.iter().map(|scalar| &scalar.meaning.metric);
        let tables = self.tables.iter().flat_map(|table| &table.metrics);
        scalars.chain(tables.map(|metric| &metric.meaning.metric))
    }
}

impl Observe {
    /// The parameters that it needs.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.scalars.iter().flat_map(|scalar| {
            let attributes = scalar.attributes.iter().map(|(_, name)| name.as_str());
            scalar.instance.parameters().chain(attributes)
        })
    }
}

impl Control {
    /// The parameters that it needs.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        let value = match &self.value {
            Given::Constant(_) => None,
            Given::Parameter(name) | Given::OneOf(name, _) => Some(name.as_str()),
        };
        self.oid.parameters().chain(value)
    }
}

#[cfg(test)]
mod tests;
