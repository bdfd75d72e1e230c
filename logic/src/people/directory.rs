//! Everybody who has access, in memory. Pure.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use utakata_api::person::{LinkView, PersonView, TokenView};
use utakata_model::{Binding, BindingName, GroupName, Holder, PersonName, TokenName, suggest};

use super::Error;
use crate::{
    rights::{Actor, Earlier, NotAnother, Object, Rights},
    store::{ConfirmedRow, PeopleChange, PeopleRows, PrincipalRow, TokenRow},
    token::TokenHash,
};

/// The one who makes a request.
#[derive(Debug, Clone)]
pub struct Identity {
    pub name: PersonName,
    pub rights: Arc<Rights>,
    /// The token; absent for `admin`, whose token is in a file.
    pub token: Option<Arc<TokenRow>>,
}

/// The reason why a token identifies nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoIdentity {
    /// Nobody has it.
    Unknown,
    /// It has ended.
    Ended {
        owner: PersonName,
        at: Timestamp,
        /// True for one that was made by a login.
        is_login: bool,
    },
}

#[derive(Debug, Default)]
pub(super) struct Directory {
    principals: BTreeMap<PersonName, PrincipalRow>,
    tokens: HashMap<TokenHash, Arc<TokenRow>>,
    bindings: BTreeMap<BindingName, Arc<Binding>>,
    /// The rights of everybody who has any by their name.
    rights: HashMap<PersonName, Arc<Rights>>,
    of_groups: HashMap<GroupName, Vec<Arc<Binding>>>,
}

impl Identity {
    /// Returns the built-in admin.
    pub fn admin() -> Self {
        Self {
            name: PersonName::admin(),
            rights: Arc::new(Rights::everything()),
            token: None,
        }
    }

    /// Returns who acts by it.
    pub fn actor(&self) -> Actor {
        let token = self.token.as_ref();
        let makers = token.map(|token| token.makers()).unwrap_or_default();
        Actor::of(self.name.clone(), makers.into_iter().cloned())
    }

    /// Checks that this is another person than the one who made an earlier request, and was able to
    /// agree to it before it was made. That it has the right on this object is checked already, and
    /// so is that it has another name.
    ///
    /// # Errors
    /// It could be the same person under another name, or the right is too young.
    pub fn agrees_as_another(&self, to: Earlier<'_>, object: Object<'_>) -> Result<(), NotAnother> {
        if let Some(first) = to.by.filter(|first| first.makers.contains(&self.name)) {
            return Err(NotAnother::Maker {
                second: self.name.clone(),
                first: first.name.clone(),
            });
        }
        // Who could be behind a token is not known: they may have requested it under any name. Only
        // admin, who can do everything, does not need another name.
        let admin = PersonName::admin();
        let is_admin_s = to.by.is_some_and(|first| first.name == admin);
        let makers = self.token.as_ref().map(|token| token.makers());
        let mut makers = makers.into_iter().flatten();
        if let Some(by) = makers.find(|maker| **maker != admin || is_admin_s) {
            return Err(NotAnother::Token {
                second: self.name.clone(),
                by: by.clone(),
            });
        }
        self.rights.agree_as_another(&self.name, to, object)
    }

    /// Returns the end of its token, if it has one.
    pub fn ends(&self) -> Option<Timestamp> {
        self.token.as_ref().and_then(|token| token.ends)
    }

    /// Returns true if the last use of its token is to be written.
    pub(super) fn is_use_news(&self, now: Timestamp, precision: Duration) -> bool {
        let Some(token) = &self.token else {
            return false;
        };
        let is_old = |used: Timestamp| used.checked_add(precision).is_ok_and(|until| until <= now);
        token.used.is_none_or(is_old)
    }
}

impl Directory {
    pub(super) fn new(rows: PeopleRows) -> Self {
        let mut directory = Self::default();
        let principals = rows.principals.into_iter().map(PeopleChange::PutPrincipal);
        let tokens = rows.tokens.into_iter().map(PeopleChange::PutToken);
        let bindings = rows.bindings.into_iter().map(PeopleChange::PutBinding);
        directory.change(principals.chain(tokens).chain(bindings));
        directory
    }

    /// Makes changes that are stored.
    pub(super) fn change(&mut self, changes: impl IntoIterator<Item = PeopleChange>) {
        for change in changes {
            match change {
                PeopleChange::PutPrincipal(row) => {
                    self.principals.insert(row.name.clone(), row);
                }
                PeopleChange::DeletePrincipal(name) => {
                    self.principals.remove(&name);
                }
                PeopleChange::PutToken(row) | PeopleChange::Used(row) => {
                    self.tokens.insert(row.hash, Arc::new(row));
                }
                PeopleChange::DeleteToken(hash) => {
                    self.tokens.remove(&hash);
                }
                PeopleChange::PutBinding(binding) => {
                    let name = binding.name.clone();
                    self.bindings.insert(name, Arc::new(binding));
                }
                PeopleChange::DeleteBinding(name) => {
                    self.bindings.remove(&name);
                }
            }
        }
        let mut of_each: HashMap<PersonName, Vec<Arc<Binding>>> = HashMap::new();
        self.of_groups.clear();
        for binding in self.bindings.values() {
            let bindings = match &binding.grant.who {
                Holder::Principal(name) => of_each.entry(name.clone()).or_default(),
                Holder::Group(group) => self.of_groups.entry(group.clone()).or_default(),
            };
            bindings.push(Arc::clone(binding));
        }
        let rights = of_each.into_iter();
        let rights = rights.map(|(name, bindings)| (name, Arc::new(Rights::of(bindings))));
        self.rights = rights.collect();
    }

    pub(super) fn find(&self, hash: &TokenHash, now: Timestamp) -> Result<Identity, NoIdentity> {
        let token = self.tokens.get(hash).ok_or(NoIdentity::Unknown)?;
        if let Some(at) = token.ends.filter(|ends| *ends <= now) {
            let owner = token.owner.clone();
            let is_login = token.login.is_some();
            return Err(NoIdentity::Ended {
                owner,
                at,
                is_login,
            });
        }
        Ok(Identity {
            name: token.owner.clone(),
            rights: self.rights_of(token),
            token: Some(Arc::clone(token)),
        })
    }

    /// Returns the rights of whoever has a token: those of its owner, and those of the groups with
    /// which they logged in and to which they have belonged at every login since.
    fn rights_of(&self, token: &TokenRow) -> Arc<Rights> {
        let own = self.rights.get(&token.owner).cloned();
        let own = own.unwrap_or_default();
        let link = || self.principals.get(&token.owner)?.link.as_ref();
        let (Some(login), Some(link)) = (&token.login, link()) else {
            return own;
        };
        let held = login.groups.iter().filter_map(|group| {
            let since = link.groups.get(group)?;
            Some((self.of_groups.get(group)?, *since))
        });
        // Nobody gives rights to themselves, also not by way of a group.
        let is_by_another = |binding: &&Arc<Binding>| {
            binding.by != token.owner && !binding.through.contains(&token.owner)
        };
        held.fold(own, |rights, (bindings, since)| {
            let bindings = bindings.iter().filter(is_by_another);
            Arc::new(Rights::clone(&rights).and_of_group(bindings, since))
        })
    }

    pub(super) fn principal(&self, name: &PersonName) -> Option<&PrincipalRow> {
        self.principals.get(name)
    }

    pub(super) fn require(&self, name: &PersonName) -> Result<(), Error> {
        if self.principals.contains_key(name) {
            return Ok(());
        }
        let names = self.principals.keys().map(PersonName::as_str);
        Err(none("person", name.as_str(), names))
    }

    pub(super) fn binding(&self, name: &BindingName) -> Option<&Arc<Binding>> {
        self.bindings.get(name)
    }

    pub(super) fn no_binding(&self, name: &BindingName) -> Error {
        let names = self.bindings.keys().map(BindingName::as_str);
        none("binding", name.as_str(), names)
    }

    pub(super) fn token_hashes(&self, owner: &PersonName) -> Vec<TokenHash> {
        let own = self.tokens.values().filter(|token| token.owner == *owner);
        own.map(|token| token.hash).collect()
    }

    pub(super) fn token_named(
        &self,
        owner: &PersonName,
        name: &TokenName,
    ) -> Option<&Arc<TokenRow>> {
        let mut tokens = self.tokens.values();
        tokens.find(|token| token.owner == *owner && token.name == *name)
    }

    pub(super) fn no_token(&self, owner: &PersonName, name: &TokenName) -> Error {
        let own = self.tokens.values().filter(|token| token.owner == *owner);
        none("token", name.as_str(), own.map(|token| token.name.as_str()))
    }

    /// Returns the changes by which a token of somebody is confirmed.
    pub(super) fn confirmation(
        &self,
        owner: &PersonName,
        name: &TokenName,
        (by, at): (&Actor, Timestamp),
    ) -> Result<(Vec<PeopleChange>, TokenHash), Error> {
        self.require(owner)?;
        let found = self.token_named(owner, name);
        let mut token = TokenRow::clone(found.ok_or_else(|| self.no_token(owner, name))?);
        let confirmed = Some(ConfirmedRow {
            by: by.name.clone(),
            through: by.makers.clone(),
            at,
        });
        token.confirmed.clone_from(&confirmed);
        let could_be_both = token.makers().into_iter().next();
        // Whoever made it would confirm that they have given it away.
        if by.could_be(owner) || could_be_both.is_some() {
            return Err(Error::OwnToken {
                owner: owner.clone(),
                by: could_be_both.unwrap_or(&by.name).clone(),
            });
        }
        let hash = token.hash;
        let mut changes = Vec::new();
        if token.login.is_some()
            && let Some(person) = self.principals.get(owner)
        {
            let mut person = person.clone();
            if let Some(link) = &mut person.link {
                link.confirmed = confirmed;
            }
            changes.push(PeopleChange::PutPrincipal(person));
        }
        changes.push(PeopleChange::PutToken(token));
        Ok((changes, hash))
    }

    /// Finds the person who is somebody at the identity provider.
    pub(super) fn linked(&self, issuer: &str, subject: &str) -> Option<&PrincipalRow> {
        let mut principals = self.principals.values();
        principals.find(|row| {
            let link = row.link.as_ref();
            link.is_some_and(|link| link.issuer == issuer && link.subject == subject)
        })
    }

    /// Returns the tokens that were made by logins.
    pub(super) fn logins(&self) -> impl Iterator<Item = &Arc<TokenRow>> {
        self.tokens.values().filter(|token| token.login.is_some())
    }

    /// Returns the changes that remove somebody.
    pub(super) fn removal(&self, name: &PersonName) -> Vec<PeopleChange> {
        let tokens = self.tokens.values().filter(|token| token.owner == *name);
        let bindings = self.bindings.values();
        let bindings = bindings.filter(|binding| binding.grant.who == *name);
        let mut changes = vec![PeopleChange::DeletePrincipal(name.clone())];
        changes.extend(tokens.map(|token| PeopleChange::DeleteToken(token.hash)));
        changes.extend(bindings.map(|one| PeopleChange::DeleteBinding(one.name.clone())));
        changes
    }

    /// Notes the last uses of tokens; returns the rows to write.
    pub(super) fn note_uses(&mut self, used: &HashMap<TokenHash, Timestamp>) -> Vec<TokenRow> {
        let mut rows = Vec::new();
        for (hash, at) in used {
            // A token that was revoked meanwhile has no row any more.
            if let Some(token) = self.tokens.get_mut(hash) {
                let mut row = TokenRow::clone(token);
                row.used = Some(*at);
                *token = Arc::new(row.clone());
                rows.push(row);
            }
        }
        rows
    }

    pub(super) fn token_view(&self, hash: &TokenHash) -> Option<TokenView> {
        self.tokens.get(hash).map(|token| view(token))
    }

    pub(super) fn bindings(&self) -> Vec<Binding> {
        let bindings = self.bindings.values();
        bindings.map(|binding| Binding::clone(binding)).collect()
    }

    /// Returns everybody, by name, `admin` among them.
    pub(super) fn views(&self) -> Vec<PersonView> {
        let mut tokens: HashMap<&PersonName, Vec<TokenView>> = HashMap::new();
        for token in self.tokens.values() {
            tokens.entry(&token.owner).or_default().push(view(token));
        }
        let mut people: Vec<PersonView> = Vec::with_capacity(self.principals.len() + 1);
        for row in self.principals.values() {
            let own = tokens.remove(&row.name).into_iter().flatten();
            let mut own: Vec<TokenView> = own.collect();
            own.sort_by(|a, b| a.name.cmp(&b.name));
            let rights = self.rights.get(&row.name);
            let roles = rights.into_iter().flat_map(|rights| rights.bindings());
            let link = row.link.as_ref().map(|link| LinkView {
                issuer: link.issuer.clone(),
                subject: link.subject.clone(),
                by: link.by.clone(),
                groups: link.groups.keys().cloned().collect(),
            });
            people.push(PersonView {
                name: row.name.clone(),
                service: row.service,
                made: Some(row.made),
                by: Some(row.by.clone()),
                roles: roles.map(|one| Binding::clone(one)).collect(),
                tokens: own,
                link,
            });
        }
        let admin = PersonName::admin();
        let at = people.partition_point(|one| one.name < admin);
        let admin = PersonView {
            name: admin,
            service: false,
            made: None,
            by: None,
            roles: Vec::new(),
            tokens: Vec::new(),
            link: None,
        };
        people.insert(at, admin);
        people
    }
}

fn view(token: &TokenRow) -> TokenView {
    TokenView {
        owner: token.owner.clone(),
        name: token.name.clone(),
        made: token.made,
        by: token.by.clone(),
        through: token.through.iter().cloned().collect(),
        confirmed: token.confirmed.as_ref().map(|one| one.by.clone()),
        ends: token.ends,
        used: token.used,
        login: token.login.is_some(),
    }
}

fn none<'a>(what: &'static str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Error {
    let hint = suggest::hint(name, known);
    let name = name.to_owned();
    Error::None { what, name, hint }
}
