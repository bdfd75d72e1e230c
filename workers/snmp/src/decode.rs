//! Turns the answers of a device into readings. Pure.

mod cell;
mod rows;
mod scaling;

use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use async_snmp::Value;
use utakata_profile::{Interpretation, Raw, Scaling, text};
use utakata_worker_sdk::{
    ReadingBuffer,
    model::{MetricName, Quality, ReadingValue, reading},
};

use crate::{
    plan::{Plan, PlannedScalar, PlannedTable},
    profile::{ColumnMetric, Meaning},
    value,
};
pub use cell::Cell;
use rows::{Grid, Row, Scalars};

/// The answers of a device to a [`Plan`].
#[derive(Debug, Default)]
pub struct Fetched {
    /// Values of `Plan::oids`, by position; `None` if there is none.
    pub scalars: Vec<Option<Value>>,
    /// The cells of `Plan::tables`, by position.
    pub tables: Vec<Cells>,
}

/// The cells of a table.
#[derive(Debug, Default, Clone)]
pub struct Cells {
    /// By position of the column; empty if the column has no cells.
    pub columns: Vec<Column>,
    /// By position of the join; empty if the column has no cells.
    pub joins: Vec<Column>,
    /// True if the end of some column was not reached.
    pub is_broken: bool,
}

impl Cells {
    /// The number of rows of the longest column.
    fn rows(&self) -> usize {
        let rows = self.columns.iter().map(Column::len);
        rows.max().unwrap_or_default()
    }
}

/// The cells of a column, in the order of their index.
#[derive(Debug, Default, Clone)]
pub struct Column {
    /// The numbers of all indexes, concatenated.
    arcs: Vec<u32>,
    /// For each cell, the end of its index in `arcs`, and its value.
    cells: Vec<(usize, Cell)>,
}

impl Column {
    /// An empty column with room for this many cells.
    pub fn with_room(cells: usize) -> Self {
        Self {
            arcs: Vec::with_capacity(cells),
            cells: Vec::with_capacity(cells),
        }
    }

    /// Appends a cell. Its index follows all others, unless the device misbehaves.
    pub fn push(&mut self, index: &[u32], value: Value) {
        self.arcs.extend_from_slice(index);
        self.cells.push((self.arcs.len(), value.into()));
    }

    /// Returns the number of cells.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The index of the cell at a position.
    pub fn index(&self, at: usize) -> Option<&[u32]> {
        let begin = match at.checked_sub(1) {
            None => 0,
            Some(before) => self.cells.get(before)?.0,
        };
        self.arcs.get(begin..self.cells.get(at)?.0)
    }

    /// The index of the last cell.
    pub fn last_index(&self) -> Option<&[u32]> {
        self.index(self.len().checked_sub(1)?)
    }

    /// The value of the cell at a position.
    pub fn value(&self, at: usize) -> Option<&Cell> {
        self.cells.get(at).map(|(_, value)| value)
    }

    /// Returns the cells: index and value.
    pub fn iter(&self) -> impl Iterator<Item = (&[u32], Value)> {
        let indexes = (0..self.len()).filter_map(|at| self.index(at));
        indexes.zip(self.cells.iter().map(|(_, value)| value.into()))
    }

    /// The value of the row with this index.
    fn find(&self, index: &[u32]) -> Option<&Cell> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.index(middle)?.cmp(index) {
                Ordering::Equal => return self.value(middle),
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
            }
        }
        None
    }
}

/// The decoded answers of a device.
#[derive(Debug)]
pub struct Decoded<'a> {
    /// The readings that were decoded.
    pub buffer: ReadingBuffer,
    /// Their metrics; one may occur more than once.
    pub metrics: Vec<&'a MetricName>,
    /// The first values that should have been numbers.
    pub unread: Vec<Unread<'a>>,
    /// The total number of these.
    pub unread_count: usize,
}

/// A value that should have been a number and was not: a sensor must not vanish silently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread<'a> {
    /// The metric it belongs to.
    pub metric: &'a MetricName,
    /// The row index, dotted; empty for a scalar.
    pub index: String,
    /// The text that the device sent instead.
    pub text: String,
    /// True if that is a word for "not available".
    pub is_none: bool,
}

/// The most values reported individually as not being numbers.
const UNREAD_MAX: usize = 20;
/// The most characters shown of each.
const UNREAD_TEXT_MAX: usize = 40;

/// The attributes of a row, each key once.
type Attributes = [(Arc<str>, Arc<str>)];

/// A metric and the attributes that identify its series.
type Series<'a> = (&'a MetricName, BTreeMap<Arc<str>, Arc<str>>);

/// A writer of readings.
struct Writer<'a> {
    decoded: Decoded<'a>,
    /// The series already written of metrics with more than one source.
    seen: HashSet<Series<'a>>,
}

/// Decodes the readings in what was fetched. Those of a table that broke off are suspect. If
/// several sources give the same metric with equal attributes, the first counts.
pub fn decode<'a>(plan: &'a Plan, fetched: &Fetched) -> Decoded<'a> {
    let mut writer = Writer {
        decoded: Decoded {
            buffer: ReadingBuffer::default(),
            metrics: Vec::new(),
            unread: Vec::new(),
            unread_count: 0,
        },
        seen: HashSet::new(),
    };
    let tables = plan.tables.iter().zip(&fetched.tables);
    let cells = tables.map(|(table, cells)| table.table.metrics.len() * cells.rows());
    let buffer = &mut writer.decoded.buffer;
    buffer.reserve(plan.scalars.len() + cells.sum::<usize>());
    for planned in &plan.scalars {
        let meaning = &planned.scalar.meaning;
        match scalar(planned, &fetched.scalars) {
            Interpretation::Reading(value, quality) => {
                let is_shared = plan.shared.contains(&meaning.metric);
                writer.put(meaning, &[], (value, quality), is_shared);
                writer.decoded.metrics.push(&meaning.metric);
            }
            Interpretation::Nothing => {}
            Interpretation::NoNumber => {
                let value = first(&planned.at, &fetched.scalars);
                writer.unread(&meaning.metric, &[], value.and_then(value::raw).as_ref());
            }
        }
    }
    for (table, cells) in plan.tables.iter().zip(&fetched.tables) {
        decode_table(plan, table, (cells, &fetched.scalars), &mut writer);
    }
    writer.decoded
}

/// Returns the first of these with a value.
fn first<'a>(at: &[usize], scalars: &'a [Option<Value>]) -> Option<&'a Value> {
    at.iter().find_map(|at| scalars.get(*at)?.as_ref())
}

/// Interprets the first instance of a scalar that has a value, and adds its unit.
fn scalar(planned: &PlannedScalar, scalars: &[Option<Value>]) -> Interpretation {
    let form = &planned.scalar;
    let beside = Scalars {
        at: &planned.beside,
        scalars,
    };
    if !form.when.iter().all(|condition| beside.holds(condition)) {
        return Interpretation::Nothing;
    }
    let unit = scaling::unit_told(form.unit_of.as_ref(), |of| beside.raw(of));
    let scaling = Scaling {
        unit,
        ..Scaling::NONE
    };
    let raw = first(&planned.at, scalars).and_then(value::raw);
    let seen = raw.map_or(Interpretation::Nothing, |raw| {
        form.meaning.read(&raw, &scaling)
    });
    let others = planned.largest.iter().zip(&form.largest);
    others.fold(seen, |seen, (at, (_, meaning))| {
        let other = scalars
            .get(*at)
            .and_then(|value| value::raw(value.as_ref()?));
        larger(
            seen,
            other.map_or(Interpretation::Nothing, |raw| {
                meaning.read(&raw, &Scaling::NONE)
            }),
        )
    })
}

/// Returns the larger of two numbers. A doubtful one counts only if there is no other.
fn larger(one: Interpretation, other: Interpretation) -> Interpretation {
    match (&one, &other) {
        (
            Interpretation::Reading(ReadingValue::Number(a), _),
            Interpretation::Reading(ReadingValue::Number(b), Quality::Good),
        ) if b > a => other,
        (Interpretation::Nothing | Interpretation::NoNumber, Interpretation::Reading(..)) => other,
        _ => one,
    }
}

fn decode_table<'a>(
    plan: &'a Plan,
    planned: &'a PlannedTable,
    (cells, scalars): (&Cells, &[Option<Value>]),
    writer: &mut Writer<'a>,
) {
    if cells.rows() == 0 {
        return;
    }
    let grid = Grid::of(&cells.columns);
    let beside = Scalars {
        at: &planned.beside,
        scalars,
    };
    let rows = rows::rows(&planned.table, cells, beside, &grid);
    let metrics = &planned.table.metrics;
    let shared = metrics
        .iter()
        .map(|metric| plan.shared.contains(&metric.meaning.metric));
    let shared: Vec<bool> = shared.collect();
    let mut found = vec![false; metrics.len()];
    for row in &rows {
        let places = metrics.iter().zip(&shared).zip(&mut found);
        for ((metric, is_shared), is_found) in places {
            match read(row, metric) {
                Interpretation::Reading(value, quality) => {
                    let quality = match cells.is_broken {
                        true => Quality::Suspect,
                        false => quality,
                    };
                    let reading = (value, quality);
                    writer.put(&metric.meaning, &row.attributes, reading, *is_shared);
                    *is_found = true;
                }
                Interpretation::Nothing => {}
                Interpretation::NoNumber => {
                    let raw = metric.columns.iter().find_map(|column| row.raw(*column));
                    writer.unread(&metric.meaning.metric, row.index, raw.as_ref());
                }
            }
        }
    }
    let found = metrics.iter().zip(found).filter(|(_, is_found)| *is_found);
    let found = found.map(|(metric, _)| &metric.meaning.metric);
    writer.decoded.metrics.extend(found);
}

/// Interprets a metric in a row.
fn read(row: &Row<'_>, metric: &ColumnMetric) -> Interpretation {
    if !metric.when.iter().all(|condition| row.holds(condition)) {
        return Interpretation::Nothing;
    }
    let mut seen = Interpretation::Nothing;
    let Some(scaling) = scaling::of(row, metric) else {
        return seen;
    };
    for column in &metric.columns {
        let Some(raw) = row.raw(*column) else {
            continue;
        };
        match metric.meaning.read(&raw, &scaling) {
            Interpretation::Nothing => {}
            Interpretation::NoNumber => seen = Interpretation::NoNumber,
            reading => return reading,
        }
    }
    seen
}

impl<'a> Writer<'a> {
    fn put(
        &mut self,
        meaning: &'a Meaning,
        attributes: &Attributes,
        (value, quality): (ReadingValue, Quality),
        is_shared: bool,
    ) {
        let all = attributes.iter().chain(&meaning.attributes);
        if is_shared {
            let is_identified = all.clone().any(|(key, _)| reading::is_identifier(key));
            let identity = all.clone();
            let identity =
                identity.filter(|(key, _)| !(is_identified && reading::is_description(key)));
            let series = (&meaning.metric, identity.cloned().collect());
            if !self.seen.insert(series) {
                return;
            }
        }
        let all = all.map(|(key, text)| (&**key, &**text));
        let metric = meaning.metric.as_str();
        let buffer = &mut self.decoded.buffer;
        buffer.push(metric, all, &value, &meaning.unit, quality);
    }

    fn unread(&mut self, metric: &'a MetricName, index: &[u32], raw: Option<&Raw<'_>>) {
        self.decoded.unread_count += 1;
        if self.decoded.unread.len() < UNREAD_MAX {
            let text = raw.map(Raw::text).unwrap_or_default();
            self.decoded.unread.push(Unread {
                metric,
                index: rows::dotted(index),
                is_none: text::says_none(&text),
                text: text.chars().take(UNREAD_TEXT_MAX).collect(),
            });
        }
    }
}

#[cfg(test)]
mod tests;
