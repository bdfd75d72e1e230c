//! Last readings in PostgreSQL.

use std::collections::BTreeMap;

use sqlx::{Connection, PgConnection, Row};
use tokio::time::timeout;
use utakata_model::{ActionName, TargetName};

use super::{Postgres, connection::CALL};
use crate::store::{Error, ReadingRow};

/// So many rows go into one transaction.
const ROWS_AT_ONCE: usize = 5000;

impl Postgres {
    pub(super) async fn write_readings(&self, rows: &[ReadingRow]) -> Result<(), Error> {
        for rows in rows.chunks(ROWS_AT_ONCE) {
            let mut connection = self.connection().await?;
            let written = timeout(CALL, write(&mut connection, rows)).await;
            self.answered(connection, written)?;
        }
        Ok(())
    }

    pub(super) async fn read_readings(&self) -> Result<Vec<ReadingRow>, Error> {
        let sql = "SELECT target, action, body FROM reading ORDER BY target, action";
        let rows = self.fetch(sqlx::query(sql)).await?;
        let reading = |row: &sqlx::postgres::PgRow| {
            Some(ReadingRow {
                target: TargetName::new(row.get::<&str, _>("target")).ok()?,
                action: ActionName::new(row.get::<&str, _>("action")).ok()?,
                body: row.get("body"),
            })
        };
        Ok(rows.iter().filter_map(reading).collect())
    }
}

async fn write(connection: &mut PgConnection, rows: &[ReadingRow]) -> Result<(), sqlx::Error> {
    // In an order that every writer has, so that two do not wait for each other; the last counts.
    let rows: BTreeMap<(&str, &str), &str> = rows
        .iter()
        .map(|row| {
            let key = (row.target.as_str(), row.action.as_str());
            (key, row.body.as_str())
        })
        .collect();
    let mut transaction = connection.begin().await?;
    // The last readings may be lost: nobody waits for the disk.
    sqlx::query("SET LOCAL synchronous_commit = off")
        .execute(&mut *transaction)
        .await?;
    // A target that was deleted in the meantime does not come back by its readings.
    sqlx::query(
        "INSERT INTO reading (target, action, body)
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS fresh (target, action, body)
         WHERE target IN (SELECT name FROM target)
         ON CONFLICT (target, action) DO UPDATE SET body = excluded.body",
    )
    .bind(rows.keys().map(|key| key.0).collect::<Vec<_>>())
    .bind(rows.keys().map(|key| key.1).collect::<Vec<_>>())
    .bind(rows.values().copied().collect::<Vec<_>>())
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await
}
