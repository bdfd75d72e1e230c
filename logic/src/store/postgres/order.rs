//! What is asked of environments, in PostgreSQL.

use sqlx::{Connection, PgConnection, Row};
use tokio::time::timeout;
use utakata_model::{Order, Scope};

use super::{Postgres, connection::CALL, inventory::count};
use crate::store::{Error, OrderRow, Orders, row};

impl Postgres {
    pub(super) async fn read_orders(&self) -> Result<Orders, Error> {
        let revision = self
            .fetch(sqlx::query("SELECT revision FROM desired_revision"))
            .await?;
        let sql = "SELECT environment, zone, body FROM environment_order ORDER BY environment";
        let rows = self.fetch(sqlx::query(sql)).await?;
        let order = |row: &sqlx::postgres::PgRow| {
            row::order(
                &self.place,
                row.get("environment"),
                row.get("zone"),
                row.get("body"),
            )
        };
        let sql = "SELECT scope, body FROM standing_order";
        let standing = self.fetch(sqlx::query(sql)).await?;
        let scope = |row: &sqlx::postgres::PgRow| {
            row::standing(&self.place, row.get("scope"), row.get("body"))
        };
        let revision = revision
            .first()
            .map_or(0, |row| row.get::<i64, _>("revision"));
        Ok(Orders {
            revision: u64::try_from(revision).unwrap_or_default(),
            rows: rows.iter().map(order).collect::<Result<_, _>>()?,
            standing: standing.iter().map(scope).collect::<Result<_, _>>()?,
        })
    }

    pub(super) async fn write_order(
        &self,
        revision: u64,
        row: Option<&OrderRow>,
    ) -> Result<(), Error> {
        let body = row.map(|row| self.place.json("order", &row.orders));
        let body = body.transpose()?;
        let mut connection = self.connection().await?;
        let writing = write(&mut connection, revision, row.zip(body));
        let written = timeout(CALL, writing).await;
        self.answered(connection, written)
    }

    pub(super) async fn put_standing_order(
        &self,
        revision: u64,
        scope: &Scope,
        order: Option<&Order>,
    ) -> Result<(), Error> {
        let scope = self.place.json("order", scope)?;
        let body = order.map(|order| self.place.json("order", order));
        let body = body.transpose()?;
        let mut connection = self.connection().await?;
        let writing = write_standing(&mut connection, revision, scope, body);
        let written = timeout(CALL, writing).await;
        self.answered(connection, written)
    }
}

async fn write_standing(
    connection: &mut PgConnection,
    revision: u64,
    scope: String,
    body: Option<String>,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    revise(&mut transaction, revision).await?;
    let query = match body {
        None => sqlx::query("DELETE FROM standing_order WHERE scope = $1").bind(scope),
        Some(body) => sqlx::query(
            "INSERT INTO standing_order (scope, body) VALUES ($1, $2)
             ON CONFLICT (scope) DO UPDATE SET body = excluded.body",
        )
        .bind(scope)
        .bind(body),
    };
    query.execute(&mut *transaction).await?;
    transaction.commit().await
}

async fn write(
    connection: &mut PgConnection,
    revision: u64,
    row: Option<(&OrderRow, String)>,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    revise(&mut transaction, revision).await?;
    if let Some((row, body)) = row {
        let environment = row.environment.as_str();
        let query = if row.orders.is_empty() {
            sqlx::query("DELETE FROM environment_order WHERE environment = $1").bind(environment)
        } else {
            sqlx::query(
                "INSERT INTO environment_order (environment, zone, body) VALUES ($1, $2, $3)
                 ON CONFLICT (environment) DO UPDATE
                 SET zone = excluded.zone, body = excluded.body",
            )
            .bind(environment)
            .bind(row.zone.as_str())
            .bind(body)
        };
        query.execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

/// Something else is asked: others read it again.
pub(super) async fn revise(to: &mut PgConnection, revision: u64) -> Result<(), sqlx::Error> {
    count(to).await?;
    sqlx::query(
        "INSERT INTO desired_revision (one, revision) VALUES (1, $1)
         ON CONFLICT (one) DO UPDATE SET revision = excluded.revision",
    )
    .bind(i64::try_from(revision).unwrap_or(i64::MAX))
    .execute(to)
    .await
    .map(drop)
}
