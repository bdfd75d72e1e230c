//! The stored inventory.

use async_trait::async_trait;
use utakata_api::apply::Document;
use utakata_model::{
    AlarmName, AlarmRule, Credential, CredentialName, Envelope, EnvelopeName, Policy, PolicyName,
    Relation, RelationKey, Schedule, ScheduleName, Target, TargetName,
};

use super::Error;

/// Targets, schedules, credentials, relations, alarm rules, envelopes and policies.
#[async_trait]
pub trait Inventory: Send + Sync {
    /// Returns the whole inventory.
    async fn inventory(&self) -> Result<Contents, Error>;

    /// Applies these changes to the inventory, all or none.
    async fn change(&self, changes: &[Change]) -> Result<(), Error>;

    /// Grows with every change of targets, schedules, credentials, relations, alarm rules,
    /// envelopes, policies, people, releases and zones of environments: whoever caches them reads
    /// them again when it has changed.
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
    /// Relations by what they say.
    pub relations: Vec<Relation>,
    /// Alarm rules by name, without those that come with utakata.
    pub alarm_rules: Vec<AlarmRule>,
    /// Envelopes by name.
    pub envelopes: Vec<Envelope>,
    /// Policies by name.
    pub policies: Vec<Policy>,
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
    /// Deletes a relation.
    DeleteRelation(RelationKey),
    /// Deletes an alarm rule.
    DeleteAlarmRule(AlarmName),
    /// Deletes an envelope.
    DeleteEnvelope(EnvelopeName),
    /// Deletes a policy.
    DeletePolicy(PolicyName),
}
