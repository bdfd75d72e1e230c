//! The latest readings that earlier versions have stored: history keeps them now.

use async_trait::async_trait;
use utakata_model::{ActionName, TargetName};

use super::Error;

/// The latest readings of earlier versions: read once, and deleted when history has them.
#[async_trait]
pub trait Readings: Send + Sync {
    /// Returns the stored readings.
    async fn readings(&self) -> Result<Vec<ReadingRow>, Error>;

    /// Deletes the stored readings.
    async fn delete_readings(&self) -> Result<(), Error>;
}

/// The latest readings of a target by one action.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadingRow {
    pub target: TargetName,
    pub action: ActionName,
    /// JSON that the store does not interpret.
    pub body: String,
}
