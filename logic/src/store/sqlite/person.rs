//! People in SQLite.

use sqlx::{Row, Sqlite as Db, query::Query, sqlite::SqliteArguments};
use utakata_model::PersonName;

use super::Sqlite;
use crate::store::{Error, PersonRow, row};

impl Sqlite {
    pub(super) async fn read_people(&self) -> Result<Vec<PersonRow>, Error> {
        let rows = sqlx::query("SELECT name, token_hash, made FROM person ORDER BY name")
            .fetch_all(&self.readers())
            .await
            .map_err(|error| self.failed(error))?;
        let person = |row: &sqlx::sqlite::SqliteRow| {
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
            "INSERT INTO person (name, token_hash, made) VALUES (?, ?, ?)
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
        let query = sqlx::query("DELETE FROM person WHERE name = ?").bind(name.as_str());
        self.change_people(query).await
    }

    async fn change_people(&self, query: Query<'_, Db, SqliteArguments>) -> Result<(), Error> {
        let mut transaction = self.writer.begin().await?;
        let changed = async {
            query.execute(&mut *transaction).await?;
            super::count(&mut transaction).await
        };
        let changed = changed.await;
        transaction.end(changed).await
    }
}
