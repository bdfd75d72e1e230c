//! The lines of the audit trail.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utakata_api::{
    apply::Change,
    ledger::{Attribution, Lock},
};
use utakata_model::{
    AlarmId, AlarmName, CredentialName, EnvironmentId, GroupName, Operation, OperationId, Outcome,
    PersonName, PolicyName, TargetName, TaskId, TaskState, TokenName,
};
use utakata_permit::{
    Evidence,
    life::{End, Holder},
};

use crate::store::ControlTask;

/// A line of the trail.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "what")]
pub enum AuditEntry<'a> {
    /// An operation was requested.
    #[serde(rename = "operation.requested")]
    Requested { operation: &'a Operation },
    /// A person approved, paused, resumed or cancelled an operation, or it stopped itself.
    #[serde(rename = "operation.changed")]
    Changed {
        operation: String,
        /// The resulting state.
        state: &'static str,
        attribution: &'a Attribution,
    },
    /// A task was planned.
    #[serde(rename = "task.planned")]
    Planned {
        #[serde(flatten)]
        task: &'a ControlTask,
    },
    /// An attempt was permitted.
    #[serde(rename = "task.permitted")]
    Permitted {
        task: TaskId,
        attempt: u32,
        holder: &'a Holder,
    },
    #[serde(rename = "task.outcome")]
    Outcome {
        outcome: &'a Outcome,
        /// False if it changed nothing: it was repeated, late, or from somebody else.
        counts: bool,
    },
    /// The target was read back.
    #[serde(rename = "task.read-back")]
    ReadBack {
        task: TaskId,
        attempt: u32,
        evidence: Evidence,
    },
    /// A person settled or cancelled a task.
    #[serde(rename = "task.settled")]
    Settled {
        task: TaskId,
        state: &'static str,
        attribution: &'a Attribution,
    },
    /// The ledger may lack what was done before this, because it was restored from a backup or lost
    /// pages. Tasks that had not ended are left to a person.
    #[serde(rename = "ledger.gap")]
    Gap {
        /// The number of such tasks that are unsettled.
        unsettled: usize,
    },
    /// A task has changed its state.
    #[serde(rename = "task.state")]
    State {
        task: TaskId,
        attempt: u32,
        state: TaskState,
        /// The end, if it has ended.
        #[serde(skip_serializing_if = "Option::is_none")]
        end: Option<End>,
    },
    /// A person locked a target.
    #[serde(rename = "target.locked")]
    Locked { target: &'a str, lock: &'a Lock },
    /// A target was unlocked.
    #[serde(rename = "target.unlocked")]
    Unlocked {
        target: &'a str,
        attribution: &'a Attribution,
    },
    /// A policy was armed, stopped or put into another mode, acted, handed back or stopped itself.
    #[serde(rename = "policy.changed")]
    Policy {
        #[serde(flatten)]
        note: &'a PolicyNote,
    },
    /// So many tasks of policies failed that none acts any more.
    #[serde(rename = "envelope.red")]
    Red { envelope: &'a str, why: &'a str },
    /// A person let policies act again.
    #[serde(rename = "envelope.red-over")]
    RedOver { attribution: &'a Attribution },
    /// A person acknowledged, shelved or unshelved an alarm.
    #[serde(rename = "alarm.changed")]
    Alarm {
        #[serde(flatten)]
        act: &'a AlarmAct,
    },
    /// Something other than control was changed.
    #[serde(rename = "site.changed")]
    SiteChanged {
        #[serde(flatten)]
        change: &'a SiteChange,
    },
    /// Somebody logged in by the identity provider.
    #[serde(rename = "login.made")]
    LoggedIn {
        #[serde(flatten)]
        login: &'a LoginNote,
    },
    /// Somebody whom the provider knows was not let in.
    #[serde(rename = "login.refused")]
    LoginRefused {
        #[serde(flatten)]
        refused: &'a RefusedLogin,
    },
    /// Somebody ended a login.
    #[serde(rename = "login.ended")]
    LoggedOut {
        by: &'a PersonName,
        token: &'a TokenName,
    },
    /// A message over a broker did not count.
    #[serde(rename = "message.refused")]
    Distrusted {
        #[serde(flatten)]
        message: &'a DistrustedMessage,
    },
    /// The password of a credential was changed, or stays after an attempt to change it.
    #[serde(rename = "credential.rotated")]
    Rotated {
        #[serde(flatten)]
        rotation: &'a RotationNote,
    },
    /// Somebody asked for what they may not do.
    #[serde(rename = "request.refused")]
    RequestRefused {
        #[serde(flatten)]
        refused: &'a RefusedRequest,
    },
}

/// A line about a request, besides those about control.
#[derive(Debug, Clone)]
pub enum SiteNote {
    Changed(SiteChange),
    Refused(RefusedRequest),
    LoggedIn(LoginNote),
    LoginRefused(RefusedLogin),
    LoggedOut { by: PersonName, token: TokenName },
    Distrusted(DistrustedMessage),
    Rotated(RotationNote),
}

/// The end of a rotation.
#[derive(Debug, Clone, Serialize)]
pub struct RotationNote {
    pub credential: CredentialName,
    pub target: TargetName,
    pub operation: OperationId,
    /// True if the target has accepted the new password; false if the old one stays.
    pub is_new: bool,
}

/// A message that was not signed by who has to sign it, or came twice: the first for its place.
#[derive(Debug, Clone, Serialize)]
pub struct DistrustedMessage {
    /// The environment that refused it; absent if this logic environment did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<EnvironmentId>,
    /// Its topic or queue; of an environment, the name of the connection.
    pub place: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A login by the identity provider.
#[derive(Debug, Clone, Serialize)]
pub struct LoginNote {
    pub by: PersonName,
    /// The name of the token that it made.
    pub token: TokenName,
    pub issuer: String,
    pub subject: String,
    /// The groups that count with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupName>,
    /// True if nobody knew them before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_new: bool,
}

/// A login that was refused to somebody whom the provider knows.
#[derive(Debug, Clone, Serialize)]
pub struct RefusedLogin {
    pub issuer: String,
    pub subject: String,
    /// The name of somebody else here, which the provider has for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<PersonName>,
    /// The code of the refusal.
    pub code: &'static str,
}

/// A request that has changed something, and what.
#[derive(Debug, Clone, Serialize)]
pub struct SiteChange {
    pub by: PersonName,
    /// The name of the token; absent for the token in the server's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenName>,
    /// The method and path.
    pub request: String,
    /// The body, without secrets; of a long one the size and SHA-256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// The things that changed, with the fields that differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// The number of further things that changed.
    #[serde(skip_serializing_if = "is_zero")]
    pub more: u64,
}

/// Requests of one kind that were refused.
#[derive(Debug, Clone, Serialize)]
pub struct RefusedRequest {
    pub by: PersonName,
    /// The method and the path, without its variable parts.
    pub request: String,
    /// The code of the refusal.
    pub code: String,
    /// The number of such requests since the last line about them.
    pub times: u64,
}

impl SiteNote {
    /// Returns the line about it.
    pub fn entry(&self) -> AuditEntry<'_> {
        match self {
            Self::Changed(change) => AuditEntry::SiteChanged { change },
            Self::Refused(refused) => AuditEntry::RequestRefused { refused },
            Self::LoggedIn(login) => AuditEntry::LoggedIn { login },
            Self::LoginRefused(refused) => AuditEntry::LoginRefused { refused },
            Self::Distrusted(message) => AuditEntry::Distrusted { message },
            Self::Rotated(rotation) => AuditEntry::Rotated { rotation },
            Self::LoggedOut { by, token } => AuditEntry::LoggedOut { by, token },
        }
    }
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// An act of a person on an alarm.
#[derive(Debug, Clone, Serialize)]
pub struct AlarmAct {
    pub alarm: AlarmId,
    pub rule: AlarmName,
    pub target: TargetName,
    /// The act in one word: `acknowledged`, `shelved`, `unshelved`.
    pub act: &'static str,
    /// The time until which it is shelved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    pub attribution: Attribution,
}

/// An act of a person on a policy, or of a policy.
#[derive(Debug, Clone, Serialize)]
pub struct PolicyNote {
    pub policy: PolicyName,
    /// The act in one word: `armed`, `shadow`, `off`, `stopped`, `acts`, `renews`, `hands-back`.
    pub act: &'static str,
    /// The target of `for_each`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetName>,
    /// The hash of everything that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<String>,
    /// The token of the test, if it was armed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    pub attribution: Attribution,
}

impl PolicyNote {
    /// Returns the line about it.
    pub fn entry(&self) -> AuditEntry<'_> {
        AuditEntry::Policy { note: self }
    }
}

impl AlarmAct {
    /// Returns the line about it.
    pub fn entry(&self) -> AuditEntry<'_> {
        AuditEntry::Alarm { act: self }
    }
}

#[derive(Serialize)]
struct TimedEntry<'a> {
    at: Timestamp,
    #[serde(flatten)]
    entry: &'a AuditEntry<'a>,
}

/// Adds a line. One that cannot be written as JSON, which is impossible for these types, is left
/// out with an error in the log.
pub(super) fn write(to: &mut String, at: Timestamp, entry: &AuditEntry<'_>) {
    match serde_json::to_string(&TimedEntry { at, entry }) {
        Ok(line) => {
            to.push_str(&line);
            to.push('\n');
        }
        Err(error) => tracing::error!(%error, "a line of the audit trail cannot be written"),
    }
}
