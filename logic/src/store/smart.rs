//! The memory of gates and policies. It is written with the ledger.

use async_trait::async_trait;
use indexmap::IndexMap;

use super::Error;

/// Rows by key, whose bodies the store does not interpret. They are written with the ledger, in a
/// [`WriteBatch`](super::WriteBatch).
#[async_trait]
pub trait Smart: Send + Sync {
    /// Returns what the gate remembers: permits that limits count, failures, the ledger time.
    async fn gate(&self) -> Result<Vec<(String, String)>, Error>;

    /// Returns what policies remember: their modes and the states of their instances.
    async fn policy_states(&self) -> Result<Vec<(String, String)>, Error>;
}

/// Rows by key that are written together; absent if a row is no more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyedWrites(pub IndexMap<String, Option<String>>);

impl KeyedWrites {
    /// Returns true if there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Merges newer rows into these.
    pub fn absorb(&mut self, newer: Self) {
        self.0.extend(newer.0);
    }
}
