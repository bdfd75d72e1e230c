//! What is asked of kinds, and rollouts, in PostgreSQL.

use sqlx::{Connection, PgConnection, Row, postgres::PgRow};
use tokio::time::timeout;
use utakata_api::rollout::Rollout;
use utakata_model::RolloutId;

use super::{Postgres, connection::CALL, order::revise};
use crate::store::{Error, KindRow, KindsDesired, row};

impl Postgres {
    pub(super) async fn read_kinds_desired(&self) -> Result<KindsDesired, Error> {
        let sql = "SELECT kind, body FROM kind_desired ORDER BY kind";
        let kinds = self.fetch(sqlx::query(sql)).await?;
        let kind = |one: &PgRow| row::kind_desired(&self.place, one.get("kind"), one.get("body"));
        let sql = "SELECT body FROM rollout WHERE is_open ORDER BY id";
        let open = self.fetch(sqlx::query(sql)).await?;
        Ok(KindsDesired {
            kinds: kinds.iter().map(kind).collect::<Result<_, _>>()?,
            open: open
                .iter()
                .map(|one| self.rollout_of(one))
                .collect::<Result<_, _>>()?,
        })
    }

    pub(super) async fn read_rollouts(
        &self,
        before: Option<RolloutId>,
        most: u32,
    ) -> Result<Vec<Rollout>, Error> {
        let sql = "SELECT body FROM rollout WHERE $1::text IS NULL OR id < $1
                   ORDER BY id DESC LIMIT $2";
        let query = sqlx::query(sql)
            .bind(before.map(|id| id.to_string()))
            .bind(i64::from(most));
        let rows = self.fetch(query).await?;
        rows.iter().map(|one| self.rollout_of(one)).collect()
    }

    pub(super) async fn read_rollout(&self, id: RolloutId) -> Result<Option<Rollout>, Error> {
        let query = sqlx::query("SELECT body FROM rollout WHERE id = $1").bind(id.to_string());
        let rows = self.fetch(query).await?;
        rows.first().map(|one| self.rollout_of(one)).transpose()
    }

    fn rollout_of(&self, row: &PgRow) -> Result<Rollout, Error> {
        self.place.parse("rollout", row.get("body"))
    }

    pub(super) async fn write_rollout(
        &self,
        revision: u64,
        kind: Option<&KindRow>,
        rollout: Option<&Rollout>,
    ) -> Result<(), Error> {
        let of_kind = kind.map(|row| self.place.json("kind", &row.asked));
        let of_kind = of_kind.transpose()?;
        let of_rollout = rollout.map(|rollout| self.place.json("rollout", rollout));
        let of_rollout = of_rollout.transpose()?;
        let mut connection = self.connection().await?;
        let writing = write(
            &mut connection,
            revision,
            kind.zip(of_kind),
            rollout.zip(of_rollout),
        );
        let written = timeout(CALL, writing).await;
        self.answered(connection, written)
    }
}

async fn write(
    connection: &mut PgConnection,
    revision: u64,
    kind: Option<(&KindRow, String)>,
    rollout: Option<(&Rollout, String)>,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    revise(&mut transaction, revision).await?;
    if let Some((row, body)) = kind {
        sqlx::query(
            "INSERT INTO kind_desired (kind, body) VALUES ($1, $2)
             ON CONFLICT (kind) DO UPDATE SET body = excluded.body",
        )
        .bind(row.kind.as_str())
        .bind(body)
        .execute(&mut *transaction)
        .await?;
    }
    if let Some((rollout, body)) = rollout {
        sqlx::query(
            "INSERT INTO rollout (id, kind, is_open, body) VALUES ($1, $2, $3, $4)
             ON CONFLICT (id) DO UPDATE SET is_open = excluded.is_open, body = excluded.body",
        )
        .bind(rollout.id.to_string())
        .bind(rollout.kind.as_str())
        .bind(!rollout.state.is_over())
        .bind(body)
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await
}
