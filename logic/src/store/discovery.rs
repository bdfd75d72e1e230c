//! The stored sightings of discovery.

use async_trait::async_trait;

use super::Error;

/// The things found by discovery: rows by key, whose bodies the store does not interpret.
#[async_trait]
pub trait Discovery: Send + Sync {
    /// Returns all rows, by key.
    async fn sightings(&self) -> Result<Vec<(String, String)>, Error>;

    /// Writes rows, replacing those of the same key, and deletes others, completely or not at all.
    async fn change_sightings(
        &self,
        put: &[(String, String)],
        delete: &[String],
    ) -> Result<(), Error>;
}
