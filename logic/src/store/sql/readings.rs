//! Last readings of earlier versions in SQL.

use async_trait::async_trait;
use utakata_model::{ActionName, TargetName};

use super::{Columns, Session, Sql, Statement};
use crate::store::{Error, ReadingRow, Readings};

#[async_trait]
impl<S: Sql> Readings for S {
    async fn readings(&self) -> Result<Vec<ReadingRow>, Error> {
        let sql = "SELECT target, action, body FROM reading ORDER BY target, action";
        let rows = self.fetch(Statement::new(sql)).await?;
        // Readings are observed again: an unreadable one is not worth an error.
        let reading = |row: &S::Row| {
            Some(ReadingRow {
                target: TargetName::new(row.text("target")).ok()?,
                action: ActionName::new(row.text("action")).ok()?,
                body: row.text("body").to_owned(),
            })
        };
        Ok(rows.iter().filter_map(reading).collect())
    }

    async fn delete_readings(&self) -> Result<(), Error> {
        let mut to = self.begin().await?;
        let deleted = to.execute(Statement::new("DELETE FROM reading")).await;
        to.end(deleted).await.map(drop)
    }
}
