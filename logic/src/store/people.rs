//! People as they are kept.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::PersonName;

use super::Error;
use crate::token::TokenHash;

/// Those who have a token of their own.
#[async_trait]
pub trait People: Send + Sync {
    /// All people who have a token of their own, by name.
    async fn people(&self) -> Result<Vec<PersonRow>, Error>;

    /// Writes a person, in place of the one who had the name.
    async fn put_person(&self, row: &PersonRow) -> Result<(), Error>;

    /// No such person, whether there was one or not.
    async fn delete_person(&self, name: &PersonName) -> Result<(), Error>;
}

/// A person, known by a token of which only the hash is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRow {
    /// The name.
    pub name: PersonName,
    /// The hash of the token.
    pub token_hash: TokenHash,
    /// The time at which the token was made.
    pub made: Timestamp,
}
