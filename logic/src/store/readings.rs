//! Last readings as they are kept.

use async_trait::async_trait;
use utakata_model::{ActionName, TargetName};

use super::Error;

/// The last readings: of these, the newest may be lost in a crash.
#[async_trait]
pub trait Readings: Send + Sync {
    /// Writes last readings, over those of the same target and action. Targets that are not in
    /// the inventory are left out.
    async fn put_readings(&self, rows: &[ReadingRow]) -> Result<(), Error>;

    /// The last readings of all targets.
    async fn readings(&self) -> Result<Vec<ReadingRow>, Error>;
}

/// The last readings of a target by one action.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadingRow {
    /// The target.
    pub target: TargetName,
    /// The action.
    pub action: ActionName,
    /// JSON, of which the store knows nothing.
    pub body: String,
}
