//! People in SQL.

use async_trait::async_trait;
use utakata_model::PersonName;

use super::{Columns, Session, Sql, Statement, count};
use crate::store::{Error, People, PersonRow, row};

#[async_trait]
impl<S: Sql> People for S {
    async fn people(&self) -> Result<Vec<PersonRow>, Error> {
        let sql = "SELECT name, token_hash, made FROM person ORDER BY name";
        let rows = self.fetch(Statement::new(sql)).await?;
        let person = |row: &S::Row| {
            let (name, hash) = (row.text("name"), row.text("token_hash"));
            row::person(self.place(), name, hash, row.text("made"))
        };
        rows.iter().map(person).collect()
    }

    async fn put_person(&self, row: &PersonRow) -> Result<(), Error> {
        let statement = Statement::new(
            "INSERT INTO person (name, token_hash, made) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO UPDATE
             SET token_hash = excluded.token_hash, made = excluded.made",
        )
        .with(row.name.as_str())
        .with(row.token_hash.to_string())
        .with(row.made.to_string());
        change(self, statement).await
    }

    async fn delete_person(&self, name: &PersonName) -> Result<(), Error> {
        let statement = Statement::new("DELETE FROM person WHERE name = $1").with(name.as_str());
        change(self, statement).await
    }
}

async fn change(store: &impl Sql, statement: Statement<'_>) -> Result<(), Error> {
    let mut to = store.begin().await?;
    let changed = async {
        count(&mut to).await?;
        to.execute(statement).await.map(drop)
    };
    let changed = changed.await;
    to.end(changed).await
}
