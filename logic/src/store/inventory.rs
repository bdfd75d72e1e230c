//! The stored inventory.

use async_trait::async_trait;
use utakata_api::apply::Document;
use utakata_model::{
    AlarmName, AlarmRule, CredentialName, Envelope, EnvelopeName, Floor, FloorName, Policy,
    PolicyName, Relation, RelationKey, Schedule, ScheduleName, Target, TargetName,
};
use utakata_seal::SealedCredential;

use super::{Error, credential::StoredCredential};

/// Targets, schedules, credentials, relations, alarm rules, envelopes, policies and floors.
#[async_trait]
pub trait Inventory: Send + Sync {
    /// Returns the whole inventory.
    async fn inventory(&self) -> Result<Contents, Error>;

    /// Applies these changes to the inventory, all or none.
    async fn change(&self, changes: &[Change]) -> Result<(), Error>;

    /// Grows with every change of targets, schedules, credentials, relations, alarm rules,
    /// envelopes, policies, floors, people, releases and zones of environments: whoever caches them reads
    /// them again when it has changed.
    async fn inventory_version(&self) -> Result<u64, Error>;
}

/// The whole inventory. In the store credentials are sealed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Contents<C = StoredCredential> {
    /// Targets by name.
    pub targets: Vec<Target>,
    /// Schedules by name.
    pub schedules: Vec<Schedule>,
    /// Credentials by name.
    pub credentials: Vec<C>,
    /// Relations by what they say.
    pub relations: Vec<Relation>,
    /// Alarm rules by name, without those that come with utakata.
    pub alarm_rules: Vec<AlarmRule>,
    /// Envelopes by name.
    pub envelopes: Vec<Envelope>,
    /// Policies by name.
    pub policies: Vec<Policy>,
    /// Floors by name.
    pub floors: Vec<Floor>,
}

/// One change of the inventory.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Adds or replaces a document. The store takes no credential in clear.
    Put(Document),
    /// Adds or replaces a credential.
    PutCredential(SealedCredential),
    /// Deletes a target and its readings.
    DeleteTarget(TargetName),
    DeleteSchedule(ScheduleName),
    DeleteCredential(CredentialName),
    DeleteRelation(RelationKey),
    DeleteAlarmRule(AlarmName),
    DeleteEnvelope(EnvelopeName),
    DeletePolicy(PolicyName),
    DeleteFloor(FloorName),
}

impl<C> Contents<C> {
    /// Returns the same contents with other credentials, and the ones it had.
    pub fn replace_credentials<D>(self, credentials: Vec<D>) -> (Contents<D>, Vec<C>) {
        let contents = Contents {
            targets: self.targets,
            schedules: self.schedules,
            credentials,
            relations: self.relations,
            alarm_rules: self.alarm_rules,
            envelopes: self.envelopes,
            policies: self.policies,
            floors: self.floors,
        };
        (contents, self.credentials)
    }
}
