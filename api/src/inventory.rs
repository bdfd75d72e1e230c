//! Targets, schedules, credentials, kinds and environments as they are shown.

use serde::{Deserialize, Serialize};
use utakata_model::{CredentialName, EnvironmentId, Kind, Manifest, ReleaseId, Target};
use utoipa::ToSchema;

/// A target, and what was last seen of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TargetView {
    /// The target as it was declared.
    #[serde(flatten)]
    pub target: Target,
    /// How it is.
    pub health: Health,
    /// When it last answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub answered: Option<jiff::Timestamp>,
    /// What went wrong the last time, unless it answered since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<utakata_model::Problem>,
}

/// How a target is, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// It was never asked.
    Unseen,
    /// It answered the last time.
    Answering,
    /// It did not answer, or only in part, the last time.
    Failing,
}

/// A credential without its secrets, which are never given out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CredentialView {
    /// Its name.
    pub name: CredentialName,
    /// The keys that have a value.
    pub keys: Vec<String>,
    /// How many targets use it.
    pub used_by: u64,
}

/// A kind that some environment serves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KindView {
    /// The kind.
    pub kind: Kind,
    /// The release that new tasks go to.
    pub release: ReleaseId,
    /// Its manifest.
    pub manifest: Manifest,
    /// The environments that serve it.
    pub environments: Vec<EnvironmentId>,
    /// How many targets are of this kind.
    pub targets: u64,
}
