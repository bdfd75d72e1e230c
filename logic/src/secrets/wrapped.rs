//! Keys of the site that Vault has wrapped: in the store, and of no use without Vault.

use jiff::Timestamp;
use utakata_seal::{Keyring, SiteKey};

use super::{Error, KeyPlace, VaultAccess, file};
use crate::store::{Seal, Sealing, WrappedKey};

/// The number of times that keys of a file are moved while others change the inventory.
const ATTEMPTS: usize = 5;

/// Has the keys of a store unwrapped, or makes the first one. Keys of a file are wrapped first.
pub(super) async fn begin(
    place: &KeyPlace,
    vault: &VaultAccess,
    store: &dyn Sealing,
    now: Timestamp,
) -> Result<(Keyring, Seal), Error> {
    let there = match store.seal().await? {
        Some(seal) => seal,
        None => {
            let first = first(place, vault, now).await?;
            store.begin_seal(&first).await?
        }
    };
    let has_present = |seal: &Seal| seal.wrapped.iter().any(|one| one.key == seal.key);
    let seal = match has_present(&there) {
        true => there,
        false => moved(place, vault, store).await?,
    };
    let ring = vault.open(&seal).await?;
    if place.path().exists() {
        let path = place.path().display();
        tracing::warn!(
            %path,
            "Vault holds the keys that seal secrets, and this file has keys in clear: keep a copy \
             where the backups from before are kept, and remove it here"
        );
    }
    Ok((ring, seal))
}

/// Makes the first seal of a store: with the key of the file, if somebody has made one.
async fn first(place: &KeyPlace, vault: &VaultAccess, now: Timestamp) -> Result<Seal, Error> {
    let ring = match file::read(place.path())? {
        Some(ring) => ring,
        None => Keyring::of(SiteKey::generate().map_err(Error::Generate)?),
    };
    Ok(Seal {
        key: ring.newest().id().clone(),
        since: now,
        is_scrubbed: false,
        wrapped: all(vault, &ring).await?,
    })
}

/// Has the keys of a file wrapped, with which the store was sealed until now.
async fn moved(place: &KeyPlace, vault: &VaultAccess, store: &dyn Sealing) -> Result<Seal, Error> {
    for _ in 0..ATTEMPTS {
        let version = store.inventory_version().await?;
        let seal = store.seal().await?;
        let Some(seal) = seal.filter(|seal| seal.wrapped.iter().all(|one| one.key != seal.key))
        else {
            // Another logic environment was first.
            return store.seal().await?.ok_or(Error::Busy);
        };
        let ring = file::read(place.path())?.ok_or_else(|| place.gone(&seal.key))?;
        if ring.find(&seal.key).is_err() {
            return Err(place.other(&seal.key, ring.newest().id()));
        }
        // Keys that are not in the file any more open older backups.
        let of_file = all(vault, &ring).await?;
        let mut wrapped = seal.wrapped.clone();
        wrapped.retain(|one| ring.find(&one.key).is_err());
        wrapped.extend(of_file);
        let seal = Seal { wrapped, ..seal };
        // What does not open again is not written.
        vault.open(&seal).await?;
        if store.reseal(&seal, &[], version).await? {
            tracing::info!(key = %seal.key, "Vault holds the keys that seal secrets from now on");
            return Ok(seal);
        }
    }
    Err(Error::Busy)
}

async fn all(vault: &VaultAccess, ring: &Keyring) -> Result<Vec<WrappedKey>, Error> {
    let mut wrapped = Vec::new();
    for key in ring.keys() {
        wrapped.push(vault.wrap(key).await?);
    }
    Ok(wrapped)
}

/// Returns the seal with a new key. The older ones are wrapped by the latest version of Vault's key.
pub(super) async fn next(
    vault: &VaultAccess,
    present: &Seal,
    key: &SiteKey,
    now: Timestamp,
) -> Result<Seal, Error> {
    let mut seal = again(vault, present).await?;
    let wrapped = vault.wrap(key).await?;
    vault.unwrap(&wrapped).await?;
    seal.wrapped.push(wrapped);
    seal.key = key.id().clone();
    seal.since = now;
    Ok(seal)
}

/// Returns the seal with all keys wrapped by the latest version of Vault's key.
pub(super) async fn again(vault: &VaultAccess, present: &Seal) -> Result<Seal, Error> {
    let mut wrapped = Vec::new();
    for one in &present.wrapped {
        wrapped.push(vault.rewrap(one).await?);
    }
    Ok(Seal {
        wrapped,
        ..present.clone()
    })
}
