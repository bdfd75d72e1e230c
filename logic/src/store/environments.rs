//! The zones of environments as they are kept.

use async_trait::async_trait;
use utakata_model::{EnvironmentId, Zone};

use super::Error;

/// The zones of environments.
#[async_trait]
pub trait Environments: Send + Sync {
    /// The zones of environments, by id.
    async fn zones(&self) -> Result<Vec<(EnvironmentId, Zone)>, Error>;

    /// Writes the zone of an environment, unless it has one.
    async fn put_zone(&self, id: &EnvironmentId, zone: &Zone) -> Result<(), Error>;

    /// No zone of this environment, whether it had one or not.
    async fn delete_zone(&self, id: &EnvironmentId) -> Result<(), Error>;
}
