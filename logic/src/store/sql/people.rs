//! People, their tokens and roles in SQL.

use async_trait::async_trait;

use super::{Columns, Session, Sql, Statement, count};
use crate::store::{Error, People, PeopleChange, PeopleRows, Place, PrincipalRow, TokenRow};

#[async_trait]
impl<S: Sql> People for S {
    async fn people(&self) -> Result<PeopleRows, Error> {
        let place = self.place();
        let sql = "SELECT name, body FROM principal ORDER BY name";
        let principals = self.fetch(Statement::new(sql)).await?;
        let sql = "SELECT hash, body FROM principal_token ORDER BY hash";
        let tokens = self.fetch(Statement::new(sql)).await?;
        let sql = "SELECT body FROM binding ORDER BY name";
        let bindings = self.fetch(Statement::new(sql)).await?;
        let principal = |row: &S::Row| {
            Ok::<_, Error>(PrincipalRow {
                name: place.word("person", row.text("name"))?,
                ..place.parse("person", row.text("body"))?
            })
        };
        let token = |row: &S::Row| {
            Ok::<_, Error>(TokenRow {
                hash: place.word("token", row.text("hash"))?,
                ..place.parse("token", row.text("body"))?
            })
        };
        let binding = |row: &S::Row| place.parse("binding", row.text("body"));
        let mut rows = PeopleRows {
            principals: principals.iter().map(principal).collect::<Result<_, _>>()?,
            tokens: tokens.iter().map(token).collect::<Result<_, _>>()?,
            bindings: bindings.iter().map(binding).collect::<Result<_, _>>()?,
        };
        let key = |row: &TokenRow| (row.owner.clone(), row.name.clone());
        rows.tokens.sort_by_key(key);
        Ok(rows)
    }

    async fn change_people(&self, changes: &[PeopleChange]) -> Result<(), Error> {
        let statements = changes.iter().map(|change| statement(self.place(), change));
        let statements = statements.collect::<Result<Vec<_>, Error>>()?;
        let is_news = |change: &PeopleChange| !matches!(change, PeopleChange::Used(_));
        let mut to = self.begin().await?;
        let changed = async {
            if changes.iter().any(is_news) {
                count(&mut to).await?;
            }
            for statement in statements {
                to.execute(statement).await?;
            }
            Ok(())
        };
        let changed = changed.await;
        to.end(changed).await
    }
}

fn statement<'s>(place: &Place, change: &'s PeopleChange) -> Result<Statement<'s>, Error> {
    const PUT_PRINCIPAL: &str = "INSERT INTO principal (name, body) VALUES ($1, $2)
        ON CONFLICT (name) DO UPDATE SET body = excluded.body";
    const PUT_TOKEN: &str = "INSERT INTO principal_token (hash, body) VALUES ($1, $2)
        ON CONFLICT (hash) DO UPDATE SET body = excluded.body";
    const USED: &str = "UPDATE principal_token SET body = $2 WHERE hash = $1";
    const PUT_BINDING: &str = "INSERT INTO binding (name, body) VALUES ($1, $2)
        ON CONFLICT (name) DO UPDATE SET body = excluded.body";
    let put =
        |sql: &'static str, key: String, body: String| Statement::new(sql).with(key).with(body);
    Ok(match change {
        PeopleChange::PutPrincipal(row) => {
            let body = place.json("person", row)?;
            put(PUT_PRINCIPAL, row.name.to_string(), body)
        }
        PeopleChange::PutToken(row) => {
            put(PUT_TOKEN, row.hash.to_string(), place.json("token", row)?)
        }
        PeopleChange::Used(row) => put(USED, row.hash.to_string(), place.json("token", row)?),
        PeopleChange::PutBinding(row) => {
            let body = place.json("binding", row)?;
            put(PUT_BINDING, row.name.to_string(), body)
        }
        PeopleChange::DeletePrincipal(name) => {
            Statement::new("DELETE FROM principal WHERE name = $1").with(name.as_str())
        }
        PeopleChange::DeleteToken(hash) => {
            Statement::new("DELETE FROM principal_token WHERE hash = $1").with(hash.to_string())
        }
        PeopleChange::DeleteBinding(name) => {
            Statement::new("DELETE FROM binding WHERE name = $1").with(name.as_str())
        }
    })
}
