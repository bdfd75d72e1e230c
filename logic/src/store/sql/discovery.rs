//! The sightings of discovery, in SQL.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{Column, Columns, Many, Session, Sql, Statement};
use crate::store::{Discovery, Error};

#[async_trait]
impl<S: Sql> Discovery for S {
    async fn sightings(&self) -> Result<Vec<(String, String)>, Error> {
        let sql = "SELECT key, body FROM sighting ORDER BY key";
        let rows = self.fetch(Statement::new(sql)).await?;
        let row = |row: &S::Row| (row.text("key").to_owned(), row.text("body").to_owned());
        Ok(rows.iter().map(row).collect())
    }

    async fn change_sightings(
        &self,
        put: &[(String, String)],
        delete: &[String],
    ) -> Result<(), Error> {
        let mut to = self.begin().await?;
        let written = write(&mut to, put, delete).await;
        to.end(written).await
    }
}

async fn write(
    to: &mut impl Session,
    put: &[(String, String)],
    delete: &[String],
) -> Result<(), sqlx::Error> {
    if !delete.is_empty() {
        let gone = Many {
            columns: &[Column::Text("key")],
            rest: "DELETE FROM sighting WHERE key IN (SELECT key FROM fresh)",
            rows: delete.iter().map(|key| vec![key.into()]).collect(),
        };
        to.execute_many(gone).await?;
    }
    if !put.is_empty() {
        // The last one of a key counts.
        let rows: BTreeMap<&String, &String> = put.iter().map(|(key, body)| (key, body)).collect();
        let put = Many {
            columns: &[Column::Text("key"), Column::Text("body")],
            rest: "INSERT INTO sighting (key, body) SELECT key, body FROM fresh WHERE TRUE
                   ON CONFLICT (key) DO UPDATE SET body = excluded.body",
            rows: rows
                .into_iter()
                .map(|(key, body)| vec![key.into(), body.into()])
                .collect(),
        };
        to.execute_many(put).await?;
    }
    Ok(())
}
