//! The seal in SQL.

use async_trait::async_trait;
use utakata_seal::SealedCredential;

use super::{
    Columns, Session, Sql, Statement,
    inventory::{CREDENTIALS, put_bodies},
    number,
};
use crate::store::{Error, Seal, Sealing};

/// The only row.
const NAME: &str = "site";

#[async_trait]
impl<S: Sql> Sealing for S {
    async fn seal(&self) -> Result<Option<Seal>, Error> {
        let sql = "SELECT body FROM seal WHERE name = $1";
        let rows = self.fetch(Statement::new(sql).with(NAME)).await?;
        let place = self.place();
        let seal = rows
            .first()
            .map(|row| place.parse("seal", row.text("body")));
        seal.transpose()
    }

    async fn begin_seal(&self, seal: &Seal) -> Result<Seal, Error> {
        let body = self.place().json("seal", seal)?;
        let sql = "INSERT INTO seal (name, body) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let mut to = self.begin().await?;
        let written = to.execute(Statement::new(sql).with(NAME).with(body)).await;
        to.end(written).await?;
        let found = self.seal().await?;
        // It was just written, or was there already.
        Ok(found.unwrap_or_else(|| seal.clone()))
    }

    async fn reseal(
        &self,
        seal: &Seal,
        credentials: &[SealedCredential],
        version: u64,
    ) -> Result<bool, Error> {
        const COUNT: &str = "UPDATE counter SET value = value + 1
            WHERE name = 'inventory' AND value = $1";
        const PUT: &str = "INSERT INTO seal (name, body) VALUES ($1, $2)
            ON CONFLICT (name) DO UPDATE SET body = excluded.body";
        let place = self.place();
        let mut rows = Vec::with_capacity(credentials.len());
        for credential in credentials {
            let body = place.json("credential", credential)?;
            rows.push((credential.name.as_str(), body));
        }
        let body = place.json("seal", seal)?;
        let mut to = self.begin().await?;
        let written = async {
            let is_same = to
                .execute(Statement::new(COUNT).with(number(version)))
                .await?
                > 0;
            if is_same {
                put_bodies(&mut to, CREDENTIALS, rows).await?;
                to.execute(Statement::new(PUT).with(NAME).with(body))
                    .await?;
            }
            Ok(is_same)
        };
        let written = written.await;
        let is_written = to.end(written).await?;
        if is_written {
            self.shorten_log().await;
        }
        Ok(is_written)
    }

    async fn scrub(&self) -> Result<(), Error> {
        Sql::rewrite(self).await
    }
}
