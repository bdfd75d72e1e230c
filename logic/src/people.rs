//! People and services that have access: their tokens, and the roles that say what they may do.

mod directory;
mod error;
mod login;
mod wrong_tokens;

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use parking_lot::{Mutex, RwLock};
use tokio::sync::{Mutex as AsyncMutex, watch};
use utakata_api::person::{NewBinding, NewToken, PersonView, TokenView};
use utakata_model::{Binding, BindingName, Grant, PersonName, Role, TokenName};

use self::directory::Directory;
pub use self::{
    directory::{Identity, NoIdentity},
    error::Error,
    login::{LoggedIn, Via},
    wrong_tokens::WrongTokens,
};
use crate::{
    rights::{Actor, Rights},
    store::{self, PeopleChange, PrincipalRow, TokenRow},
    token::{self, TokenHash},
};

/// The name of the token that comes with a person or service.
const FIRST_TOKEN: &str = "first";
/// The time for which the token of a service is accepted, if nobody says otherwise.
pub const SERVICE_TOKEN: Duration = Duration::from_secs(90 * 86_400);
/// The longest time for which a token may be accepted.
const MAX_TOKEN: Duration = Duration::from_secs(10 * 366 * 86_400);
/// The precision of the last use of a token.
const USE_PRECISION: Duration = Duration::from_secs(3600);

/// The people and services that have access.
pub struct People {
    store: Arc<dyn store::People>,
    /// The people as stored.
    known: RwLock<Directory>,
    /// Held while the store is written, so that both see the changes in the same order.
    writing: AsyncMutex<()>,
    /// Tokens whose last use is to be written.
    used: Mutex<HashMap<TokenHash, Timestamp>>,
    /// The number of changes, for those who follow them.
    changes: watch::Sender<u64>,
    wrong_tokens: WrongTokens,
}

/// A token to be made.
#[derive(Debug, Clone, Copy, Default)]
pub struct TokenRequest {
    pub service: bool,
    pub lasts: Option<Duration>,
}

impl People {
    /// Loads the people from the store.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn load(store: Arc<dyn store::People>) -> Result<Self, store::Error> {
        let people = Self {
            store,
            known: RwLock::default(),
            writing: AsyncMutex::default(),
            used: Mutex::default(),
            changes: watch::Sender::new(0),
            wrong_tokens: WrongTokens::default(),
        };
        people.reload().await?;
        Ok(people)
    }

    /// Reloads changes that others have written.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn reload(&self) -> Result<(), store::Error> {
        let _writing = self.writing.lock().await;
        let directory = Directory::new(self.store.people().await?);
        *self.known.write() = directory;
        self.changes.send_modify(|count| *count += 1);
        Ok(())
    }

    /// Returns the one who has this token, except for `admin`, whose token is not known here.
    ///
    /// # Errors
    /// Nobody has it, or it has ended.
    pub fn find(&self, token: &str, now: Timestamp) -> Result<Identity, NoIdentity> {
        let hash = TokenHash::of(token);
        let found = self.known.read().find(&hash, now)?;
        if found.is_use_news(now, USE_PRECISION) {
            self.used.lock().insert(hash, now);
        }
        Ok(found)
    }

    /// Returns the one who has the token with this hash, as things are now.
    ///
    /// # Errors
    /// Nobody has it any more, or it has ended.
    pub fn find_again(&self, hash: &TokenHash, now: Timestamp) -> Result<Identity, NoIdentity> {
        self.known.read().find(hash, now)
    }

    /// Follows changes of people, tokens and roles.
    pub fn follow(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Returns the record of tokens that were not valid.
    pub fn wrong_tokens(&self) -> &WrongTokens {
        &self.wrong_tokens
    }

    /// Returns the hashes of the tokens of somebody, except for `admin`.
    pub fn token_hashes(&self, name: &PersonName) -> Vec<TokenHash> {
        self.known.read().token_hashes(name)
    }

    /// Returns everybody, by name.
    pub fn list(&self) -> Vec<PersonView> {
        self.known.read().views()
    }

    /// Returns all tokens, by owner and name.
    pub fn tokens(&self) -> Vec<TokenView> {
        let views = self.list().into_iter();
        views.flat_map(|one| one.tokens).collect()
    }

    /// Returns all bindings, by name.
    pub fn bindings(&self) -> Vec<Binding> {
        self.known.read().bindings()
    }

    /// Returns the view of a token.
    pub fn token_view(&self, hash: &TokenHash) -> Option<TokenView> {
        self.known.read().token_view(hash)
    }

    /// Creates a new token for somebody who may be new, and revokes the one that came before.
    ///
    /// # Errors
    /// The person is `admin`, or of another sort, or the store failed.
    pub async fn put(
        &self,
        name: PersonName,
        request: TokenRequest,
        by: &Actor,
    ) -> Result<NewToken, Error> {
        error::refuse_admin(&name)?;
        let _writing = self.writing.lock().await;
        let known = self.known.read().principal(&name).cloned();
        let made = crate::clock::now();
        let mut changes = Vec::new();
        match known {
            Some(known) if request.service && !known.service => {
                return Err(Error::OtherSort { name });
            }
            Some(_) => {}
            None => changes.push(PeopleChange::PutPrincipal(PrincipalRow {
                name: name.clone(),
                service: request.service,
                made,
                by: by.name.clone(),
                link: None,
            })),
        }
        let first = error::name_of_token(FIRST_TOKEN)?;
        self.write_token(changes, &name, first, request, by).await
    }

    /// Creates a token for somebody who is known, and revokes the one of the same name.
    ///
    /// # Errors
    /// The person is `admin` or unknown, or the store failed.
    pub async fn put_token(
        &self,
        owner: PersonName,
        name: TokenName,
        request: TokenRequest,
        by: &Actor,
    ) -> Result<NewToken, Error> {
        error::refuse_admin(&owner)?;
        let _writing = self.writing.lock().await;
        self.known.read().require(&owner)?;
        self.write_token(Vec::new(), &owner, name, request, by)
            .await
    }

    async fn write_token(
        &self,
        mut changes: Vec<PeopleChange>,
        owner: &PersonName,
        name: TokenName,
        request: TokenRequest,
        by: &Actor,
    ) -> Result<NewToken, Error> {
        let token = token::generate().map_err(|error| Error::Random {
            reason: error.to_string(),
        })?;
        let made = crate::clock::now();
        let is_service = {
            let known = self.known.read();
            let before = known.token_named(owner, &name);
            changes.extend(before.map(|before| PeopleChange::DeleteToken(before.hash)));
            let known = known.principal(owner);
            known.map_or(request.service, |known| known.service)
        };
        let lasts = request.lasts.or(is_service.then_some(SERVICE_TOKEN));
        if lasts.is_some_and(|lasts| lasts.is_zero() || lasts > MAX_TOKEN) {
            return Err(Error::Lasts { max: MAX_TOKEN });
        }
        let ends = lasts.and_then(|lasts| made.checked_add(lasts).ok());
        changes.push(PeopleChange::PutToken(TokenRow {
            hash: TokenHash::of(token.reveal()),
            owner: owner.clone(),
            name,
            made,
            by: by.name.clone(),
            through: by.makers.clone(),
            confirmed: None,
            ends,
            used: None,
            login: None,
        }));
        self.write(changes).await?;
        let name = owner.clone();
        Ok(NewToken { name, token, ends })
    }

    /// Confirms that the owner of a token is the person who has it. Of a login, it confirms that the one
    /// at the provider is that person.
    ///
    /// # Errors
    /// There is none of that name; whoever confirms is its owner, or could have made it; or the store
    /// failed.
    pub async fn confirm_token(
        &self,
        owner: &PersonName,
        name: &TokenName,
        by: &Actor,
    ) -> Result<TokenView, Error> {
        error::refuse_admin(owner)?;
        let _writing = self.writing.lock().await;
        let confirmed = (by, crate::clock::now());
        let (changes, hash) = self.known.read().confirmation(owner, name, confirmed)?;
        self.write(changes).await?;
        self.token_view(&hash)
            .ok_or_else(|| self.known.read().no_token(owner, name))
    }

    /// Revokes a token.
    ///
    /// # Errors
    /// There is none of that name, or the store failed.
    pub async fn delete_token(&self, owner: &PersonName, name: &TokenName) -> Result<(), Error> {
        error::refuse_admin(owner)?;
        let _writing = self.writing.lock().await;
        let hash = {
            let known = self.known.read();
            known.require(owner)?;
            let found = known.token_named(owner, name).map(|found| found.hash);
            found.ok_or_else(|| known.no_token(owner, name))?
        };
        self.write(vec![PeopleChange::DeleteToken(hash)]).await
    }

    /// Removes somebody, with all tokens and roles.
    ///
    /// # Errors
    /// The person is `admin`, there is nobody of that name, or the store failed.
    pub async fn delete(&self, name: &PersonName) -> Result<(), Error> {
        error::refuse_admin(name)?;
        let _writing = self.writing.lock().await;
        let changes = {
            let known = self.known.read();
            known.require(name)?;
            known.removal(name)
        };
        self.write(changes).await
    }

    /// Gives somebody a role.
    ///
    /// # Errors
    /// The person is `admin`, unknown, or the caller; the caller may not give this role; or the
    /// store failed.
    pub async fn put_binding(
        &self,
        name: BindingName,
        new: NewBinding,
        (by, rights): (&Actor, &Rights),
    ) -> Result<Binding, Error> {
        let NewBinding {
            who,
            role,
            selector,
        } = new;
        if let Some(name) = who.principal() {
            error::refuse_admin(name)?;
        }
        // Also not by way of somebody whom they have made.
        if let Some(name) = who.principal().filter(|who| by.could_be(who)) {
            return Err(Error::Own { name: name.clone() });
        }
        // Otherwise whoever may change people could make somebody who may do everything.
        if role == Role::Admin && !rights.include(role) {
            return Err(Error::TooMuch { role });
        }
        let _writing = self.writing.lock().await;
        {
            let known = self.known.read();
            if let Some(name) = who.principal() {
                known.require(name)?;
            }
            let before = known.binding(&name);
            let owner = before.and_then(|one| one.grant.who.principal());
            if let Some(name) = owner.filter(|owner| by.could_be(owner)) {
                return Err(Error::Own { name: name.clone() });
            }
        }
        let binding = Binding {
            name,
            grant: Grant {
                who,
                role,
                selector,
            },
            made: crate::clock::now(),
            by: by.name.clone(),
            through: by.makers.clone(),
        };
        self.write(vec![PeopleChange::PutBinding(binding.clone())])
            .await?;
        Ok(binding)
    }

    /// Takes a role away; returns what it was.
    ///
    /// # Errors
    /// There is no such binding, or the store failed.
    pub async fn delete_binding(&self, name: &BindingName) -> Result<Binding, Error> {
        let _writing = self.writing.lock().await;
        let found = {
            let known = self.known.read();
            let found = known.binding(name).map(|found| Binding::clone(found));
            found.ok_or_else(|| known.no_binding(name))?
        };
        self.write(vec![PeopleChange::DeleteBinding(name.clone())])
            .await?;
        Ok(found)
    }

    /// Writes the last uses of tokens that are news.
    ///
    /// # Errors
    /// The store failed; they are tried again.
    pub async fn write_uses(&self) -> Result<(), store::Error> {
        let used = std::mem::take(&mut *self.used.lock());
        if used.is_empty() {
            return Ok(());
        }
        let _writing = self.writing.lock().await;
        let rows = self.known.write().note_uses(&used);
        let changes: Vec<PeopleChange> = rows.into_iter().map(PeopleChange::Used).collect();
        self.store.change_people(&changes).await
    }

    async fn write(&self, changes: Vec<PeopleChange>) -> Result<(), Error> {
        self.store.change_people(&changes).await?;
        self.known.write().change(changes);
        self.changes.send_modify(|count| *count += 1);
        Ok(())
    }
}
