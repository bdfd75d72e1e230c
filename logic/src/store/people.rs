//! The stored people and services, their tokens and roles.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{Binding, BindingName, GroupName, PersonName, TokenName};

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
    /// The one at the identity provider who is this person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<LinkRow>,
}

/// Somebody at the identity provider. Their name there is not what tells them apart: it can be
/// changed, and given to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRow {
    pub issuer: String,
    pub subject: String,
    /// The person who said that this is them: themselves, if they came when the name was free.
    pub by: PersonName,
    /// Those who could have acted as that person.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub through: BTreeSet<PersonName>,
    /// The one who has confirmed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<ConfirmedRow>,
    /// The groups of the last login, each with the first login of all since then that had it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<GroupName, Timestamp>,
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
    /// Those who could have acted as that person.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub through: BTreeSet<PersonName>,
    /// The one who has confirmed that its owner has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<ConfirmedRow>,
    /// The time from which it is not accepted any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Timestamp>,
    /// A time at which it was used: the last use is at most an hour after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Timestamp>,
    /// The login that it was made by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<LoginRow>,
}

/// The statement of somebody that a token, or a link, is that of its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmedRow {
    pub by: PersonName,
    /// Those who could have acted as that person.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub through: BTreeSet<PersonName>,
    pub at: Timestamp,
}

impl TokenRow {
    /// Returns everybody who could have the token, besides its owner, without anybody's help: whoever
    /// made it, and whoever could have done so in their name. Once it is confirmed, those of them
    /// remain who could have confirmed it, too.
    pub fn makers(&self) -> BTreeSet<&PersonName> {
        let makers = std::iter::once(&self.by).chain(&self.through);
        let makers = makers.filter(|maker| **maker != self.owner);
        let confirmed = self.confirmed.as_ref();
        let could_confirm = |maker: &&PersonName| {
            confirmed.is_none_or(|one| one.by == **maker || one.through.contains(*maker))
        };
        makers.filter(could_confirm).collect()
    }
}

/// A login by the identity provider.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginRow {
    /// The groups that the person had then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupName>,
}
