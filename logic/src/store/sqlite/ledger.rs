//! Operations and control tasks in SQLite.

use std::collections::HashMap;

use sqlx::{Connection, QueryBuilder, Row, Sqlite as Db, SqliteConnection};
use utakata_api::operation::Counts;
use utakata_model::{Operation, OperationId, Outcome, TaskId, TaskState};

use super::{Sqlite, row::count};
use crate::store::{ControlTask, Error, TaskRow, Wanted};

/// SQLite takes 32,766 bound values in a statement.
const ROWS_AT_ONCE: usize = 1000;

const TASK: &str = "SELECT state, body, outcome FROM task WHERE TRUE";

impl Sqlite {
    pub(super) async fn write_plan(
        &self,
        operation: &Operation,
        tasks: &[ControlTask],
    ) -> Result<(), Error> {
        let body = self.json("operation", operation)?;
        let mut rows = Vec::with_capacity(tasks.len());
        for task in tasks {
            rows.push((task, self.json("task", task)?));
        }
        let mut writer = self.writer.lock().await;
        let written = async {
            let mut transaction = writer.begin().await?;
            sqlx::query("INSERT INTO operation (id, body) VALUES (?, ?)")
                .bind(operation.id.to_string())
                .bind(body)
                .execute(&mut *transaction)
                .await?;
            for rows in rows.chunks(ROWS_AT_ONCE) {
                insert(&mut transaction, rows).await?;
            }
            transaction.commit().await
        };
        written.await.map_err(|error| self.failed(error))
    }

    pub(super) async fn write_queued(&self, operation: OperationId) -> Result<(), Error> {
        let mut writer = self.writer.lock().await;
        sqlx::query("UPDATE task SET state = 'queued' WHERE operation = ? AND state = 'planned'")
            .bind(operation.to_string())
            .execute(&mut *writer)
            .await
            .map(drop)
            .map_err(|error| self.failed(error))
    }

    pub(super) async fn write_end(&self, outcomes: &[Outcome]) -> Result<Vec<TaskId>, Error> {
        let mut rows = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            rows.push((outcome, self.json("outcome", outcome)?));
        }
        let mut writer = self.writer.lock().await;
        let written = async {
            let mut changed = Vec::with_capacity(rows.len());
            let mut transaction = writer.begin().await?;
            for (outcome, body) in &rows {
                let done = sqlx::query(
                    "UPDATE task SET state = ?, outcome = ?
                     WHERE id = ? AND state IN ('planned', 'queued')",
                )
                .bind(TaskState::from(outcome.status).as_str())
                .bind(body)
                .bind(outcome.task.to_string())
                .execute(&mut *transaction)
                .await?;
                if done.rows_affected() > 0 {
                    changed.push(outcome.task);
                }
            }
            transaction.commit().await?;
            Ok(changed)
        };
        written.await.map_err(|error| self.failed(error))
    }

    pub(super) async fn read_unfinished(&self) -> Result<Vec<TaskRow>, Error> {
        let mut query = QueryBuilder::<Db>::new(TASK);
        query.push(" AND state IN ('planned', 'queued') ORDER BY id");
        self.fetch_tasks(query).await
    }

    pub(super) async fn read_task(&self, id: TaskId) -> Result<Option<TaskRow>, Error> {
        let mut query = QueryBuilder::<Db>::new(TASK);
        query.push(" AND id = ").push_bind(id.to_string());
        Ok(self.fetch_tasks(query).await?.pop())
    }

    pub(super) async fn read_tasks(
        &self,
        wanted: &Wanted,
        most: u32,
    ) -> Result<Vec<TaskRow>, Error> {
        let mut query = QueryBuilder::<Db>::new(TASK);
        if let Some(operation) = wanted.operation {
            query
                .push(" AND operation = ")
                .push_bind(operation.to_string());
        }
        if let Some(state) = wanted.state {
            query.push(" AND state = ").push_bind(state.as_str());
        }
        if let Some(target) = &wanted.target {
            query.push(" AND target = ").push_bind(target.to_string());
        }
        if let Some(before) = wanted.before {
            query.push(" AND id < ").push_bind(before.to_string());
        }
        query
            .push(" ORDER BY id DESC LIMIT ")
            .push_bind(i64::from(most));
        self.fetch_tasks(query).await
    }

    async fn fetch_tasks(&self, mut query: QueryBuilder<Db>) -> Result<Vec<TaskRow>, Error> {
        let rows = query
            .build()
            .fetch_all(&self.readers)
            .await
            .map_err(|error| self.failed(error))?;
        rows.iter().map(|row| self.task_row(row)).collect()
    }

    pub(super) async fn read_operation(
        &self,
        id: OperationId,
    ) -> Result<Option<(Operation, Counts)>, Error> {
        let mut query = QueryBuilder::<Db>::new("SELECT body FROM operation WHERE id = ");
        query.push_bind(id.to_string());
        Ok(self.fetch_operations(query).await?.pop())
    }

    pub(super) async fn read_operations(
        &self,
        before: Option<OperationId>,
        most: u32,
    ) -> Result<Vec<(Operation, Counts)>, Error> {
        let mut query = QueryBuilder::<Db>::new("SELECT body FROM operation WHERE TRUE");
        if let Some(before) = before {
            query.push(" AND id < ").push_bind(before.to_string());
        }
        query
            .push(" ORDER BY id DESC LIMIT ")
            .push_bind(i64::from(most));
        self.fetch_operations(query).await
    }

    async fn fetch_operations(
        &self,
        mut query: QueryBuilder<Db>,
    ) -> Result<Vec<(Operation, Counts)>, Error> {
        let rows = query
            .build()
            .fetch_all(&self.readers)
            .await
            .map_err(|error| self.failed(error))?;
        let mut operations = Vec::with_capacity(rows.len());
        for row in &rows {
            operations.push(self.parse::<Operation>("operation", row.get("body"))?);
        }
        let mut counts = self.counts(&operations).await?;
        Ok(operations
            .into_iter()
            .map(|operation| {
                let counts = counts.remove(&operation.id).unwrap_or_default();
                (operation, counts)
            })
            .collect())
    }

    async fn counts(
        &self,
        operations: &[Operation],
    ) -> Result<HashMap<OperationId, Counts>, Error> {
        let mut counts: HashMap<OperationId, Counts> = HashMap::new();
        if operations.is_empty() {
            return Ok(counts);
        }
        let mut query = QueryBuilder::<Db>::new(
            "SELECT operation, state, COUNT(*) AS tasks FROM task WHERE operation IN (",
        );
        let mut list = query.separated(", ");
        for operation in operations {
            list.push_bind(operation.id.to_string());
        }
        query.push(") GROUP BY operation, state");
        let rows = query
            .build()
            .fetch_all(&self.readers)
            .await
            .map_err(|error| self.failed(error))?;
        for row in &rows {
            let Ok(id) = row.get::<&str, _>("operation").parse() else {
                continue;
            };
            let state = format!("\"{}\"", row.get::<&str, _>("state"));
            let tasks = u64::try_from(row.get::<i64, _>("tasks")).unwrap_or_default();
            let state: TaskState = self.parse("state", &state)?;
            count(counts.entry(id).or_default(), state, tasks);
        }
        Ok(counts)
    }
}

async fn insert(
    to: &mut SqliteConnection,
    rows: &[(&ControlTask, String)],
) -> Result<(), sqlx::Error> {
    let mut query =
        QueryBuilder::<Db>::new("INSERT INTO task (id, operation, target, state, body) ");
    query.push_values(rows, |mut values, (task, body)| {
        values
            .push_bind(task.id.to_string())
            .push_bind(task.operation.to_string())
            .push_bind(task.target.to_string())
            .push_bind(TaskState::Planned.as_str())
            .push_bind(body.clone());
    });
    query.build().execute(to).await.map(drop)
}
