//! The reasons why secrets cannot be sealed or opened.

use std::{
    io,
    path::{Path, PathBuf},
};

use utakata_model::CredentialName;
use utakata_seal::{KeyId, ParseError};
use utakata_vault as vault;

use crate::{code::Code, store};

/// A reason why secrets cannot be sealed or opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("the file {} with the keys that seal secrets cannot be read", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// Its text is not that of keys.
    #[error("the file {} does not have the keys that seal secrets", path.display())]
    Form { path: PathBuf, source: ParseError },
    /// It cannot be written.
    #[error("the file {} with the keys that seal secrets cannot be written", path.display())]
    Write { path: PathBuf, source: io::Error },
    /// A person has to make it.
    #[error("the file {} for the keys that seal secrets does not exist", path.display())]
    Missing { path: PathBuf },
    /// The store was sealed with a key of a file that has gone.
    #[error(
        "the secrets in the store are sealed with the key {key}, and there is no file {} with it",
        path.display()
    )]
    Gone { path: PathBuf, key: KeyId },
    /// The file has other keys than that of the store.
    #[error(
        "the secrets in the store are sealed with the key {key}, and {} has another one, {found}",
        path.display()
    )]
    Other {
        path: PathBuf,
        key: KeyId,
        found: KeyId,
    },
    /// There is no key to change to.
    #[error("{} has no newer key than {key}, with which all secrets are sealed", path.display())]
    NoNewer {
        path: PathBuf,
        key: KeyId,
        /// True if several logic environments need the same keys.
        is_shared: bool,
    },
    /// The system has no random numbers.
    #[error("no key can be made")]
    Generate(#[source] utakata_seal::Error),
    /// A credential cannot be sealed or opened.
    #[error("the credential {name} cannot be used")]
    Credential {
        name: CredentialName,
        path: PathBuf,
        source: utakata_seal::Error,
    },
    /// Vault has not answered as wanted.
    #[error("the key that seals secrets cannot be had")]
    Vault(#[from] vault::Error),
    /// Vault has unwrapped something else than the key.
    #[error("the key {key} that seals secrets does not open by {place}: {reason}")]
    Another {
        key: KeyId,
        place: String,
        reason: &'static str,
    },
    /// The store was sealed with a key that Vault has wrapped, and Vault is not used.
    #[error(
        "the secrets in the store are sealed with the key {key}, which Vault has wrapped, and {} \
         does not have it",
        path.display()
    )]
    Unwrapped { path: PathBuf, key: KeyId },
    /// The store has no key that Vault has wrapped.
    #[error("the store has no key {key} that Vault has wrapped")]
    NotWrapped { key: KeyId },
    /// Vault does not hold the keys.
    #[error("no key of Vault's transit engine wraps the keys that seal secrets")]
    NoTransit,
    /// The inventory changes all the time.
    #[error("the secrets were not sealed, because others change the inventory all the time")]
    Busy,
    #[error("the store could not be read or written")]
    Store(#[from] store::Error),
}

impl Error {
    /// Returns the remedy.
    pub fn cure(&self) -> String {
        match self {
            Self::Read { .. } => "let the user of utakata read it".into(),
            Self::Form { path, .. } => format!(
                "put the file back from your copy of it; each line but those with # is as `utakata \
                 secret key` has written it in {}",
                path.display()
            ),
            Self::Write { path, .. } => format!(
                "let the user of utakata write to {}",
                path.parent().unwrap_or(Path::new("/")).display()
            ),
            Self::Missing { path } => format!(
                "make it with `utakata secret key {}`, let the user of utakata read it, keep a \
                 copy, and give the same file to every logic environment of the store \
                 (logic.secrets.key_file)",
                path.display()
            ),
            Self::Gone { path, key } | Self::Other { path, key, .. } => put_back(path, key),
            Self::NoNewer {
                path,
                is_shared: true,
                ..
            } => format!(
                "add a key with `utakata secret key {}`, copy the file to every logic environment, \
                 and ask again",
                path.display()
            ),
            Self::NoNewer { path, .. } => format!(
                "add a key with `utakata secret key {}` (or put a newer credential in its place), \
                 and ask again",
                path.display()
            ),
            Self::Generate(_) => "see that this machine has /dev/urandom".into(),
            Self::Credential {
                path,
                source: utakata_seal::Error::NoKey(key),
                ..
            } => put_back(path, key),
            Self::Credential { .. } => {
                "somebody has changed it in the store: restore the store from a backup".into()
            }
            Self::Vault(error) => error.cure(),
            Self::Another { .. } => {
                "somebody has changed it in the store: restore the store from a backup".into()
            }
            Self::Unwrapped { .. } => {
                "set logic.vault.url and logic.vault.transit_key as they were, or put the file with \
                 that key back"
                    .into()
            }
            Self::NotWrapped { .. } => "restore the store from a backup".into(),
            Self::NoTransit => "set logic.vault.transit_key first".into(),
            Self::Busy => "ask again".into(),
            Self::Store(error) => error.cure(),
        }
    }

    /// Returns true if it may go away by itself, or by what somebody does elsewhere.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Vault(error) if error.may_pass())
    }

    /// Returns the code of the problem.
    pub fn code(&self) -> Code {
        match self {
            Self::NoNewer { .. } => Code::SecretKeyNotNew,
            Self::Store(error) => error.code(),
            Self::Busy => Code::StoreFailed,
            Self::Vault(_) => Code::VaultFailed,
            Self::NoTransit => Code::SecretNotWrapped,
            _ => Code::SecretKey,
        }
    }
}

fn put_back(path: &Path, key: &KeyId) -> String {
    format!(
        "put the file with the key {key} at {} (another logic environment of this store has it as \
         site.key in its data directory, or as logic.secrets.key_file says), and start again: \
         nothing is lost as long as that key exists somewhere",
        path.display()
    )
}
