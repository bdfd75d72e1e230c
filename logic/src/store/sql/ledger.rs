//! Operations, control tasks and locks in SQL, and the batches in which they are written.

use std::collections::HashMap;

use async_trait::async_trait;
use sqlx::AssertSqlSafe;
use utakata_api::{ledger::Lock, operation::Counts};
use utakata_model::{Operation, OperationId, TargetName, TaskId};

use super::{Columns, Session, Sql, Statement, Writing, Written, select};
use crate::store::{
    Error, Fence, Ledger, OperationProgress, OperationRow, Place, TaskFilter, TaskRow, WriteBatch,
    number::to_column,
    row::{self, TaskColumns},
    rows::{LockRow, NewPage, Rows},
};

#[async_trait]
impl<S: Sql> Ledger for S {
    async fn write(&self, batch: &WriteBatch) -> Result<(), Error> {
        let rows = Rows::of(batch, self.place())?;
        let mut to = self.begin().await?;
        let written = write(&mut to, batch, &rows, self.place()).await;
        to.end_batch(written, batch).await
    }

    async fn open_operations(&self) -> Result<Vec<(Operation, OperationProgress)>, Error> {
        let is_open = S::IS_OPEN;
        let sql = format!("SELECT body, progress FROM operation WHERE {is_open} ORDER BY id");
        let rows = self.fetch(Statement::new(AssertSqlSafe(sql))).await?;
        rows.iter()
            .map(|row| operation(self.place(), row))
            .collect()
    }

    async fn unfinished(&self) -> Result<Vec<TaskRow>, Error> {
        tasks(self, select::unfinished()).await
    }

    async fn tasks_of(&self, operation: OperationId) -> Result<Vec<TaskRow>, Error> {
        tasks(self, select::tasks_of(operation)).await
    }

    async fn operation_by_key(&self, key: &str) -> Result<Option<OperationId>, Error> {
        let sql = "SELECT id FROM operation WHERE key = $1";
        let rows = self.fetch(Statement::new(sql).with(key)).await?;
        let id = rows.first().map(|row| id(self.place(), row.text("id")));
        id.transpose()
    }

    async fn operation(&self, id: OperationId) -> Result<Option<OperationRow>, Error> {
        Ok(operations(self, select::operation(id)).await?.pop())
    }

    async fn operation_with_tasks(
        &self,
        id: OperationId,
        max: u32,
    ) -> Result<Option<(OperationRow, Vec<TaskRow>)>, Error> {
        let filter = TaskFilter {
            operation: Some(id),
            ..TaskFilter::default()
        };
        let mut moment = self.moment().await?;
        let rows = async {
            let operation = operation_rows::<S>(&mut moment, select::operation(id)).await?;
            let tasks = moment.fetch(select::tasks::<S>(&filter, max)).await?;
            Ok((operation, tasks))
        };
        let rows = rows.await;
        let (operation, tasks) = moment.end(rows).await?;
        let Some(operation) = operation.views(self.place())?.pop() else {
            return Ok(None);
        };
        let tasks = tasks.iter().rev().map(|row| task(self.place(), row));
        Ok(Some((operation, tasks.collect::<Result<_, _>>()?)))
    }

    async fn operations(
        &self,
        before: Option<OperationId>,
        max: u32,
    ) -> Result<Vec<OperationRow>, Error> {
        operations(self, select::operations(before, max)).await
    }

    async fn locks(&self) -> Result<Vec<(TargetName, Lock)>, Error> {
        let sql = "SELECT target, body FROM lock ORDER BY target";
        let rows = self.fetch(Statement::new(sql)).await?;
        let lock = |row: &S::Row| {
            let target = self.place().word("target of a lock", row.text("target"))?;
            Ok((target, self.place().parse("lock", row.text("body"))?))
        };
        rows.iter().map(lock).collect()
    }

    async fn task(&self, id: TaskId) -> Result<Option<TaskRow>, Error> {
        Ok(tasks(self, select::task(id)).await?.pop())
    }

    async fn tasks(&self, filter: &TaskFilter, max: u32) -> Result<Vec<TaskRow>, Error> {
        tasks(self, select::tasks::<S>(filter, max)).await
    }
}

async fn tasks(store: &impl Sql, statement: Statement<'_>) -> Result<Vec<TaskRow>, Error> {
    let rows = store.fetch(statement).await?;
    rows.iter().map(|row| task(store.place(), row)).collect()
}

fn task(place: &Place, row: &impl Columns) -> Result<TaskRow, Error> {
    let columns = TaskColumns {
        state: row.text("state"),
        body: row.text("body"),
        progress: row.maybe_text("progress"),
        outcome: row.maybe_text("outcome"),
    };
    row::task(place, &columns)
}

fn operation(place: &Place, row: &impl Columns) -> Result<(Operation, OperationProgress), Error> {
    row::operation(place, row.text("body"), row.maybe_text("progress"))
}

fn id(place: &Place, text: &str) -> Result<OperationId, Error> {
    place.word("operation's id", text)
}

/// Returns operations, the counts of their tasks, and the operations that undo them, as of one
/// moment.
async fn operations<S: Sql>(
    store: &S,
    statement: Statement<'_>,
) -> Result<Vec<OperationRow>, Error> {
    let mut moment = store.moment().await?;
    let rows = operation_rows::<S>(&mut moment, statement).await;
    moment.end(rows).await?.views(store.place())
}

/// The rows that make up operations.
struct OperationRows<R> {
    operations: Vec<R>,
    /// The number of tasks in each state.
    counts: Vec<R>,
    /// The operations that undo others.
    undone: Vec<R>,
}

async fn operation_rows<S: Sql>(
    moment: &mut S::Reading<'_>,
    statement: Statement<'_>,
) -> Result<OperationRows<S::Row>, sqlx::Error> {
    let operations = moment.fetch(statement).await?;
    let ids = operations.iter().map(|row| row.text("id").to_owned());
    let ids: Vec<String> = ids.collect();
    Ok(OperationRows {
        counts: moment.fetch(counts_of::<S>(ids.clone())).await?,
        undone: moment.fetch(undone_of::<S>(ids)).await?,
        operations,
    })
}

impl<R: Columns> OperationRows<R> {
    fn views(&self, place: &Place) -> Result<Vec<OperationRow>, Error> {
        let mut counts = by_state(place, &self.counts)?;
        let mut undone = by_undone(place, &self.undone)?;
        let row = |row| {
            let (operation, progress) = operation(place, row)?;
            Ok(OperationRow {
                counts: counts.remove(&operation.id).unwrap_or_default(),
                undone_by: undone.remove(&operation.id).unwrap_or_default(),
                operation,
                progress,
            })
        };
        self.operations.iter().map(row).collect()
    }
}

fn counts_of<S: Sql>(operations: Vec<String>) -> Statement<'static> {
    let sql = format!(
        "SELECT operation, state, COUNT(*) AS tasks FROM task WHERE operation {}
         GROUP BY operation, state",
        S::among(1)
    );
    Statement::new(AssertSqlSafe(sql)).with(operations)
}

fn undone_of<S: Sql>(operations: Vec<String>) -> Statement<'static> {
    let (undoes, among) = (S::UNDOES, S::among(1));
    let sql = format!(
        "SELECT id, {undoes} AS undoes FROM operation
         WHERE {undoes} IS NOT NULL AND {undoes} {among} ORDER BY id"
    );
    Statement::new(AssertSqlSafe(sql)).with(operations)
}

fn by_state(place: &Place, rows: &[impl Columns]) -> Result<HashMap<OperationId, Counts>, Error> {
    let mut counts: HashMap<OperationId, Counts> = HashMap::new();
    for row in rows {
        let id = id(place, row.text("operation"))?;
        let state = row::state(place, row.text("state"))?;
        row::count(counts.entry(id).or_default(), state, row.number("tasks"));
    }
    Ok(counts)
}

fn by_undone(
    place: &Place,
    rows: &[impl Columns],
) -> Result<HashMap<OperationId, Vec<OperationId>>, Error> {
    let mut undone: HashMap<OperationId, Vec<OperationId>> = HashMap::new();
    for row in rows {
        let (by, of) = (id(place, row.text("id"))?, id(place, row.text("undoes"))?);
        undone.entry(of).or_default().push(by);
    }
    Ok(undone)
}

async fn write(
    to: &mut impl Writing,
    batch: &WriteBatch,
    rows: &Rows<'_>,
    place: &Place,
) -> Result<Written, sqlx::Error> {
    if let Some(audit) = &rows.audit
        && let Some(there) = insert_audit(to, audit).await?
    {
        let (place, page) = (place.clone(), audit.number);
        return Ok(match (there, &batch.under) {
            (There::Same, _) => Written::Before,
            // A member that lost the lease finds the pages of the new holder.
            (There::Other, Some(fence)) if !to.holds(fence).await? => not_holder(place, fence),
            (There::Other, _) => Written::Refused(Error::OtherWriter { place, page }),
            (There::NotEvenTheOneBefore, _) => {
                let page = page.saturating_sub(1);
                Written::Refused(Error::Lost { place, page })
            }
        });
    }
    if let Some(fence) = &batch.under
        && !to.holds(fence).await?
    {
        return Ok(not_holder(place.clone(), fence));
    }
    to.write_tasks(rows, place).await?;
    write_locks(to, &rows.locks).await?;
    super::alarm::write(to, &batch.alarms).await?;
    super::smart::write(to, batch).await?;
    if batch.closes_gap {
        let sql = "DELETE FROM counter WHERE name = 'gap'";
        to.execute(Statement::new(sql)).await?;
    }
    Ok(Written::Now)
}

/// Another member has the lease.
fn not_holder(place: Place, fence: &Fence) -> Written {
    Written::Refused(Error::NotHolder {
        place,
        lease: fence.lease.clone(),
        epoch: fence.epoch,
    })
}

/// The page found in the place of another.
enum There {
    Same,
    Other,
    /// There is none, and the previous one, which was written, is missing.
    NotEvenTheOneBefore,
}

/// Returns the page found in its place, if there is one. Waits for a concurrent writer.
async fn insert_audit(
    to: &mut impl Session,
    audit: &NewPage<'_>,
) -> Result<Option<There>, sqlx::Error> {
    let number = to_column(audit.number);
    let insert = Statement::new(
        "INSERT INTO audit (page, hash, body, packed) SELECT $1, $2, $3, $4
         WHERE $1 <= 1 OR EXISTS (SELECT 1 FROM audit WHERE page = $1 - 1)
         ON CONFLICT (page) DO NOTHING",
    )
    .with(number)
    .with(audit.hash)
    .with(audit.body.text)
    .with(audit.body.bytes.as_slice());
    if to.execute(insert).await? > 0 {
        return Ok(None);
    }
    let sql = "SELECT hash FROM audit WHERE page = $1";
    let rows = to.fetch(Statement::new(sql).with(number)).await?;
    Ok(Some(match rows.first() {
        None => There::NotEvenTheOneBefore,
        Some(row) if row.text("hash") == audit.hash => There::Same,
        Some(_) => There::Other,
    }))
}

async fn write_locks(to: &mut impl Session, rows: &[LockRow<'_>]) -> Result<(), sqlx::Error> {
    for row in rows {
        let statement = match &row.body {
            Some(body) => Statement::new(
                "INSERT INTO lock (target, body) VALUES ($1, $2)
                 ON CONFLICT (target) DO UPDATE SET body = excluded.body",
            )
            .with(row.target)
            .with(body),
            None => Statement::new("DELETE FROM lock WHERE target = $1").with(row.target),
        };
        to.execute(statement).await?;
    }
    Ok(())
}
