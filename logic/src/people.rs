//! People who have access, each identified by a token of their own. Everybody with a token may do
//! everything; roles come later.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use parking_lot::RwLock;
use tokio::sync::Mutex;
use utakata_api::person::{NewToken, PersonView};
use utakata_model::{PersonName, suggest};

use crate::{
    store::{self, PersonRow},
    token::{self, TokenHash},
};

/// A reason why people are unchanged.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The token of `admin` is the one in the file.
    #[error(
        "the token of \"{}\" is the one in the server's token file",
        PersonName::admin()
    )]
    Admin,
    /// There is nobody of that name.
    #[error("there is no person \"{name}\"")]
    None { name: PersonName, hint: String },
    /// The operating system has no random numbers.
    #[error("the system provides no random numbers: {reason}")]
    Random { reason: String },
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// The people who have access.
pub struct People {
    store: Arc<dyn store::People>,
    /// The people as stored.
    known: RwLock<Directory>,
    /// Held while the store is written, so that both see the changes in the same order.
    writing: Mutex<()>,
}

#[derive(Default)]
struct Directory {
    people: BTreeMap<PersonName, PersonRow>,
    names: HashMap<TokenHash, PersonName>,
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
            writing: Mutex::default(),
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
        let mut known = Directory::default();
        let rows = self.store.people().await?;
        rows.into_iter().for_each(|row| known.put(row));
        *self.known.write() = known;
        Ok(())
    }

    /// Returns the person who has this token, except for `admin`, whose token is not known here.
    pub fn find(&self, token: &str) -> Option<PersonName> {
        self.known.read().names.get(&TokenHash::of(token)).cloned()
    }

    /// Returns the hash of a person's token, except for `admin`.
    pub fn token_hash(&self, name: &PersonName) -> Option<TokenHash> {
        let known = self.known.read();
        known.people.get(name).map(|row| row.token_hash)
    }

    /// Returns everybody, by name.
    pub fn list(&self) -> Vec<PersonView> {
        let known = self.known.read();
        let view = |row: &PersonRow| PersonView {
            name: row.name.clone(),
            made: Some(row.made),
        };
        let mut people: Vec<PersonView> = known.people.values().map(view).collect();
        let admin = PersonName::admin();
        let at = people.partition_point(|one| one.name < admin);
        people.insert(
            at,
            PersonView {
                name: admin,
                made: None,
            },
        );
        people
    }

    /// Creates a new token for a person, and revokes the previous one.
    ///
    /// # Errors
    /// The person is `admin`, or the store failed.
    pub async fn put(&self, name: PersonName) -> Result<NewToken, Error> {
        refuse_admin(&name)?;
        let token = token::generate().map_err(|error| Error::Random {
            reason: error.to_string(),
        })?;
        let row = PersonRow {
            name: name.clone(),
            token_hash: TokenHash::of(token.reveal()),
            made: crate::clock::now(),
        };
        let _writing = self.writing.lock().await;
        self.store.put_person(&row).await?;
        self.known.write().put(row);
        Ok(NewToken { name, token })
    }

    /// Revokes the token of a person.
    ///
    /// # Errors
    /// The person is `admin`, there is nobody of that name, or the store failed.
    pub async fn delete(&self, name: &PersonName) -> Result<(), Error> {
        refuse_admin(name)?;
        let _writing = self.writing.lock().await;
        if !self.known.read().people.contains_key(name) {
            return Err(self.none(name));
        }
        self.store.delete_person(name).await?;
        self.known.write().remove(name);
        Ok(())
    }

    fn none(&self, name: &PersonName) -> Error {
        let known = self.known.read();
        let hint = suggest::hint(name.as_str(), known.people.keys().map(PersonName::as_str));
        let name = name.clone();
        Error::None { name, hint }
    }
}

impl Directory {
    fn put(&mut self, row: PersonRow) {
        self.remove(&row.name);
        self.names.insert(row.token_hash, row.name.clone());
        self.people.insert(row.name.clone(), row);
    }

    fn remove(&mut self, name: &PersonName) {
        if let Some(row) = self.people.remove(name) {
            self.names.remove(&row.token_hash);
        }
    }
}

fn refuse_admin(name: &PersonName) -> Result<(), Error> {
    if *name == PersonName::admin() {
        return Err(Error::Admin);
    }
    Ok(())
}
