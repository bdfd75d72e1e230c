//! Apply: documents that describe the desired state, compared with the present one.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utakata_model::{
    AlarmName, AlarmRule, Credential, CredentialName, Envelope, EnvelopeName, Floor, FloorName,
    Policy, PolicyName, Relation, RelationKey, Schedule, ScheduleName, Target, TargetName,
};
use utoipa::ToSchema;

/// A document that describes the desired state of one thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Document {
    /// A target to observe and control.
    Target(Target),
    /// A schedule by which targets are observed.
    Schedule(Schedule),
    /// A credential that targets use.
    Credential(Credential),
    /// A relation between targets.
    Relation(Relation),
    /// A rule by which alarms are raised.
    Alarm(Box<AlarmRule>),
    /// Limits on what is done, whoever decides.
    Envelope(Box<Envelope>),
    /// A policy that acts by itself.
    Policy(Box<Policy>),
    /// A floor: where the racks of a room are.
    Floor(Box<Floor>),
}

impl Document {
    /// Returns the text that names it in messages: `target pdu-1`.
    pub fn subject(&self) -> String {
        match self {
            Self::Target(target) => format!("target {}", target.name),
            Self::Schedule(schedule) => format!("schedule {}", schedule.name),
            Self::Credential(credential) => format!("credential {}", credential.name),
            Self::Relation(relation) => format!("relation {}", relation.key()),
            Self::Alarm(rule) => format!("alarm {}", rule.name),
            Self::Envelope(envelope) => format!("envelope {}", envelope.name),
            Self::Policy(policy) => format!("policy {}", policy.name),
            Self::Floor(floor) => format!("floor {}", floor.name),
        }
    }
}

/// A thing by its type and name: `{ "type": "target", "name": "pdu-1" }`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", content = "name", rename_all = "lowercase")]
pub enum Named {
    /// A target, by its name.
    Target(TargetName),
    /// A schedule, by its name.
    Schedule(ScheduleName),
    /// A credential, by its name.
    Credential(CredentialName),
    /// A relation, by what it says: `feeds pdu-1:3 bmc-1`.
    Relation(RelationKey),
    /// An alarm rule, by its name.
    Alarm(AlarmName),
    /// An envelope, by its name.
    Envelope(EnvelopeName),
    /// A policy, by its name.
    Policy(PolicyName),
    /// A floor, by its name.
    Floor(FloorName),
}

impl Named {
    /// Returns the text that names it in messages: `target pdu-1`.
    pub fn subject(&self) -> String {
        match self {
            Self::Target(name) => format!("target {name}"),
            Self::Schedule(name) => format!("schedule {name}"),
            Self::Credential(name) => format!("credential {name}"),
            Self::Relation(key) => format!("relation {key}"),
            Self::Alarm(name) => format!("alarm {name}"),
            Self::Envelope(name) => format!("envelope {name}"),
            Self::Policy(name) => format!("policy {name}"),
            Self::Floor(name) => format!("floor {name}"),
        }
    }
}

impl From<&Document> for Named {
    fn from(document: &Document) -> Self {
        match document {
            Document::Target(target) => Self::Target(target.name.clone()),
            Document::Schedule(schedule) => Self::Schedule(schedule.name.clone()),
            Document::Credential(credential) => Self::Credential(credential.name.clone()),
            Document::Relation(relation) => Self::Relation(relation.key()),
            Document::Alarm(rule) => Self::Alarm(rule.name.clone()),
            Document::Envelope(envelope) => Self::Envelope(envelope.name.clone()),
            Document::Policy(policy) => Self::Policy(policy.name.clone()),
            Document::Floor(floor) => Self::Floor(floor.name.clone()),
        }
    }
}

/// Body of `POST /v1/apply`. All of it takes effect, or nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Apply {
    /// The documents, in any order. Each thing may occur only once.
    pub documents: Vec<Document>,
    /// The things to delete. Deleting something that does not exist is not an error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delete: Vec<Named>,
    /// `true` to report the changes without making them.
    #[serde(default)]
    pub dry_run: bool,
}

/// The changes that were made or, in a dry run, would be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Applied {
    /// `true` if nothing was changed because the request asked for a dry run.
    pub dry_run: bool,
    /// One change for each document, in their order, followed by one for each deletion.
    pub changes: Vec<Change>,
    /// Warnings that are worth a look though nothing is wrong, such as a kind that no environment
    /// serves at present.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<crate::problem::Detail>,
}

/// The effect of one document or deletion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// The thing that changes: `target pdu-1`.
    pub subject: String,
    /// The kind of change.
    pub verdict: Verdict,
    /// The fields that differ, if it is changed. Secrets are shown as `***`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
}

/// The kind of change that a document makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing of this name existed.
    Created,
    /// It existed and differs.
    Changed,
    /// It is already as described.
    Unchanged,
    /// It existed and is deleted.
    Deleted,
}

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    /// The path of the field: `labels.rack`.
    pub field: String,
    /// The old value. Absent if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub before: Option<Value>,
    /// The new value. Absent if the field is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub after: Option<Value>,
}
