//! The plan of a reading: the instances and tables to fetch for a device, according to profiles.
//! Pure.

mod shared;

use std::{collections::BTreeMap, sync::Arc};

use async_snmp::Oid;
use serde_json::Value as Json;
use utakata_worker_sdk::model::MetricName;

use crate::profile::{
    Attribute, ColumnMetric, Join, JoinRow, Operand, Profile, Scalar, Source, Table,
};

pub use shared::SharedPlans;

/// The objects to fetch, and their meaning.
#[derive(Debug, Default)]
pub struct Plan {
    /// The instances to get, each once.
    pub oids: Vec<Oid>,
    /// Scalars; `at` are positions in `oids`.
    pub scalars: Vec<PlannedScalar>,
    pub tables: Vec<PlannedTable>,
    /// Metrics with more than one source: of equal readings the first counts.
    pub shared: Vec<MetricName>,
    /// The result of recognition, where devices are recognised.
    pub recognised: Option<Recognised>,
}

/// The result of recognising a device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Recognised {
    /// The matching profiles; those that match by the device's own name come first.
    pub profiles: Vec<String>,
    /// The sysObjectID of the device.
    pub system: Option<Oid>,
    /// True if the device reports switching or routing: its interfaces are then its purpose.
    pub is_network: bool,
}

#[derive(Debug)]
pub struct PlannedScalar {
    /// Its positions, in order of preference.
    pub at: Vec<usize>,
    /// The positions of alternatives; the largest value counts.
    pub largest: Vec<usize>,
    /// The positions of the scalars used in its conditions.
    pub beside: Vec<usize>,
    pub scalar: Scalar,
}

#[derive(Debug)]
pub struct PlannedTable {
    pub table: Table,
    /// Positions of the columns to fetch.
    pub columns: Vec<usize>,
    /// Positions of the joins to fetch.
    pub joins: Vec<usize>,
    /// The positions of the scalars used in its conditions.
    pub beside: Vec<usize>,
}

/// The metrics to keep.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Filter(pub Vec<String>);

impl Filter {
    /// Returns true if a metric is wanted: its name or a prefix of it is in the filter (`hw` for
    /// `hw.power`). An empty filter accepts all.
    pub fn wants(&self, metric: &str) -> bool {
        self.0.is_empty()
            || self.0.iter().any(|wanted| {
                metric
                    .strip_prefix(wanted.trim_end_matches('.'))
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
    }
}

impl Plan {
    /// Builds a plan for these profiles, limited by the filter.
    pub fn build(profiles: &[Arc<Profile>], filter: &Filter) -> Self {
        let mut plan = Self::default();
        for profile in profiles {
            for scalar in &profile.content.scalars {
                if filter.wants(scalar.meaning.metric.as_str()) {
                    plan.add_scalar(scalar);
                }
            }
            for table in &profile.content.tables {
                plan.add_table(table, filter);
            }
        }
        plan.note_shared();
        plan
    }

    /// Builds a plan for these scalars.
    pub fn of_scalars(scalars: &[Scalar]) -> Self {
        let mut plan = Self::default();
        for scalar in scalars {
            plan.add_scalar(scalar);
        }
        plan.note_shared();
        plan
    }

    /// Builds a plan for the rows selected by parameters, with their indexes by table.
    ///
    /// # Errors
    /// A sentence about an invalid parameter.
    pub fn of_rows(
        profiles: &[Arc<Profile>],
        filter: &Filter,
        parameters: &Json,
    ) -> Result<(Self, Vec<Vec<u32>>), String> {
        let (mut plan, mut indexes) = (Self::default(), Vec::new());
        let given = |name: &str| parameters.get(name).is_some();
        for table in profiles.iter().flat_map(|profile| &profile.content.tables) {
            let Some(row) = table.row.as_ref().filter(|row| row.parameters().all(given)) else {
                continue;
            };
            let before = plan.tables.len();
            plan.add_table(table, filter);
            if plan.tables.len() > before {
                indexes.push(row.arcs(parameters)?);
            }
        }
        plan.note_shared();
        Ok((plan, indexes))
    }

    /// Returns true if there is nothing to fetch.
    pub fn is_empty(&self) -> bool {
        self.scalars.is_empty() && self.tables.is_empty()
    }

    fn note_shared(&mut self) {
        let mut sources: BTreeMap<MetricName, usize> = BTreeMap::new();
        let scalars = self.scalars.iter();
        let scalars = scalars.map(|scalar| scalar.scalar.meaning.metric.clone());
        let tables = self.tables.iter().flat_map(PlannedTable::metrics);
        for metric in scalars.chain(tables) {
            *sources.entry(metric).or_default() += 1;
        }
        let shared = sources.into_iter().filter(|(_, count)| *count > 1);
        self.shared = shared.map(|(metric, _)| metric).collect();
    }

    fn add_scalar(&mut self, scalar: &Scalar) {
        let planned = PlannedScalar {
            at: self.places(scalar.oids.iter()),
            largest: self.places(scalar.largest.iter().map(|(oid, _)| oid)),
            beside: self.places(scalar.beside.iter()),
            scalar: scalar.clone(),
        };
        self.scalars.push(planned);
    }

    /// Returns the positions of instances, adding them to the plan.
    fn places<'a>(&mut self, oids: impl Iterator<Item = &'a Oid>) -> Vec<usize> {
        let at = oids.map(|oid| {
            let known = self.oids.iter().position(|known| known == oid);
            known.unwrap_or_else(|| {
                self.oids.push(oid.clone());
                self.oids.len() - 1
            })
        });
        at.collect()
    }

    fn add_table(&mut self, table: &Table, filter: &Filter) {
        let mut table = table.clone();
        table
            .metrics
            .retain(|metric| filter.wants(metric.meaning.metric.as_str()));
        if !table.metrics.is_empty() {
            let columns = used_columns(&table);
            let of_others = table.joined.iter().enumerate();
            let of_others = of_others.filter(|(_, column)| column.is_none());
            let joins = of_others.map(|(join, _)| join).collect();
            let beside = self.places(table.beside.iter());
            self.tables.push(PlannedTable {
                table,
                columns,
                joins,
                beside,
            });
        }
    }
}

impl PlannedTable {
    /// The names of its metrics, each once.
    fn metrics(&self) -> impl Iterator<Item = MetricName> {
        let mut names: Vec<MetricName> = Vec::new();
        for metric in &self.table.metrics {
            if !names.contains(&metric.meaning.metric) {
                names.push(metric.meaning.metric.clone());
            }
        }
        names.into_iter()
    }
}

fn used_columns(table: &Table) -> Vec<usize> {
    let mut used: Vec<usize> = table.joined.iter().flatten().copied().collect();
    used.extend(
        table
            .when
            .iter()
            .filter_map(|condition| looked_at(&condition.of)),
    );
    for metric in &table.metrics {
        used_by(metric, &mut used);
    }
    for (_, attribute) in &table.attributes {
        match attribute {
            Attribute::Row {
                source: Source::Columns(columns),
                ..
            } => used.extend(columns),
            Attribute::Row {
                source: Source::Join(join),
                ..
            } => used.extend(row_of(join)),
            _ => {}
        }
    }
    used.sort_unstable();
    used.dedup();
    used
}

fn used_by(metric: &ColumnMetric, used: &mut Vec<usize>) {
    used.extend(&metric.columns);
    used.extend(metric.scale.map(|(column, _)| column));
    used.extend(metric.precision);
    used.extend(metric.times);
    used.extend(metric.divide_by);
    let conditions = metric.when.iter().map(|condition| &condition.of);
    let unit = metric.unit_of.iter().map(|unit| &unit.of);
    used.extend(conditions.chain(unit).filter_map(looked_at));
}

/// The column used by a condition.
fn looked_at(of: &Operand) -> Option<usize> {
    match of {
        Operand::Column(column) => Some(*column),
        Operand::Join(join) => row_of(join),
        Operand::Index(_) | Operand::Scalar(_) => None,
    }
}

/// The column that identifies the row of another table.
fn row_of(join: &Join) -> Option<usize> {
    match join.row {
        JoinRow::Column(column) => Some(column),
        JoinRow::Index(_) => None,
    }
}

#[cfg(test)]
mod tests;
