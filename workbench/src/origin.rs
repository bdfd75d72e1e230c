//! The object from which each reading comes. Pure.
//!
//! The worker does not say, and need not: its decoding of a poll is repeated here, row by row and
//! column by column, so that only one object is possible for each reading.

use std::collections::HashMap;

use async_snmp::Oid;
use utakata_worker_sdk::model::Reading;
use utakata_worker_snmp::{
    decode::{Cells, Column, Fetched, decode},
    plan::{Filter, Plan, PlannedTable},
    profile::Scalar,
};

use crate::walk::Walk;

/// The attribute that distinguishes rows whose other attributes are equal.
const INDEX: &str = "snmp.index";

/// The objects behind readings.
#[derive(Debug, Default)]
pub struct Origins {
    /// By metric and attributes without the index; of several, the first match counts.
    by_series: HashMap<Series, Vec<Origin>>,
}

type Series = (String, Vec<(String, String)>);

#[derive(Debug, Clone)]
struct Origin {
    oid: Oid,
    /// The index of the row, dotted; `None` for a scalar.
    index: Option<String>,
}

impl Origins {
    /// Finds the origins of everything that a plan reads from a walk.
    pub fn of(plan: &Plan, walk: &Walk) -> Self {
        let mut origins = Self::default();
        for planned in &plan.scalars {
            origins.add_scalar(&planned.scalar, walk);
        }
        for planned in &plan.tables {
            origins.add_table(planned, walk);
        }
        origins
    }

    /// Returns the object of a reading.
    pub fn find(&self, reading: &Reading) -> Option<&Oid> {
        let told = reading.attributes.get(INDEX);
        let origins = self.by_series.get(&series(reading))?;
        let fits = |origin: &&Origin| match (told, &origin.index) {
            (Some(told), Some(index)) => **told == **index,
            _ => true,
        };
        origins.iter().find(fits).map(|origin| &origin.oid)
    }

    fn add(&mut self, reading: &Reading, oid: Oid, index: Option<String>) {
        let origins = self.by_series.entry(series(reading)).or_default();
        origins.push(Origin { oid, index });
    }

    fn add_scalar(&mut self, scalar: &Scalar, walk: &Walk) {
        for oid in &scalar.oids {
            let alone = Scalar {
                oids: vec![oid.clone()],
                ..scalar.clone()
            };
            let plan = Plan::of_scalars(&[alone]);
            let fetched = Fetched {
                scalars: plan.oids.iter().map(|oid| walk.get(oid).cloned()).collect(),
                tables: Vec::new(),
            };
            for reading in decode(&plan, &fetched).buffer.readings() {
                self.add(&reading, oid.clone(), None);
            }
        }
    }

    fn add_table(&mut self, planned: &PlannedTable, walk: &Walk) {
        let rows = Rows::of(planned, walk);
        for metric in &planned.table.metrics {
            for at in &metric.columns {
                let Some(column) = planned.table.columns.get(*at) else {
                    continue;
                };
                let mut metric = metric.clone();
                metric.columns = vec![*at];
                let mut table = planned.table.clone();
                table.metrics = vec![metric];
                // A single row has no cells of others: joins with the table itself are looked up
                // like all others.
                table.joined = vec![None; table.joins.len()];
                let beside: Vec<usize> = (0..table.beside.len()).collect();
                let scalars = table.beside.iter().map(|oid| walk.get(oid).cloned());
                let scalars: Vec<_> = scalars.collect();
                let plan = Plan {
                    tables: vec![PlannedTable {
                        table,
                        columns: planned.columns.clone(),
                        joins: planned.joins.clone(),
                        beside,
                    }],
                    ..Plan::default()
                };
                for (oid, _) in walk.under(column) {
                    let Some(index) = oid.arcs().get(column.len()..) else {
                        continue;
                    };
                    let fetched = Fetched {
                        scalars: scalars.clone(),
                        tables: vec![rows.row(index)],
                    };
                    let dotted: Vec<String> = index.iter().map(u32::to_string).collect();
                    for reading in decode(&plan, &fetched).buffer.readings() {
                        self.add(&reading, oid.clone(), Some(dotted.join(".")));
                    }
                }
            }
        }
    }
}

fn series(reading: &Reading) -> Series {
    let attributes = reading.attributes.iter();
    let attributes = attributes.filter(|(key, _)| &***key != INDEX);
    let attributes = attributes.map(|(key, text)| (key.to_string(), text.to_string()));
    (reading.metric.to_string(), attributes.collect())
}

/// The cells of a table in a walk.
struct Rows<'a> {
    columns: &'a [Oid],
    joins: Vec<Column>,
    walk: &'a Walk,
}

impl<'a> Rows<'a> {
    fn of(planned: &'a PlannedTable, walk: &'a Walk) -> Self {
        let whole = |oid: &Oid| {
            let mut column = Column::default();
            for (found, value) in walk.under(oid) {
                if let Some(index) = found.arcs().get(oid.len()..) {
                    column.push(index, value.clone());
                }
            }
            column
        };
        Self {
            columns: &planned.table.columns,
            joins: planned.table.joins.iter().map(whole).collect(),
            walk,
        }
    }

    /// One row, including all tables joined to it.
    fn row(&self, index: &[u32]) -> Cells {
        let cell = |column: &Oid| {
            let mut found = Column::default();
            let instance = Oid::new(column.arcs().iter().chain(index).copied());
            if let Some(value) = self.walk.get(&instance) {
                found.push(index, value.clone());
            }
            found
        };
        Cells {
            columns: self.columns.iter().map(cell).collect(),
            joins: self.joins.clone(),
            is_broken: false,
        }
    }
}

/// A plan for everything that the profiles read.
pub fn plan(profiles: &[std::sync::Arc<utakata_worker_snmp::profile::Profile>]) -> Plan {
    Plan::build(profiles, &Filter::default())
}
