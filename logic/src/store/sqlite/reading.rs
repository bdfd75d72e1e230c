//! Last readings in SQLite.

use sqlx::{QueryBuilder, Row, Sqlite as Db};
use utakata_model::{ActionName, TargetName};

use super::Sqlite;
use crate::store::{Error, ReadingRow};

/// So many rows hold the writer for a few milliseconds: control passes in between.
const ROWS_AT_ONCE: usize = 500;

impl Sqlite {
    pub(super) async fn write_readings(&self, rows: &[ReadingRow]) -> Result<(), Error> {
        for rows in rows.chunks(ROWS_AT_ONCE) {
            self.write_some_readings(rows).await?;
        }
        Ok(())
    }

    async fn write_some_readings(&self, rows: &[ReadingRow]) -> Result<(), Error> {
        let mut query = QueryBuilder::<Db>::new("WITH fresh (target, action, body) AS (");
        query.push_values(rows, |mut values, row| {
            values
                .push_bind(row.target.as_str())
                .push_bind(row.action.as_str())
                .push_bind(row.body.as_str());
        });
        // A target that was deleted in the meantime does not come back by its readings.
        query.push(
            ") INSERT INTO reading (target, action, body)
             SELECT target, action, body FROM fresh
             WHERE target IN (SELECT name FROM target)
             ON CONFLICT (target, action) DO UPDATE SET body = excluded.body",
        );
        let mut transaction = self.writer.begin().await?;
        let written = query.build().execute(&mut *transaction).await;
        transaction.end(written.map(drop)).await
    }

    pub(super) async fn read_readings(&self) -> Result<Vec<ReadingRow>, Error> {
        let rows = sqlx::query("SELECT target, action, body FROM reading ORDER BY target, action")
            .fetch_all(&self.readers())
            .await
            .map_err(|error| self.failed(error))?;
        let name = |row: &sqlx::sqlite::SqliteRow| {
            let target = TargetName::new(row.get::<&str, _>("target")).ok()?;
            let action = ActionName::new(row.get::<&str, _>("action")).ok()?;
            Some((target, action))
        };
        let named = rows.iter().filter_map(|row| Some((name(row)?, row)));
        Ok(named
            .map(|((target, action), row)| ReadingRow {
                target,
                action,
                body: row.get("body"),
            })
            .collect())
    }
}
