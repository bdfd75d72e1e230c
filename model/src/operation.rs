//! Operations: requests of users.

mod pace;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use pace::{AtATime, AtMost, Pace, PaceError, checked as label_key};

use crate::{ActionName, Class, CredentialName, OperationId, PersonName, PolicyName, Selector};

words! {
    /// The priority among tasks that need the same target.
    #[derive(
        Debug,
        Clone,
        Copy,
        Default,
        PartialEq,
        Eq,
        Hash,
        PartialOrd,
        Ord,
        Serialize,
        Deserialize,
        utoipa::ToSchema,
    )]
    pub enum Priority {
        /// In its turn.
        #[default]
        Routine = "routine",
        /// Before all routine tasks.
        Urgent = "urgent",
        /// Before all other tasks.
        Emergency = "emergency",
    }
}

/// A user's request, which becomes one task per target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Operation {
    /// The identifier of the operation.
    pub id: OperationId,
    /// The selected targets.
    pub selector: Selector,
    /// The action. Absent for a plain read, which means the default action of each target's kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionName>,
    /// The class of the action.
    pub class: Class,
    /// The parameters of the action.
    #[schema(value_type = Object)]
    pub parameters: Value,
    /// The parameters that are secret, and shown as `***`: each with a mark by which utakata knows
    /// its value again, and from which nothing follows.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, String>,
    /// The time of the request.
    #[schema(value_type = String, format = "date-time")]
    pub requested: Timestamp,
    /// The reason, in the requester's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The person who requested it. Absent if nobody did, or if it was not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<PersonName>,
    /// Those who could have acted as that person: the maker of the token that was used, the maker of
    /// the token by which that one was made, and so on. Without `admin`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub makers: BTreeSet<PersonName>,
    /// The number of targets at a time, their order, and the number of failures at which to stop.
    #[serde(default, skip_serializing_if = "Pace::is_default")]
    pub pace: Pace,
    /// The priority among tasks that need the same target.
    #[serde(default)]
    pub priority: Priority,
    /// The operation that it undoes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<OperationId>,
    /// The operation that it renews: the same again, before the target takes the change back by
    /// itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renews: Option<OperationId>,
    /// The credential whose password it changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotates: Option<CredentialName>,
    /// The policy that requested it. Absent if a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyName>,
    /// The policies whose acts may have led to it, the latest first, ending with the one that began.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<PolicyName>,
    /// `true` if a person has overridden the envelopes that bind people, with a reason.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub break_glass: bool,
}

words! {
    /// The state of an operation.
    ///
    /// ```text
    ///              approved                      every task has ended
    /// awaiting ──────────────► running ────────────────────────────────► done
    ///    │                     │ ▲  │ ▲
    ///    │               pause │ │  │ │ resume
    ///    │                     ▼ │  ▼ │ so many tasks failed
    ///    │            resume paused stopped
    ///    │                     │      │
    ///    └─────────────────────┴──────┴────► cancelled (from running, too)
    /// ```
    ///
    /// Paused, stopped and cancelled hold back only what has not begun: tasks that have begun end
    /// as they end. An operation that is cancelled or stopped is so at once, whatever has begun.
    #[derive(
        Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema,
    )]
    pub enum OperationState {
        /// It needs somebody else's approval; nothing has begun.
        Awaiting = "awaiting",
        /// Its tasks begin as its pace allows.
        #[default]
        Running = "running",
        /// A person has paused it: no further task begins.
        Paused = "paused",
        /// Too many tasks failed: no further task begins until somebody resumes it.
        Stopped = "stopped",
        /// A person has cancelled it: tasks that had not begun never will.
        Cancelled = "cancelled",
        /// All its tasks have ended.
        Done = "done",
    }
}

impl OperationState {
    /// Returns true if no further task can ever begin.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Cancelled | Self::Done)
    }
}

/// The approval of an operation that needs one. The requester cannot give it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The person who approved it.
    pub by: PersonName,
    /// The time of the approval.
    #[schema(value_type = String, format = "date-time")]
    pub at: Timestamp,
    /// The token of the approved plan: the approval covers what was shown, and nothing else.
    pub plan: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_written_as_its_word() {
        for state in OperationState::ALL {
            let word = serde_json::to_value(state).unwrap();
            assert_eq!(word, state.as_str());
        }
        for priority in Priority::ALL {
            assert_eq!(serde_json::to_value(priority).unwrap(), priority.as_str());
        }
    }
}
