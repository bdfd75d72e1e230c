//! The memory of gates and policies, in SQL.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Column, Columns, Many, Session, Sql, Statement};
use crate::store::{Error, KeyedWrites, PolicyLogRow, PolicyLogWrites, Smart, WriteBatch};

/// The statements of a table of rows by key.
struct Table {
    delete: &'static str,
    put: &'static str,
}

const GATE: Table = Table {
    delete: "DELETE FROM gate WHERE key IN (SELECT key FROM fresh)",
    put: "INSERT INTO gate (key, body) SELECT key, body FROM fresh WHERE TRUE
          ON CONFLICT (key) DO UPDATE SET body = excluded.body",
};
const STATES: Table = Table {
    delete: "DELETE FROM policy_state WHERE key IN (SELECT key FROM fresh)",
    put: "INSERT INTO policy_state (key, body) SELECT key, body FROM fresh WHERE TRUE
          ON CONFLICT (key) DO UPDATE SET body = excluded.body",
};

#[async_trait]
impl<S: Sql> Smart for S {
    async fn gate(&self) -> Result<Vec<(String, String)>, Error> {
        rows(self, "SELECT key, body FROM gate ORDER BY key").await
    }

    async fn policy_states(&self) -> Result<Vec<(String, String)>, Error> {
        rows(self, "SELECT key, body FROM policy_state ORDER BY key").await
    }

    async fn policy_log(
        &self,
        instance: &str,
        before: Timestamp,
        max: u32,
    ) -> Result<Vec<PolicyLogRow>, Error> {
        let sql = "SELECT at, body FROM policy_log WHERE instance = $1 AND at < $2
                   ORDER BY at DESC LIMIT $3";
        let statement = Statement::new(sql)
            .with(instance.to_owned())
            .with(before.as_millisecond())
            .with(max);
        let rows = self.fetch(statement).await?;
        let row = |row: &S::Row| PolicyLogRow {
            instance: instance.to_owned(),
            at: row.number("at"),
            body: row.text("body").to_owned(),
        };
        Ok(rows.iter().map(row).collect())
    }
}

async fn rows<S: Sql>(store: &S, sql: &'static str) -> Result<Vec<(String, String)>, Error> {
    let rows = store.fetch(Statement::new(sql)).await?;
    let row = |row: &S::Row| (row.text("key").to_owned(), row.text("body").to_owned());
    Ok(rows.iter().map(row).collect())
}

/// Writes rows within the transaction of a batch.
pub(super) async fn write(to: &mut impl Session, batch: &WriteBatch) -> Result<(), sqlx::Error> {
    for (writes, table) in [(&batch.gate, GATE), (&batch.policies, STATES)] {
        write_table(to, writes, &table).await?;
    }
    write_log(to, &batch.policy_log).await
}

async fn write_log(to: &mut impl Session, writes: &PolicyLogWrites) -> Result<(), sqlx::Error> {
    let rows = writes.rows.iter();
    let put = Many {
        columns: &[
            Column::Text("instance"),
            Column::Number("at"),
            Column::Text("body"),
        ],
        rest: "INSERT INTO policy_log (instance, at, body)
               SELECT instance, at, body FROM fresh WHERE TRUE
               ON CONFLICT (instance, at) DO UPDATE SET body = excluded.body",
        rows: rows
            .map(|row| vec![(&row.instance).into(), row.at.into(), (&row.body).into()])
            .collect(),
    };
    to.execute_many(put).await?;
    if let Some(forget) = writes.forget {
        let sql = "DELETE FROM policy_log WHERE at < $1";
        to.execute(Statement::new(sql).with(forget)).await?;
    }
    Ok(())
}

async fn write_table(
    to: &mut impl Session,
    writes: &KeyedWrites,
    table: &Table,
) -> Result<(), sqlx::Error> {
    if writes.is_empty() {
        return Ok(());
    }
    let gone = writes.0.iter().filter(|(_, body)| body.is_none());
    let gone = Many {
        columns: &[Column::Text("key")],
        rest: table.delete,
        rows: gone.map(|(key, _)| vec![key.into()]).collect(),
    };
    to.execute_many(gone).await?;
    let there = writes.0.iter();
    let there = there.filter_map(|(key, body)| Some(vec![key.into(), body.as_ref()?.into()]));
    let put = Many {
        columns: &[Column::Text("key"), Column::Text("body")],
        rest: table.put,
        rows: there.collect(),
    };
    to.execute_many(put).await?;
    Ok(())
}
