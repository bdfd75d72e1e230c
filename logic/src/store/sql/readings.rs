//! Last readings in SQL.

use std::collections::BTreeMap;

use async_trait::async_trait;
use utakata_model::{ActionName, TargetName};

use super::{Column, Columns, Many, Session, Sql, Statement, say};
use crate::store::{Error, ReadingRow, Readings};

#[async_trait]
impl<S: Sql> Readings for S {
    async fn put_readings(&self, rows: &[ReadingRow]) -> Result<(), Error> {
        for rows in rows.chunks(S::READINGS_AT_ONCE) {
            let mut to = self.begin().await?;
            let written = write(&mut to, rows, S::LAZILY).await;
            to.end(written).await?;
        }
        Ok(())
    }

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
}

async fn write(
    to: &mut impl Session,
    rows: &[ReadingRow],
    lazily: Option<&'static str>,
) -> Result<(), sqlx::Error> {
    // In an order shared by all writers, so that two do not wait for each other; the last counts.
    let rows: BTreeMap<(&str, &str), &str> = rows
        .iter()
        .map(|row| {
            let key = (row.target.as_str(), row.action.as_str());
            (key, row.body.as_str())
        })
        .collect();
    let rows = rows.into_iter();
    let rows = rows.map(|((target, action), body)| vec![target.into(), action.into(), body.into()]);
    say(to, lazily).await?;
    // A target deleted meanwhile does not reappear because of its readings.
    let statement = Many {
        columns: &[
            Column::Text("target"),
            Column::Text("action"),
            Column::Text("body"),
        ],
        rest: "INSERT INTO reading (target, action, body)
               SELECT target, action, body FROM fresh
               WHERE target IN (SELECT name FROM target)
               ON CONFLICT (target, action) DO UPDATE SET body = excluded.body",
        rows: rows.collect(),
    };
    to.execute_many(statement).await.map(drop)
}
