//! From what a device answered to readings. Pure.

mod meaning;
mod rows;

use std::{collections::HashSet, sync::Arc};

use async_snmp::{Oid, Value, VarBind};
use utakata_worker_sdk::model::{Quality, Reading, reading::Attributes};

use crate::plan::{Plan, PlannedTable};
use meaning::Scaling;

/// What a device answered to a [`Plan`].
#[derive(Debug, Default)]
pub struct Fetched {
    /// Values of `Plan::oids`, by position; `None` when there is none.
    pub scalars: Vec<Option<Value>>,
    /// Cells of `Plan::tables`, by position.
    pub tables: Vec<Cells>,
}

/// The cells of a table.
#[derive(Debug, Default)]
pub struct Cells {
    /// By position of the column.
    pub columns: Vec<Column>,
    /// By position of the join.
    pub joins: Vec<Column>,
    /// Whether the end of every column was seen.
    pub whole: bool,
}

/// The cells of a column, in the order of their index.
#[derive(Debug, Default, Clone)]
pub struct Column {
    /// How many numbers of each OID are the column's.
    pub prefix: usize,
    /// The cells.
    pub cells: Vec<VarBind>,
}

impl Column {
    /// No cell yet of this column.
    pub fn of(oid: &Oid) -> Self {
        Self {
            prefix: oid.len(),
            cells: Vec::new(),
        }
    }

    fn index(&self, at: usize) -> Option<&[u32]> {
        self.cells
            .get(at)
            .and_then(|cell| cell.oid.arcs().get(self.prefix..))
    }

    /// The value of the row of this index.
    fn find(&self, index: &[u32]) -> Option<&Value> {
        let place = self
            .cells
            .binary_search_by(|cell| cell.oid.arcs().get(self.prefix..).unwrap_or(&[]).cmp(index));
        place
            .ok()
            .and_then(|at| self.cells.get(at))
            .map(|cell| &cell.value)
    }
}

/// The readings in what was fetched. Those of a table that broke off are suspect.
pub fn decode(plan: &Plan, fetched: &Fetched) -> Vec<Reading> {
    let mut readings = Vec::new();
    for planned in &plan.scalars {
        let value = planned
            .at
            .iter()
            .find_map(|at| fetched.scalars.get(*at)?.as_ref());
        let meaning = &planned.scalar.meaning;
        if let Some((value, quality)) =
            value.and_then(|value| meaning::read(meaning, value, Scaling::NONE))
        {
            readings.push(reading(meaning, Attributes::new(), value, quality));
        }
    }
    for (table, cells) in plan.tables.iter().zip(&fetched.tables) {
        decode_table(table, cells, &mut readings);
    }
    if !plan.shared.is_empty() {
        keep_first(plan, &mut readings);
    }
    readings
}

fn decode_table(planned: &PlannedTable, cells: &Cells, readings: &mut Vec<Reading>) {
    let rows = rows::rows(&planned.table, cells);
    readings.reserve(rows.len() * planned.table.metrics.len());
    for row in &rows {
        for metric in &planned.table.metrics {
            if !metric.when.iter().all(|condition| row.holds(condition)) {
                continue;
            }
            let Some(scaling) = row.scaling(metric) else {
                continue;
            };
            let found = metric.columns.iter().find_map(|column| {
                row.value(*column)
                    .and_then(|value| meaning::read(&metric.meaning, value, scaling))
            });
            if let Some((value, quality)) = found {
                let quality = if cells.whole {
                    quality
                } else {
                    Quality::Suspect
                };
                let attributes = row.attributes.clone();
                readings.push(reading(&metric.meaning, attributes, value, quality));
            }
        }
    }
}

fn reading(
    meaning: &crate::profile::Meaning,
    mut attributes: Attributes,
    value: utakata_worker_sdk::model::ReadingValue,
    quality: Quality,
) -> Reading {
    for (key, text) in &meaning.attributes {
        attributes.insert(Arc::clone(key), Arc::clone(text));
    }
    Reading {
        metric: meaning.metric.clone(),
        attributes,
        value,
        unit: Arc::clone(&meaning.unit),
        quality,
    }
}

/// Of equal metrics with equal attributes, what the first source said counts.
fn keep_first(plan: &Plan, readings: &mut Vec<Reading>) {
    let mut seen: HashSet<(&str, &Attributes)> = HashSet::new();
    let keep: Vec<bool> = readings
        .iter()
        .map(|reading| {
            !plan.shared.contains(&reading.metric)
                || seen.insert((reading.metric.as_str(), &reading.attributes))
        })
        .collect();
    drop(seen);
    let mut keep = keep.into_iter();
    readings.retain(|_| keep.next().unwrap_or(true));
}

#[cfg(test)]
mod tests;
