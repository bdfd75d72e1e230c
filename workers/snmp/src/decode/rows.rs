//! Rows: the cells of several columns put together by their index.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use async_snmp::Value;

use super::{
    Attributes, Cell, Cells, Column,
    meaning::{self, Scaling},
};
use crate::{
    profile::{
        Attribute, ColumnMetric, Condition, IndexPart, Names, Operand, Source, Table, Wanted,
    },
    value,
};

/// The key that tells rows apart whose attributes are all equal.
const INDEX: &str = "snmp.index";

/// The values of several columns by row and column.
pub struct Grid<'a> {
    /// The index of each row.
    indexes: Vec<&'a [u32]>,
    /// All rows, one after the other.
    values: Vec<Option<&'a Cell>>,
    /// Columns.
    width: usize,
}

/// A row.
pub struct Row<'a> {
    index: &'a [u32],
    /// By position of the column.
    values: &'a [Option<&'a Cell>],
    /// Attributes of all its readings, each key once.
    pub attributes: Vec<(Arc<str>, Arc<str>)>,
}

/// The rows that count, by their index, with their attributes.
pub fn rows<'a>(table: &Table, cells: &Cells, grid: &'a Grid<'_>) -> Vec<Row<'a>> {
    let lines = grid.values.chunks(grid.width.max(1));
    let rows = grid.indexes.iter().zip(lines).map(|(index, values)| Row {
        index,
        values,
        attributes: Vec::new(),
    });
    let mut rows: Vec<Row<'a>> = rows
        .filter(|row| table.when.iter().all(|condition| row.holds(condition)))
        .collect();
    for row in &mut rows {
        row.attributes = attributes(table, cells, row);
    }
    tell_apart(table, &mut rows);
    rows
}

impl<'a> Grid<'a> {
    /// The cells of these columns put together by their index.
    pub fn of(columns: &'a [Column]) -> Self {
        let most = columns.iter().map(Column::len).max().unwrap_or_default();
        let mut grid = Self {
            indexes: Vec::with_capacity(most),
            values: Vec::with_capacity(most * columns.len()),
            width: columns.len(),
        };
        let mut cursors = vec![0; columns.len()];
        loop {
            let heads = columns.iter().zip(&cursors);
            let heads = heads.filter_map(|(column, at)| column.index(*at));
            let Some(index) = heads.min() else {
                return grid;
            };
            grid.indexes.push(index);
            for (column, cursor) in columns.iter().zip(&mut cursors) {
                let is_here = column.index(*cursor) == Some(index);
                grid.values.push(column.value(*cursor).filter(|_| is_here));
                *cursor += usize::from(is_here);
            }
        }
    }
}

impl Row<'_> {
    /// The value in a column.
    pub fn value(&self, column: usize) -> Option<Value> {
        self.values.get(column).copied().flatten().map(Value::from)
    }

    /// Whether a condition holds. What is not there is none of the values.
    pub fn holds(&self, condition: &Condition) -> bool {
        let value = match condition.of {
            Operand::Column(column) => self.value(column),
            Operand::Index(at) => self.index.get(at).map(|arc| Value::Gauge32(*arc)),
        };
        let is_one = || {
            value.as_ref().is_some_and(|value| {
                condition
                    .values
                    .iter()
                    .any(|raw| meaning::equals(raw, value))
            })
        };
        match condition.wanted {
            Wanted::OneOf => is_one(),
            Wanted::NoneOf => !is_one(),
            Wanted::Absent => value.is_none(),
            Wanted::Present => value.is_some(),
        }
    }

    /// How the numbers of a metric are scaled in this row. `None` when the row does not say, and
    /// the number would be wrong without it.
    pub fn scaling(&self, metric: &ColumnMetric) -> Option<Scaling> {
        let times = match metric.times {
            None => 1.0,
            Some(column) => self.value(column).as_ref().and_then(value::as_number)?,
        };
        let says = |column: Option<usize>| column.is_none_or(|at| self.value(at).is_some());
        (says(metric.scale) && says(metric.precision)).then(|| Scaling {
            exponent: self.exponent(metric.scale, metric.precision),
            times,
        })
    }

    /// The power of ten of a sensor: an SI prefix (ENTITY-SENSOR-MIB: 9 is none, each step a
    /// thousand) less the decimal digits.
    fn exponent(&self, scale: Option<usize>, precision: Option<usize>) -> i32 {
        let number = |column: Option<usize>| {
            let value = column.and_then(|column| self.value(column));
            value
                .as_ref()
                .and_then(value::as_integer)
                .and_then(|number| i32::try_from(number).ok())
        };
        let scale = number(scale).filter(|scale| (1..=17).contains(scale));
        let precision = number(precision).filter(|digits| (-8..=9).contains(digits));
        scale.map_or(0, |scale| 3 * (scale - 9)) - precision.unwrap_or(0)
    }
}

fn attributes(table: &Table, cells: &Cells, row: &Row<'_>) -> Vec<(Arc<str>, Arc<str>)> {
    let found = table.attributes.iter().filter_map(|(key, attribute)| {
        let text = match attribute {
            Attribute::Constant(text) => Some(Arc::clone(text)),
            Attribute::Row {
                source,
                names,
                around,
            } => text(source, names, cells, row).map(|text| match around {
                Some((before, after)) => format!("{before}{text}{after}").into(),
                None => text,
            }),
        };
        text.filter(|text| !text.is_empty())
            .map(|text| (Arc::clone(key), text))
    });
    found.collect()
}

fn text(source: &Source, names: &Names, cells: &Cells, row: &Row<'_>) -> Option<Arc<str>> {
    let named = |value: Value| match names.of(&value) {
        Some(name) => Some(Arc::clone(name)),
        None if value::is_absent(&value) => None,
        None => value::as_shared_text(&value).filter(|text| !text.is_empty()),
    };
    match source {
        Source::Columns(columns) => columns
            .iter()
            .find_map(|column| row.value(*column).and_then(named)),
        Source::Index(IndexPart::All) => {
            let parts: Vec<String> = row.index.iter().map(u32::to_string).collect();
            Some(parts.join(".").into())
        }
        Source::Index(IndexPart::Part(part)) => row
            .index
            .get(part - 1)
            .and_then(|arc| named(Value::Gauge32(*arc))),
        Source::UnitIndex(unit, part) => {
            let (unit, part) = row.index.get(*unit).zip(row.index.get(*part))?;
            Some(match unit {
                1 => part.to_string().into(),
                unit => format!("{unit}.{part}").into(),
            })
        }
        Source::JoinIndex(join, parts) => {
            let index: Vec<u32> = parts
                .iter()
                .filter_map(|part| row.index.get(*part).copied())
                .collect();
            cells.joins.get(*join)?.find(&index).and_then(named)
        }
        Source::JoinColumn(join, column) => {
            let number = row.value(*column).as_ref().and_then(value::as_integer)?;
            let index = u32::try_from(number).ok()?;
            cells.joins.get(*join)?.find(&[index]).and_then(named)
        }
    }
}

/// The metrics that a row has, by their place.
fn metrics(table: &Table, row: &Row<'_>) -> impl Iterator<Item = usize> {
    let all = table.metrics.iter().enumerate();
    let has = |metric: &ColumnMetric| metric.when.iter().all(|condition| row.holds(condition));
    all.filter(move |(_, metric)| has(metric)).map(|(at, _)| at)
}

/// Rows that have equal attributes and a metric in common get their index as one more: two
/// interfaces of one name must not become one. Sensors of one outlet, that are different
/// metrics, are told apart by these.
fn tell_apart(table: &Table, rows: &mut [Row<'_>]) {
    let mut first: HashMap<&Attributes, usize, foldhash::fast::RandomState> = HashMap::default();
    let mut equal: BTreeSet<usize> = BTreeSet::new();
    for (at, row) in rows.iter().enumerate() {
        if let Some(other) = first.insert(row.attributes.as_slice(), at) {
            equal.extend([other, at]);
        }
    }
    let mut first: HashMap<(&Attributes, usize), usize> = HashMap::new();
    let mut alike: BTreeSet<usize> = BTreeSet::new();
    for at in equal {
        let Some(row) = rows.get(at) else { continue };
        for metric in metrics(table, row) {
            if let Some(other) = first.insert((row.attributes.as_slice(), metric), at) {
                alike.extend([other, at]);
            }
        }
    }
    for at in alike {
        if let Some(row) = rows.get_mut(at) {
            let parts: Vec<String> = row.index.iter().map(u32::to_string).collect();
            row.attributes.push((INDEX.into(), parts.join(".").into()));
        }
    }
}
