//! The stored alarms, their changes, and what was told.

use async_trait::async_trait;

use super::Error;

/// Alarms and their changes. They are written with the ledger, in a [`WriteBatch`](super::WriteBatch).
#[async_trait]
pub trait Alarms: Send + Sync {
    /// Returns all alarms, by key.
    async fn alarms(&self) -> Result<Vec<AlarmRow>, Error>;

    /// Returns changes after this number, the oldest first.
    async fn alarm_changes(&self, after: u64, max: u32) -> Result<Vec<AlarmChangeRow>, Error>;

    /// Returns the number of the last change, or zero.
    async fn last_alarm_change(&self) -> Result<u64, Error>;

    /// Returns the last change that each channel has told.
    async fn alarms_told(&self) -> Result<Vec<(String, u64)>, Error>;
}

/// One rule on one series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmRow {
    pub key: String,
    /// JSON that the store does not interpret.
    pub body: String,
}

/// A change of an alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmChangeRow {
    pub number: u64,
    /// JSON that the store does not interpret.
    pub body: String,
}

/// Changes to alarms that are written together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlarmWrites {
    /// The bodies of alarms by key; absent if an alarm is no more.
    pub rows: indexmap::IndexMap<String, Option<String>>,
    pub changes: Vec<AlarmChangeRow>,
    /// The last change that each of these channels has told.
    pub told: indexmap::IndexMap<String, u64>,
    /// Changes up to this number are forgotten.
    pub forget: Option<u64>,
}

impl AlarmWrites {
    /// Returns true if there is nothing to write.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Merges newer changes into these.
    pub fn absorb(&mut self, newer: Self) {
        self.rows.extend(newer.rows);
        self.changes.extend(newer.changes);
        self.told.extend(newer.told);
        self.forget = newer.forget.max(self.forget);
    }
}
