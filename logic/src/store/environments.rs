//! The stored zones of environments.

use async_trait::async_trait;
use utakata_model::{EnvironmentId, Zone};

use super::Error;

/// The zones of environments.
#[async_trait]
pub trait Environments: Send + Sync {
    /// Returns the zones of environments, by id.
    async fn zones(&self) -> Result<Vec<(EnvironmentId, Zone)>, Error>;

    /// Writes the zone of an environment, unless it has one.
    async fn put_zone(&self, id: &EnvironmentId, zone: &Zone) -> Result<(), Error>;

    /// Removes the zone of an environment, if there is one.
    async fn delete_zone(&self, id: &EnvironmentId) -> Result<(), Error>;
}
