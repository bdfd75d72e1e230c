//! Pages of the ledger in PostgreSQL: one transaction each, of at most ten statements.

use std::time::Duration;

use sqlx::{Connection, PgConnection, Row};
use tokio::time::{Instant, timeout};

use super::{
    Postgres,
    connection::{CALL, late},
    error::may_be_committed,
    lease,
};
use crate::store::{
    Error, Page, Place,
    rows::{LockStands, NewOperation, NewPage, NewTask, OperationStands, Rows, TaskStands},
};

/// How often a page is looked for on another connection: the first after this is.
const LOOKED_EVERY: Duration = Duration::from_secs(1);

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

/// The rows of tasks: each of the two goes in one statement.
struct Tasks<'p> {
    new: Vec<NewTask<'p>>,
    changed: Vec<TaskStands>,
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

/// Where it went wrong.
enum Stopped {
    /// Nothing was written.
    Before(sqlx::Error),
    /// Nobody knows.
    InCommit(sqlx::Error),
}

impl From<sqlx::Error> for Stopped {
    fn from(error: sqlx::Error) -> Self {
        Self::Before(error)
    }
}

impl Postgres {
    pub(super) async fn write_page(&self, page: &Page) -> Result<(), Error> {
        let rows = Rows::of(page, &self.place)?;
        let tasks = Tasks::of(&rows, &self.place)?;
        let mut connection = self.connection().await?;
        let written = timeout(CALL, write(&mut connection, page, &rows, &tasks)).await;
        match written.unwrap_or_else(|_| Err(Stopped::InCommit(late()))) {
            Ok(Written::Now | Written::Before) => self.look(page).await,
            Ok(Written::Fenced) => Err(Error::not_holder(&self.place, page)),
            Ok(Written::Other) => Err(Error::other_writer(&self.place, page)),
            Ok(Written::Gap) => Err(Error::lost(&self.place, page)),
            Err(Stopped::InCommit(error)) if may_be_committed(&error) => {
                connection.close_on_drop();
                Err(Error::InDoubt {
                    place: self.place.clone(),
                    reason: crate::store::error::whole(&error),
                })
            }
            Err(Stopped::Before(error) | Stopped::InCommit(error)) => {
                self.answered(connection, Ok(Err(error)))
            }
        }
    }
}

impl Postgres {
    /// Looks for a page on another connection, now and then: what was said to be committed may
    /// have been taken back since, or be known to nobody else.
    async fn look(&self, page: &Page) -> Result<(), Error> {
        let looked = *self.looked.lock();
        let is_due = looked.is_none_or(|at| at.elapsed() >= LOOKED_EVERY);
        let Some(audit) = page.audit.as_ref().filter(|_| is_due) else {
            return Ok(());
        };
        let query = sqlx::query("SELECT page FROM audit WHERE page = $1 AND hash = $2")
            .bind(i64::try_from(audit.page).unwrap_or(i64::MAX))
            .bind(&audit.hash);
        let in_doubt = |reason| Error::InDoubt {
            place: self.place.clone(),
            reason,
        };
        let found = self.fetch(query).await;
        let found = found.map_err(|error| in_doubt(error.to_string()))?;
        if found.is_empty() {
            let reason = "it was committed, and another connection does not see it";
            return Err(in_doubt(reason.into()));
        }
        *self.looked.lock() = Some(Instant::now());
        Ok(())
    }
}

async fn write(
    connection: &mut PgConnection,
    page: &Page,
    rows: &Rows<'_>,
    tasks: &Tasks<'_>,
) -> Result<Written, Stopped> {
    let mut transaction = connection.begin().await?;
    if let Some(audit) = &rows.audit
        && let Some(there) = insert_audit(&mut transaction, audit).await?
    {
        return match (there, &page.under) {
            // Who lost the lease finds the pages of who has it.
            (Written::Other, Some(fence)) if !lease::holds(&mut transaction, fence).await? => {
                Ok(Written::Fenced)
            }
            (there, _) => Ok(there),
        };
    }
    if let Some(fence) = &page.under
        && !lease::holds(&mut transaction, fence).await?
    {
        return Ok(Written::Fenced);
    }
    insert_operations(&mut transaction, &rows.operations).await?;
    update_operations(&mut transaction, &rows.operation_progress).await?;
    insert_tasks(&mut transaction, &tasks.new).await?;
    update_tasks(&mut transaction, &tasks.changed).await?;
    write_locks(&mut transaction, &rows.locks).await?;
    if page.closes_gap {
        super::gap::close(&mut transaction).await?;
    }
    transaction.commit().await.map_err(Stopped::InCommit)?;
    Ok(Written::Now)
}

/// Says what was there in its place, if anything was. Waits for whoever is writing it.
async fn insert_audit(
    to: &mut PgConnection,
    audit: &NewPage<'_>,
) -> Result<Option<Written>, sqlx::Error> {
    let inserted = sqlx::query(
        "INSERT INTO audit (page, hash, body, packed) SELECT $1, $2, $3, $4
         WHERE $1 <= 1 OR EXISTS (SELECT 1 FROM audit WHERE page = $1 - 1)
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
    let row = sqlx::query("SELECT hash FROM audit WHERE page = $1")
        .bind(audit.number)
        .fetch_optional(to)
        .await?;
    Ok(Some(match row {
        None => Written::Gap,
        Some(row) if row.get::<&str, _>("hash") == audit.hash => Written::Before,
        Some(_) => Written::Other,
    }))
}

/// A column of rows.
fn column<'r, R, T>(rows: &'r [R], value: impl Fn(&'r R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

async fn insert_operations(
    to: &mut PgConnection,
    rows: &[NewOperation<'_>],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO operation (id, body, key, undoes, is_open)
         SELECT *, TRUE FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])",
    )
    .bind(column(rows, |row| row.id.as_str()))
    .bind(column(rows, |row| row.body.as_str()))
    .bind(column(rows, |row| row.key))
    .bind(column(rows, |row| row.undoes.as_deref()))
    .execute(to)
    .await
    .map(drop)
}

async fn update_operations(
    to: &mut PgConnection,
    rows: &[OperationStands],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE operation SET progress = stands.progress, is_open = stands.is_open
         FROM unnest($1::text[], $2::text[], $3::bool[]) AS stands (id, progress, is_open)
         WHERE operation.id = stands.id",
    )
    .bind(column(rows, |row| row.id.as_str()))
    .bind(column(rows, |row| row.progress.as_str()))
    .bind(column(rows, |row| row.is_open))
    .execute(to)
    .await
    .map(drop)
}

async fn insert_tasks(to: &mut PgConnection, rows: &[NewTask<'_>]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
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
    .bind(column(rows, |row| row.stands.outcome.as_deref()))
    .execute(to)
    .await
    .map(drop)
}

/// What was written of an outcome stays where nothing newer is known.
async fn update_tasks(to: &mut PgConnection, rows: &[TaskStands]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE task SET state = stands.state, progress = stands.progress,
             outcome = coalesce(stands.outcome, task.outcome)
         FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
             AS stands (id, state, progress, outcome)
         WHERE task.id = stands.id",
    )
    .bind(column(rows, |row| row.id.as_str()))
    .bind(column(rows, |row| row.state))
    .bind(column(rows, |row| row.progress.as_str()))
    .bind(column(rows, |row| row.outcome.as_deref()))
    .execute(to)
    .await
    .map(drop)
}

async fn write_locks(to: &mut PgConnection, rows: &[LockStands<'_>]) -> Result<(), sqlx::Error> {
    for row in rows {
        let query = match &row.body {
            Some(body) => sqlx::query(
                "INSERT INTO lock (target, body) VALUES ($1, $2)
                 ON CONFLICT (target) DO UPDATE SET body = excluded.body",
            )
            .bind(row.target)
            .bind(body),
            None => sqlx::query("DELETE FROM lock WHERE target = $1").bind(row.target),
        };
        query.execute(&mut *to).await?;
    }
    Ok(())
}
