//! Vault, as far as it is ours: the key that wraps the site key, and its health.

use std::time::Duration;

use utakata_interconnect::connection::Health;
use utakata_model::SecretPath;
use utakata_seal::{Keyring, SiteKey};
use utakata_vault::{self as vault, Found, TransitKey, Vault};

use super::Error;
use crate::{
    config,
    store::{Seal, WrappedKey},
};

/// The name of the connection in the status.
const CONNECTION: &str = "vault";

/// Vault, with the uses that the settings make of it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct VaultAccess {
    vault: Vault,
    /// The key that wraps the site key; absent where that is a file.
    transit: Option<TransitKey>,
    /// The time for which environments keep what they are lent of it.
    pub(super) kept: Duration,
    health: Health,
}

impl VaultAccess {
    /// Creates a client, if Vault is used. Nothing is asked yet.
    ///
    /// # Errors
    /// The file with its authorities cannot be used.
    pub fn of(config: &config::Vault) -> Result<Option<Self>, Error> {
        let Some(server) = config.server() else {
            return Ok(None);
        };
        let vault = Vault::new(server)?;
        Ok(Some(Self {
            health: Health::new(CONNECTION, vault.address()),
            vault,
            transit: config.transit(),
            kept: config.kept,
        }))
    }

    /// Returns its health as a connection.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Returns true if it holds the site key.
    pub(super) fn holds_keys(&self) -> bool {
        self.transit.is_some()
    }

    /// Returns the place of the key that wraps, for people.
    pub(super) fn place(&self) -> Option<String> {
        let TransitKey { mount, name } = self.transit.as_ref()?;
        Some(format!("{mount}/{name} of {}", self.vault.address()))
    }

    /// Wraps a key.
    pub(super) async fn wrap(&self, key: &SiteKey) -> Result<WrappedKey, Error> {
        let by = self.transit()?;
        let wrapped = self.vault.wrap(by, &key.to_base64()).await;
        Ok(WrappedKey {
            key: key.id().clone(),
            ciphertext: self.heed(wrapped)?,
        })
    }

    /// Wraps a key with the latest version of Vault's.
    pub(super) async fn rewrap(&self, one: &WrappedKey) -> Result<WrappedKey, Error> {
        let by = self.transit()?;
        let wrapped = self.vault.rewrap(by, &one.ciphertext).await;
        Ok(WrappedKey {
            key: one.key.clone(),
            ciphertext: self.heed(wrapped)?,
        })
    }

    /// Unwraps a key, and sees that it is the one that its name says.
    pub(super) async fn unwrap(&self, one: &WrappedKey) -> Result<SiteKey, Error> {
        let by = self.transit()?;
        let plaintext = self.vault.unwrap(by, &one.ciphertext).await;
        let plaintext = self.heed(plaintext)?;
        let key = SiteKey::from_base64(plaintext.reveal());
        let key = key.map_err(|reason| self.another(one, reason))?;
        match *key.id() == one.key {
            true => Ok(key),
            false => Err(self.another(one, "it is another key than its name says")),
        }
    }

    /// Unwraps all keys of a seal.
    pub(super) async fn open(&self, seal: &Seal) -> Result<Keyring, Error> {
        let mut ring: Option<Keyring> = None;
        for one in &seal.wrapped {
            let key = self.unwrap(one).await?;
            match &mut ring {
                None => ring = Some(Keyring::of(key)),
                Some(ring) => ring.add(key),
            }
        }
        ring.ok_or_else(|| Error::NotWrapped {
            key: seal.key.clone(),
        })
    }

    /// Reads a secret.
    pub(super) async fn read(&self, at: &SecretPath) -> Result<Found, vault::Error> {
        let read = self.vault.read(at).await;
        self.note(&read);
        read
    }

    /// Sees that what the next start needs is to be had, and notes it as the health of the
    /// connection.
    pub(super) async fn check(&self, seal: &Seal) {
        let present = seal.wrapped.iter().find(|one| one.key == seal.key);
        match present.filter(|_| self.holds_keys()) {
            Some(present) => drop(self.unwrap(present).await),
            None => {
                let known = self.vault.check().await;
                self.note(&known);
            }
        }
    }

    fn heed<T>(&self, answered: Result<T, vault::Error>) -> Result<T, Error> {
        self.note(&answered);
        Ok(answered?)
    }

    fn note<T>(&self, answered: &Result<T, vault::Error>) {
        match answered {
            // There is no such secret, which is no matter of the connection.
            Ok(_) | Err(vault::Error::Missing { what: "secret", .. }) => self.health.made(),
            Err(error) => self.health.lost(format!("{error}: {}", error.cure())),
        }
    }

    fn transit(&self) -> Result<&TransitKey, Error> {
        self.transit.as_ref().ok_or(Error::NoTransit)
    }

    fn another(&self, one: &WrappedKey, reason: &'static str) -> Error {
        Error::Another {
            key: one.key.clone(),
            place: self.place().unwrap_or_default(),
            reason,
        }
    }
}
