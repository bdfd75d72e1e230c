//! Releases that come with utakata, and the zones of environments, in SQLite.

use sqlx::Row;
use utakata_model::{EnvironmentId, Zone};

use super::{Sqlite, count};
use crate::store::{Error, ShippedRelease, row};

impl Sqlite {
    pub(super) async fn read_shipped(&self) -> Result<Vec<ShippedRelease>, Error> {
        let sql = "SELECT body FROM shipped_release ORDER BY digest";
        self.bodies("release that comes with utakata", sql).await
    }

    pub(super) async fn write_shipped(&self, releases: &[ShippedRelease]) -> Result<bool, Error> {
        let mut bodies = Vec::with_capacity(releases.len());
        for release in releases {
            let body = self
                .place
                .json("release that comes with utakata", release)?;
            bodies.push((&*release.id.digest.0, body));
        }
        let mut transaction = self.writer.begin().await?;
        let written = async {
            let mut new = 0;
            for (digest, body) in bodies {
                let put = sqlx::query(
                    "INSERT INTO shipped_release (digest, body) VALUES (?, ?)
                     ON CONFLICT (digest) DO NOTHING",
                );
                let put = put.bind(digest).bind(body).execute(&mut *transaction);
                new += put.await?.rows_affected();
            }
            if new > 0 {
                count(&mut transaction).await?;
            }
            Ok(new > 0)
        };
        let written = written.await;
        transaction.end(written).await
    }

    pub(super) async fn read_zones(&self) -> Result<Vec<(EnvironmentId, Zone)>, Error> {
        let sql = "SELECT environment, zone FROM environment_zone ORDER BY environment";
        let rows = sqlx::query(sql).fetch_all(&self.readers()).await;
        let rows = rows.map_err(|error| self.failed(error))?;
        let zone = |found: &sqlx::sqlite::SqliteRow| {
            row::zone(&self.place, found.get("environment"), found.get("zone"))
        };
        rows.iter().map(zone).collect()
    }

    pub(super) async fn write_zone(&self, id: &EnvironmentId, zone: &Zone) -> Result<(), Error> {
        let mut transaction = self.writer.begin().await?;
        let written = async {
            let put = sqlx::query(
                "INSERT INTO environment_zone (environment, zone) VALUES (?, ?)
                 ON CONFLICT (environment) DO NOTHING",
            );
            let put = put.bind(id.as_str()).bind(zone.as_str());
            if put.execute(&mut *transaction).await?.rows_affected() > 0 {
                count(&mut transaction).await?;
            }
            Ok(())
        };
        let written = written.await;
        transaction.end(written).await
    }

    pub(super) async fn remove_zone(&self, id: &EnvironmentId) -> Result<(), Error> {
        let mut transaction = self.writer.begin().await?;
        let removed = async {
            sqlx::query("DELETE FROM environment_zone WHERE environment = ?")
                .bind(id.as_str())
                .execute(&mut *transaction)
                .await?;
            count(&mut transaction).await
        };
        let removed = removed.await;
        transaction.end(removed).await
    }
}
