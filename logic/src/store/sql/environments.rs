//! The zones and keys of environments in SQL.

use async_trait::async_trait;
use utakata_model::{EnvironmentId, Zone};

use super::{Columns, Session, Sql, Statement, count};
use crate::store::{Environments, Error, KeyRow, row};

#[async_trait]
impl<S: Sql> Environments for S {
    async fn zones(&self) -> Result<Vec<(EnvironmentId, Zone)>, Error> {
        let sql = "SELECT environment, zone FROM environment_zone ORDER BY environment";
        let rows = self.fetch(Statement::new(sql)).await?;
        let zone =
            |row: &S::Row| row::zone(self.place(), row.text("environment"), row.text("zone"));
        rows.iter().map(zone).collect()
    }

    async fn put_zone(&self, id: &EnvironmentId, zone: &Zone) -> Result<(), Error> {
        let statement = Statement::new(
            "INSERT INTO environment_zone (environment, zone) VALUES ($1, $2)
             ON CONFLICT (environment) DO NOTHING",
        )
        .with(id.as_str())
        .with(zone.as_str());
        let mut to = self.begin().await?;
        let written = async {
            if to.execute(statement).await? > 0 {
                count(&mut to).await?;
            }
            Ok(())
        };
        let written = written.await;
        to.end(written).await
    }

    async fn delete_zone(&self, id: &EnvironmentId) -> Result<(), Error> {
        let sql = "DELETE FROM environment_zone WHERE environment = $1";
        let mut to = self.begin().await?;
        let removed = async {
            count(&mut to).await?;
            to.execute(Statement::new(sql).with(id.as_str()))
                .await
                .map(drop)
        };
        let removed = removed.await;
        to.end(removed).await
    }

    async fn keys(&self) -> Result<Vec<KeyRow>, Error> {
        let sql = "SELECT environment, zone, body FROM environment_key ORDER BY environment";
        let rows = self.fetch(Statement::new(sql)).await?;
        let key = |row: &S::Row| {
            let (environment, zone) = (row.text("environment"), row.text("zone"));
            row::key(self.place(), environment, zone, row.text("body"))
        };
        rows.iter().map(key).collect()
    }

    async fn put_key(&self, row: &KeyRow) -> Result<(), Error> {
        let body = self.place().json("key of an environment", &row.trust)?;
        let statement = Statement::new(
            "INSERT INTO environment_key (environment, zone, body) VALUES ($1, $2, $3)
             ON CONFLICT (environment) DO UPDATE SET zone = excluded.zone, body = excluded.body",
        )
        .with(row.environment.as_str())
        .with(row.zone.as_str())
        .with(body.as_str());
        let mut to = self.begin().await?;
        let written = async {
            count(&mut to).await?;
            to.execute(statement).await.map(drop)
        };
        let written = written.await;
        to.end(written).await
    }

    async fn delete_key(&self, id: &EnvironmentId) -> Result<(), Error> {
        let sql = "DELETE FROM environment_key WHERE environment = $1";
        let mut to = self.begin().await?;
        let removed = async {
            count(&mut to).await?;
            to.execute(Statement::new(sql).with(id.as_str()))
                .await
                .map(drop)
        };
        let removed = removed.await;
        to.end(removed).await
    }
}
