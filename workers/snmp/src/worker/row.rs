//! `read` of one row, such as an outlet that was switched: only that row is read back.

use async_snmp::{ErrorStatus, Oid, Value};
use serde_json::Value as Json;
use utakata_worker_sdk::{Answer, Failure};

use super::{TaskContext, fetch::CellSource, problem, raw::wrong};
use crate::{
    decode::{Cells, Column, Fetched, decode},
    plan::{Filter, Plan, PlannedTable},
    profile::{Join, JoinRow, Table},
    session::GetResult,
};

impl TaskContext<'_> {
    /// Returns true if the parameters select a row.
    pub fn means_a_row(&self) -> bool {
        let parameters = self.task.parameters.as_object();
        let mut names = parameters.into_iter().flat_map(|given| given.keys());
        names.any(|name| name != "metrics")
    }

    /// Reads the row selected by the parameters, in each table that has such a row.
    pub async fn read_row(&self, filter: &Filter) -> Result<Answer, Failure> {
        let parameters = &self.task.parameters;
        let profiles = self.profiles(&[]);
        let (plan, indexes) = Plan::of_rows(&profiles, filter, parameters).map_err(wrong)?;
        let rows = plan.tables.iter().zip(&indexes);
        let cells: Vec<Vec<Cell>> = rows.map(|(table, index)| cells(table, index)).collect();
        let of_rows = cells.iter().flatten().map(|cell| &cell.oid);
        let oids: Vec<Oid> = plan.oids.iter().chain(of_rows).cloned().collect();
        let GetResult { values, missed } = match self.session.get(self.deadline, &oids).await {
            Ok(got) => got,
            Err(error) => return Err(Failure::failed(self.problem(&error).await)),
        };
        let mut values = values.into_iter();
        let scalars = values.by_ref().take(plan.oids.len()).collect();
        let tables = plan.tables.iter().zip(&cells);
        let tables = tables.map(|(table, cells)| put(table, cells, values.by_ref()));
        let fetched = Fetched {
            scalars,
            tables: tables.collect(),
        };
        let decoded = decode(&plan, &fetched);
        if decoded.metrics.is_empty() {
            return Err(match missed.first() {
                Some(missed) => Failure::failed(self.missed(missed)),
                None => self.no_such_row(parameters, &oids),
            });
        }
        Ok(self.answer(decoded.buffer, &missed))
    }

    fn no_such_row(&self, parameters: &Json, oids: &[Oid]) -> Failure {
        let target = &self.task.target;
        let oids: Vec<String> = oids.iter().map(ToString::to_string).collect();
        let what = format!(
            "{target} has nothing of {parameters}: not at {}",
            oids.join(", ")
        );
        Failure::failed(problem::refused(&what, ErrorStatus::NoSuchName))
    }
}

struct Cell {
    oid: Oid,
    index: Vec<u32>,
    place: CellSource,
}

/// The cells of a row that its readings need, and those of joins by its index.
fn cells(planned: &PlannedTable, index: &[u32]) -> Vec<Cell> {
    let table = &planned.table;
    let cell = |oid: &Oid, index: Vec<u32>, place| {
        let arcs: Vec<u32> = oid.arcs().iter().chain(&index).copied().collect();
        let oid = Oid::from_slice(&arcs);
        Cell { oid, index, place }
    };
    let columns = planned.columns.iter().filter_map(|at| {
        let oid = table.columns.get(*at)?;
        Some(cell(oid, index.to_vec(), CellSource::Column(*at)))
    });
    let joins = joins(table, index).filter_map(|(at, index)| {
        let oid = table.joins.get(at)?;
        Some(cell(oid, index, CellSource::Join(at)))
    });
    columns.chain(joins).collect()
}

/// The joins by components of the index, and the index of each.
fn joins<'a>(table: &'a Table, index: &'a [u32]) -> impl Iterator<Item = (usize, Vec<u32>)> + 'a {
    table.all_joins().filter_map(|Join { join, row }| {
        let is_of_other = table.joined.get(*join) == Some(&None);
        let JoinRow::Index(parts) = row else {
            return None;
        };
        let parts = parts.iter().map(|part| index.get(*part).copied());
        let index = parts.collect::<Option<_>>()?;
        is_of_other.then_some((*join, index))
    })
}

/// Stores the values of the cells, like a walk that found one row.
fn put(
    planned: &PlannedTable,
    cells: &[Cell],
    values: impl Iterator<Item = Option<Value>>,
) -> Cells {
    let mut found = Cells {
        columns: vec![Column::default(); planned.table.columns.len()],
        joins: vec![Column::default(); planned.table.joins.len()],
        is_broken: false,
    };
    for (cell, value) in cells.iter().zip(values) {
        let column = match cell.place {
            CellSource::Column(at) => found.columns.get_mut(at),
            CellSource::Join(at) => found.joins.get_mut(at),
        };
        if let Some((column, value)) = column.zip(value) {
            column.push(&cell.index, value);
        }
    }
    found
}
