//! The memory of gates and policies. It is written with the ledger.

use async_trait::async_trait;
use indexmap::IndexMap;
use jiff::Timestamp;

use super::Error;

/// Rows by key, whose bodies the store does not interpret. They are written with the ledger, in a
/// [`WriteBatch`](super::WriteBatch).
#[async_trait]
pub trait Smart: Send + Sync {
    /// Returns what the gate remembers: permits that limits count, failures, the ledger time.
    async fn gate(&self) -> Result<Vec<(String, String)>, Error>;

    /// Returns what policies remember: their modes and the states of their instances.
    async fn policy_states(&self) -> Result<Vec<(String, String)>, Error>;

    /// Returns the latest states of an instance of a policy before a time, the newest first.
    async fn policy_log(
        &self,
        instance: &str,
        before: Timestamp,
        max: u32,
    ) -> Result<Vec<PolicyLogRow>, Error>;
}

/// A state of an instance of a policy, as it was from a moment on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyLogRow {
    /// The key of the instance.
    pub instance: String,
    /// The moment, in milliseconds since 1970.
    pub at: i64,
    pub body: String,
}

/// States of policies that are written together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyLogWrites {
    pub rows: Vec<PolicyLogRow>,
    /// Everything before this moment is forgotten, in milliseconds since 1970.
    pub forget: Option<i64>,
}

impl PolicyLogWrites {
    /// Returns true if there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.forget.is_none()
    }

    /// Merges newer rows into these.
    pub fn absorb(&mut self, newer: Self) {
        self.rows.extend(newer.rows);
        self.forget = self.forget.max(newer.forget);
    }
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
