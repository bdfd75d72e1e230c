//! Releases that come with utakata, and the zones of environments, in PostgreSQL.

use sqlx::{Connection, Row};
use tokio::time::timeout;
use utakata_model::{EnvironmentId, Zone};

use super::{Postgres, connection::CALL, inventory::count};
use crate::store::{Error, ShippedRelease, row};

impl Postgres {
    pub(super) async fn read_shipped(&self) -> Result<Vec<ShippedRelease>, Error> {
        let sql = "SELECT body FROM shipped_release ORDER BY digest";
        let rows = self.fetch(sqlx::query(sql)).await?;
        let release = |row: &sqlx::postgres::PgRow| {
            self.place
                .parse("release that comes with utakata", row.get("body"))
        };
        rows.iter().map(release).collect()
    }

    pub(super) async fn write_shipped(&self, releases: &[ShippedRelease]) -> Result<bool, Error> {
        let (mut digests, mut bodies) = (Vec::new(), Vec::new());
        for release in releases {
            digests.push(&*release.id.digest.0);
            bodies.push(
                self.place
                    .json("release that comes with utakata", release)?,
            );
        }
        let mut connection = self.connection().await?;
        let writing = async {
            let mut transaction = connection.begin().await?;
            let put = sqlx::query(
                "INSERT INTO shipped_release (digest, body)
                 SELECT digest, body FROM unnest($1::text[], $2::text[]) AS new (digest, body)
                 ON CONFLICT (digest) DO NOTHING",
            );
            let put = put.bind(digests).bind(bodies).execute(&mut *transaction);
            let new = put.await?.rows_affected();
            if new > 0 {
                count(&mut transaction).await?;
            }
            transaction.commit().await?;
            Ok(new > 0)
        };
        let written = timeout(CALL, writing).await;
        self.answered(connection, written)
    }

    pub(super) async fn read_zones(&self) -> Result<Vec<(EnvironmentId, Zone)>, Error> {
        let sql = "SELECT environment, zone FROM environment_zone ORDER BY environment";
        let rows = self.fetch(sqlx::query(sql)).await?;
        let zone = |found: &sqlx::postgres::PgRow| {
            row::zone(&self.place, found.get("environment"), found.get("zone"))
        };
        rows.iter().map(zone).collect()
    }

    pub(super) async fn write_zone(&self, id: &EnvironmentId, zone: &Zone) -> Result<(), Error> {
        let mut connection = self.connection().await?;
        let writing = async {
            let mut transaction = connection.begin().await?;
            let put = sqlx::query(
                "INSERT INTO environment_zone (environment, zone) VALUES ($1, $2)
                 ON CONFLICT (environment) DO NOTHING",
            );
            let put = put.bind(id.as_str()).bind(zone.as_str());
            if put.execute(&mut *transaction).await?.rows_affected() > 0 {
                count(&mut transaction).await?;
            }
            transaction.commit().await
        };
        let written = timeout(CALL, writing).await;
        self.answered(connection, written)
    }

    pub(super) async fn remove_zone(&self, id: &EnvironmentId) -> Result<(), Error> {
        let mut connection = self.connection().await?;
        let removing = async {
            let mut transaction = connection.begin().await?;
            count(&mut transaction).await?;
            sqlx::query("DELETE FROM environment_zone WHERE environment = $1")
                .bind(id.as_str())
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await
        };
        let removed = timeout(CALL, removing).await;
        self.answered(connection, removed)
    }
}
