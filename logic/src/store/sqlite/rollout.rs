//! What is asked of kinds, and rollouts, in SQLite.

use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use utakata_api::rollout::Rollout;
use utakata_model::RolloutId;

use super::Sqlite;
use crate::store::{Error, KindRow, KindsDesired, row};

impl Sqlite {
    pub(super) async fn read_kinds_desired(&self) -> Result<KindsDesired, Error> {
        let failed = |error| self.failed(error);
        let kinds = sqlx::query("SELECT kind, body FROM kind_desired ORDER BY kind")
            .fetch_all(&self.readers())
            .await
            .map_err(failed)?;
        let kind =
            |one: &SqliteRow| row::kind_desired(&self.place, one.get("kind"), one.get("body"));
        let open = sqlx::query("SELECT body FROM rollout WHERE is_open = 1 ORDER BY id")
            .fetch_all(&self.readers())
            .await
            .map_err(failed)?;
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
        let sql = "SELECT body FROM rollout WHERE ?1 IS NULL OR id < ?1 ORDER BY id DESC LIMIT ?2";
        let rows = sqlx::query(sql)
            .bind(before.map(|id| id.to_string()))
            .bind(most)
            .fetch_all(&self.readers())
            .await
            .map_err(|error| self.failed(error))?;
        rows.iter().map(|one| self.rollout_of(one)).collect()
    }

    pub(super) async fn read_rollout(&self, id: RolloutId) -> Result<Option<Rollout>, Error> {
        let row = sqlx::query("SELECT body FROM rollout WHERE id = ?")
            .bind(id.to_string())
            .fetch_optional(&self.readers())
            .await
            .map_err(|error| self.failed(error))?;
        row.map(|one| self.rollout_of(&one)).transpose()
    }

    fn rollout_of(&self, row: &SqliteRow) -> Result<Rollout, Error> {
        self.place.parse("rollout", row.get("body"))
    }

    pub(super) async fn write_rollout(
        &self,
        revision: u64,
        kind: Option<&KindRow>,
        rollout: Option<&Rollout>,
    ) -> Result<(), Error> {
        let kind = kind.map(|row| Ok::<_, Error>((row, self.place.json("kind", &row.asked)?)));
        let kind = kind.transpose()?;
        let rollout = rollout.map(|row| Ok::<_, Error>((row, self.place.json("rollout", row)?)));
        let rollout = rollout.transpose()?;
        let mut transaction = self.writer.begin().await?;
        let written = async {
            super::order::revise(&mut transaction, revision).await?;
            if let Some((row, body)) = kind {
                put_kind(&mut transaction, row, body).await?;
            }
            if let Some((row, body)) = rollout {
                put_rollout(&mut transaction, row, body).await?;
            }
            Ok(())
        };
        let written = written.await;
        transaction.end(written).await
    }
}

async fn put_kind(
    to: &mut SqliteConnection,
    row: &KindRow,
    body: String,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query(
        "INSERT INTO kind_desired (kind, body) VALUES (?, ?)
         ON CONFLICT (kind) DO UPDATE SET body = excluded.body",
    );
    let query = query.bind(row.kind.as_str()).bind(body);
    query.execute(to).await.map(drop)
}

async fn put_rollout(
    to: &mut SqliteConnection,
    row: &Rollout,
    body: String,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query(
        "INSERT INTO rollout (id, kind, is_open, body) VALUES (?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE
         SET is_open = excluded.is_open, body = excluded.body",
    );
    let query = query.bind(row.id.to_string()).bind(row.kind.as_str());
    let query = query.bind(!row.state.is_over()).bind(body);
    query.execute(to).await.map(drop)
}
