//! Values of credentials that Vault has: `vault:PATH#FIELD`.
//!
//! The store has the place of such a value. The value is read when the credential is lent, kept in
//! memory for half a minute, so that a thousand devices of one secret read it once, and is nowhere
//! else.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{sync::Mutex as AsyncMutex, time::Instant};
use utakata_model::{Credential, PathError, SecretPath};
use utakata_vault::{self as vault, Found};

use super::vault::VaultAccess;

/// The time for which a secret is not read again.
const KEPT: Duration = Duration::from_secs(30);
/// The time for which Vault is not asked again for what it has refused.
const REFUSED_FOR: Duration = Duration::from_secs(5);
/// The largest number of secrets that are kept; the oldest make room.
const MAX: usize = 10_000;

/// The reason why a value cannot be had. It has nothing of a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unprovided {
    /// The value begins with `vault:` and is no place.
    #[error("its value {field} names no secret of Vault: {source}")]
    Place { field: String, source: PathError },
    /// There is no Vault.
    #[error("its value {field} is in Vault, and logic.vault.url is not set")]
    Off { field: String },
    /// Vault has not answered as wanted.
    #[error("its value {field} cannot be had: {source}")]
    Vault { field: String, source: vault::Error },
    /// The secret has no such field.
    #[error("its value {field} cannot be had: {path} in Vault has no field \"{wanted}\"")]
    Field {
        field: String,
        path: String,
        wanted: String,
    },
}

impl Unprovided {
    /// Returns true if it may go away by itself.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Vault { source, .. } if source.may_pass())
    }

    /// Returns the remedy.
    pub fn cure(&self) -> String {
        match self {
            Self::Place { .. } => "correct it, and apply it again".into(),
            Self::Off { .. } => "set it, and the way to a token of Vault".into(),
            Self::Vault { source, .. } => source.cure(),
            Self::Field { .. } => "correct the name of the field, or put it there".into(),
        }
    }
}

/// A credential as it is lent.
#[derive(Debug, Clone)]
pub struct Provided {
    pub credential: Arc<Credential>,
    /// The time for which the environment may keep it; as long as it likes if absent.
    pub kept: Option<Duration>,
}

/// The secrets of Vault that were read lately.
#[derive(Debug, Default)]
pub(super) struct Provider {
    read: Mutex<HashMap<String, Arc<Slot>>>,
}

/// One secret. Whoever reads it holds the lock, so that it is read once.
#[derive(Debug)]
struct Slot {
    made: Instant,
    kept: AsyncMutex<Option<Kept>>,
}

#[derive(Debug)]
struct Kept {
    until: Instant,
    found: Result<Found, vault::Error>,
}

/// Returns the places that values of a credential name, by field; a wrong one as an error.
pub fn places(
    credential: &Credential,
) -> impl Iterator<Item = (&str, Result<SecretPath, PathError>)> {
    let values = credential.values.iter();
    values.filter_map(|(field, value)| Some((field.as_str(), SecretPath::of(value.reveal())?)))
}

impl Provider {
    /// Returns a credential with the values that Vault has.
    pub(super) async fn provide(
        &self,
        vault: Option<&VaultAccess>,
        credential: Arc<Credential>,
    ) -> Result<Provided, Unprovided> {
        let mut complete: Option<Credential> = None;
        let mut kept = None;
        for (field, place) in places(&credential) {
            let field = field.to_owned();
            let place = place.map_err(|source| {
                let field = field.clone();
                Unprovided::Place { field, source }
            })?;
            let vault = vault.ok_or_else(|| {
                let field = field.clone();
                Unprovided::Off { field }
            })?;
            let found = self.found(vault, &place).await;
            let found = found.map_err(|source| {
                let field = field.clone();
                Unprovided::Vault { field, source }
            })?;
            let Some(secret) = found.fields.get(place.field()) else {
                return Err(Unprovided::Field {
                    field,
                    path: place.path().to_owned(),
                    wanted: place.field().to_owned(),
                });
            };
            let lasts = found
                .lease
                .map_or(vault.kept, |lease| lease.min(vault.kept));
            kept = Some(kept.map_or(lasts, |before: Duration| before.min(lasts)));
            let complete = complete.get_or_insert_with(|| credential.as_ref().clone());
            complete.values.insert(field, secret.clone());
        }
        Ok(Provided {
            credential: complete.map_or(credential, Arc::new),
            kept,
        })
    }

    async fn found(&self, vault: &VaultAccess, at: &SecretPath) -> Result<Found, vault::Error> {
        let slot = self.slot(at.path());
        let mut kept = slot.kept.lock().await;
        if let Some(kept) = kept.as_ref().filter(|kept| Instant::now() < kept.until) {
            return kept.found.clone();
        }
        let found = vault.read(at).await;
        let lasts = match &found {
            Ok(Found { lease, .. }) => lease.map_or(KEPT, |lease| lease.min(KEPT)),
            Err(_) => REFUSED_FOR,
        };
        *kept = Some(Kept {
            until: Instant::now() + lasts,
            found: found.clone(),
        });
        found
    }

    fn slot(&self, path: &str) -> Arc<Slot> {
        let now = Instant::now();
        let mut read = self.read.lock();
        if read.len() >= MAX && !read.contains_key(path) {
            read.retain(|_, slot| now.duration_since(slot.made) < KEPT);
            if read.len() >= MAX {
                read.clear();
            }
        }
        let slot = read.entry(path.to_owned()).or_insert_with(|| {
            Arc::new(Slot {
                made: now,
                kept: AsyncMutex::default(),
            })
        });
        Arc::clone(slot)
    }

    /// Forgets what is too old: a secret is not in memory for longer than it is used.
    pub(super) fn forget_old(&self) {
        let now = Instant::now();
        self.read
            .lock()
            .retain(|_, slot| match slot.kept.try_lock() {
                Ok(kept) => kept.as_ref().is_some_and(|kept| now < kept.until),
                Err(_) => true,
            });
    }
}

#[cfg(test)]
mod tests {
    use utakata_model::target::Secret;

    use super::*;

    fn credential(values: &[(&str, &str)]) -> Arc<Credential> {
        let values = values.iter();
        Arc::new(Credential {
            name: "lab".parse().unwrap(),
            values: values
                .map(|(field, text)| ((*field).to_owned(), Secret::new(*text)))
                .collect(),
        })
    }

    #[tokio::test]
    async fn a_credential_without_places_is_lent_as_it_is() {
        let plain = credential(&[("user", "a"), ("password", "b")]);
        let provider = Provider::default();
        let provided = provider.provide(None, Arc::clone(&plain)).await.unwrap();
        assert!(Arc::ptr_eq(&provided.credential, &plain));
        assert_eq!(provided.kept, None);
    }

    #[tokio::test]
    async fn without_vault_and_for_a_wrong_place_nothing_is_lent() {
        let provider = Provider::default();
        let check = async |value: &str, says: &str| {
            let lent = provider.provide(None, credential(&[("password", value)]));
            let error = lent.await.unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
            assert!(!error.may_pass() && !error.cure().is_empty());
        };
        check("vault:secret/a#b", "logic.vault.url is not set").await;
        check("vault:secret/a", "names no secret of Vault").await;
    }
}
