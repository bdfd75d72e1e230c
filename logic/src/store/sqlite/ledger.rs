//! Reading operations and control tasks in SQLite.

use std::collections::HashMap;

use sqlx::{
    Connection, QueryBuilder, Row, Sqlite as Db, SqliteConnection, pool::PoolConnection,
    sqlite::SqliteRow,
};
use utakata_api::{ledger::Lock, operation::Counts};
use utakata_model::{Operation, OperationId, TargetName};

use super::Sqlite;
use crate::store::{
    AuditPage, Error, OperationProgress, OperationRow, TaskRow,
    row::{self, TaskColumns},
};

impl Sqlite {
    pub(super) async fn fetch_tasks(
        &self,
        mut query: QueryBuilder<Db>,
    ) -> Result<Vec<TaskRow>, Error> {
        let rows = query
            .build()
            .fetch_all(&self.readers())
            .await
            .map_err(|error| self.failed(error))?;
        rows.iter().map(|row| self.task_row(row)).collect()
    }

    fn task_row(&self, row: &SqliteRow) -> Result<TaskRow, Error> {
        let columns = TaskColumns {
            state: row.get("state"),
            body: row.get("body"),
            progress: row.get("progress"),
            outcome: row.get("outcome"),
        };
        row::task(&self.place, &columns)
    }

    pub(super) async fn read_open_operations(
        &self,
    ) -> Result<Vec<(Operation, OperationProgress)>, Error> {
        let query = QueryBuilder::<Db>::new(
            "SELECT body, progress FROM operation WHERE is_open = 1 ORDER BY id",
        );
        let mut reader = self.reader().await?;
        self.fetch_operations(&mut reader, query).await
    }

    pub(super) async fn read_operation_by_key(
        &self,
        key: &str,
    ) -> Result<Option<OperationId>, Error> {
        let row = sqlx::query("SELECT id FROM operation WHERE key = ?")
            .bind(key)
            .fetch_optional(&self.readers())
            .await
            .map_err(|error| self.failed(error))?;
        Ok(row.and_then(|row| row.get::<&str, _>("id").parse().ok()))
    }

    async fn reader(&self) -> Result<PoolConnection<Db>, Error> {
        self.readers()
            .acquire()
            .await
            .map_err(|error| self.failed(error))
    }

    async fn fetch_operations(
        &self,
        from: &mut SqliteConnection,
        mut query: QueryBuilder<Db>,
    ) -> Result<Vec<(Operation, OperationProgress)>, Error> {
        let rows = query
            .build()
            .fetch_all(from)
            .await
            .map_err(|error| self.failed(error))?;
        let operation =
            |row: &SqliteRow| row::operation(&self.place, row.get("body"), row.get("progress"));
        rows.iter().map(operation).collect()
    }

    /// Operations and the counts of their tasks, as they were at one moment.
    pub(super) async fn fetch_counted(
        &self,
        query: QueryBuilder<Db>,
    ) -> Result<Vec<OperationRow>, Error> {
        let mut reader = self.reader().await?;
        let mut snapshot = reader.begin().await.map_err(|error| self.failed(error))?;
        let found = self.fetch_operations(&mut snapshot, query).await?;
        let ids: Vec<OperationId> = found.iter().map(|(operation, _)| operation.id).collect();
        let mut counts = self.counts(&mut snapshot, &ids).await?;
        let mut undone = self.undone(&mut snapshot, &ids).await?;
        let row = |(operation, progress): (Operation, OperationProgress)| OperationRow {
            counts: counts.remove(&operation.id).unwrap_or_default(),
            undone_by: undone.remove(&operation.id).unwrap_or_default(),
            operation,
            progress,
        };
        Ok(found.into_iter().map(row).collect())
    }

    async fn counts(
        &self,
        from: &mut SqliteConnection,
        operations: &[OperationId],
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
            list.push_bind(operation.to_string());
        }
        query.push(") GROUP BY operation, state");
        let rows = query
            .build()
            .fetch_all(from)
            .await
            .map_err(|error| self.failed(error))?;
        for row in &rows {
            let Ok(id) = row.get::<&str, _>("operation").parse() else {
                continue;
            };
            let state = row::state(&self.place, row.get("state"))?;
            row::count(counts.entry(id).or_default(), state, row.get("tasks"));
        }
        Ok(counts)
    }

    /// The operations that take others back.
    async fn undone(
        &self,
        from: &mut SqliteConnection,
        operations: &[OperationId],
    ) -> Result<HashMap<OperationId, Vec<OperationId>>, Error> {
        let mut undone: HashMap<OperationId, Vec<OperationId>> = HashMap::new();
        if operations.is_empty() {
            return Ok(undone);
        }
        let mut query = QueryBuilder::<Db>::new(
            "SELECT id, json_extract(body, '$.undoes') AS undoes FROM operation
             WHERE json_extract(body, '$.undoes') IS NOT NULL
             AND json_extract(body, '$.undoes') IN (",
        );
        let mut list = query.separated(", ");
        for operation in operations {
            list.push_bind(operation.to_string());
        }
        query.push(") ORDER BY id");
        let rows = query.build().fetch_all(from).await;
        for row in &rows.map_err(|error| self.failed(error))? {
            let (by, of) = (row.get::<&str, _>("id"), row.get::<&str, _>("undoes"));
            if let (Ok(by), Ok(of)) = (by.parse(), of.parse()) {
                undone.entry(of).or_default().push(by);
            }
        }
        Ok(undone)
    }

    pub(super) async fn read_locks(&self) -> Result<Vec<(TargetName, Lock)>, Error> {
        let rows = sqlx::query("SELECT target, body FROM lock ORDER BY target")
            .fetch_all(&self.readers())
            .await
            .map_err(|error| self.failed(error))?;
        let mut locks = Vec::with_capacity(rows.len());
        for row in &rows {
            if let Ok(target) = TargetName::new(row.get::<&str, _>("target")) {
                locks.push((target, self.place.parse("lock", row.get("body"))?));
            }
        }
        Ok(locks)
    }

    pub(super) async fn read_audit(&self, from: u64, most: u32) -> Result<Vec<AuditPage>, Error> {
        let rows = sqlx::query(
            "SELECT page, hash, body, packed FROM audit WHERE page >= ? ORDER BY page LIMIT ?",
        )
        .bind(i64::try_from(from).unwrap_or(i64::MAX))
        .bind(i64::from(most))
        .fetch_all(&self.readers())
        .await
        .map_err(|error| self.failed(error))?;
        let pages = rows.iter().map(audit_page).collect::<Result<_, _>>();
        pages.map_err(|error| self.failed(error))
    }

    pub(super) async fn read_audit_head(&self) -> Result<Option<AuditPage>, Error> {
        let row =
            sqlx::query("SELECT page, hash, body, packed FROM audit ORDER BY page DESC LIMIT 1")
                .fetch_optional(&self.readers())
                .await
                .map_err(|error| self.failed(error))?;
        let page = row.as_ref().map(audit_page).transpose();
        page.map_err(|error| self.failed(error))
    }
}

pub(super) fn audit_page(row: &SqliteRow) -> Result<AuditPage, sqlx::Error> {
    let (page, hash, body) = (
        row.try_get("page")?,
        row.try_get("hash")?,
        row.try_get("body")?,
    );
    row::audit(page, hash, body, row.try_get("packed")?)
}
