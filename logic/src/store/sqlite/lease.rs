//! Leases in SQLite: of one logic environment, and of earlier users of the file.

use async_trait::async_trait;
use sqlx::{QueryBuilder, Row, Sqlite as Db, SqliteConnection, sqlite::SqliteRow};

use super::Sqlite;
use crate::store::{
    Error, Fence, Lease, LeaseRequest, Leases, lease::LeaseColumns, number::to_column, sql::Session,
};

/// The clock of the store, in milliseconds.
const NOW: &str = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

#[async_trait]
impl Leases for Sqlite {
    async fn lease(&self, wanted: &LeaseRequest) -> Result<Vec<Lease>, Error> {
        let mut transaction = self.writer.begin().await?;
        let rows = write(&mut transaction, wanted).await;
        let rows = transaction.end(rows).await?;
        Ok(rows.iter().map(lease).collect())
    }
}

async fn write(
    to: &mut SqliteConnection,
    wanted: &LeaseRequest,
) -> Result<Vec<SqliteRow>, sqlx::Error> {
    for name in &wanted.release {
        let mut query = QueryBuilder::<Db>::new(
            "UPDATE lease SET environment = NULL, incarnation = NULL, address = '', proof = '', until = 0",
        );
        query.push(" WHERE name = ").push_bind(name);
        of(&mut query, wanted);
        query.build().execute(&mut *to).await?;
    }
    let mut renew = QueryBuilder::<Db>::new("UPDATE lease SET address = ");
    renew.push_bind(&wanted.address);
    renew.push(", proof = ").push_bind(&wanted.proof);
    renew.push(format_args!(
        ", since = CASE WHEN until < {NOW} THEN {NOW} ELSE since END, until = {NOW} + "
    ));
    renew.push_bind(wanted.milliseconds()).push(" WHERE TRUE");
    of(&mut renew, wanted);
    renew.build().execute(&mut *to).await?;
    for name in &wanted.take {
        take(&mut *to, name, wanted).await?;
    }
    let mut list =
        QueryBuilder::<Db>::new("SELECT name, epoch, environment, incarnation, address, proof");
    list.push(format_args!(
        ", {NOW} - since AS since, until - {NOW} AS ends_in FROM lease ORDER BY name"
    ));
    list.build().fetch_all(to).await
}

/// Restricts a query to the leases of the member.
fn of(query: &mut QueryBuilder<Db>, wanted: &LeaseRequest) {
    let member = &wanted.by;
    query.push(" AND environment = ");
    query.push_bind(member.environment.to_string());
    query.push(" AND incarnation = ");
    query.push_bind(member.incarnation.to_string());
}

async fn take(
    to: &mut SqliteConnection,
    name: &str,
    wanted: &LeaseRequest,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO lease (name) VALUES (?) ON CONFLICT (name) DO NOTHING")
        .bind(name)
        .execute(&mut *to)
        .await?;
    let mut query = QueryBuilder::<Db>::new("UPDATE lease SET epoch = epoch + 1, environment = ");
    query.push_bind(wanted.by.environment.to_string());
    query.push(", incarnation = ");
    query.push_bind(wanted.by.incarnation.to_string());
    query.push(", address = ").push_bind(&wanted.address);
    query.push(", proof = ").push_bind(&wanted.proof);
    query.push(format_args!(", since = {NOW}, until = {NOW} + "));
    query.push_bind(wanted.milliseconds());
    query.push(" WHERE name = ").push_bind(name);
    query.push(format_args!(" AND (environment IS NULL OR until < {NOW})"));
    query.build().execute(to).await.map(drop)
}

/// Returns true if a lease is still held by the fence.
pub(super) async fn holds(to: &mut SqliteConnection, fence: &Fence) -> Result<bool, sqlx::Error> {
    let row = sqlx::query(
        "SELECT name FROM lease
         WHERE name = ? AND environment = ? AND incarnation = ? AND epoch = ?",
    )
    .bind(&fence.lease)
    .bind(fence.by.environment.as_str())
    .bind(fence.by.incarnation.to_string())
    .bind(to_column(fence.epoch))
    .fetch_optional(to)
    .await?;
    Ok(row.is_some())
}

fn lease(row: &SqliteRow) -> Lease {
    let columns = LeaseColumns {
        name: row.get("name"),
        epoch: row.get("epoch"),
        environment: row.get("environment"),
        incarnation: row.get("incarnation"),
        address: row.get("address"),
        proof: row.get("proof"),
        since: row.get("since"),
        ends_in: row.get("ends_in"),
    };
    columns.lease()
}
