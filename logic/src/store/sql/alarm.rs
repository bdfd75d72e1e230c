//! Alarms in SQL.

use async_trait::async_trait;

use super::{Column, Columns, Many, Session, Sql, Statement};
use crate::store::{
    AlarmChangeRow, AlarmRow, AlarmWrites, Alarms, Error,
    number::{from_column, to_column},
};

#[async_trait]
impl<S: Sql> Alarms for S {
    async fn alarms(&self) -> Result<Vec<AlarmRow>, Error> {
        let sql = "SELECT key, body FROM alarm ORDER BY key";
        let rows = self.fetch(Statement::new(sql)).await?;
        let row = |row: &S::Row| AlarmRow {
            key: row.text("key").to_owned(),
            body: row.text("body").to_owned(),
        };
        Ok(rows.iter().map(row).collect())
    }

    async fn alarm_changes(&self, after: u64, max: u32) -> Result<Vec<AlarmChangeRow>, Error> {
        let sql = "SELECT number, body FROM alarm_change WHERE number > $1
                   ORDER BY number LIMIT $2";
        let statement = Statement::new(sql).with(to_column(after)).with(max);
        let rows = self.fetch(statement).await?;
        let row = |row: &S::Row| AlarmChangeRow {
            number: from_column(row.number("number")),
            body: row.text("body").to_owned(),
        };
        Ok(rows.iter().map(row).collect())
    }

    async fn last_alarm_change(&self) -> Result<u64, Error> {
        let sql = "SELECT number FROM alarm_change ORDER BY number DESC LIMIT 1";
        let rows = self.fetch(Statement::new(sql)).await?;
        Ok(rows
            .first()
            .map_or(0, |row| from_column(row.number("number"))))
    }

    async fn alarms_told(&self) -> Result<Vec<(String, u64)>, Error> {
        let sql = "SELECT channel, number FROM alarm_told ORDER BY channel";
        let rows = self.fetch(Statement::new(sql)).await?;
        let told = |row: &S::Row| {
            let number = from_column(row.number("number"));
            (row.text("channel").to_owned(), number)
        };
        Ok(rows.iter().map(told).collect())
    }
}

/// Writes changes to alarms within the transaction of a batch.
pub(super) async fn write(to: &mut impl Session, writes: &AlarmWrites) -> Result<(), sqlx::Error> {
    let gone = writes.rows.iter().filter(|(_, body)| body.is_none());
    let gone = Many {
        columns: &[Column::Text("key")],
        rest: "DELETE FROM alarm WHERE key IN (SELECT key FROM fresh)",
        rows: gone.map(|(key, _)| vec![key.into()]).collect(),
    };
    to.execute_many(gone).await?;
    let there = writes.rows.iter();
    let there = there.filter_map(|(key, body)| Some(vec![key.into(), body.as_ref()?.into()]));
    let put = Many {
        columns: &[Column::Text("key"), Column::Text("body")],
        rest: "INSERT INTO alarm (key, body) SELECT key, body FROM fresh WHERE TRUE
               ON CONFLICT (key) DO UPDATE SET body = excluded.body",
        rows: there.collect(),
    };
    to.execute_many(put).await?;
    let changes = writes.changes.iter();
    let changes = Many {
        columns: &[Column::Number("number"), Column::Text("body")],
        rest: "INSERT INTO alarm_change (number, body) SELECT number, body FROM fresh WHERE TRUE
               ON CONFLICT (number) DO UPDATE SET body = excluded.body",
        rows: changes
            .map(|change| vec![to_column(change.number).into(), (&change.body).into()])
            .collect(),
    };
    to.execute_many(changes).await?;
    let told = writes.told.iter();
    let told = Many {
        columns: &[Column::Text("channel"), Column::Number("number")],
        rest:
            "INSERT INTO alarm_told (channel, number) SELECT channel, number FROM fresh WHERE TRUE
               ON CONFLICT (channel) DO UPDATE SET number = excluded.number",
        rows: told
            .map(|(channel, number)| vec![channel.into(), to_column(*number).into()])
            .collect(),
    };
    to.execute_many(told).await?;
    if let Some(forget) = writes.forget {
        let sql = "DELETE FROM alarm_change WHERE number <= $1";
        to.execute(Statement::new(sql).with(to_column(forget)))
            .await?;
    }
    Ok(())
}
