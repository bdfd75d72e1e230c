//! People in SQLite.

use serde_json::json;
use sqlx::Row;
use utakata_model::PersonName;

use super::Sqlite;
use crate::store::{Error, PersonRow};

impl Sqlite {
    pub(super) async fn read_people(&self) -> Result<Vec<PersonRow>, Error> {
        let rows = sqlx::query("SELECT name, token_hash, made FROM person ORDER BY name")
            .fetch_all(&self.readers)
            .await
            .map_err(|error| self.failed(error))?;
        let person = |row: &sqlx::sqlite::SqliteRow| {
            let fields = json!({
                "name": row.get::<&str, _>("name"),
                "token_hash": row.get::<&str, _>("token_hash"),
                "made": row.get::<&str, _>("made"),
            });
            serde_json::from_value(fields).map_err(|source| self.wrong("person", source))
        };
        rows.iter().map(person).collect()
    }

    pub(super) async fn write_person(&self, row: &PersonRow) -> Result<(), Error> {
        let mut writer = self.writer.lock().await;
        sqlx::query(
            "INSERT INTO person (name, token_hash, made) VALUES (?, ?, ?)
             ON CONFLICT (name) DO UPDATE
             SET token_hash = excluded.token_hash, made = excluded.made",
        )
        .bind(row.name.as_str())
        .bind(row.token_hash.to_string())
        .bind(row.made.to_string())
        .execute(&mut *writer)
        .await
        .map(drop)
        .map_err(|error| self.failed(error))
    }

    pub(super) async fn remove_person(&self, name: &PersonName) -> Result<(), Error> {
        let mut writer = self.writer.lock().await;
        super::delete(
            &mut writer,
            "DELETE FROM person WHERE name = ?",
            name.as_str(),
        )
        .await
        .map_err(|error| self.failed(error))
    }
}
