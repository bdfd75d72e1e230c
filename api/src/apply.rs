//! Apply: documents that say what shall be, compared with what is.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utakata_model::{Credential, CredentialName, Schedule, ScheduleName, Target, TargetName};
use utoipa::ToSchema;

/// One document: what shall be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Document {
    /// A target.
    Target(Target),
    /// A standing order to observe.
    Schedule(Schedule),
    /// A credential.
    Credential(Credential),
}

impl Document {
    /// The words for it in messages: `target pdu-1`.
    pub fn subject(&self) -> String {
        match self {
            Self::Target(target) => format!("target {}", target.name),
            Self::Schedule(schedule) => format!("schedule {}", schedule.name),
            Self::Credential(credential) => format!("credential {}", credential.name),
        }
    }
}

/// Something by its type and name: `{ "type": "target", "name": "pdu-1" }`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", content = "name", rename_all = "lowercase")]
pub enum Named {
    /// A target.
    Target(TargetName),
    /// A standing order to observe.
    Schedule(ScheduleName),
    /// A credential.
    Credential(CredentialName),
}

impl Named {
    /// The words for it in messages: `target pdu-1`.
    pub fn subject(&self) -> String {
        match self {
            Self::Target(name) => format!("target {name}"),
            Self::Schedule(name) => format!("schedule {name}"),
            Self::Credential(name) => format!("credential {name}"),
        }
    }
}

impl From<&Document> for Named {
    fn from(document: &Document) -> Self {
        match document {
            Document::Target(target) => Self::Target(target.name.clone()),
            Document::Schedule(schedule) => Self::Schedule(schedule.name.clone()),
            Document::Credential(credential) => Self::Credential(credential.name.clone()),
        }
    }
}

/// Body of `POST /v1/apply`: all of it is done, or nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Apply {
    /// The documents, in any order; none twice.
    pub documents: Vec<Document>,
    /// The things to delete. What is not there is no mistake.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delete: Vec<Named>,
    /// Only tell what would change.
    #[serde(default)]
    pub dry_run: bool,
}

/// The changes, made or proposed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Applied {
    /// `true` if it was done.
    pub dry_run: bool,
    /// One for each document, in their order; then one for each thing that is to go.
    pub changes: Vec<Change>,
    /// Notices that are no errors and yet worth a look, such as a kind that nobody serves now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<crate::problem::Detail>,
}

/// The effect of one document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// The subject: `target pdu-1`.
    pub subject: String,
    /// The effect on it.
    pub verdict: Verdict,
    /// The fields that differ, when it is changed. Secrets show as `***`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
}

/// The effect of one document, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// There was none of this name.
    Created,
    /// There was one, and it differs.
    Changed,
    /// It is so already.
    Unchanged,
    /// It was there, and is to go.
    Deleted,
}

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    /// The field: `labels.rack`.
    pub field: String,
    /// The value before; absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub before: Option<Value>,
    /// The value after; absent where it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub after: Option<Value>,
}
