//! The stored zones of environments, and their keys.

use async_trait::async_trait;
use utakata_api::environment::Trust;
use utakata_model::{EnvironmentId, Zone};

use super::Error;

/// The key of an environment, for one zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    pub environment: EnvironmentId,
    pub zone: Zone,
    pub trust: Trust,
}

/// The zones and keys of environments.
#[async_trait]
pub trait Environments: Send + Sync {
    /// Returns the zones of environments, by id.
    async fn zones(&self) -> Result<Vec<(EnvironmentId, Zone)>, Error>;

    /// Writes the zone of an environment, unless it has one.
    async fn put_zone(&self, id: &EnvironmentId, zone: &Zone) -> Result<(), Error>;

    /// Removes the zone of an environment, if there is one.
    async fn delete_zone(&self, id: &EnvironmentId) -> Result<(), Error>;

    /// Returns the keys of environments, by id.
    async fn keys(&self) -> Result<Vec<KeyRow>, Error>;

    /// Writes the key of an environment, in place of an earlier one.
    async fn put_key(&self, row: &KeyRow) -> Result<(), Error>;

    /// Removes the key of an environment, if there is one.
    async fn delete_key(&self, id: &EnvironmentId) -> Result<(), Error>;
}
