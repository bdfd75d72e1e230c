//! Batches of the ledger in PostgreSQL: one transaction each, with at most ten statements.

use std::time::Duration;

use tokio::time::Instant;

use super::{Postgres, error::may_be_committed, lease, session::Transaction};
use crate::store::{
    Error, Fence, Place, WriteBatch,
    number::to_column,
    rows::{NewOperation, NewTask, OperationUpdate, Rows, TaskUpdate},
    sql::{Session, Writing, Written},
};

/// The first batch after this time is looked up on another connection.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The rows of tasks: each of the two kinds is written with one statement.
struct Tasks<'p> {
    new: Vec<NewTask<'p>>,
    changed: Vec<TaskUpdate>,
}

impl<'p> Tasks<'p> {
    fn of(rows: &Rows<'p>, place: &Place) -> Result<Self, Error> {
        let new = rows.tasks.iter().map(|task| task.row(place));
        let changed = rows.task_progress.iter().map(|task| task.row(place));
        Ok(Self {
            new: new.collect::<Result<_, _>>()?,
            changed: changed.collect::<Result<_, _>>()?,
        })
    }
}

impl Writing for Transaction<'_> {
    async fn holds(&mut self, fence: &Fence) -> Result<bool, sqlx::Error> {
        let rows = self.fetch(lease::holds(fence)).await?;
        Ok(!rows.is_empty())
    }

    async fn write_tasks(&mut self, rows: &Rows<'_>, place: &Place) -> Result<(), sqlx::Error> {
        let tasks = Tasks::of(rows, place);
        let tasks = tasks.map_err(|error| sqlx::Error::Encode(error.into()))?;
        insert_operations(self, &rows.operations).await?;
        update_operations(self, &rows.operation_progress).await?;
        insert_tasks(self, &tasks.new).await?;
        update_tasks(self, &tasks.changed).await
    }

    async fn end_batch(
        mut self,
        written: Result<Written, sqlx::Error>,
        batch: &WriteBatch,
    ) -> Result<(), Error> {
        let store = self.store;
        match written {
            Ok(Written::Now) => {}
            Ok(Written::Before) => {
                let seen = store.look(batch).await;
                self.roll_back().await;
                return seen;
            }
            Ok(Written::Refused(refusal)) => {
                self.roll_back().await;
                return Err(refusal);
            }
            // A late commit is not waited for: it may succeed nevertheless.
            Err(error) if self.is_late => return Err(store.in_doubt(&error)),
            Err(error) => return Err(self.fail(error).await),
        }
        if let Err(error) = self.commit().await {
            return Err(match may_be_committed(&error) {
                true => store.in_doubt(&error),
                false => self.fail(error).await,
            });
        }
        // The connection is held meanwhile, so that another one is used.
        let seen = store.look(batch).await;
        self.give_back();
        seen
    }
}

impl Postgres {
    fn in_doubt(&self, error: &sqlx::Error) -> Error {
        Error::InDoubt {
            place: self.place.clone(),
            reason: utakata_model::chain(error),
        }
    }

    /// Looks up a page on another connection from time to time: a commit that was reported may have
    /// been rolled back since, or be visible to nobody else.
    async fn look(&self, batch: &WriteBatch) -> Result<(), Error> {
        let looked = *self.looked.lock();
        let is_due = looked.is_none_or(|at| at.elapsed() >= LOOK_INTERVAL);
        let Some(audit) = batch.audit.as_ref().filter(|_| is_due) else {
            return Ok(());
        };
        let query = sqlx::query("SELECT page FROM audit WHERE page = $1 AND hash = $2")
            .bind(to_column(audit.page))
            .bind(&audit.hash);
        let in_doubt = |reason| Error::InDoubt {
            place: self.place.clone(),
            reason,
        };
        let found = self.fetch_all(query).await;
        let found = found.map_err(|error| in_doubt(error.to_string()))?;
        if found.is_empty() {
            let reason = "it was committed, and another connection does not see it";
            return Err(in_doubt(reason.into()));
        }
        *self.looked.lock() = Some(Instant::now());
        Ok(())
    }
}

/// Collects a column of the rows.
fn column<'r, R, T>(rows: &'r [R], value: impl Fn(&'r R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

async fn insert_operations(
    to: &mut Transaction<'_>,
    rows: &[NewOperation<'_>],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(
        "INSERT INTO operation (id, body, key, undoes, is_open)
         SELECT *, TRUE FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])",
    )
    .bind(column(rows, |row| row.id.as_str()))
    .bind(column(rows, |row| row.body.as_str()))
    .bind(column(rows, |row| row.key))
    .bind(column(rows, |row| row.undoes.as_deref()));
    to.execute_query(query).await.map(drop)
}

async fn update_operations(
    to: &mut Transaction<'_>,
    rows: &[OperationUpdate],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(
        "UPDATE operation SET progress = stands.progress, is_open = stands.is_open
         FROM unnest($1::text[], $2::text[], $3::bool[]) AS stands (id, progress, is_open)
         WHERE operation.id = stands.id",
    )
    .bind(column(rows, |row| row.id.as_str()))
    .bind(column(rows, |row| row.progress.as_str()))
    .bind(column(rows, |row| row.is_open));
    to.execute_query(query).await.map(drop)
}

async fn insert_tasks(to: &mut Transaction<'_>, rows: &[NewTask<'_>]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(
        "INSERT INTO task (id, operation, target, state, body, progress, outcome)
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[],
             $6::text[], $7::text[])",
    )
    .bind(column(rows, |row| row.stands.id.as_str()))
    .bind(column(rows, |row| row.operation.as_str()))
    .bind(column(rows, |row| row.task.target.as_str()))
    .bind(column(rows, |row| row.stands.state))
    .bind(column(rows, |row| row.body.as_str()))
    .bind(column(rows, |row| row.stands.progress.as_str()))
    .bind(column(rows, |row| row.stands.outcome.as_deref()));
    to.execute_query(query).await.map(drop)
}

/// A stored outcome is kept unless there is a newer one.
async fn update_tasks(to: &mut Transaction<'_>, rows: &[TaskUpdate]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(
        "UPDATE task SET state = stands.state, progress = stands.progress,
             outcome = coalesce(stands.outcome, task.outcome)
         FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
             AS stands (id, state, progress, outcome)
         WHERE task.id = stands.id",
    )
    .bind(column(rows, |row| row.id.as_str()))
    .bind(column(rows, |row| row.state))
    .bind(column(rows, |row| row.progress.as_str()))
    .bind(column(rows, |row| row.outcome.as_deref()));
    to.execute_query(query).await.map(drop)
}
