//! From what a device answered to readings. Pure.

mod cell;
mod meaning;
mod rows;

use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use async_snmp::Value;
use utakata_worker_sdk::{
    Sheet,
    model::{MetricName, Quality, ReadingValue},
};

use crate::{
    plan::{Plan, PlannedTable},
    profile::{ColumnMetric, Meaning},
};
pub use cell::Cell;
use meaning::Scaling;
use rows::{Grid, Row};

/// What a device answered to a [`Plan`].
#[derive(Debug, Default)]
pub struct Fetched {
    /// Values of `Plan::oids`, by position; `None` when there is none.
    pub scalars: Vec<Option<Value>>,
    /// Cells of `Plan::tables`, by position.
    pub tables: Vec<Cells>,
}

/// The cells of a table.
#[derive(Debug, Default, Clone)]
pub struct Cells {
    /// By position of the column; none when none was there.
    pub columns: Vec<Column>,
    /// By position of the join; none when none was there.
    pub joins: Vec<Column>,
    /// Whether the end of some column was not seen.
    pub is_broken: bool,
}

impl Cells {
    /// The rows of the longest column.
    fn rows(&self) -> usize {
        let rows = self.columns.iter().map(Column::len);
        rows.max().unwrap_or_default()
    }
}

/// The cells of a column, in the order of their index.
#[derive(Debug, Default, Clone)]
pub struct Column {
    /// The numbers of all indexes, one after the other.
    arcs: Vec<u32>,
    /// Of each cell, where in `arcs` its index ends, and its value.
    cells: Vec<(usize, Cell)>,
}

impl Column {
    /// No cell yet, and room for so many.
    pub fn with_room(cells: usize) -> Self {
        Self {
            arcs: Vec::with_capacity(cells),
            cells: Vec::with_capacity(cells),
        }
    }

    /// One more cell. Its index is after all others, or the device lies.
    pub fn push(&mut self, index: &[u32], value: Value) {
        self.arcs.extend_from_slice(index);
        self.cells.push((self.arcs.len(), value.into()));
    }

    /// How many cells there are.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The index of the cell of that position.
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

    /// The value of the cell of that position.
    pub fn value(&self, at: usize) -> Option<&Cell> {
        self.cells.get(at).map(|(_, value)| value)
    }

    /// The cells: index and value.
    pub fn iter(&self) -> impl Iterator<Item = (&[u32], Value)> {
        let indexes = (0..self.len()).filter_map(|at| self.index(at));
        indexes.zip(self.cells.iter().map(|(_, value)| value.into()))
    }

    /// The value of the row of this index.
    fn find(&self, index: &[u32]) -> Option<Value> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.index(middle)?.cmp(index) {
                Ordering::Equal => return self.value(middle).map(Value::from),
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
            }
        }
        None
    }
}

/// What was seen.
#[derive(Debug)]
pub struct Decoded<'a> {
    /// The readings.
    pub sheet: Sheet,
    /// Their metrics; one can be there more than once.
    pub metrics: Vec<&'a MetricName>,
}

/// Attributes of a row, each key once.
type Attributes = [(Arc<str>, Arc<str>)];

/// A metric and attributes.
type Series<'a> = (&'a MetricName, BTreeMap<Arc<str>, Arc<str>>);

/// Writes readings down.
struct Writer<'a> {
    decoded: Decoded<'a>,
    /// What was written of metrics that more than one source may give.
    seen: HashSet<Series<'a>>,
}

/// The readings in what was fetched. Those of a table that broke off are suspect. Of equal
/// metrics with equal attributes, what the first source says counts.
pub fn decode<'a>(plan: &'a Plan, fetched: &Fetched) -> Decoded<'a> {
    let mut writer = Writer {
        decoded: Decoded {
            sheet: Sheet::default(),
            metrics: Vec::new(),
        },
        seen: HashSet::new(),
    };
    let tables = plan.tables.iter().zip(&fetched.tables);
    let cells = tables.map(|(table, cells)| table.table.metrics.len() * cells.rows());
    let sheet = &mut writer.decoded.sheet;
    sheet.reserve(plan.scalars.len() + cells.sum::<usize>());
    for planned in &plan.scalars {
        let value = planned
            .at
            .iter()
            .find_map(|at| fetched.scalars.get(*at)?.as_ref());
        let meaning = &planned.scalar.meaning;
        let found = value.and_then(|value| meaning::read(meaning, value, Scaling::NONE));
        if let Some(found) = found {
            let is_shared = plan.shared.contains(&meaning.metric);
            writer.put(meaning, &[], found, is_shared);
            writer.decoded.metrics.push(&meaning.metric);
        }
    }
    for (table, cells) in plan.tables.iter().zip(&fetched.tables) {
        decode_table(plan, table, cells, &mut writer);
    }
    writer.decoded
}

fn decode_table<'a>(
    plan: &'a Plan,
    planned: &'a PlannedTable,
    cells: &Cells,
    writer: &mut Writer<'a>,
) {
    if cells.rows() == 0 {
        return;
    }
    let grid = Grid::of(&cells.columns);
    let rows = rows::rows(&planned.table, cells, &grid);
    let metrics = &planned.table.metrics;
    let shared = metrics
        .iter()
        .map(|metric| plan.shared.contains(&metric.meaning.metric));
    let shared: Vec<bool> = shared.collect();
    let mut found = vec![false; metrics.len()];
    for row in &rows {
        let places = metrics.iter().zip(&shared).zip(&mut found);
        for ((metric, is_shared), is_found) in places {
            if let Some((value, quality)) = read(row, metric) {
                let quality = if cells.is_broken {
                    Quality::Suspect
                } else {
                    quality
                };
                writer.put(
                    &metric.meaning,
                    &row.attributes,
                    (value, quality),
                    *is_shared,
                );
                *is_found = true;
            }
        }
    }
    let found = metrics.iter().zip(found).filter(|(_, is_found)| *is_found);
    let found = found.map(|(metric, _)| &metric.meaning.metric);
    writer.decoded.metrics.extend(found);
}

/// What a row says of a metric.
fn read(row: &Row<'_>, metric: &ColumnMetric) -> Option<(ReadingValue, Quality)> {
    if !metric.when.iter().all(|condition| row.holds(condition)) {
        return None;
    }
    let scaling = row.scaling(metric)?;
    metric.columns.iter().find_map(|column| {
        row.value(*column)
            .and_then(|value| meaning::read(&metric.meaning, &value, scaling))
    })
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
            let series = (&meaning.metric, all.clone().cloned().collect());
            if !self.seen.insert(series) {
                return;
            }
        }
        let all = all.map(|(key, text)| (&**key, &**text));
        let metric = meaning.metric.as_str();
        let sheet = &mut self.decoded.sheet;
        sheet.push(metric, all, &value, &meaning.unit, quality);
    }
}

#[cfg(test)]
mod tests;
