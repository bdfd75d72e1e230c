//! Pages of the ledger in SQLite: one transaction each, of few statements with many rows.

use std::sync::LazyLock;

use sqlx::{Row, Sqlite as Db, SqliteConnection, query::Query, sqlite::SqliteArguments};
use tokio::sync::mpsc;

use super::{Sqlite, lease};
use crate::store::{
    Error, Page, Place,
    rows::{LockStands, NewOperation, NewPage, OperationStands, Planned, Progressed, Rows},
};

/// How many rows a statement has: of few sizes, so that each is made ready once and kept. To make
/// one ready costs as much as to write its rows.
const SIZES: [usize; 5] = [256, 64, 16, 4, 1];

static INSERT_TASKS: LazyLock<[String; SIZES.len()]> = LazyLock::new(|| {
    SIZES.map(|size| {
        let rows = vec!["(?, ?, ?, ?, ?, ?, ?)"; size].join(", ");
        format!(
            "INSERT INTO task (id, operation, target, state, body, progress, outcome) VALUES {rows}"
        )
    })
});

/// What was written of an outcome stays where nothing newer is known.
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

/// What came of a page.
enum Written {
    Now,
    /// It is there already.
    Before,
    /// Another page has its number.
    Other,
    /// Somebody else took the lease.
    Fenced,
    /// The page before it, which was written, is not there any more.
    Gap,
}

impl Sqlite {
    pub(super) async fn write_page(&self, page: &Page) -> Result<(), Error> {
        let rows = Rows::of(page, &self.place)?;
        let mut transaction = self.writer.begin().await?;
        let error = match write(&mut transaction, page, &rows, &self.place).await {
            Ok(Written::Now | Written::Before) => {
                return transaction.commit(page.audit.as_ref()).await;
            }
            Ok(Written::Fenced) => Error::not_holder(&self.place, page),
            Ok(Written::Other) => Error::other_writer(&self.place, page),
            Ok(Written::Gap) => Error::lost(&self.place, page),
            Err(error) => return Err(transaction.fail(error).await),
        };
        transaction.roll_back().await;
        Err(error)
    }
}

async fn write(
    to: &mut SqliteConnection,
    page: &Page,
    rows: &Rows<'_>,
    place: &Place,
) -> Result<Written, sqlx::Error> {
    if let Some(audit) = &rows.audit
        && let Some(there) = insert_audit(to, audit).await?
    {
        return match (there, &page.under) {
            // Who lost the lease finds the pages of who has it.
            (Written::Other, Some(fence)) if !lease::holds(to, fence).await? => Ok(Written::Fenced),
            (there, _) => Ok(there),
        };
    }
    if let Some(fence) = &page.under
        && !lease::holds(to, fence).await?
    {
        return Ok(Written::Fenced);
    }
    insert_operations(to, &rows.operations).await?;
    update_operations(to, &rows.operation_progress).await?;
    write_tasks(to, rows, place).await?;
    write_locks(to, &rows.locks).await?;
    if page.closes_gap {
        super::gap::close(to).await?;
    }
    Ok(Written::Now)
}

/// Says what was there in its place, if anything was.
async fn insert_audit(
    to: &mut SqliteConnection,
    audit: &NewPage<'_>,
) -> Result<Option<Written>, sqlx::Error> {
    let inserted = sqlx::query(
        "INSERT INTO audit (page, hash, body, packed) SELECT ?1, ?2, ?3, ?4
         WHERE ?1 <= 1 OR EXISTS (SELECT 1 FROM audit WHERE page = ?1 - 1)
         ON CONFLICT (page) DO NOTHING",
    )
    .bind(audit.number)
    .bind(audit.hash)
    .bind(audit.body.text)
    .bind(&audit.body.bytes)
    .execute(&mut *to)
    .await?;
    if inserted.rows_affected() > 0 {
        return Ok(None);
    }
    let row = sqlx::query("SELECT hash FROM audit WHERE page = ?")
        .bind(audit.number)
        .fetch_optional(to)
        .await?;
    Ok(Some(match row {
        None => Written::Gap,
        Some(row) if row.get::<&str, _>("hash") == audit.hash => Written::Before,
        Some(_) => Written::Other,
    }))
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
    rows: &[OperationStands],
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

async fn write_locks(
    to: &mut SqliteConnection,
    rows: &[LockStands<'_>],
) -> Result<(), sqlx::Error> {
    for row in rows {
        let query = match &row.body {
            Some(body) => sqlx::query(
                "INSERT INTO lock (target, body) VALUES (?, ?)
                 ON CONFLICT (target) DO UPDATE SET body = excluded.body",
            )
            .bind(row.target)
            .bind(body),
            None => sqlx::query("DELETE FROM lock WHERE target = ?").bind(row.target),
        };
        query.execute(&mut *to).await?;
    }
    Ok(())
}

/// Writes tasks. The rows of a statement are made while the one before it is carried out.
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
            // Whoever carries them out has met an error, and tells it.
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

/// Parts of rows in the sizes of statements, each with its statement.
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

// Texts are given away, so that they are not copied once more.
fn insert_tasks(
    statement: &'static str,
    tasks: &[Planned<'_>],
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
    tasks: &[Progressed<'_>],
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
