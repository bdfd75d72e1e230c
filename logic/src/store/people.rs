//! The stored people and services, their tokens and roles.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{Binding, BindingName, PersonName, TokenName};

use super::Error;
use crate::token::TokenHash;

/// People and services, their tokens and roles.
#[async_trait]
pub trait People: Send + Sync {
    /// Returns everybody, with their tokens and roles, each by name.
    async fn people(&self) -> Result<PeopleRows, Error>;

    /// Writes changes, all of them or none.
    async fn change_people(&self, changes: &[PeopleChange]) -> Result<(), Error>;
}

/// Everybody who has access.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeopleRows {
    pub principals: Vec<PrincipalRow>,
    pub tokens: Vec<TokenRow>,
    pub bindings: Vec<Binding>,
}

/// A change of people, tokens or roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeopleChange {
    /// Writes a person or service, replacing one of the same name.
    PutPrincipal(PrincipalRow),
    DeletePrincipal(PersonName),
    /// Writes a token, replacing one of the same hash.
    PutToken(TokenRow),
    DeleteToken(TokenHash),
    /// Writes a binding, replacing one of the same name.
    PutBinding(Binding),
    DeleteBinding(BindingName),
    /// Notes the use of a token, which nobody else has to hear of at once.
    Used(TokenRow),
}

/// A person or a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrincipalRow {
    #[serde(skip_serializing, default = "PersonName::admin")]
    pub name: PersonName,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub service: bool,
    pub made: Timestamp,
    pub by: PersonName,
}

/// A token, of which only the hash is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRow {
    #[serde(skip, default = "TokenHash::of_nothing")]
    pub hash: TokenHash,
    pub owner: PersonName,
    pub name: TokenName,
    pub made: Timestamp,
    /// The person who made it, and has seen it.
    pub by: PersonName,
    /// The time from which it is not accepted any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Timestamp>,
    /// A time at which it was used: the last use is at most an hour after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Timestamp>,
}
