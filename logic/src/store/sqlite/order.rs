//! What is asked of environments, in SQLite.

use sqlx::{Row, Sqlite as Db, SqliteConnection, query::Query, sqlite::SqliteArguments};
use utakata_model::{Order, Scope};

use super::Sqlite;
use crate::store::{Error, OrderRow, Orders, row};

impl Sqlite {
    pub(super) async fn read_orders(&self) -> Result<Orders, Error> {
        let failed = |error| self.failed(error);
        let revision = sqlx::query("SELECT revision FROM desired_revision")
            .fetch_optional(&self.readers())
            .await
            .map_err(failed)?;
        let sql = "SELECT environment, zone, body FROM environment_order ORDER BY environment";
        let rows = sqlx::query(sql)
            .fetch_all(&self.readers())
            .await
            .map_err(failed)?;
        let order = |row: &sqlx::sqlite::SqliteRow| {
            row::order(
                &self.place,
                row.get("environment"),
                row.get("zone"),
                row.get("body"),
            )
        };
        let standing = sqlx::query("SELECT scope, body FROM standing_order")
            .fetch_all(&self.readers())
            .await
            .map_err(failed)?;
        let scope = |row: &sqlx::sqlite::SqliteRow| {
            row::standing(&self.place, row.get("scope"), row.get("body"))
        };
        let revision = revision.map_or(0, |row| row.get::<i64, _>("revision"));
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
        let query = row.map(|row| self.order(row)).transpose()?;
        let mut transaction = self.writer.begin().await?;
        let written = async {
            revise(&mut transaction, revision).await?;
            if let Some(query) = query {
                query.execute(&mut *transaction).await?;
            }
            Ok(())
        };
        let written = written.await;
        transaction.end(written).await
    }

    /// Writes the order, or takes it away.
    fn order<'r>(&self, row: &'r OrderRow) -> Result<Query<'r, Db, SqliteArguments>, Error> {
        let environment = row.environment.as_str();
        if row.orders.is_empty() {
            let sql = "DELETE FROM environment_order WHERE environment = ?";
            return Ok(sqlx::query(sql).bind(environment));
        }
        let query = sqlx::query(
            "INSERT INTO environment_order (environment, zone, body) VALUES (?, ?, ?)
             ON CONFLICT (environment) DO UPDATE
             SET zone = excluded.zone, body = excluded.body",
        );
        let query = query.bind(environment).bind(row.zone.as_str());
        Ok(query.bind(self.place.json("order", &row.orders)?))
    }

    pub(super) async fn write_standing(
        &self,
        revision: u64,
        scope: &Scope,
        order: Option<&Order>,
    ) -> Result<(), Error> {
        let scope = self.place.json("order", scope)?;
        let body = order.map(|order| self.place.json("order", order));
        let body = body.transpose()?;
        let query = match body {
            None => sqlx::query("DELETE FROM standing_order WHERE scope = ?").bind(scope),
            Some(body) => sqlx::query(
                "INSERT INTO standing_order (scope, body) VALUES (?, ?)
                 ON CONFLICT (scope) DO UPDATE SET body = excluded.body",
            )
            .bind(scope)
            .bind(body),
        };
        let mut transaction = self.writer.begin().await?;
        let written = async {
            revise(&mut transaction, revision).await?;
            query.execute(&mut *transaction).await.map(drop)
        };
        let written = written.await;
        transaction.end(written).await
    }
}

/// Something else is asked: others read it again.
pub(super) async fn revise(to: &mut SqliteConnection, revision: u64) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO desired_revision (one, revision) VALUES (1, ?)
         ON CONFLICT (one) DO UPDATE SET revision = excluded.revision",
    )
    .bind(i64::try_from(revision).unwrap_or(i64::MAX))
    .execute(&mut *to)
    .await?;
    super::count(to).await
}
