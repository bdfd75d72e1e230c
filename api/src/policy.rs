//! Policies and envelopes: smart control.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utakata_model::{
    ActionName, Envelope, Policy, PolicyName, TargetName, TaskId, duration, policy::Mode,
};
use utoipa::ToSchema;

/// A policy, its mode, and what it decided last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PolicyView {
    /// The policy as it is declared.
    pub policy: Policy,
    /// The mode that it is in.
    pub mode: Mode,
    /// The time at which it is in shadow again, if it is armed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub until: Option<Timestamp>,
    /// The person who has put it into this mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// `true` while it hands back what it has changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hands_back: bool,
    /// The reason why it stopped by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// The person who has asked for it to be armed, where a second one has to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
    /// The last decision of each instance: one for all, or one for each target of `for_each`.
    pub instances: Vec<PolicyInstance>,
    /// The use of each limit by number of its own envelope.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uses: Vec<LimitUse>,
}

/// The last decision of one instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PolicyInstance {
    /// The target of `for_each`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetName>,
    /// The time of the decision. Absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub at: Option<Timestamp>,
    /// The decision: `nothing`, `hold`, `act`, `back` or `stop`.
    pub decision: String,
    /// The decision as a sentence.
    pub why: String,
    /// The differences that would have made it act.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// The inputs that it saw.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<PolicyInput>,
    /// The expressions by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub lets: BTreeMap<String, Value>,
    /// The conditions by name: true, false, or null where nobody knows.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub conditions: BTreeMap<String, Option<bool>>,
    /// The changes that it has not handed back, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<PolicyChange>,
}

/// One input of a decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PolicyInput {
    /// The name of the input in the policy.
    pub name: String,
    /// The value; null where nobody knows.
    #[schema(value_type = Object)]
    pub value: Value,
    /// The reason why nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// The age of the oldest value that counts.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "duration::option"
    )]
    #[schema(value_type = Option<String>, example = "7s")]
    pub age: Option<Duration>,
    /// The number of targets with a value that counts.
    pub present: u64,
    /// The number of targets that should have one.
    pub of: u64,
}

/// Something that a policy has changed and not handed back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PolicyChange {
    /// The action that was carried out.
    pub action: ActionName,
    /// The target that was changed.
    pub target: TargetName,
    /// The outlet, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlet: Option<String>,
    /// The parameters of the latest operation.
    #[schema(value_type = Object)]
    pub parameters: BTreeMap<String, Value>,
    /// The time of the latest operation.
    #[schema(value_type = String, format = "date-time")]
    pub at: Timestamp,
    /// Its stage: `would` (in shadow), `asked`, `done`, `renewing`, `returning`, `person`.
    pub stage: String,
    /// The key of the operation.
    pub key: String,
    /// The time at which the target takes it back by itself, unless it is told again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub lets_go: Option<Timestamp>,
}

/// Body of `POST /v1/policies/{name}/arm`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ArmPolicy {
    /// The token of its last test.
    pub token: String,
    /// The time after which it is in shadow again, at most 30 days.
    #[serde(rename = "for", with = "duration")]
    #[schema(value_type = String, example = "7d")]
    pub lasts: Duration,
    /// `true` if its operations wait for the approval of a person.
    #[serde(default)]
    pub advise: bool,
    /// A reason for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Answer to `POST /v1/policies/{name}/arm`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyArmed {
    /// `true` if somebody else has to request the same before it takes effect: an action of it is of
    /// high risk.
    pub needs_second: bool,
}

/// Body of `POST /v1/policies/{name}/test`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestPolicy {
    /// The time of the past over which it is tested, until now; at most 90 days.
    #[serde(with = "duration")]
    #[schema(value_type = String, example = "30d")]
    pub since: Duration,
}

/// The acts that a policy would have done in a time of the past. Nothing reacts to them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PolicyTest {
    /// The beginning of that time.
    #[schema(value_type = String, format = "date-time")]
    pub from: Timestamp,
    /// The end of that time.
    #[schema(value_type = String, format = "date-time")]
    pub to: Timestamp,
    /// The number of instances that were tested: one, or one for each target of `for_each`.
    #[serde(default)]
    pub instances: u64,
    /// The number of instances that the policy has.
    #[serde(default)]
    pub of: u64,
    /// The number of decisions.
    pub decisions: u64,
    /// The number of those in which it could not see enough.
    pub blind: u64,
    /// The number of times at which it would have begun to act.
    pub episodes: u64,
    /// The number of times at which it would have acted.
    pub act_count: u64,
    /// The first acts and hand-backs.
    pub acts: Vec<PolicyWould>,
    /// The token with which it can be armed: of this document, these envelopes and this result.
    /// Absent if not all instances were tested: `for_each` has to select fewer targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// Something that a policy would have done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyWould {
    /// The time at which it would have acted.
    #[schema(value_type = String, format = "date-time")]
    pub at: Timestamp,
    /// The target of `for_each`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetName>,
    /// The decision: `act`, `back` or `stop`.
    pub decision: String,
    /// The decision as a sentence.
    pub why: String,
}

/// The decisions of a policy at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PolicyExplanation {
    /// The name of the policy.
    pub policy: PolicyName,
    /// The time of the decision.
    #[schema(value_type = String, format = "date-time")]
    pub at: Timestamp,
    /// `true` if it was computed from history.
    pub recomputed: bool,
    /// `true` if the state of that time is known, so that these are the decisions that were made;
    /// otherwise they are computed as the policy is declared now and as if it were in shadow.
    #[serde(default)]
    pub exact: bool,
    /// The decision of each instance.
    pub instances: Vec<PolicyInstance>,
}

/// An envelope, and how much of it is used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EnvelopeView {
    /// The envelope as it is declared.
    pub envelope: Envelope,
    /// The use of each of its limits by number.
    pub uses: Vec<LimitUse>,
    /// The tasks that it holds back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<EnvelopeWait>,
    /// The reason why no policy acts, by its red rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub red: Option<String>,
}

/// The use of one limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LimitUse {
    /// The limit: `40 in 1h`.
    pub limit: String,
    /// The number of acts that count; of a limit by something, of whatever has used most.
    pub used: u64,
    /// The largest number.
    pub max: u32,
}

/// A task that an envelope holds back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvelopeWait {
    /// The task that waits.
    pub task: TaskId,
    /// The reason why it waits, in a sentence.
    pub why: String,
}
