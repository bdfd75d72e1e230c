//! Profiles: the meaning of a device's objects, as data.
//!
//! A profile is read from TOML (`file`) and compiled once (`compile`) into what decoding needs:
//! positions of columns, tables of states, attributes as shared texts.

mod compile;
pub mod file;
pub mod instance;
pub mod library;
pub mod recognise;

use std::{collections::BTreeMap, sync::Arc};

use async_snmp::Oid;
use serde_json::Value as Json;
use utakata_profile::{Convert, Test, raw::Literal, template::Template};
pub use utakata_profile::{Error, Meaning, Names};
use utakata_worker_sdk::model::MetricName;

pub use file::IndexPart;
pub use instance::Instance;
pub use library::Library;
pub use recognise::Recognise;

/// A compiled profile.
pub type Profile = utakata_profile::Profile<Content>;

/// The part of a profile that is the protocol's own.
#[derive(Debug)]
pub struct Content {
    /// The conditions by which a device is recognised.
    pub recognise: Option<Recognise>,
    /// The single values.
    pub scalars: Vec<Scalar>,
    pub tables: Vec<Table>,
    /// Reads of a single instance, by action.
    pub observes: BTreeMap<String, Observe>,
    /// The controls, by action.
    pub controls: BTreeMap<String, Control>,
    /// The names of notifications.
    pub notifications: Vec<(Arc<str>, Oid)>,
    /// The names of objects that come with notifications.
    pub objects: Vec<(Arc<str>, Oid)>,
}

/// A single value.
#[derive(Debug, Clone)]
pub struct Scalar {
    /// The objects to read, in order of preference.
    pub oids: Vec<Oid>,
    /// Alternatives with their meaning: the largest value counts.
    pub largest: Vec<(Oid, Meaning)>,
    /// Scalars used in its conditions, which refer to them by position.
    pub beside: Vec<Oid>,
    /// The conditions under which it is read.
    pub when: Vec<Condition>,
    /// The object that states the unit.
    pub unit_of: Option<UnitOf>,
    pub meaning: Meaning,
}

/// Rows that share an index.
#[derive(Debug, Clone)]
pub struct Table {
    /// Columns to fetch; everything else refers to them by position.
    pub columns: Vec<Oid>,
    /// Columns of other tables, for joins.
    pub joins: Vec<Oid>,
    /// For each join, the column of the table itself that has it, if any.
    pub joined: Vec<Option<usize>>,
    /// The scalars that conditions use.
    pub beside: Vec<Oid>,
    /// The conditions on its rows.
    pub when: Vec<Condition>,
    /// The index of the single row that parameters select.
    pub row: Option<Instance>,
    /// Attributes of a row; purely descriptive ones come last.
    pub attributes: Vec<(Arc<str>, Attribute)>,
    /// The metrics of a row.
    pub metrics: Vec<ColumnMetric>,
}

/// A metric of a row.
#[derive(Debug, Clone)]
pub struct ColumnMetric {
    /// Columns with the value, in order of preference.
    pub columns: Vec<usize>,
    /// The column with its scale.
    pub scale: Option<(usize, ScaleForm)>,
    /// The column with the number of decimal digits.
    pub precision: Option<usize>,
    /// The column with a factor.
    pub times: Option<usize>,
    /// The column with a divisor.
    pub divide_by: Option<usize>,
    /// The object that states the unit.
    pub unit_of: Option<UnitOf>,
    /// The conditions on rows that have it.
    pub when: Vec<Condition>,
    pub meaning: Meaning,
}

/// The form in which a column states the scale of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScaleForm {
    /// An SI prefix as in ENTITY-SENSOR-MIB: 9 is none, each step is a factor of a thousand.
    Si,
    /// An exponent of ten.
    PowerOfTen,
    /// -100 divides by 100, 10 multiplies by 10.
    SignedDivisor,
}

/// The object that states the unit of a number.
#[derive(Debug, Clone)]
pub struct UnitOf {
    pub of: Operand,
    /// The conversion for each raw value.
    pub units: Vec<(Literal, Option<Convert>)>,
    /// True if unlisted values leave the number unchanged.
    pub is_open: bool,
}

#[derive(Debug, Clone)]
pub struct Condition {
    pub of: Operand,
    pub test: Test,
}

/// The operand of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operand {
    /// A column, by position.
    Column(usize),
    /// A component of the index, from 0.
    Index(usize),
    /// A scalar, by position in `beside`.
    Scalar(usize),
    /// A row of another table.
    Join(Join),
}

/// A cell of another table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// The column, by position.
    pub join: usize,
    pub row: JoinRow,
}

/// The method of finding the row of a join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JoinRow {
    /// By parts of the index, from 0.
    Index(Vec<usize>),
    /// By the number in a column.
    Column(usize),
}

/// The origin of an attribute.
#[derive(Debug, Clone)]
pub enum Attribute {
    Constant(Arc<str>),
    /// A value in the row.
    Row {
        /// The place of the value in the row.
        source: Source,
        /// Replacements for the text found.
        names: Names,
        /// The text before and after it.
        around: Option<(Box<str>, Box<str>)>,
    },
}

/// The source of an attribute's text.
#[derive(Debug, Clone)]
pub enum Source {
    /// Columns of the row, in order of preference.
    Columns(Vec<usize>),
    Index(IndexPart),
    /// A component of the index (from 0) after that of its unit, which is omitted for the first
    /// unit.
    UnitIndex(usize, usize),
    /// A cell of another table.
    Join(Join),
}

/// A read of the instance selected by the parameters of an action.
#[derive(Debug)]
pub struct Observe {
    /// The single values.
    pub scalars: Vec<ObservedScalar>,
}

/// A value of the instance selected by the parameters.
#[derive(Debug)]
pub struct ObservedScalar {
    /// The instance to read.
    pub instance: Instance,
    pub meaning: Meaning,
    /// Attributes taken from parameters of the action, with the parameter.
    pub attributes: Vec<(Arc<str>, String)>,
}

#[derive(Debug)]
pub struct Control {
    /// The instance to set.
    pub oid: Instance,
    /// The name of the object, for messages.
    pub object: String,
    /// The type on the wire.
    pub kind: crate::value::Kind,
    pub value: ValueSource,
    /// The text that is the value where a parameter is given, by that parameter.
    pub value_with: Vec<(String, Template)>,
    /// The result besides the parameters.
    pub result: BTreeMap<String, String>,
}

/// The value of a control.
#[derive(Debug)]
pub enum ValueSource {
    Constant(Json),
    /// A parameter, unchanged.
    Parameter(String),
    /// A parameter that must be one of these words.
    OneOf(String, BTreeMap<String, Json>),
}

impl Content {
    /// The parameters that select rows of its tables.
    pub fn row_parameters(&self) -> impl Iterator<Item = &str> {
        let rows = self.tables.iter().filter_map(|table| table.row.as_ref());
        rows.flat_map(Instance::parameters)
    }

    /// Returns the metrics that it yields.
    pub fn metrics(&self) -> impl Iterator<Item = &MetricName> {
        let scalars = self.scalars.iter().map(|scalar| &scalar.meaning.metric);
        let tables = self.tables.iter().flat_map(|table| &table.metrics);
        scalars.chain(tables.map(|metric| &metric.meaning.metric))
    }
}

impl Table {
    /// The cells of other tables that it uses; one may occur more than once.
    pub fn all_joins(&self) -> impl Iterator<Item = &Join> {
        let attributes = self
            .attributes
            .iter()
            .filter_map(|(_, attribute)| match attribute {
                Attribute::Row {
                    source: Source::Join(join),
                    ..
                } => Some(join),
                _ => None,
            });
        let metrics = self.metrics.iter();
        let conditions = metrics.clone().flat_map(|metric| &metric.when);
        let conditions = self.when.iter().chain(conditions);
        let operands = conditions.map(|condition| &condition.of);
        let units = metrics.filter_map(|metric| metric.unit_of.as_ref().map(|unit| &unit.of));
        let joined = operands.chain(units).filter_map(|of| match of {
            Operand::Join(join) => Some(join),
            _ => None,
        });
        attributes.chain(joined)
    }
}

impl Observe {
    /// Returns the parameters that it needs.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.scalars.iter().flat_map(|scalar| {
            let attributes = scalar.attributes.iter().map(|(_, name)| name.as_str());
            scalar.instance.parameters().chain(attributes)
        })
    }
}

impl Control {
    /// Returns the parameters that it uses if they are given.
    pub fn optional(&self) -> impl Iterator<Item = &str> {
        self.value_with.iter().map(|(name, _)| name.as_str())
    }

    /// Returns the parameters that it needs.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        let value = match &self.value {
            ValueSource::Constant(_) => None,
            ValueSource::Parameter(name) | ValueSource::OneOf(name, _) => Some(name.as_str()),
        };
        let texts = self.value_with.iter().flat_map(|(given, text)| {
            let parameters = text.parameters();
            parameters.filter(move |name| name != given)
        });
        self.oid.parameters().chain(value).chain(texts)
    }
}

#[cfg(test)]
mod tests;
