//! Rows: the cells of several columns joined by their index.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use async_snmp::Value;
use utakata_profile::{Names, Raw, Test};
use utakata_worker_sdk::model::reading;

use super::{Attributes, Cell, Cells, Column};
use crate::{
    profile::{
        Attribute, ColumnMetric, Condition, IndexPart, Join, JoinRow, Operand, Source, Table,
    },
    value,
};

/// The key that distinguishes rows whose attributes are all equal.
const INDEX: &str = "snmp.index";

/// The values of several columns, by row and column.
pub struct Grid<'a> {
    /// The index of each row.
    indexes: Vec<&'a [u32]>,
    /// The cells of all rows, one row after the other, `width` in each.
    values: Vec<Option<&'a Cell>>,
    /// The number of columns.
    width: usize,
}

/// The scalars that conditions use.
#[derive(Clone, Copy)]
pub struct Scalars<'a> {
    /// The positions of the scalars.
    pub at: &'a [usize],
    /// All scalars that were fetched.
    pub scalars: &'a [Option<Value>],
}

/// One row of a table, with what its conditions and attributes refer to.
pub struct Row<'a> {
    pub index: &'a [u32],
    /// The cells, by the position of the column.
    values: &'a [Option<&'a Cell>],
    table: &'a Table,
    cells: &'a Cells,
    scalars: Scalars<'a>,
    /// The attributes of all its readings, each key once.
    pub attributes: Vec<(Arc<str>, Arc<str>)>,
    /// The number of leading attributes that identify the row.
    identifying: usize,
}

/// Returns the rows that satisfy the table's conditions, in order of their index, with their
/// attributes.
pub fn rows<'a>(
    table: &'a Table,
    cells: &'a Cells,
    scalars: Scalars<'a>,
    grid: &'a Grid<'_>,
) -> Vec<Row<'a>> {
    let lines = grid.values.chunks(grid.width.max(1));
    let rows = grid.indexes.iter().zip(lines).map(|(index, values)| Row {
        index,
        values,
        table,
        cells,
        scalars,
        attributes: Vec::new(),
        identifying: 0,
    });
    let mut rows: Vec<Row<'a>> = rows
        .filter(|row| table.when.iter().all(|condition| row.holds(condition)))
        .collect();
    for row in &mut rows {
        row.attributes = attributes(table, row);
        row.identifying = identifying(&row.attributes);
    }
    tell_apart(table, &mut rows);
    rows
}

impl Scalars<'_> {
    /// Returns the value of a scalar operand.
    pub fn raw(&self, of: &Operand) -> Option<Raw<'_>> {
        let Operand::Scalar(position) = of else {
            return None;
        };
        let at = self.at.get(*position)?;
        value::raw(self.scalars.get(*at)?.as_ref()?)
    }

    /// Returns true if a condition on a scalar holds.
    pub fn holds(&self, condition: &Condition) -> bool {
        condition.test.holds(self.raw(&condition.of).as_ref())
    }
}

impl<'a> Grid<'a> {
    /// Joins the cells of these columns by their index.
    pub fn of(columns: &'a [Column]) -> Self {
        let max = columns.iter().map(Column::len).max().unwrap_or_default();
        let mut grid = Self {
            indexes: Vec::with_capacity(max),
            values: Vec::with_capacity(max * columns.len()),
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

impl<'a> Row<'a> {
    /// Returns the value in a column.
    pub fn raw(&self, column: usize) -> Option<Raw<'a>> {
        self.values
            .get(column)
            .copied()
            .flatten()
            .and_then(Cell::raw)
    }

    /// Returns the value of an operand.
    pub fn operand(&self, of: &Operand) -> Option<Raw<'_>> {
        match of {
            Operand::Column(column) => self.raw(*column),
            Operand::Index(at) => self
                .index
                .get(*at)
                .map(|arc| Raw::Unsigned((*arc).into(), 32)),
            Operand::Scalar(_) => self.scalars.raw(of),
            Operand::Join(join) => self.joined(join)?.raw(),
        }
    }

    /// Returns true if a condition holds.
    pub fn holds(&self, Condition { of, test }: &Condition) -> bool {
        let test: &Test = test;
        test.holds(self.operand(of).as_ref())
    }

    /// Returns the matching cell of another table.
    fn joined(&self, join: &Join) -> Option<&'a Cell> {
        let column = match self.table.joined.get(join.join).copied().flatten() {
            Some(column) => self.cells.columns.get(column)?,
            None => self.cells.joins.get(join.join)?,
        };
        match &join.row {
            JoinRow::Index(parts) => {
                let parts = parts.iter().map(|part| self.index.get(*part).copied());
                let index: Option<Vec<u32>> = parts.collect();
                column.find(&index?)
            }
            JoinRow::Column(by) => {
                let number = self.raw(*by).as_ref().and_then(Raw::whole)?;
                column.find(&[u32::try_from(number).ok()?])
            }
        }
    }

    /// Returns the attributes that distinguish it from other rows.
    fn identity(&self) -> &Attributes {
        self.attributes
            .get(..self.identifying)
            .unwrap_or(&self.attributes)
    }
}

/// Returns the number of leading attributes that identify a row: those before its descriptions, if
/// one of them names it; otherwise all.
fn identifying(attributes: &Attributes) -> usize {
    let described = attributes
        .iter()
        .position(|(key, _)| reading::is_description(key));
    let before = described.unwrap_or(attributes.len());
    let is_named = attributes
        .iter()
        .take(before)
        .any(|(key, _)| reading::is_identifier(key));
    if is_named { before } else { attributes.len() }
}

fn attributes(table: &Table, row: &Row<'_>) -> Vec<(Arc<str>, Arc<str>)> {
    let found = table.attributes.iter().filter_map(|(key, attribute)| {
        let text = match attribute {
            Attribute::Constant(text) => Some(Arc::clone(text)),
            Attribute::Row {
                source,
                names,
                around,
            } => text(source, names, row).map(|text| match around {
                Some((before, after)) => format!("{before}{text}{after}").into(),
                None => text,
            }),
        };
        text.filter(|text| !text.is_empty())
            .map(|text| (Arc::clone(key), text))
    });
    found.collect()
}

fn text(source: &Source, names: &Names, row: &Row<'_>) -> Option<Arc<str>> {
    let named = |raw: Raw<'_>| match names.name(&raw) {
        Some(name) => Some(Arc::clone(name)),
        None => Some(raw.text())
            .filter(|text| !text.is_empty())
            .map(Arc::from),
    };
    match source {
        Source::Columns(columns) => columns
            .iter()
            .find_map(|column| row.raw(*column).and_then(named)),
        Source::Index(IndexPart::All) => Some(dotted(row.index).into()),
        Source::Index(IndexPart::Part(part)) => row
            .index
            .get(part - 1)
            .and_then(|arc| named(Raw::Unsigned((*arc).into(), 32))),
        Source::UnitIndex(unit, part) => {
            let (unit, part) = row.index.get(*unit).zip(row.index.get(*part))?;
            Some(match unit {
                1 => part.to_string().into(),
                unit => format!("{unit}.{part}").into(),
            })
        }
        Source::Join(join) => row.joined(join)?.raw().and_then(named),
    }
}

/// Formats an index as people write it.
pub fn dotted(index: &[u32]) -> String {
    let parts: Vec<String> = index.iter().map(u32::to_string).collect();
    parts.join(".")
}

/// Returns the positions of the metrics that a row has.
fn metrics<'b>(table: &'b Table, row: &'b Row<'_>) -> impl Iterator<Item = usize> + 'b {
    let all = table.metrics.iter().enumerate();
    let has = |metric: &ColumnMetric| metric.when.iter().all(|condition| row.holds(condition));
    all.filter(move |(_, metric)| has(metric)).map(|(at, _)| at)
}

/// Adds the index as an attribute to rows that have equal attributes and a metric in common: two
/// interfaces of the same name must not become one. Different sensors of one outlet are
/// distinguished by their metrics.
fn tell_apart(table: &Table, rows: &mut [Row<'_>]) {
    let mut last: HashMap<&Attributes, usize, foldhash::fast::RandomState> = HashMap::default();
    let mut equal: BTreeSet<usize> = BTreeSet::new();
    for (at, row) in rows.iter().enumerate() {
        if let Some(other) = last.insert(row.identity(), at) {
            equal.extend([other, at]);
        }
    }
    let mut last: HashMap<(&Attributes, usize), usize> = HashMap::new();
    let mut alike: BTreeSet<usize> = BTreeSet::new();
    for at in equal {
        let Some(row) = rows.get(at) else { continue };
        for metric in metrics(table, row) {
            if let Some(other) = last.insert((row.identity(), metric), at) {
                alike.extend([other, at]);
            }
        }
    }
    for at in alike {
        if let Some(row) = rows.get_mut(at) {
            row.attributes
                .push((INDEX.into(), dotted(row.index).into()));
        }
    }
}
