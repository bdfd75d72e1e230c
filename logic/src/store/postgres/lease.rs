//! Leases in PostgreSQL.
//!
//! A page written under a lease locks the lease's row with a key share lock: renewing does not wait
//! for it, but taking the lease does. So nobody takes the lease between the check of a page and its
//! commit.
//!
//! Rows are locked in the order: one's own, then those that nobody else has locked, so that nobody
//! waits in a circle.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::{Connection, PgConnection, Row, postgres::PgRow};
use tokio::time::timeout;
use utakata_interconnect::clock;

use super::Postgres;
use crate::store::{
    Error, Fence, Lease, LeaseRequest, Leases,
    lease::LeaseColumns,
    number::to_column,
    sql::{Sql, Statement},
};

/// A later answer is of no use to a member whose leases last a few seconds.
const LEASE_TIMEOUT: Duration = Duration::from_secs(3);

#[async_trait]
impl Leases for Postgres {
    async fn lease(&self, wanted: &LeaseRequest) -> Result<Vec<Lease>, Error> {
        let requested = timeout(LEASE_TIMEOUT, async {
            let mut connection = self.connection().await?;
            let rows = timeout(LEASE_TIMEOUT, write(&mut connection, wanted)).await;
            self.answered(connection, rows)
        });
        let rows = match requested.await {
            Ok(rows) => rows?,
            Err(_) => return Err(self.sort(super::connection::late())),
        };
        Ok(rows.iter().map(lease).collect())
    }
}

async fn write(
    connection: &mut PgConnection,
    wanted: &LeaseRequest,
) -> Result<Vec<PgRow>, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    release(&mut transaction, wanted).await?;
    renew(&mut transaction, wanted).await?;
    take(&mut transaction, wanted).await?;
    // Committed first: what is returned is in effect.
    let rows = sqlx::query(
        "SELECT name, epoch, environment, incarnation, address, proof,
             (EXTRACT(EPOCH FROM clock_timestamp() - since) * 1000)::bigint AS since,
             (EXTRACT(EPOCH FROM until - clock_timestamp()) * 1000)::bigint AS ends_in,
             (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint AS now
         FROM (SELECT name, epoch, environment, incarnation, address, proof,
                 greatest(since, '1970-01-01') AS since, greatest(until, '1970-01-01') AS until
             FROM lease) AS known
         ORDER BY name",
    )
    .fetch_all(&mut *transaction)
    .await?;
    // Times written and read by several logic environments use the single clock that they share.
    if let Some(now) = rows.first().and_then(|row| row.try_get("now").ok())
        && let Ok(now) = Timestamp::from_millisecond(now)
    {
        clock::share(now);
    }
    transaction.commit().await?;
    Ok(rows)
}

async fn release(to: &mut PgConnection, wanted: &LeaseRequest) -> Result<(), sqlx::Error> {
    if wanted.release.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE lease SET environment = NULL, incarnation = NULL, address = '', proof = '',
             until = '-infinity'
         WHERE environment = $1 AND incarnation = $2 AND name = ANY($3)",
    )
    .bind(wanted.by.environment.as_str())
    .bind(wanted.by.incarnation.to_string())
    .bind(&wanted.release)
    .execute(to)
    .await
    .map(drop)
}

/// An expired lease that nobody took continues; its holder has it again.
async fn renew(to: &mut PgConnection, wanted: &LeaseRequest) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE lease SET address = $3, proof = $5,
             since = CASE WHEN until < clock_timestamp() THEN clock_timestamp() ELSE since END,
             until = clock_timestamp() + $4 * interval '1 millisecond'
         WHERE environment = $1 AND incarnation = $2",
    )
    .bind(wanted.by.environment.as_str())
    .bind(wanted.by.incarnation.to_string())
    .bind(&wanted.address)
    .bind(wanted.milliseconds())
    .bind(&wanted.proof)
    .execute(to)
    .await
    .map(drop)
}

async fn take(to: &mut PgConnection, wanted: &LeaseRequest) -> Result<(), sqlx::Error> {
    if wanted.take.is_empty() {
        return Ok(());
    }
    let mut names = wanted.take.clone();
    names.sort();
    sqlx::query("INSERT INTO lease (name) SELECT unnest($1::text[]) ON CONFLICT (name) DO NOTHING")
        .bind(&names)
        .execute(&mut *to)
        .await?;
    sqlx::query(
        "UPDATE lease SET environment = $2, incarnation = $3, address = $4, proof = $6,
             epoch = epoch + 1,
             since = clock_timestamp(),
             until = clock_timestamp() + $5 * interval '1 millisecond'
         WHERE name IN (
             SELECT name FROM lease
             WHERE name = ANY($1) AND (environment IS NULL OR until < clock_timestamp())
             ORDER BY name FOR UPDATE SKIP LOCKED)",
    )
    .bind(&names)
    .bind(wanted.by.environment.as_str())
    .bind(wanted.by.incarnation.to_string())
    .bind(&wanted.address)
    .bind(wanted.milliseconds())
    .bind(&wanted.proof)
    .execute(to)
    .await
    .map(drop)
}

/// Checks that a lease is still held by the fence, and keeps it so until the end of the
/// transaction.
pub(super) fn holds(fence: &Fence) -> Statement<'_> {
    Statement::new(
        "SELECT name FROM lease
         WHERE name = $1 AND environment = $2 AND incarnation = $3 AND epoch = $4
         FOR KEY SHARE",
    )
    .with(&fence.lease)
    .with(fence.by.environment.as_str())
    .with(fence.by.incarnation.to_string())
    .with(to_column(fence.epoch))
}

fn lease(row: &PgRow) -> Lease {
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
