//! Fetches what a plan asks for.

use crate::{
    decode::{Cells, Column, Fetched},
    plan::{Plan, PlannedTable},
    session::{Error, Session, Walked},
};
use tokio::time::Instant;

/// What was fetched, and what kept it from being all.
#[derive(Debug, Default)]
pub struct Haul {
    /// What was fetched.
    pub fetched: Fetched,
    /// What went wrong first.
    pub trouble: Option<Error>,
}

/// Where the cells of a walked column go.
struct Destination {
    table: usize,
    place: Place,
}

enum Place {
    Column(usize),
    Join(usize),
}

/// Fetches all of a plan, or as much of it as the target gives.
pub async fn fetch(session: &Session, plan: &Plan, deadline: Instant) -> Haul {
    let mut haul = Haul::default();
    match session.get(deadline, &plan.oids).await {
        Ok(values) => haul.fetched.scalars = values,
        Err(error @ Error::Refused { .. }) => haul.trouble = Some(error),
        Err(error) => {
            haul.trouble = Some(error);
            return haul;
        }
    }
    let (destinations, mut columns) = columns(plan);
    let walked = session.walk(deadline, &mut columns, usize::MAX).await;
    haul.fetched.tables = plan.tables.iter().map(empty).collect();
    for (column, to) in columns.into_iter().zip(destinations) {
        let Some(cells) = haul.fetched.tables.get_mut(to.table) else {
            continue;
        };
        cells.whole &= column.is_whole();
        let slot = match to.place {
            Place::Column(at) => cells.columns.get_mut(at),
            Place::Join(at) => cells.joins.get_mut(at),
        };
        if let Some(slot) = slot {
            *slot = column.column;
        }
    }
    haul.trouble = haul.trouble.or(walked.err());
    haul
}

fn columns(plan: &Plan) -> (Vec<Destination>, Vec<Walked>) {
    let mut destinations = Vec::new();
    let mut columns = Vec::new();
    for (table, planned) in plan.tables.iter().enumerate() {
        let own = planned
            .columns
            .iter()
            .map(|at| (planned.table.columns.get(*at), Place::Column(*at)));
        let joins = planned
            .joins
            .iter()
            .map(|at| (planned.table.joins.get(*at), Place::Join(*at)));
        for (oid, place) in own.chain(joins) {
            let Some(oid) = oid else { continue };
            destinations.push(Destination { table, place });
            columns.push(Walked::new(oid.clone()));
        }
    }
    (destinations, columns)
}

fn empty(planned: &PlannedTable) -> Cells {
    Cells {
        columns: planned.table.columns.iter().map(Column::of).collect(),
        joins: planned.table.joins.iter().map(Column::of).collect(),
        whole: true,
    }
}
