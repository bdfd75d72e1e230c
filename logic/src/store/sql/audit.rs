//! The audit trail in SQL, and possible gaps of the ledger after its last page.

use async_trait::async_trait;

use super::{Columns, Session, Sql, Statement, number};
use crate::store::{Audit, AuditPage, Error, Snapshot, row};

#[async_trait]
impl<S: Sql> Audit for S {
    async fn audit(&self, from: u64, max: u32) -> Result<Vec<AuditPage>, Error> {
        let sql = "SELECT page, hash, body, packed FROM audit
                   WHERE page >= $1 ORDER BY page LIMIT $2";
        let statement = Statement::new(sql).with(number(from)).with(max);
        pages(self, statement).await
    }

    async fn audit_head(&self) -> Result<Option<AuditPage>, Error> {
        let sql = "SELECT page, hash, body, packed FROM audit ORDER BY page DESC LIMIT 1";
        Ok(pages(self, Statement::new(sql)).await?.pop())
    }

    async fn gap(&self) -> Result<bool, Error> {
        let sql = "SELECT name FROM counter WHERE name = 'gap'";
        Ok(!self.fetch(Statement::new(sql)).await?.is_empty())
    }

    async fn put_gap(&self) -> Result<(), Error> {
        let sql = "INSERT INTO counter (name, value) VALUES ('gap', 1) ON CONFLICT DO NOTHING";
        let mut to = self.begin().await?;
        let written = to.execute(Statement::new(sql)).await;
        to.end(written.map(drop)).await
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, Error> {
        self.open_snapshot().await
    }
}

async fn pages(store: &impl Sql, statement: Statement<'_>) -> Result<Vec<AuditPage>, Error> {
    let rows = store.fetch(statement).await?;
    let pages = rows.iter().map(audit_page).collect::<Result<_, _>>();
    pages.map_err(|error| store.sort(error))
}

/// Reads a page of the trail from its row.
pub(in crate::store) fn audit_page(row: &impl Columns) -> Result<AuditPage, sqlx::Error> {
    row::audit(
        row.try_number("page")?,
        row.try_text("hash")?,
        row.try_text("body")?,
        row.try_bytes("packed")?,
    )
}
