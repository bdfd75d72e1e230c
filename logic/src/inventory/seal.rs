//! Credentials between the store, where they are sealed, and memory.

use utakata_api::apply::Document;
use utakata_model::Credential;
use utakata_seal::SealedCredential;

use super::{Error, Inventory};
use crate::{
    clock,
    secrets::{self, Secrets},
    store::{Change, Contents, Seal, Sealing},
};

/// The number of times that sealing everything is tried while others change the inventory.
const ATTEMPTS: usize = 5;

/// The inventory as it was loaded.
pub(super) struct Loaded {
    pub contents: Contents<Credential>,
    /// The version of the inventory before it was loaded.
    version: u64,
    /// The number of credentials that are clear, or sealed with another key than the present one.
    to_seal: usize,
}

/// Loads the inventory and opens its credentials.
pub(super) async fn load(store: &dyn Sealing, secrets: &Secrets) -> Result<Loaded, Error> {
    // In this order: what changes meanwhile has a later version.
    let version = store.inventory_version().await?;
    let contents = store.inventory().await?;
    // After the credentials: it has every key that they are sealed with.
    if let Some(seal) = store.seal().await? {
        secrets.adopt(seal).await;
    }
    let opened = secrets.open(&contents.credentials)?;
    let (contents, _) = contents.replace_credentials(opened.credentials);
    Ok(Loaded {
        contents,
        version,
        to_seal: opened.to_seal,
    })
}

/// Loads the inventory, seals what is clear in the store, and removes what is left of it there.
pub(super) async fn seal_clear(
    store: &dyn Sealing,
    secrets: &Secrets,
) -> Result<Contents<Credential>, Error> {
    let mut loaded = load(store, secrets).await?;
    for _ in 0..ATTEMPTS {
        if loaded.to_seal == 0 {
            break;
        }
        let seal = secrets.seal();
        let sealed = all(&loaded.contents.credentials, secrets, &seal)?;
        if store.reseal(&seal, &sealed, loaded.version).await? {
            let count = sealed.len();
            tracing::info!(count, key = %seal.key, "credentials were sealed in the store");
            break;
        }
        loaded = load(store, secrets).await?;
    }
    scrub(store, secrets).await?;
    Ok(loaded.contents)
}

/// Removes, once in the life of a store, what may be left in its files of clear credentials. If that
/// is not possible, the next start tries it again.
async fn scrub(store: &dyn Sealing, secrets: &Secrets) -> Result<(), Error> {
    let seal = secrets.seal();
    if seal.is_scrubbed {
        return Ok(());
    }
    if let Err(error) = store.scrub().await {
        tracing::warn!(
            %error,
            cure = error.cure(),
            "secrets from before they were sealed may be left in the files of the store; the next \
             start tries again to remove them"
        );
        return Ok(());
    }
    let seal = Seal {
        is_scrubbed: true,
        ..seal
    };
    let version = store.inventory_version().await?;
    if store.reseal(&seal, &[], version).await? {
        secrets.adopt(seal).await;
    }
    Ok(())
}

fn all(
    credentials: &[Credential],
    secrets: &Secrets,
    seal: &Seal,
) -> Result<Vec<SealedCredential>, secrets::Error> {
    let sealed = credentials
        .iter()
        .map(|credential| secrets.close_with(credential, &seal.key));
    sealed.collect()
}

impl Inventory {
    /// Returns the keys that seal its credentials.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Seals all credentials with a new key. Returns their number.
    ///
    /// # Errors
    /// There is no new key, or the store failed. Then everything is sealed as before.
    pub async fn reseal(&self) -> Result<usize, Error> {
        let _alone = self.changing.lock().await;
        let seal = self.secrets.next(clock::now()).await?;
        for _ in 0..ATTEMPTS {
            let loaded = load(&*self.store, &self.secrets).await?;
            let sealed = all(&loaded.contents.credentials, &self.secrets, &seal)?;
            if self.store.reseal(&seal, &sealed, loaded.version).await? {
                self.secrets.adopt(seal).await;
                self.refer_again();
                return Ok(sealed.len());
            }
        }
        Err(secrets::Error::Busy.into())
    }

    /// Has all keys wrapped by the latest version of Vault's key. The secrets stay as they are.
    ///
    /// # Errors
    /// Vault does not hold the keys or has not answered as wanted, or the store failed. Then
    /// everything is as before.
    pub async fn rewrap(&self) -> Result<(), Error> {
        let _alone = self.changing.lock().await;
        for _ in 0..ATTEMPTS {
            let version = self.store.inventory_version().await?;
            let seal = self.secrets.rewrapped().await?;
            if self.store.reseal(&seal, &[], version).await? {
                self.secrets.adopt(seal).await;
                return Ok(());
            }
        }
        Err(secrets::Error::Busy.into())
    }

    /// Returns a change as the store takes it.
    pub(super) fn seal(&self, change: &Change) -> Result<Change, Error> {
        Ok(match change {
            Change::Put(Document::Credential(credential)) => {
                Change::PutCredential(self.secrets.close(credential)?)
            }
            change => change.clone(),
        })
    }
}
