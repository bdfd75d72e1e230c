//! Orders for environments, desired states of kinds, and rollouts, in SQL.

use async_trait::async_trait;
use sqlx::AssertSqlSafe;
use utakata_api::rollout::Rollout;
use utakata_model::{Order, RolloutId, Scope};

use super::{Columns, Session, Sql, Statement, count};
use crate::store::{
    Desired, Error, KindRow, KindsDesired, OrderRow, Orders, Place,
    number::{from_column, to_column},
    row,
};

#[async_trait]
impl<S: Sql> Desired for S {
    async fn orders(&self) -> Result<Orders, Error> {
        let sql = "SELECT revision FROM desired_revision";
        let revision = self.fetch(Statement::new(sql)).await?;
        let sql = "SELECT environment, zone, body FROM environment_order ORDER BY environment";
        let rows = self.fetch(Statement::new(sql)).await?;
        let order = |row: &S::Row| {
            let (environment, zone) = (row.text("environment"), row.text("zone"));
            row::order(self.place(), environment, zone, row.text("body"))
        };
        let sql = "SELECT scope, body FROM standing_order";
        let standing = self.fetch(Statement::new(sql)).await?;
        let scope = |row: &S::Row| row::standing(self.place(), row.text("scope"), row.text("body"));
        let revision = revision.first().map_or(0, |row| row.number("revision"));
        Ok(Orders {
            revision: from_column(revision),
            rows: rows.iter().map(order).collect::<Result<_, _>>()?,
            standing: standing.iter().map(scope).collect::<Result<_, _>>()?,
        })
    }

    async fn put_order(&self, revision: u64, row: Option<&OrderRow>) -> Result<(), Error> {
        let statement = row.map(|row| put_order(self.place(), row)).transpose()?;
        write(self, revision, statement.into_iter().collect()).await
    }

    async fn put_standing(
        &self,
        revision: u64,
        scope: &Scope,
        order: Option<&Order>,
    ) -> Result<(), Error> {
        let scope = self.place().json("order", scope)?;
        let statement = match order {
            None => Statement::new("DELETE FROM standing_order WHERE scope = $1").with(scope),
            Some(order) => Statement::new(
                "INSERT INTO standing_order (scope, body) VALUES ($1, $2)
                 ON CONFLICT (scope) DO UPDATE SET body = excluded.body",
            )
            .with(scope)
            .with(self.place().json("order", order)?),
        };
        write(self, revision, vec![statement]).await
    }

    async fn kinds_desired(&self) -> Result<KindsDesired, Error> {
        let sql = "SELECT kind, body FROM kind_desired ORDER BY kind";
        let kinds = self.fetch(Statement::new(sql)).await?;
        let kind =
            |row: &S::Row| row::kind_desired(self.place(), row.text("kind"), row.text("body"));
        let sql = format!("SELECT body FROM rollout WHERE {} ORDER BY id", S::IS_OPEN);
        let open = self.fetch(Statement::new(AssertSqlSafe(sql))).await?;
        Ok(KindsDesired {
            kinds: kinds.iter().map(kind).collect::<Result<_, _>>()?,
            open: rollouts(self.place(), &open)?,
        })
    }

    async fn put_rollout(
        &self,
        revision: u64,
        kind: Option<&KindRow>,
        rollout: Option<&Rollout>,
    ) -> Result<(), Error> {
        let kind = kind.map(|row| put_kind(self.place(), row)).transpose()?;
        let rollout = rollout.map(|row| put_rollout(self.place(), row));
        let statements = kind.into_iter().chain(rollout.transpose()?);
        write(self, revision, statements.collect()).await
    }

    async fn rollouts(&self, before: Option<RolloutId>, max: u32) -> Result<Vec<Rollout>, Error> {
        let sql = "SELECT body FROM rollout WHERE CAST($1 AS TEXT) IS NULL OR id < $1
                   ORDER BY id DESC LIMIT $2";
        let before = before.map(|id| id.to_string());
        let rows = self
            .fetch(Statement::new(sql).with(before).with(max))
            .await?;
        rollouts(self.place(), &rows)
    }

    async fn rollout(&self, id: RolloutId) -> Result<Option<Rollout>, Error> {
        let sql = "SELECT body FROM rollout WHERE id = $1";
        let rows = self.fetch(Statement::new(sql).with(id.to_string())).await?;
        Ok(rollouts(self.place(), &rows)?.pop())
    }
}

fn rollouts(place: &Place, rows: &[impl Columns]) -> Result<Vec<Rollout>, Error> {
    rows.iter()
        .map(|row| place.parse("rollout", row.text("body")))
        .collect()
}

/// Writes the orders, or removes them.
fn put_order<'r>(place: &Place, row: &'r OrderRow) -> Result<Statement<'r>, Error> {
    let environment = row.environment.as_str();
    if row.orders.is_empty() {
        let sql = "DELETE FROM environment_order WHERE environment = $1";
        return Ok(Statement::new(sql).with(environment));
    }
    let statement = Statement::new(
        "INSERT INTO environment_order (environment, zone, body) VALUES ($1, $2, $3)
         ON CONFLICT (environment) DO UPDATE SET zone = excluded.zone, body = excluded.body",
    );
    let statement = statement.with(environment).with(row.zone.as_str());
    Ok(statement.with(place.json("order", &row.orders)?))
}

fn put_kind<'r>(place: &Place, row: &'r KindRow) -> Result<Statement<'r>, Error> {
    let statement = Statement::new(
        "INSERT INTO kind_desired (kind, body) VALUES ($1, $2)
         ON CONFLICT (kind) DO UPDATE SET body = excluded.body",
    );
    let body = place.json("kind", &row.requested)?;
    Ok(statement.with(row.kind.as_str()).with(body))
}

fn put_rollout<'r>(place: &Place, row: &'r Rollout) -> Result<Statement<'r>, Error> {
    let statement = Statement::new(
        "INSERT INTO rollout (id, kind, is_open, body) VALUES ($1, $2, $3, $4)
         ON CONFLICT (id) DO UPDATE SET is_open = excluded.is_open, body = excluded.body",
    );
    let statement = statement.with(row.id.to_string()).with(row.kind.as_str());
    let statement = statement.with(!row.state.is_over());
    Ok(statement.with(place.json("rollout", row)?))
}

/// Writes under a revision, so that others read everything again.
async fn write(
    store: &impl Sql,
    revision: u64,
    statements: Vec<Statement<'_>>,
) -> Result<(), Error> {
    let mut to = store.begin().await?;
    let written = async {
        count(&mut to).await?;
        let revise = Statement::new(
            "INSERT INTO desired_revision (one, revision) VALUES (1, $1)
             ON CONFLICT (one) DO UPDATE SET revision = excluded.revision",
        );
        to.execute(revise.with(to_column(revision))).await?;
        for statement in statements {
            to.execute(statement).await?;
        }
        Ok(())
    };
    let written = written.await;
    to.end(written).await
}
