//! Fetches everything in a plan.

use crate::{
    decode::{Cells, Column, Fetched},
    plan::Plan,
    session::{Error, Missed, Session, Singles, Walked},
};
use async_snmp::Oid;
use tokio::time::Instant;

/// The result of fetching a plan: the answers and the missing parts.
#[derive(Debug, Default)]
pub struct FetchResult {
    /// The values that arrived.
    pub fetched: Fetched,
    /// The missing parts, and the reasons.
    pub missed: Vec<Missed>,
    /// The error that stopped everything.
    pub trouble: Option<Error>,
}

/// The destination of a walked column's cells.
struct Destination {
    table: usize,
    place: CellSource,
}

/// The position of a cell in its table.
pub enum CellSource {
    /// In a column of the table itself.
    Column(usize),
    /// In a column of another table.
    Join(usize),
}

/// Fetches all of a plan, or as much as the target gives.
pub async fn fetch(session: &Session, plan: &Plan, deadline: Instant) -> FetchResult {
    let mut singles = Singles::of(&plan.oids);
    session.plan_singles(&mut singles);
    let (destinations, mut columns) = match session.to_walk(columns(plan)) {
        Ok(walk) => walk,
        Err(error) => return FetchResult::failed(error),
    };
    let walked = session.walk(deadline, &mut singles, &mut columns, usize::MAX);
    let (mut missed, mut trouble) = match walked.await {
        Ok(missed) => (missed, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    // A target that is silent already is not asked again.
    if !trouble.as_ref().is_some_and(Error::is_of_target) {
        let got = session.get_rest(deadline, &mut singles).await;
        trouble = trouble.or(got.err());
    }
    missed.append(&mut singles.missed);
    let mut fetched = Fetched {
        scalars: singles.values,
        tables: vec![Cells::default(); plan.tables.len()],
    };
    for (column, to) in columns.into_iter().zip(destinations) {
        put(&mut fetched, plan, column, &to);
    }
    FetchResult {
        fetched,
        missed,
        trouble,
    }
}

/// Stores a column at its destination.
fn put(fetched: &mut Fetched, plan: &Plan, column: Walked<'_>, to: &Destination) {
    let (Some(cells), Some(planned)) =
        (fetched.tables.get_mut(to.table), plan.tables.get(to.table))
    else {
        return;
    };
    cells.is_broken |= !column.is_whole();
    let (columns, at, count) = match to.place {
        CellSource::Column(at) => (&mut cells.columns, at, planned.table.columns.len()),
        CellSource::Join(at) => (&mut cells.joins, at, planned.table.joins.len()),
    };
    columns.resize_with(count, Column::default);
    if let Some(slot) = columns.get_mut(at) {
        *slot = column.column;
    }
}

/// All columns in a plan, and their destinations.
fn columns(plan: &Plan) -> impl Iterator<Item = (Destination, &Oid)> {
    let tables = plan.tables.iter().enumerate();
    tables.flat_map(|(table, planned)| {
        let to = move |place| Destination { table, place };
        let own = planned.columns.iter();
        let own = own.filter_map(move |at| {
            let oid = planned.table.columns.get(*at)?;
            Some((to(CellSource::Column(*at)), oid))
        });
        let joins = planned.joins.iter();
        own.chain(joins.filter_map(move |at| {
            let oid = planned.table.joins.get(*at)?;
            Some((to(CellSource::Join(*at)), oid))
        }))
    })
}

impl FetchResult {
    fn failed(error: Error) -> Self {
        Self {
            trouble: Some(error),
            ..Self::default()
        }
    }
}
