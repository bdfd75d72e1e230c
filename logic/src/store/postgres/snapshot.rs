//! What a database has at one moment: one read transaction of a connection of its own.

use async_trait::async_trait;
use futures::TryStreamExt;
use sqlx::{PgConnection, Row, postgres::PgRow};

use super::{
    Postgres,
    error::sort,
    ledger::{MOMENT, audit_page},
    open::connect,
};
use crate::store::{
    AuditPage, Error, Place, Snapshot, Visit, WrittenLock, WrittenOperation, WrittenTask,
};

/// What a database has at one moment.
struct Moment {
    place: Place,
    connection: PgConnection,
}

impl Postgres {
    pub(super) async fn read_snapshot(&self) -> Result<Box<dyn Snapshot>, Error> {
        // However long it is looked at.
        let unlimited = self.options.clone().options([
            ("statement_timeout", "0"),
            ("idle_in_transaction_session_timeout", "0"),
        ]);
        let mut connection = connect(&self.place, &unlimited).await?;
        // The moment is that of the first read of the transaction.
        for step in [MOMENT, "SELECT COUNT(*) FROM pg_class"] {
            let done = sqlx::query(step).execute(&mut connection).await;
            done.map_err(|error| self.failed(error))?;
        }
        Ok(Box::new(Moment {
            place: self.place.clone(),
            connection,
        }))
    }
}

impl Moment {
    async fn each<T>(
        &mut self,
        sql: &'static str,
        value: impl Fn(&PgRow) -> Result<T, sqlx::Error> + Send,
        visit: Visit<'_, T>,
    ) -> Result<(), Error> {
        let read = async {
            let mut rows = sqlx::query(sql).fetch(&mut self.connection);
            while let Some(row) = rows.try_next().await? {
                visit(value(&row)?);
            }
            Ok(())
        };
        let read: Result<(), sqlx::Error> = read.await;
        read.map_err(|error| sort(&self.place, error))
    }
}

#[async_trait]
impl Snapshot for Moment {
    async fn each_page(&mut self, visit: Visit<'_, AuditPage>) -> Result<(), Error> {
        let sql = "SELECT page, hash, body, packed FROM audit ORDER BY page";
        self.each(sql, audit_page, visit).await
    }

    async fn each_operation(&mut self, visit: Visit<'_, WrittenOperation>) -> Result<(), Error> {
        let sql = "SELECT id, body, progress FROM operation ORDER BY id";
        let value = |row: &PgRow| {
            Ok(WrittenOperation {
                id: row.try_get("id")?,
                body: row.try_get("body")?,
                progress: row.try_get("progress")?,
            })
        };
        self.each(sql, value, visit).await
    }

    async fn each_task(&mut self, visit: Visit<'_, WrittenTask>) -> Result<(), Error> {
        let sql = "SELECT id, operation, target, state, body, progress FROM task ORDER BY id";
        let value = |row: &PgRow| {
            Ok(WrittenTask {
                id: row.try_get("id")?,
                operation: row.try_get("operation")?,
                target: row.try_get("target")?,
                state: row.try_get("state")?,
                body: row.try_get("body")?,
                progress: row.try_get("progress")?,
            })
        };
        self.each(sql, value, visit).await
    }

    async fn each_lock(&mut self, visit: Visit<'_, WrittenLock>) -> Result<(), Error> {
        let sql = "SELECT target, body FROM lock ORDER BY target";
        let value = |row: &PgRow| {
            Ok(WrittenLock {
                target: row.try_get("target")?,
                body: row.try_get("body")?,
            })
        };
        self.each(sql, value, visit).await
    }
}
