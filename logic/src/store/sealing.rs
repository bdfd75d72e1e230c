//! The seal of a store: the key of the site with which its credentials are sealed.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_seal::{KeyId, SealedCredential};

use super::{Error, Inventory};

/// The key as the store knows it, and the way by which all credentials get another one.
#[async_trait]
pub trait Sealing: Inventory {
    /// Returns the seal; `None` in a store from before there was one.
    async fn seal(&self) -> Result<Option<Seal>, Error>;

    /// Sets the first seal; returns the one that is there afterwards, which may be another's.
    async fn begin_seal(&self, seal: &Seal) -> Result<Seal, Error>;

    /// Replaces these credentials and the seal, unless the inventory has changed since that version:
    /// then nothing is written, and the answer is false.
    async fn reseal(
        &self,
        seal: &Seal,
        credentials: &[SealedCredential],
        version: u64,
    ) -> Result<bool, Error>;

    /// Rewrites the files of the store as far as needed so that nothing deleted is left in them.
    async fn scrub(&self) -> Result<(), Error>;
}

/// The key with which the credentials of a store are sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    pub key: KeyId,
    /// The time from which on it is used.
    pub since: Timestamp,
    /// True once nothing from before the first seal is left in the files of the store.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_scrubbed: bool,
    /// All keys as Vault has wrapped them, the newest last; none where they are in a file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wrapped: Vec<WrappedKey>,
}

/// A key of the site that opens by Vault alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrappedKey {
    pub key: KeyId,
    /// The text of Vault, with the version of its key: `vault:v1:...`.
    pub ciphertext: String,
}
