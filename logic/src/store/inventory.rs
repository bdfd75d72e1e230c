//! The stored inventory.

use async_trait::async_trait;
use utakata_api::apply::Document;
use utakata_model::{Credential, CredentialName, Schedule, ScheduleName, Target, TargetName};

use super::Error;

/// Targets, schedules and credentials.
#[async_trait]
pub trait Inventory: Send + Sync {
    /// Returns the whole inventory.
    async fn inventory(&self) -> Result<Contents, Error>;

    /// Applies these changes to the inventory, all or none.
    async fn change(&self, changes: &[Change]) -> Result<(), Error>;

    /// Grows with every change of targets, schedules, credentials, people, releases and zones of
    /// environments: whoever caches them reads them again when it has changed.
    async fn inventory_version(&self) -> Result<u64, Error>;
}

/// The whole inventory.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Contents {
    /// Targets by name.
    pub targets: Vec<Target>,
    /// Schedules by name.
    pub schedules: Vec<Schedule>,
    /// Credentials by name.
    pub credentials: Vec<Credential>,
}

/// One change of the inventory.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Adds or replaces a document.
    Put(Document),
    /// Deletes a target and its readings.
    DeleteTarget(TargetName),
    /// Deletes a schedule.
    DeleteSchedule(ScheduleName),
    /// Deletes a credential.
    DeleteCredential(CredentialName),
}
