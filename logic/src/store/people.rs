//! The stored people.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::PersonName;

use super::Error;
use crate::token::TokenHash;

/// People with a token of their own.
#[async_trait]
pub trait People: Send + Sync {
    /// Returns all people with a token of their own, by name.
    async fn people(&self) -> Result<Vec<PersonRow>, Error>;

    /// Writes a person, replacing one of the same name.
    async fn put_person(&self, row: &PersonRow) -> Result<(), Error>;

    /// Deletes a person, if it exists.
    async fn delete_person(&self, name: &PersonName) -> Result<(), Error>;
}

/// A person, identified by a token of which only the hash is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRow {
    pub name: PersonName,
    /// The hash of the token.
    pub token_hash: TokenHash,
    /// The time at which the token was created.
    pub made: Timestamp,
}
