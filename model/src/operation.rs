//! Operations: what a user asked for, once.

mod pace;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use pace::{AtATime, AtMost, Pace, PaceError, checked as label_key};

use crate::{ActionName, Class, OperationId, PersonName, Selector};

words! {
    /// The rank among those who want the same target.
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
        /// Before all that is routine.
        Urgent = "urgent",
        /// Before everything else.
        Emergency = "emergency",
    }
}

/// A user's request: it becomes one task for each target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Operation {
    /// Its identifier.
    pub id: OperationId,
    /// The targets that are meant.
    pub selector: Selector,
    /// The action; absent for a plain read, which means the default of each target's kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionName>,
    /// The class of the action.
    pub class: Class,
    /// With which parameters.
    #[schema(value_type = Object)]
    pub parameters: Value,
    /// The time it was asked for.
    #[schema(value_type = String, format = "date-time")]
    pub asked: Timestamp,
    /// The reason, in the words of who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The person who asked for it; absent where nobody did, or where that was not written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<PersonName>,
    /// The number of targets at a time, their order, and when it is enough.
    #[serde(default, skip_serializing_if = "Pace::is_default")]
    pub pace: Pace,
    /// The rank among those who want the same target.
    #[serde(default)]
    pub priority: Priority,
    /// The operation that it takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<OperationId>,
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
        /// Somebody else has to approve it first; nothing was begun.
        Awaiting = "awaiting",
        /// Its tasks begin, as its pace allows.
        #[default]
        Running = "running",
        /// Somebody has it wait: no further task begins.
        Paused = "paused",
        /// Too many tasks failed: no further one begins until somebody resumes it.
        Stopped = "stopped",
        /// Somebody took it back: what had not begun never will.
        Cancelled = "cancelled",
        /// All its tasks have ended.
        Done = "done",
    }
}

impl OperationState {
    /// Returns whether nothing more will begin, whatever anybody does.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Cancelled | Self::Done)
    }
}

/// The approval of an operation that needs one: never the one who asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The person.
    pub by: PersonName,
    /// The time.
    #[schema(value_type = String, format = "date-time")]
    pub at: Timestamp,
    /// The token of the plan that was approved: what was seen, and nothing else.
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
