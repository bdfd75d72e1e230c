//! Notifications of devices in SQL.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use utakata_invariant as invariant;
use utakata_model::Notification;

use super::{Column, Columns, Many, Session, Sql, Statement};
use crate::store::{Error, Notifications};

/// The number of rows in one statement.
const ROWS_AT_ONCE: usize = 100;

#[async_trait]
impl<S: Sql> Notifications for S {
    async fn put_notifications(&self, rows: &[Notification]) -> Result<(), Error> {
        for rows in rows.chunks(ROWS_AT_ONCE) {
            let mut to = self.begin().await?;
            let written = write(&mut to, rows).await;
            to.end(written).await?;
        }
        Ok(())
    }

    async fn notifications(&self) -> Result<Vec<Notification>, Error> {
        let sql = "SELECT body FROM notification ORDER BY zone, source, key";
        let rows = self.fetch(Statement::new(sql)).await?;
        let read = |row: &S::Row| serde_json::from_str(row.text("body")).ok();
        Ok(rows.iter().filter_map(read).collect())
    }

    async fn drop_notifications(&self, before: Timestamp) -> Result<(), Error> {
        let mut to = self.begin().await?;
        let statement = Statement::new("DELETE FROM notification WHERE last < $1");
        let dropped = to.execute(statement.with(before.as_millisecond())).await;
        to.end(dropped.map(drop)).await
    }
}

async fn write(to: &mut impl Session, rows: &[Notification]) -> Result<(), sqlx::Error> {
    // In an order shared by all writers, so that two do not wait for each other; the last counts.
    let rows: BTreeMap<(&str, String, &str), &Notification> = rows
        .iter()
        .map(|row| ((row.zone.as_str(), row.source.to_string(), &*row.key), row))
        .collect();
    let rows = rows.into_iter().filter_map(|((zone, source, key), row)| {
        let body = serde_json::to_string(row);
        let body = body.inspect_err(|error| {
            invariant::broken("a notification that is no JSON", error);
        });
        let last = row.last.as_millisecond();
        Some(vec![
            zone.into(),
            source.into(),
            key.into(),
            last.into(),
            body.ok()?.into(),
        ])
    });
    let statement = Many {
        columns: &[
            Column::Text("zone"),
            Column::Text("source"),
            Column::Text("key"),
            Column::Number("last"),
            Column::Text("body"),
        ],
        rest: "INSERT INTO notification (zone, source, key, last, body)
               SELECT zone, source, key, last, body FROM fresh WHERE true
               ON CONFLICT (zone, source, key)
               DO UPDATE SET last = excluded.last, body = excluded.body",
        rows: rows.collect(),
    };
    to.execute_many(statement).await.map(drop)
}
