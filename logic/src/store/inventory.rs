//! The inventory as it is kept.

use async_trait::async_trait;
use utakata_api::apply::Document;
use utakata_model::{Credential, CredentialName, Schedule, ScheduleName, Target, TargetName};

use super::Error;

/// Targets, schedules and credentials.
#[async_trait]
pub trait Inventory: Send + Sync {
    /// The whole inventory.
    async fn inventory(&self) -> Result<Contents, Error>;

    /// Makes these changes of the inventory, all or none.
    async fn change(&self, changes: &[Change]) -> Result<(), Error>;

    /// Grows with every change of targets, schedules, credentials, people, releases and zones of
    /// environments: who keeps a copy of them reads them again when this is another one.
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
    /// This shall be, in place of what had its name.
    Put(Document),
    /// No such target, and none of its readings.
    DeleteTarget(TargetName),
    /// No such schedule.
    DeleteSchedule(ScheduleName),
    /// No such credential.
    DeleteCredential(CredentialName),
}
