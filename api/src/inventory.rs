//! Targets, schedules, credentials, kinds and environments as they are shown.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utakata_model::{
    CredentialName, EnvironmentId, Kind, Manifest, Missing, Recognition, ReleaseId, Target, TaskId,
    Zone, words,
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use crate::ledger::Lock;

/// A target, and what was last seen of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetView {
    /// The target as it was declared.
    #[serde(flatten)]
    pub target: Target,
    /// Its health.
    pub health: Health,
    /// The time it last answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<jiff::Timestamp>,
    /// The last problem, unless it answered since; or what of its answer was missing, or not
    /// understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<utakata_model::Problem>,
    /// Values that were asked for the last time and did not come, of each action: only where one
    /// target is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// The result of recognition, where its kind recognises devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recognition: Option<Arc<Recognition>>,
    /// The state of its lane of control: only where one target is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<LaneView>,
}

/// The holder of a target: a person, a task, and how many tasks wait for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LaneView {
    /// The lock on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Lock>,
    /// The task whose attempt has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<TaskId>,
    /// The number of control tasks that wait for it.
    pub waiting: u64,
}

/// The fields of [`TargetView`] that a declared target does not have, for its description.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described")]
struct Seen {
    /// Its health.
    health: Health,
    /// The time it last answered.
    #[schema(value_type = Option<String>, format = "date-time")]
    answered: Option<jiff::Timestamp>,
    /// The last problem, unless it answered since; or what of its answer was missing, or not
    /// understood.
    problem: Option<utakata_model::Problem>,
    /// Values that were asked for the last time and did not come, of each action: only where one
    /// target is asked for.
    missing: Option<Vec<Missing>>,
    /// The result of recognition, where its kind recognises devices.
    recognition: Option<Recognition>,
    /// The state of its lane of control: only where one target is asked for.
    control: Option<LaneView>,
}

// Not derived: that would be "all of" a target, which allows no more fields, and these.
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
        /// A schedule reads it, but it was not read yet.
        Unseen = "unseen",
        /// It answered the last time, and as often as the schedules that read it ask.
        Answering = "answering",
        /// It did not answer, or only in part, the last time.
        Failing = "failing",
        /// It answered the last time, but longer ago than the schedules that read it allow.
        Stale = "stale",
        /// It answered the last time, and not all that was asked of it came: `missing` says what.
        Partial = "partial",
        /// It answers, and nothing of it was understood beyond what every device has: `recognition`
        /// says what it is.
        NotUnderstood = "not-understood",
        /// No schedule reads it: nobody knows how it is. `answered` says when it last answered.
        Unobserved = "unobserved",
    }
}

/// A credential without its secrets, which are never given out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CredentialView {
    /// Its name.
    pub name: CredentialName,
    /// The keys that have a value.
    pub keys: Vec<String>,
    /// The number of targets that use it.
    pub used_by: u64,
}

/// A kind that some environment serves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KindView {
    /// The kind.
    pub kind: Kind,
    /// The release that new tasks go to: where zones differ, that of most targets.
    pub release: ReleaseId,
    /// Its manifest.
    pub manifest: Manifest,
    /// The environments that serve it.
    pub environments: Vec<EnvironmentId>,
    /// The way it is served in each zone.
    pub zones: Vec<KindInZone>,
    /// The number of targets that are of this kind.
    pub targets: u64,
}

/// A kind as it is served in a zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KindInZone {
    /// The zone.
    pub zone: Zone,
    /// The release that new tasks of the zone go to.
    pub release: ReleaseId,
    /// The environments of the zone that serve it.
    pub environments: Vec<EnvironmentId>,
}
