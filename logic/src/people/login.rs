//! People who log in by the identity provider.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;
use utakata_model::{GroupName, PersonName, TokenName, target::Secret};
use utakata_openid::Visitor;

use super::{Directory, Error, People, error};
use crate::{
    rights::Actor,
    store::{LinkRow, LoginRow, PeopleChange, PrincipalRow, TokenRow},
    token::{self, TokenHash},
};

/// The largest number of logins of one person that last at a time: the oldest end first.
const MAX_LOGINS: usize = 20;
/// The largest number of ended logins that are forgotten at once.
const FORGOTTEN: usize = 500;

/// The way in which somebody logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    Browser,
    CommandLine,
}

/// Somebody who has logged in.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    pub name: PersonName,
    pub token: Secret,
    pub token_name: TokenName,
    pub ends: Timestamp,
    pub groups: Vec<GroupName>,
    /// True if nobody knew them before.
    pub is_new: bool,
}

impl Via {
    /// Returns the time for which a login lasts.
    pub fn lasts(self) -> Duration {
        match self {
            Self::Browser => Duration::from_secs(12 * 3600),
            Self::CommandLine => Duration::from_secs(8 * 3600),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Browser => "web",
            Self::CommandLine => "cli",
        }
    }
}

impl People {
    /// Makes a token for somebody whom the provider knows, who may be new.
    ///
    /// # Errors
    /// They have no name here, or it is another's, or the store failed.
    pub async fn log_in(&self, visitor: Visitor, via: Via) -> Result<LoggedIn, Error> {
        let token = token::generate().map_err(|error| Error::Random {
            reason: error.to_string(),
        })?;
        let hash = TokenHash::of(token.reveal());
        let digits: String = hash.to_string().chars().take(8).collect();
        let token_name = error::name_of_token(&format!("{}-{digits}", via.word()))?;
        let made = crate::clock::now();
        let ends = made + via.lasts();
        let _writing = self.writing.lock().await;
        let (changes, name, is_new) = {
            let known = self.known.read();
            let person = known.admit(&visitor, made)?;
            let is_new = known.principal(&person.name).is_none();
            let mut changes = known.forget_logins(&person.name, made);
            let name = person.name.clone();
            let link = person.link.as_ref();
            changes.push(PeopleChange::PutToken(TokenRow {
                hash,
                owner: name.clone(),
                name: token_name.clone(),
                made,
                by: link.map_or_else(|| name.clone(), |link| link.by.clone()),
                through: link.map_or_else(BTreeSet::new, |link| link.through.clone()),
                confirmed: link.and_then(|link| link.confirmed.clone()),
                ends: Some(ends),
                used: None,
                login: Some(LoginRow {
                    groups: visitor.groups.clone(),
                }),
            }));
            changes.push(PeopleChange::PutPrincipal(person));
            (changes, name, is_new)
        };
        self.write(changes).await?;
        Ok(LoggedIn {
            name,
            token,
            token_name,
            ends,
            groups: visitor.groups,
            is_new,
        })
    }

    /// Says that somebody at the provider is a person here. Their logins until now end.
    ///
    /// # Errors
    /// There is no such person, or somebody else is that one already, or the store failed.
    pub async fn link(
        &self,
        name: &PersonName,
        (issuer, subject): (&str, &str),
        by: &Actor,
    ) -> Result<(), Error> {
        error::refuse_admin(name)?;
        if by.could_be(name) {
            return Err(Error::Own { name: name.clone() });
        }
        let _writing = self.writing.lock().await;
        let changes = {
            let known = self.known.read();
            known.require(name)?;
            if let Some(other) = known.linked(issuer, subject) {
                return Err(Error::Linked {
                    name: other.name.clone(),
                    subject: subject.to_owned(),
                });
            }
            let mut changes: Vec<PeopleChange> = known
                .logins()
                .filter(|token| token.owner == *name)
                .map(|token| PeopleChange::DeleteToken(token.hash))
                .collect();
            changes.extend(known.principal(name).map(|person| {
                PeopleChange::PutPrincipal(PrincipalRow {
                    link: Some(LinkRow {
                        issuer: issuer.to_owned(),
                        subject: subject.to_owned(),
                        by: by.name.clone(),
                        through: by.makers.clone(),
                        confirmed: None,
                        groups: BTreeMap::new(),
                    }),
                    ..person.clone()
                })
            }));
            changes
        };
        self.write(changes).await
    }

    /// Ends a login, if a token is of one; returns true if it was.
    ///
    /// # Errors
    /// The store failed.
    pub async fn log_out(&self, token: &TokenRow) -> Result<bool, Error> {
        if token.login.is_none() {
            return Ok(false);
        }
        let _writing = self.writing.lock().await;
        self.write(vec![PeopleChange::DeleteToken(token.hash)])
            .await?;
        Ok(true)
    }
}

impl Directory {
    /// Returns the person who somebody at the provider is from now on.
    ///
    /// # Errors
    /// They have no name here, or it is another's.
    fn admit(&self, visitor: &Visitor, now: Timestamp) -> Result<PrincipalRow, Error> {
        let known = self.linked(&visitor.issuer, &visitor.subject);
        let mut person = match known {
            Some(known) => known.clone(),
            None => self.newcomer(visitor, now)?,
        };
        if let Some(link) = &mut person.link {
            let since = |group: &GroupName| link.groups.get(group).copied().unwrap_or(now);
            let groups = visitor.groups.iter();
            link.groups = groups.map(|group| (group.clone(), since(group))).collect();
        }
        Ok(person)
    }

    fn newcomer(&self, visitor: &Visitor, now: Timestamp) -> Result<PrincipalRow, Error> {
        let name = visitor.name.clone()?;
        // Whoever has the name may have rights by it, or may have had them: they are not passed on
        // to whoever the provider calls so.
        if self.principal(&name).is_some() || name == PersonName::admin() {
            return Err(Error::Taken {
                name,
                issuer: visitor.issuer.clone(),
                subject: visitor.subject.clone(),
            });
        }
        Ok(PrincipalRow {
            service: false,
            made: now,
            by: name.clone(),
            link: Some(LinkRow {
                issuer: visitor.issuer.clone(),
                subject: visitor.subject.clone(),
                by: name.clone(),
                through: BTreeSet::new(),
                confirmed: None,
                groups: BTreeMap::new(),
            }),
            name,
        })
    }

    /// Returns the changes that make room for one more login of somebody, and forget those of all
    /// that have ended.
    fn forget_logins(&self, name: &PersonName, now: Timestamp) -> Vec<PeopleChange> {
        let has_ended = |token: &TokenRow| token.ends.is_some_and(|ends| ends <= now);
        let ended = self.logins().filter(|token| has_ended(token));
        let mut lasting: Vec<&TokenRow> = self
            .logins()
            .map(AsRef::as_ref)
            .filter(|token| token.owner == *name && !has_ended(token))
            .collect();
        lasting.sort_by_key(|token| token.made);
        let too_many = (lasting.len() + 1).saturating_sub(MAX_LOGINS);
        let ended = ended.map(|token| token.hash).take(FORGOTTEN);
        let oldest = lasting.iter().take(too_many).map(|token| token.hash);
        ended.chain(oldest).map(PeopleChange::DeleteToken).collect()
    }
}

#[cfg(test)]
mod tests;
