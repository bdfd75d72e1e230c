//! The stored latest readings.

use async_trait::async_trait;
use utakata_model::{ActionName, TargetName};

use super::Error;

/// The latest readings: the newest of them may be lost in a crash.
#[async_trait]
pub trait Readings: Send + Sync {
    /// Writes the latest readings, replacing those of the same target and action. Targets that are
    /// not in the inventory are left out.
    async fn put_readings(&self, rows: &[ReadingRow]) -> Result<(), Error>;

    /// Returns the latest readings of all targets.
    async fn readings(&self) -> Result<Vec<ReadingRow>, Error>;
}

/// The latest readings of a target by one action.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadingRow {
    pub target: TargetName,
    pub action: ActionName,
    /// JSON that the store does not interpret.
    pub body: String,
}
