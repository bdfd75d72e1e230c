//! Everything that the ledger has written as of one moment, in SQL.

use async_trait::async_trait;

use super::{Columns, audit_page};
use crate::store::{AuditPage, Error, Snapshot, Visit, WrittenLock, WrittenOperation, WrittenTask};

/// A read transaction on a separate connection, whose rows are streamed.
pub(in crate::store) trait Moment: Send {
    type Row: Columns;

    /// Visits each row of a statement, until a visit fails.
    fn each(
        &mut self,
        sql: &'static str,
        visit: Visitor<'_, Self::Row>,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

pub(in crate::store) type Visitor<'v, R> =
    &'v mut (dyn FnMut(&R) -> Result<(), sqlx::Error> + Send);

#[async_trait]
impl<M: Moment> Snapshot for M {
    async fn each_page(&mut self, visit: Visit<'_, AuditPage>) -> Result<(), Error> {
        let sql = "SELECT page, hash, body, packed FROM audit ORDER BY page";
        self.each(sql, &mut |row| {
            visit(audit_page(row)?);
            Ok(())
        })
        .await
    }

    async fn each_operation(&mut self, visit: Visit<'_, WrittenOperation>) -> Result<(), Error> {
        let sql = "SELECT id, body, progress FROM operation ORDER BY id";
        self.each(sql, &mut |row| {
            visit(WrittenOperation {
                id: row.try_text("id")?,
                body: row.try_text("body")?,
                progress: row.try_maybe_text("progress")?,
            });
            Ok(())
        })
        .await
    }

    async fn each_task(&mut self, visit: Visit<'_, WrittenTask>) -> Result<(), Error> {
        let sql = "SELECT id, operation, target, state, body, progress FROM task ORDER BY id";
        self.each(sql, &mut |row| {
            visit(WrittenTask {
                id: row.try_text("id")?,
                operation: row.try_text("operation")?,
                target: row.try_text("target")?,
                state: row.try_text("state")?,
                body: row.try_text("body")?,
                progress: row.try_maybe_text("progress")?,
            });
            Ok(())
        })
        .await
    }

    async fn each_lock(&mut self, visit: Visit<'_, WrittenLock>) -> Result<(), Error> {
        let sql = "SELECT target, body FROM lock ORDER BY target";
        self.each(sql, &mut |row| {
            visit(WrittenLock {
                target: row.try_text("target")?,
                body: row.try_text("body")?,
            });
            Ok(())
        })
        .await
    }
}
