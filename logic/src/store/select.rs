//! Which rows of the ledger are asked for, in the words that every database understands.

use sqlx::{Database, Encode, QueryBuilder, Type};
use utakata_model::{OperationId, TaskId};

use super::Wanted;

const TASK: &str = "SELECT state, body, progress, outcome FROM task WHERE TRUE";
const OPERATION: &str = "SELECT id, body, progress FROM operation WHERE TRUE";
/// As the index of those that have not ended has it.
const OPEN: &str = " AND state NOT IN ('succeeded', 'failed', 'expired', 'cancelled')";

/// A database that takes what is asked for here.
pub(super) trait Db: Database {
    fn text(query: &mut QueryBuilder<Self>, value: String);
    fn number(query: &mut QueryBuilder<Self>, value: u32);
}

impl<D: Database> Db for D
where
    for<'q> String: Encode<'q, D> + Type<D>,
    for<'q> i64: Encode<'q, D> + Type<D>,
{
    fn text(query: &mut QueryBuilder<Self>, value: String) {
        query.push_bind(value);
    }

    fn number(query: &mut QueryBuilder<Self>, value: u32) {
        query.push_bind(i64::from(value));
    }
}

/// The tasks that have not ended, oldest first.
pub(super) fn unfinished<D: Db>() -> QueryBuilder<D> {
    let mut query = QueryBuilder::new(TASK);
    query.push(OPEN).push(" ORDER BY id");
    query
}

/// All tasks of an operation, oldest first.
pub(super) fn tasks_of<D: Db>(id: OperationId) -> QueryBuilder<D> {
    let mut query = QueryBuilder::new(TASK);
    where_is(&mut query, "operation", id.to_string());
    query.push(" ORDER BY id");
    query
}

/// A task.
pub(super) fn task<D: Db>(id: TaskId) -> QueryBuilder<D> {
    let mut query = QueryBuilder::new(TASK);
    where_is(&mut query, "id", id.to_string());
    query
}

/// Tasks, newest first.
pub(super) fn tasks<D: Db>(wanted: &Wanted, most: u32) -> QueryBuilder<D> {
    let mut query = QueryBuilder::new(TASK);
    if let Some(operation) = wanted.operation {
        where_is(&mut query, "operation", operation.to_string());
    }
    if let Some(state) = wanted.state {
        where_is(&mut query, "state", state.as_str().to_owned());
    }
    if let Some(target) = &wanted.target {
        where_is(&mut query, "target", target.to_string());
    }
    newest(
        &mut query,
        wanted.before.map(|before| before.to_string()),
        most,
    );
    query
}

/// An operation.
pub(super) fn operation<D: Db>(id: OperationId) -> QueryBuilder<D> {
    let mut query = QueryBuilder::new(OPERATION);
    where_is(&mut query, "id", id.to_string());
    query
}

/// Operations, newest first.
pub(super) fn operations<D: Db>(before: Option<OperationId>, most: u32) -> QueryBuilder<D> {
    let mut query = QueryBuilder::new(OPERATION);
    newest(&mut query, before.map(|before| before.to_string()), most);
    query
}

fn where_is<D: Db>(query: &mut QueryBuilder<D>, column: &str, value: String) {
    query.push(format_args!(" AND {column} = "));
    D::text(query, value);
}

fn newest<D: Db>(query: &mut QueryBuilder<D>, before: Option<String>, most: u32) {
    if let Some(before) = before {
        query.push(" AND id < ");
        D::text(query, before);
    }
    query.push(" ORDER BY id DESC LIMIT ");
    D::number(query, most);
}
