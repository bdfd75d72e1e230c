//! The requests of utakata: keys are wrapped and unwrapped, secrets are read.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, json};
use utakata_model::{SecretPath, target::Secret};
use zeroize::Zeroize as _;

use crate::{
    Config, Error,
    answer::{self, Asked, Data, Field, Unwrapped, Version, What, Wrapped, capability},
    login::Tokens,
    transport::{Request, Transport},
};

/// A server of Vault. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Vault(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    transport: Transport,
    tokens: Tokens,
}

/// A key of a transit engine, which wraps other keys and never leaves Vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransitKey {
    /// The path at which the engine is enabled.
    pub mount: String,
    pub name: String,
}

/// A secret as it was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its fields that are texts or numbers.
    pub fields: BTreeMap<String, Secret>,
    /// The time for which Vault lets it be used, if it says one.
    pub lease: Option<Duration>,
}

impl TransitKey {
    fn path(&self, verb: &str) -> String {
        format!("{}/{verb}/{}", self.mount, self.name)
    }
}

impl Vault {
    /// Creates a client. Nothing is asked yet.
    ///
    /// # Errors
    /// The file with authorities cannot be used.
    pub fn new(config: Config) -> Result<Self, Error> {
        Ok(Self(Arc::new(Inner {
            transport: Transport::new(&config)?,
            tokens: Tokens::new(config.auth),
        })))
    }

    /// Returns the address, for people.
    pub fn address(&self) -> &str {
        self.0.transport.address()
    }

    /// Wraps a key, which is given in base64.
    ///
    /// # Errors
    /// Vault has not answered as wanted.
    pub async fn wrap(&self, by: &TransitKey, plaintext: &str) -> Result<String, Error> {
        let mut body = json!({ "plaintext": plaintext });
        let path = by.path("encrypt");
        let answered = self.ask::<Data<Wrapped>>(&path, Some(&body), What::Wrap);
        let answered = answered.await;
        if let Some(Value::String(text)) = body.get_mut("plaintext") {
            text.zeroize();
        }
        Ok(answered?.data.ciphertext)
    }

    /// Unwraps a key; returns it in base64.
    ///
    /// # Errors
    /// Vault has not answered as wanted, or another key has wrapped it.
    pub async fn unwrap(&self, by: &TransitKey, ciphertext: &str) -> Result<Secret, Error> {
        let body = json!({ "ciphertext": ciphertext });
        let path = by.path("decrypt");
        let answered = self.ask::<Data<Unwrapped>>(&path, Some(&body), What::Unwrap);
        Ok(answered.await?.data.plaintext)
    }

    /// Wraps with the latest version of the key what an earlier one has wrapped. Vault does not show
    /// what is in it.
    ///
    /// # Errors
    /// Vault has not answered as wanted, or another key has wrapped it.
    pub async fn rewrap(&self, by: &TransitKey, ciphertext: &str) -> Result<String, Error> {
        let body = json!({ "ciphertext": ciphertext });
        let path = by.path("rewrap");
        let answered = self.ask::<Data<Wrapped>>(&path, Some(&body), What::Unwrap);
        Ok(answered.await?.data.ciphertext)
    }

    /// Reads the latest version of a secret.
    ///
    /// # Errors
    /// Vault has not answered as wanted, or has none there.
    pub async fn read(&self, at: &SecretPath) -> Result<Found, Error> {
        let path = at.api();
        let answered = self.ask::<Data<Version>>(&path, None, What::Read).await?;
        let fields = answered.data.data.ok_or_else(|| Error::Missing {
            address: self.address().to_owned(),
            what: "secret",
            path,
        })?;
        let text = |(name, field)| match field {
            Field::Text(text) => Some((name, text)),
            Field::Number(number) => Some((name, Secret::new(number.to_string()))),
            Field::Other(_) => None,
        };
        let lease = Duration::from_secs(answered.lease_duration);
        Ok(Found {
            fields: fields.into_iter().filter_map(text).collect(),
            lease: (!lease.is_zero()).then_some(lease),
        })
    }

    /// Sees that it answers and accepts the token.
    ///
    /// # Errors
    /// It does not.
    pub async fn check(&self) -> Result<(), Error> {
        let known = self.ask::<IgnoredAny>("auth/token/lookup-self", None, What::Read);
        known.await.map(drop)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        body: Option<&Value>,
        what: What,
    ) -> Result<T, Error> {
        let Inner { transport, tokens } = &*self.0;
        let asked = Asked {
            address: transport.address(),
            path,
            what,
        };
        let token = tokens.get(transport).await?;
        let request = Request { path, body };
        let answer = transport.send(request, Some(&token)).await?;
        if let Some(read) = answer::read(&answer, asked) {
            return read;
        }
        let is_known = self.is_known(&token).await?;
        if is_known || !tokens.forget(&token).await {
            return Err(self.not_allowed(asked, is_known));
        }
        // It ended before its time: whoever logs in gets another one.
        let token = tokens.get(transport).await?;
        let answer = transport.send(request, Some(&token)).await?;
        let read = answer::read(&answer, asked);
        read.unwrap_or_else(|| Err(self.not_allowed(asked, true)))
    }

    /// Returns true if a token is one, whatever it may do.
    async fn is_known(&self, token: &Secret) -> Result<bool, Error> {
        let request = Request {
            path: "auth/token/lookup-self",
            body: None,
        };
        let answer = self.0.transport.send(request, Some(token)).await?;
        Ok(answer.status != 403)
    }

    fn not_allowed(&self, asked: Asked<'_>, is_known: bool) -> Error {
        match is_known {
            true => Error::Denied {
                address: asked.address.to_owned(),
                who: self.0.tokens.who(),
                capability: capability(asked.what),
                path: asked.path.to_owned(),
            },
            false => self.0.tokens.unknown(&self.0.transport),
        }
    }
}
