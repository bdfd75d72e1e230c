//! Reading operations and control tasks in PostgreSQL.

use std::collections::HashMap;

use sqlx::{Connection, PgConnection, Postgres as Db, QueryBuilder, Row, postgres::PgRow};
use tokio::time::timeout;
use utakata_api::{ledger::Lock, operation::Counts};
use utakata_model::{Operation, OperationId, TargetName};

use super::{Postgres, connection::CALL, error};
use crate::store::{
    AuditPage, Error, OperationProgress, OperationRow, TaskRow,
    row::{self, TaskColumns},
};

/// What is read in it is of one moment.
pub(super) const MOMENT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Operations, with what belongs to them.
struct Found {
    operations: Vec<PgRow>,
    counts: Vec<PgRow>,
    undone: Vec<PgRow>,
}

impl Postgres {
    pub(super) async fn fetch_tasks(
        &self,
        mut query: QueryBuilder<Db>,
    ) -> Result<Vec<TaskRow>, Error> {
        let rows = self.fetch(query.build()).await?;
        rows.iter().map(|row| self.task_row(row)).collect()
    }

    fn task_row(&self, row: &PgRow) -> Result<TaskRow, Error> {
        let columns = TaskColumns {
            state: row.get("state"),
            body: row.get("body"),
            progress: row.get("progress"),
            outcome: row.get("outcome"),
        };
        row::task(&self.place, &columns)
    }

    fn operations_of(&self, rows: &[PgRow]) -> Result<Vec<(Operation, OperationProgress)>, Error> {
        let operation =
            |row: &PgRow| row::operation(&self.place, row.get("body"), row.get("progress"));
        rows.iter().map(operation).collect()
    }

    pub(super) async fn read_open_operations(
        &self,
    ) -> Result<Vec<(Operation, OperationProgress)>, Error> {
        let sql = "SELECT body, progress FROM operation WHERE is_open ORDER BY id";
        self.operations_of(&self.fetch(sqlx::query(sql)).await?)
    }

    pub(super) async fn read_operation_by_key(
        &self,
        key: &str,
    ) -> Result<Option<OperationId>, Error> {
        let query = sqlx::query("SELECT id FROM operation WHERE key = $1").bind(key);
        let rows = self.fetch(query).await?;
        Ok(rows
            .first()
            .and_then(|row| row.get::<&str, _>("id").parse().ok()))
    }

    /// Operations and the counts of their tasks, as they were at one moment.
    pub(super) async fn fetch_counted(
        &self,
        query: QueryBuilder<Db>,
    ) -> Result<Vec<OperationRow>, Error> {
        let mut connection = self.connection().await?;
        let found = timeout(CALL, find(&mut connection, query)).await;
        let found = self.answered(connection, found)?;
        let mut counts = self.counts(&found.counts)?;
        let mut undone = undone(&found.undone);
        let row = |(operation, progress): (Operation, OperationProgress)| OperationRow {
            counts: counts.remove(&operation.id).unwrap_or_default(),
            undone_by: undone.remove(&operation.id).unwrap_or_default(),
            operation,
            progress,
        };
        let operations = self.operations_of(&found.operations)?;
        Ok(operations.into_iter().map(row).collect())
    }

    fn counts(&self, rows: &[PgRow]) -> Result<HashMap<OperationId, Counts>, Error> {
        let mut counts: HashMap<OperationId, Counts> = HashMap::new();
        for row in rows {
            let Ok(id) = row.get::<&str, _>("operation").parse() else {
                continue;
            };
            let state = row::state(&self.place, row.get("state"))?;
            row::count(counts.entry(id).or_default(), state, row.get("tasks"));
        }
        Ok(counts)
    }

    pub(super) async fn read_locks(&self) -> Result<Vec<(TargetName, Lock)>, Error> {
        let sql = "SELECT target, body FROM lock ORDER BY target";
        let rows = self.fetch(sqlx::query(sql)).await?;
        let mut locks = Vec::with_capacity(rows.len());
        for row in &rows {
            if let Ok(target) = TargetName::new(row.get::<&str, _>("target")) {
                locks.push((target, self.place.parse("lock", row.get("body"))?));
            }
        }
        Ok(locks)
    }

    pub(super) async fn read_audit(&self, from: u64, most: u32) -> Result<Vec<AuditPage>, Error> {
        let sql =
            "SELECT page, hash, body, packed FROM audit WHERE page >= $1 ORDER BY page LIMIT $2";
        let query = sqlx::query(sql)
            .bind(i64::try_from(from).unwrap_or(i64::MAX))
            .bind(i64::from(most));
        let rows = self.fetch(query).await?;
        let pages = rows.iter().map(audit_page).collect::<Result<_, _>>();
        pages.map_err(|error| error::sort(&self.place, error))
    }

    pub(super) async fn read_audit_head(&self) -> Result<Option<AuditPage>, Error> {
        let sql = "SELECT page, hash, body, packed FROM audit ORDER BY page DESC LIMIT 1";
        let rows = self.fetch(sqlx::query(sql)).await?;
        let page = rows.first().map(audit_page).transpose();
        page.map_err(|error| error::sort(&self.place, error))
    }
}

pub(super) fn audit_page(row: &PgRow) -> Result<AuditPage, sqlx::Error> {
    let (page, hash, body) = (
        row.try_get("page")?,
        row.try_get("hash")?,
        row.try_get("body")?,
    );
    row::audit(page, hash, body, row.try_get("packed")?)
}

async fn find(
    connection: &mut PgConnection,
    mut query: QueryBuilder<Db>,
) -> Result<Found, sqlx::Error> {
    let mut moment = connection.begin_with(MOMENT).await?;
    let operations = query.build().fetch_all(&mut *moment).await?;
    let ids: Vec<String> = operations.iter().map(|row| row.get("id")).collect();
    let counts = sqlx::query(
        "SELECT operation, state, COUNT(*) AS tasks FROM task WHERE operation = ANY($1)
         GROUP BY operation, state",
    )
    .bind(&ids)
    .fetch_all(&mut *moment)
    .await?;
    let undone = sqlx::query("SELECT id, undoes FROM operation WHERE undoes = ANY($1) ORDER BY id")
        .bind(&ids)
        .fetch_all(&mut *moment)
        .await?;
    moment.commit().await?;
    Ok(Found {
        operations,
        counts,
        undone,
    })
}

/// The operations that take others back.
fn undone(rows: &[PgRow]) -> HashMap<OperationId, Vec<OperationId>> {
    let mut undone: HashMap<OperationId, Vec<OperationId>> = HashMap::new();
    for row in rows {
        let (by, of) = (row.get::<&str, _>("id"), row.get::<&str, _>("undoes"));
        if let (Ok(by), Ok(of)) = (by.parse(), of.parse()) {
            undone.entry(of).or_default().push(by);
        }
    }
    undone
}
