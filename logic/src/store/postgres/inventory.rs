//! The inventory in PostgreSQL.

use indexmap::IndexMap;
use sqlx::{Connection, PgConnection, Row, postgres::PgRow};
use tokio::time::timeout;
use utakata_api::apply::Document;

use super::{Postgres, connection::CALL, ledger::MOMENT};
use crate::store::{Change, Contents, Error, Place};

/// The bodies that are to be, by name; `None` where none is to be.
type Bodies<'c> = IndexMap<&'c str, Option<String>>;

/// What changes come to: of several of one thing the last counts.
#[derive(Default)]
struct Outcome<'c> {
    targets: Bodies<'c>,
    schedules: Bodies<'c>,
    credentials: Bodies<'c>,
    /// Targets whose readings go.
    unread: Vec<&'c str>,
}

impl Postgres {
    pub(super) async fn read_inventory(&self) -> Result<Contents, Error> {
        let mut connection = self.connection().await?;
        let rows = timeout(CALL, read(&mut connection)).await;
        let [targets, schedules, credentials] = self.answered(connection, rows)?;
        Ok(Contents {
            targets: self.bodies("target", &targets)?,
            schedules: self.bodies("schedule", &schedules)?,
            credentials: self.bodies("credential", &credentials)?,
        })
    }

    pub(super) async fn read_inventory_version(&self) -> Result<u64, Error> {
        let sql = "SELECT value FROM counter WHERE name = 'inventory'";
        let rows = self.fetch(sqlx::query(sql)).await?;
        let value = rows.first().map_or(0, |row| row.get::<i64, _>("value"));
        Ok(value.try_into().unwrap_or_default())
    }

    fn bodies<T: serde::de::DeserializeOwned>(
        &self,
        what: &'static str,
        rows: &[PgRow],
    ) -> Result<Vec<T>, Error> {
        rows.iter()
            .map(|row| self.place.parse(what, row.get("body")))
            .collect()
    }

    pub(super) async fn write_changes(&self, changes: &[Change]) -> Result<(), Error> {
        if changes.is_empty() {
            return Ok(());
        }
        let outcome = outcome(changes, &self.place)?;
        let mut connection = self.connection().await?;
        let written = timeout(CALL, write(&mut connection, &outcome)).await;
        self.answered(connection, written)
    }
}

async fn read(connection: &mut PgConnection) -> Result<[Vec<PgRow>; 3], sqlx::Error> {
    let mut moment = connection.begin_with(MOMENT).await?;
    let mut rows = <[Vec<PgRow>; 3]>::default();
    let statements = [
        "SELECT body FROM target ORDER BY name",
        "SELECT body FROM schedule ORDER BY name",
        "SELECT body FROM credential ORDER BY name",
    ];
    for (rows, sql) in rows.iter_mut().zip(statements) {
        *rows = sqlx::query(sql).fetch_all(&mut *moment).await?;
    }
    moment.commit().await?;
    Ok(rows)
}

fn outcome<'c>(changes: &'c [Change], place: &Place) -> Result<Outcome<'c>, Error> {
    let mut outcome = Outcome::default();
    for change in changes {
        let (bodies, name, body) = match change {
            Change::Put(Document::Target(target)) => {
                let body = place.json("target", target)?;
                (&mut outcome.targets, target.name.as_str(), Some(body))
            }
            Change::Put(Document::Schedule(schedule)) => {
                let body = place.json("schedule", schedule)?;
                (&mut outcome.schedules, schedule.name.as_str(), Some(body))
            }
            Change::Put(Document::Credential(credential)) => {
                let body = place.json("credential", credential)?;
                let name = credential.name.as_str();
                (&mut outcome.credentials, name, Some(body))
            }
            Change::DeleteTarget(name) => {
                outcome.unread.push(name.as_str());
                (&mut outcome.targets, name.as_str(), None)
            }
            Change::DeleteSchedule(name) => (&mut outcome.schedules, name.as_str(), None),
            Change::DeleteCredential(name) => (&mut outcome.credentials, name.as_str(), None),
        };
        bodies.insert(name, body);
    }
    Ok(outcome)
}

async fn write(connection: &mut PgConnection, outcome: &Outcome<'_>) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    // First: so those who change the inventory do it one after the other.
    count(&mut transaction).await?;
    delete(
        &mut transaction,
        "DELETE FROM reading WHERE target = ANY($1)",
        &outcome.unread,
    )
    .await?;
    let tables = [
        (&outcome.targets, DELETE_TARGETS, PUT_TARGETS),
        (&outcome.schedules, DELETE_SCHEDULES, PUT_SCHEDULES),
        (&outcome.credentials, DELETE_CREDENTIALS, PUT_CREDENTIALS),
    ];
    for (bodies, delete_some, put_some) in tables {
        let gone = bodies.iter().filter(|(_, body)| body.is_none());
        let gone: Vec<&str> = gone.map(|(name, _)| *name).collect();
        delete(&mut transaction, delete_some, &gone).await?;
        put(&mut transaction, put_some, bodies).await?;
    }
    transaction.commit().await
}

/// The inventory is another one.
pub(super) async fn count(to: &mut PgConnection) -> Result<(), sqlx::Error> {
    let sql = "UPDATE counter SET value = value + 1 WHERE name = 'inventory'";
    sqlx::query(sql).execute(to).await.map(drop)
}

const DELETE_TARGETS: &str = "DELETE FROM target WHERE name = ANY($1)";
const DELETE_SCHEDULES: &str = "DELETE FROM schedule WHERE name = ANY($1)";
const DELETE_CREDENTIALS: &str = "DELETE FROM credential WHERE name = ANY($1)";
const PUT_TARGETS: &str = "INSERT INTO target (name, body)
    SELECT * FROM unnest($1::text[], $2::text[])
    ON CONFLICT (name) DO UPDATE SET body = excluded.body";
const PUT_SCHEDULES: &str = "INSERT INTO schedule (name, body)
    SELECT * FROM unnest($1::text[], $2::text[])
    ON CONFLICT (name) DO UPDATE SET body = excluded.body";
const PUT_CREDENTIALS: &str = "INSERT INTO credential (name, body)
    SELECT * FROM unnest($1::text[], $2::text[])
    ON CONFLICT (name) DO UPDATE SET body = excluded.body";

async fn delete(
    from: &mut PgConnection,
    sql: &'static str,
    names: &[&str],
) -> Result<(), sqlx::Error> {
    if names.is_empty() {
        return Ok(());
    }
    sqlx::query(sql).bind(names).execute(from).await.map(drop)
}

async fn put(
    to: &mut PgConnection,
    sql: &'static str,
    bodies: &Bodies<'_>,
) -> Result<(), sqlx::Error> {
    let put = bodies
        .iter()
        .filter_map(|(name, body)| Some((*name, body.as_deref()?)));
    let (names, bodies): (Vec<&str>, Vec<&str>) = put.unzip();
    if names.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(sql).bind(names).bind(bodies);
    query.execute(to).await.map(drop)
}
