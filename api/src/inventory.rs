//! Targets, schedules, credentials, kinds and environments, as the API shows them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utakata_model::{
    CredentialName, EnvironmentId, Kind, Manifest, Missing, OperationId, Recognition, ReleaseId,
    Target, TargetName, TaskId, Zone, words,
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use crate::ledger::Lock;

/// A target and its latest observations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetView {
    /// The target as declared.
    #[serde(flatten)]
    pub target: Target,
    /// The health of the target.
    pub health: Health,
    /// The time of its last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<jiff::Timestamp>,
    /// The last problem, unless it has answered since; or the part of its answer that was missing
    /// or not understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<utakata_model::Problem>,
    /// The values that were requested last and did not arrive, by action. Only present in the view
    /// of a single target.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// The result of recognition, if the kind recognises devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recognition: Option<Arc<Recognition>>,
    /// The state of its lane of control. Only present in the view of a single target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<LaneView>,
}

/// The lane of control of a target: its lock, its holder, and its queue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LaneView {
    /// The lock on the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Lock>,
    /// The task whose attempt holds the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<TaskId>,
    /// The number of control tasks that wait for the target.
    pub waiting: u64,
}

/// The fields of [`TargetView`] beyond those of a declared target, for its schema.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described")]
struct Seen {
    /// The health of the target.
    health: Health,
    /// The time of its last answer.
    #[schema(value_type = Option<String>, format = "date-time")]
    answered: Option<jiff::Timestamp>,
    /// The last problem, unless it has answered since; or the part of its answer that was missing
    /// or not understood.
    problem: Option<utakata_model::Problem>,
    /// The values that were requested last and did not arrive, by action. Only present in the view
    /// of a single target.
    missing: Option<Vec<Missing>>,
    /// The result of recognition, if the kind recognises devices.
    recognition: Option<Recognition>,
    /// The state of its lane of control. Only present in the view of a single target.
    control: Option<LaneView>,
}

// Not derived: that would be an "all of" with a target, whose schema allows no further fields.
impl PartialSchema for TargetView {
    fn schema() -> RefOr<Schema> {
        let (target, seen) = (Target::schema(), Seen::schema());
        let (RefOr::T(Schema::Object(mut view)), RefOr::T(Schema::Object(seen))) = (target, seen)
        else {
            return Target::schema();
        };
        view.properties.extend(seen.properties);
        view.required.extend(seen.required);
        view.description = Some("A target, and what was last seen of it.".into());
        RefOr::T(Schema::Object(view))
    }
}

impl ToSchema for TargetView {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Target::schemas(schemas);
        Seen::schemas(schemas);
    }
}

words! {
    /// The health of a target, as far as it is known.
    #[derive(
        Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
    )]
    pub enum Health {
        /// A schedule reads it, but it has not been read yet.
        Unseen = "unseen",
        /// It answered the last read, and its answers are as frequent as its schedules demand.
        Answering = "answering",
        /// It did not answer the last read, or only in part.
        Failing = "failing",
        /// It answered the last read, but longer ago than its schedules allow.
        Stale = "stale",
        /// It answered the last read, but not with everything that was requested: see `missing`.
        Partial = "partial",
        /// It answers, but nothing was understood beyond what every device has: see `recognition`.
        NotUnderstood = "not-understood",
        /// No schedule reads it, so its health is unknown. `answered` is the time of its last
        /// answer.
        Unobserved = "unobserved",
    }
}

/// A credential without its secrets, which are never given out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CredentialView {
    /// The name of the credential.
    pub name: CredentialName,
    /// The names of its keys that have a value.
    pub keys: Vec<String>,
    /// The number of targets that use it.
    pub used_by: u64,
}

/// A request to give the user of a credential another password on its device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateCredential {
    /// The reason, for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A change of the password of a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RotationView {
    /// The operation that sets the password.
    pub operation: OperationId,
    /// The target on which it is set.
    pub target: TargetName,
    /// The state of the change.
    pub state: RotationState,
    /// The reason, if it is stuck or the old password stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<String>,
}

/// The state of a change of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RotationState {
    /// The password is about to be set, or tried.
    UnderWay,
    /// The target has accepted the new password, and the credential has it.
    Rotated,
    /// The old password stays.
    Kept,
    /// Neither password is known to be right. Both are kept, and tried again.
    Stuck,
}

impl RotationState {
    /// Returns the state as a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnderWay => "under-way",
            Self::Rotated => "rotated",
            Self::Kept => "kept",
            Self::Stuck => "stuck",
        }
    }

    /// Returns true if nothing more happens.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Rotated | Self::Kept)
    }
}

/// A kind that at least one environment serves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KindView {
    /// The name of the kind.
    pub kind: Kind,
    /// The release that new tasks go to. Where zones differ, the one that serves the most targets.
    pub release: ReleaseId,
    /// The manifest of that release.
    pub manifest: Manifest,
    /// The environments that serve the kind.
    pub environments: Vec<EnvironmentId>,
    /// The state of the kind in each zone.
    pub zones: Vec<KindInZone>,
    /// The number of targets of this kind.
    pub targets: u64,
}

/// The state of a kind in a zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KindInZone {
    /// The name of the zone.
    pub zone: Zone,
    /// The release that new tasks of the zone go to.
    pub release: ReleaseId,
    /// The environments of the zone that serve it.
    pub environments: Vec<EnvironmentId>,
}
