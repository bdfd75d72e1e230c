//! Secrets at rest: the keys of the site, where they are, and what is sealed with them.
//!
//! The store has the name of the key that seals ([`Seal`]), a file has the key; or Vault has wrapped
//! it, and the store has that. Whoever has only one of the two has no secret.

mod error;
mod file;
mod place;
mod provided;
mod statement;
mod vault;
mod wrapped;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use parking_lot::RwLock;
use utakata_model::{Credential, CredentialVersion, Signer};
use utakata_seal::{
    HeadKey, HeadSigner, KeyId, Keyring, ReferenceKey, SealedCredential, SignedHead, SiteKey,
    SiteSigner, Uses,
};

pub use error::Error;
pub use file::add_key;
pub use place::KeyPlace;
pub use provided::{Provided, Unprovided, places};
pub use vault::VaultAccess;

use self::provided::Provider;
use crate::store::{Seal, Sealing, StoredCredential};

/// The time for which the key before signs messages after a rotation. Environments ask for the
/// certificate of the new one each minute.
const SUCCESSION: Duration = Duration::from_secs(90);

/// The keys at hand, and the one that seals.
#[derive(Debug)]
pub struct Secrets {
    place: KeyPlace,
    vault: Option<VaultAccess>,
    provider: Provider,
    ring: RwLock<Keyring>,
    seal: RwLock<Seal>,
}

/// Credentials as they were found in the store.
#[derive(Debug, Default)]
pub struct Opened {
    pub credentials: Vec<Credential>,
    /// The number of those that are clear, or sealed with another key than the present one.
    pub to_seal: usize,
}

impl Secrets {
    /// Reads the keys, or makes the first one, and agrees with the store on the one that seals.
    ///
    /// # Errors
    /// The keys cannot be read or made, or are not those of the store.
    pub async fn begin(
        place: KeyPlace,
        vault: Option<VaultAccess>,
        store: &dyn Sealing,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let (ring, seal) = match vault.as_ref().filter(|vault| vault.holds_keys()) {
            Some(vault) => wrapped::begin(&place, vault, store, now).await?,
            None => in_file(&place, store, now).await?,
        };
        Ok(Self {
            place,
            vault,
            provider: Provider::default(),
            ring: RwLock::new(ring),
            seal: RwLock::new(seal),
        })
    }

    /// Returns the place of the keys, for people.
    pub fn told_place(&self) -> String {
        let place = self.vault.as_ref().and_then(VaultAccess::place);
        place.unwrap_or_else(|| self.place.path().display().to_string())
    }

    /// Returns the seal that the store has.
    pub fn seal(&self) -> Seal {
        self.seal.read().clone()
    }

    /// Notes that the store has this seal. Its key may be a newer one, which is read then.
    pub async fn adopt(&self, seal: Seal) {
        let is_here = self.ring.read().find(&seal.key).is_ok();
        let read = match is_here {
            true => Ok(()),
            false => self.read_again(&seal).await,
        };
        *self.seal.write() = seal;
        if let Err(error) = read {
            let cure = error.cure();
            let error = utakata_model::chain(&error);
            tracing::warn!(error, cure, "the key that seals secrets is not here");
        }
    }

    /// Seals a credential.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn close(&self, credential: &Credential) -> Result<SealedCredential, Error> {
        self.close_with(credential, &self.seal.read().key)
    }

    /// Seals a credential with the key of that name.
    ///
    /// # Errors
    /// It is not here, or the system has no random numbers.
    pub fn close_with(
        &self,
        credential: &Credential,
        key: &KeyId,
    ) -> Result<SealedCredential, Error> {
        let name = &credential.name;
        let ring = self.ring.read();
        let sealed = ring
            .find(key)
            .and_then(|key| SealedCredential::seal(credential, key));
        sealed.map_err(|source| self.place.credential(name, source))
    }

    /// Opens credentials of the store. The keys are read again if one is missing: another logic
    /// environment may have sealed with a newer one.
    ///
    /// # Errors
    /// A key is missing, or a credential was altered.
    pub fn open(&self, stored: &[StoredCredential]) -> Result<Opened, Error> {
        if !self.is_wrapped() && stored.iter().any(|one| self.lacks_key_of(one)) {
            self.read_file()?;
        }
        let ring = self.ring.read();
        let present = &self.seal.read().key;
        let mut opened = Opened::default();
        for one in stored {
            let (credential, is_present) = match one {
                StoredCredential::Clear(credential) => (Ok(credential.clone()), false),
                StoredCredential::Sealed(sealed) => (ring.open(sealed), sealed.key == *present),
            };
            let credential =
                credential.map_err(|source| self.place.credential(one.name(), source))?;
            opened.credentials.push(credential);
            opened.to_seal += usize::from(!is_present);
        }
        Ok(opened)
    }

    /// Returns the seal that follows the present one: the newest key of the file if that is another,
    /// or a new key if the file is ours alone, or Vault holds it.
    ///
    /// # Errors
    /// The file cannot be read or written, somebody has to put a new key into it first, or Vault
    /// does not wrap one.
    pub async fn next(&self, now: Timestamp) -> Result<Seal, Error> {
        let present = self.seal();
        if let Some(vault) = self.wrapping() {
            let key = SiteKey::generate().map_err(Error::Generate)?;
            let seal = wrapped::next(vault, &present, &key, now).await?;
            self.ring.write().add(key);
            return Ok(seal);
        }
        self.read_file()?;
        let mut ring = self.ring.read().clone();
        if *ring.newest().id() == present.key {
            if !self.place.is_ours_alone() {
                return Err(self.place.no_newer(&present.key));
            }
            ring.add(SiteKey::generate().map_err(Error::Generate)?);
            file::write(self.place.path(), &ring)?;
            *self.ring.write() = ring.clone();
        }
        Ok(Seal {
            key: ring.newest().id().clone(),
            since: now,
            ..present
        })
    }

    /// Returns the present seal with all keys wrapped by the latest version of Vault's key.
    ///
    /// # Errors
    /// Vault does not hold them, or has not answered as wanted.
    pub async fn rewrapped(&self) -> Result<Seal, Error> {
        let vault = self.wrapping().ok_or(Error::NoTransit)?;
        wrapped::again(vault, &self.seal()).await
    }

    /// Returns a credential with the values that Vault has.
    ///
    /// # Errors
    /// One of them cannot be had.
    pub async fn provide(&self, credential: Arc<Credential>) -> Result<Provided, Unprovided> {
        self.provider.provide(self.vault.as_ref(), credential).await
    }

    /// Forgets secrets of Vault that are too old.
    pub fn forget_old(&self) {
        self.provider.forget_old();
    }

    /// Sees, if Vault is used, that what the next start needs is to be had from it.
    pub async fn check_vault(&self) {
        if let Some(vault) = &self.vault {
            vault.check(&self.seal()).await;
        }
    }

    /// Returns the key from which references to credentials follow now.
    pub fn reference_key(&self) -> ReferenceKey {
        let ring = self.ring.read();
        let present = ring.find(&self.seal.read().key);
        present.unwrap_or(ring.newest()).reference_key()
    }

    /// Returns the uses of a version of a credential, by whichever key it was named: a task may be
    /// older than the present one. `None` if the credential has other values.
    pub fn uses(&self, credential: &Credential, version: &CredentialVersion) -> Option<Uses> {
        let ring = self.ring.read();
        let mut keys = ring.keys().map(SiteKey::reference_key);
        let key = keys.find(|key| key.version(credential) == *version)?;
        Some(key.uses(&credential.name, version))
    }

    /// Returns the key by which others verify heads of the audit trail.
    pub fn head_signer(&self) -> Option<HeadSigner> {
        self.head_key().map(|key| key.signer())
    }

    /// Returns true if the text is the version of a credential by any of the keys.
    pub fn is_version(&self, credential: &Credential, version: &str) -> bool {
        let ring = self.ring.read();
        let mut versions = ring
            .keys()
            .map(|key| key.reference_key().version(credential));
        versions.any(|one| *one.0 == *version)
    }

    /// Signs a head of the audit trail.
    pub fn sign_head(&self, page: u64, hash: &str) -> Option<SignedHead> {
        self.head_key().map(|key| key.sign(page, hash))
    }

    fn head_key(&self) -> Option<HeadKey> {
        let ring = self.ring.read();
        let key = ring.find(&self.seal.read().key).ok()?;
        key.head_key()
    }

    /// Returns the name of the key from which signatures of messages follow now. After a rotation it
    /// is the one before, until all environments have asked for the certificate of the new one.
    pub fn signing_key(&self, now: Timestamp) -> KeyId {
        let seal = self.seal.read();
        let age = Duration::try_from(now.duration_since(seal.since)).unwrap_or(Duration::MAX);
        let ring = self.ring.read();
        let before = ring.before(&seal.key).filter(|_| age < SUCCESSION);
        before.unwrap_or(&seal.key).clone()
    }

    /// Returns the signer of messages that follows from the key of that name.
    ///
    /// # Errors
    /// It is not here.
    pub fn site_signer(&self, id: &KeyId) -> Result<SiteSigner, utakata_seal::Error> {
        self.ring.read().site_signer(id)
    }

    /// Returns the key by which others know the messages of this site.
    pub fn message_signer(&self) -> Option<Signer> {
        let signer = self.site_signer(&self.seal.read().key).ok()?;
        Some(signer.key().signer().clone())
    }

    fn lacks_key_of(&self, stored: &StoredCredential) -> bool {
        match stored {
            StoredCredential::Clear(_) => false,
            StoredCredential::Sealed(sealed) => self.ring.read().find(&sealed.key).is_err(),
        }
    }

    fn wrapping(&self) -> Option<&VaultAccess> {
        self.vault.as_ref().filter(|vault| vault.holds_keys())
    }

    fn is_wrapped(&self) -> bool {
        self.wrapping().is_some()
    }

    async fn read_again(&self, seal: &Seal) -> Result<(), Error> {
        match self.wrapping() {
            Some(vault) => *self.ring.write() = vault.open(seal).await?,
            None => self.read_file()?,
        }
        Ok(())
    }

    fn read_file(&self) -> Result<(), Error> {
        let path = self.place.path();
        let read = file::read(path)?.ok_or_else(|| self.place.gone(&self.seal.read().key))?;
        *self.ring.write() = read;
        Ok(())
    }
}

/// Returns the keys of a new site, and the folder that they are in.
#[cfg(test)]
pub(crate) async fn site() -> (Secrets, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    let config = crate::config::Store::default();
    let store = crate::store::open(&config, &file).await.unwrap();
    let place = KeyPlace::of(&crate::Config::default(), folder.path(), None);
    let secrets = Secrets::begin(place, None, &*store, crate::clock::now());
    (secrets.await.unwrap(), folder)
}

/// Reads the keys of the file, or makes the first one, and agrees with the store on the one that
/// seals.
async fn in_file(
    place: &KeyPlace,
    store: &dyn Sealing,
    now: Timestamp,
) -> Result<(Keyring, Seal), Error> {
    let there = store.seal().await?;
    let ring = match file::read(place.path())? {
        Some(ring) => ring,
        None => first(place, there.as_ref())?,
    };
    let seal = match there {
        Some(seal) => seal,
        None => {
            let seal = Seal {
                key: ring.newest().id().clone(),
                since: now,
                is_scrubbed: false,
                wrapped: Vec::new(),
            };
            store.begin_seal(&seal).await?
        }
    };
    if ring.find(&seal.key).is_err() {
        return Err(match seal.wrapped.is_empty() {
            true => place.other(&seal.key, ring.newest().id()),
            false => place.unwrapped(&seal.key),
        });
    }
    file::warn_if_exposed(place.path());
    Ok((ring, seal))
}

/// Makes the first key of a store that has none yet.
fn first(place: &KeyPlace, seal: Option<&Seal>) -> Result<Keyring, Error> {
    if let Some(seal) = seal {
        return Err(match seal.wrapped.is_empty() {
            true => place.gone(&seal.key),
            false => place.unwrapped(&seal.key),
        });
    }
    if !place.is_ours_alone() {
        return Err(place.missing());
    }
    let ring = Keyring::of(SiteKey::generate().map_err(Error::Generate)?);
    file::write(place.path(), &ring)?;
    tracing::info!(
        path = %place.path().display(),
        "the key that seals secrets was made: keep a copy apart from the backups"
    );
    Ok(ring)
}
