//! Batches of the ledger in SQLite: one transaction each, with few statements of many rows.

use std::sync::LazyLock;

use sqlx::{Sqlite as Db, SqliteConnection, query::Query, sqlite::SqliteArguments};
use tokio::sync::mpsc;

use super::{lease, recent, writer::Transaction};
use crate::store::{
    Error, Fence, Place, WriteBatch,
    rows::{NewOperation, OperationUpdate, PendingTask, PendingUpdate, Rows},
    sql::{Writing, Written},
};

/// The numbers of rows that a statement can have: few, so that each is prepared once and kept.
/// Preparing one costs as much as writing its rows.
const SIZES: [usize; 5] = [256, 64, 16, 4, 1];

static INSERT_TASKS: LazyLock<[String; SIZES.len()]> = LazyLock::new(|| {
    SIZES.map(|size| {
        let rows = vec!["(?, ?, ?, ?, ?, ?, ?)"; size].join(", ");
        format!(
            "INSERT INTO task (id, operation, target, state, body, progress, outcome) VALUES {rows}"
        )
    })
});

/// A stored outcome is kept unless there is a newer one.
static UPDATE_TASKS: LazyLock<[String; SIZES.len()]> = LazyLock::new(|| {
    SIZES.map(|size| {
        let rows = vec!["(?, ?, ?, ?)"; size].join(", ");
        format!(
            "WITH stands (id, state, progress, outcome) AS (VALUES {rows})
             UPDATE task SET state = stands.state, progress = stands.progress,
                 outcome = coalesce(stands.outcome, task.outcome)
             FROM stands WHERE task.id = stands.id"
        )
    })
});

impl Writing for Transaction<'_> {
    async fn holds(&mut self, fence: &Fence) -> Result<bool, sqlx::Error> {
        lease::holds(self, fence).await
    }

    async fn write_tasks(&mut self, rows: &Rows<'_>, place: &Place) -> Result<(), sqlx::Error> {
        insert_operations(self, &rows.operations).await?;
        update_operations(self, &rows.operation_progress).await?;
        write_tasks(self, rows, place).await
    }

    async fn end_batch(
        mut self,
        written: Result<Written, sqlx::Error>,
        batch: &WriteBatch,
    ) -> Result<(), Error> {
        match written {
            Ok(Written::Now | Written::Before) => {
                let many = self.count(batch.tasks.len(), recent::MANY);
                self.commit(batch.audit.as_ref()).await?;
                if let Some(writer) = many {
                    recent::gather(writer).await;
                }
                Ok(())
            }
            Ok(Written::Refused(refusal)) => {
                self.roll_back().await;
                Err(refusal)
            }
            Err(error) => Err(self.fail(error).await),
        }
    }
}

async fn insert_operations(
    to: &mut SqliteConnection,
    rows: &[NewOperation<'_>],
) -> Result<(), sqlx::Error> {
    for row in rows {
        sqlx::query("INSERT INTO operation (id, body, key, is_open) VALUES (?, ?, ?, 1)")
            .bind(&row.id)
            .bind(&row.body)
            .bind(row.key)
            .execute(&mut *to)
            .await?;
    }
    Ok(())
}

async fn update_operations(
    to: &mut SqliteConnection,
    rows: &[OperationUpdate],
) -> Result<(), sqlx::Error> {
    for row in rows {
        sqlx::query("UPDATE operation SET progress = ?, is_open = ? WHERE id = ?")
            .bind(&row.progress)
            .bind(row.is_open)
            .bind(&row.id)
            .execute(&mut *to)
            .await?;
    }
    Ok(())
}

/// Writes tasks. The rows of a statement are built while the previous one is executed.
async fn write_tasks(
    to: &mut SqliteConnection,
    rows: &Rows<'_>,
    place: &Place,
) -> Result<(), sqlx::Error> {
    let (sender, mut receiver) = mpsc::channel(1);
    let prepare = async move {
        let inserts = parts(&rows.tasks, &INSERT_TASKS);
        let updates = parts(&rows.task_progress, &UPDATE_TASKS);
        let inserts = inserts.map(|(statement, part)| insert_tasks(statement, part, place));
        let updates = updates.map(|(statement, part)| update_tasks(statement, part, place));
        for query in inserts.chain(updates) {
            let query = query.map_err(|error| sqlx::Error::Encode(error.into()))?;
            // The executing side has met an error, and reports it.
            if sender.send(query).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    let carry_out = async move {
        while let Some(query) = receiver.recv().await {
            query.execute(&mut *to).await?;
        }
        Ok(())
    };
    let (prepared, done) = tokio::join!(prepare, carry_out);
    prepared.and(done)
}

/// Splits rows into the sizes of statements, each with its statement.
fn parts<'r, R>(
    rows: &'r [R],
    statements: &'static [String; SIZES.len()],
) -> impl Iterator<Item = (&'static str, &'r [R])> {
    let mut left = rows;
    std::iter::from_fn(move || {
        let kind = SIZES.iter().position(|size| *size <= left.len())?;
        let (part, rest) = left.split_at(SIZES[kind]);
        left = rest;
        Some((statements[kind].as_str(), part))
    })
}

type Statement = Query<'static, Db, SqliteArguments>;

// Texts are moved, so that they are not copied again.
fn insert_tasks(
    statement: &'static str,
    tasks: &[PendingTask<'_>],
    place: &Place,
) -> Result<Statement, Error> {
    let mut query = sqlx::query(statement);
    for task in tasks {
        let row = task.row(place)?;
        query = query
            .bind(row.stands.id)
            .bind(row.operation)
            .bind(row.task.target.to_string())
            .bind(row.stands.state)
            .bind(row.body)
            .bind(row.stands.progress)
            .bind(row.stands.outcome);
    }
    Ok(query)
}

fn update_tasks(
    statement: &'static str,
    tasks: &[PendingUpdate<'_>],
    place: &Place,
) -> Result<Statement, Error> {
    let mut query = sqlx::query(statement);
    for task in tasks {
        let row = task.row(place)?;
        query = query
            .bind(row.id)
            .bind(row.state)
            .bind(row.progress)
            .bind(row.outcome);
    }
    Ok(query)
}
