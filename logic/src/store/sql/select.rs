//! The statements that select tasks and operations.

use sqlx::AssertSqlSafe;
use utakata_model::{OperationId, TaskId};

use super::{Sql, Statement, Value};
use crate::store::TaskFilter;

const TASK: &str = "SELECT state, body, progress, outcome FROM task WHERE TRUE";
const OPERATION: &str = "SELECT id, body, progress FROM operation WHERE TRUE";
/// The condition of the index of tasks that have not ended.
const UNFINISHED: &str = " AND state NOT IN ('succeeded', 'failed', 'expired', 'cancelled')";

/// A statement under construction.
struct Select {
    sql: String,
    values: Vec<Value<'static>>,
}

impl Select {
    fn from(sql: &str) -> Self {
        Self {
            sql: sql.to_owned(),
            values: Vec::new(),
        }
    }

    fn and(mut self, condition: &str, value: Option<String>) -> Self {
        if let Some(value) = value {
            self.values.push(value.into());
            self.sql
                .push_str(&format!(" AND {condition} ${}", self.values.len()));
        }
        self
    }

    /// The same, for a condition that contains the number of its parameter.
    fn and_where(mut self, condition: fn(usize) -> String, value: Option<String>) -> Self {
        if let Some(value) = value {
            self.values.push(value.into());
            let condition = condition(self.values.len());
            self.sql.push_str(&format!(" AND {condition}"));
        }
        self
    }

    fn oldest_first(mut self) -> Statement<'static> {
        self.sql.push_str(" ORDER BY id");
        self.statement()
    }

    fn newest_first(mut self, max: u32) -> Statement<'static> {
        self.values.push(max.into());
        let last = self.values.len();
        self.sql
            .push_str(&format!(" ORDER BY id DESC LIMIT ${last}"));
        self.statement()
    }

    fn statement(self) -> Statement<'static> {
        let mut statement = Statement::new(AssertSqlSafe(self.sql));
        statement.values = self.values;
        statement
    }
}

/// Selects the tasks that have not ended, oldest first.
pub(super) fn unfinished() -> Statement<'static> {
    Select::from(&format!("{TASK}{UNFINISHED}")).oldest_first()
}

/// Selects all tasks of an operation, oldest first.
pub(super) fn tasks_of(id: OperationId) -> Statement<'static> {
    let select = Select::from(TASK).and("operation =", Some(id.to_string()));
    select.oldest_first()
}

/// Selects a task.
pub(super) fn task(id: TaskId) -> Statement<'static> {
    Select::from(TASK)
        .and("id =", Some(id.to_string()))
        .statement()
}

/// Selects tasks, newest first.
pub(super) fn tasks<S: Sql>(filter: &TaskFilter, max: u32) -> Statement<'static> {
    Select::from(TASK)
        .and("operation =", filter.operation.map(|id| id.to_string()))
        .and(
            "state =",
            filter.state.map(|state| state.as_str().to_owned()),
        )
        .and_where(
            S::of_target,
            filter.target.as_ref().map(ToString::to_string),
        )
        .and("id <", filter.before.map(|id| id.to_string()))
        .newest_first(max)
}

/// Selects an operation.
pub(super) fn operation(id: OperationId) -> Statement<'static> {
    let select = Select::from(OPERATION).and("id =", Some(id.to_string()));
    select.statement()
}

/// Selects operations, newest first.
pub(super) fn operations(before: Option<OperationId>, max: u32) -> Statement<'static> {
    let select = Select::from(OPERATION).and("id <", before.map(|id| id.to_string()));
    select.newest_first(max)
}
