//! People in PostgreSQL.

use sqlx::{Connection, PgConnection, Postgres as Db, Row, postgres::PgArguments, query::Query};
use tokio::time::timeout;
use utakata_model::PersonName;

use super::{Postgres, connection::CALL, inventory::count};
use crate::store::{Error, PersonRow, row};

impl Postgres {
    pub(super) async fn read_people(&self) -> Result<Vec<PersonRow>, Error> {
        let sql = "SELECT name, token_hash, made FROM person ORDER BY name";
        let rows = self.fetch(sqlx::query(sql)).await?;
        let person = |row: &sqlx::postgres::PgRow| {
            row::person(
                &self.place,
                row.get("name"),
                row.get("token_hash"),
                row.get("made"),
            )
        };
        rows.iter().map(person).collect()
    }

    pub(super) async fn write_person(&self, row: &PersonRow) -> Result<(), Error> {
        let query = sqlx::query(
            "INSERT INTO person (name, token_hash, made) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO UPDATE
             SET token_hash = excluded.token_hash, made = excluded.made",
        );
        let query = query
            .bind(row.name.as_str())
            .bind(row.token_hash.to_string())
            .bind(row.made.to_string());
        self.change_people(query).await
    }

    pub(super) async fn remove_person(&self, name: &PersonName) -> Result<(), Error> {
        let query = sqlx::query("DELETE FROM person WHERE name = $1").bind(name.as_str());
        self.change_people(query).await
    }

    async fn change_people(&self, query: Query<'_, Db, PgArguments>) -> Result<(), Error> {
        let mut connection = self.connection().await?;
        let changed = timeout(CALL, change(&mut connection, query)).await;
        self.answered(connection, changed)
    }
}

async fn change(
    connection: &mut PgConnection,
    query: Query<'_, Db, PgArguments>,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    count(&mut transaction).await?;
    query.execute(&mut *transaction).await?;
    transaction.commit().await
}
