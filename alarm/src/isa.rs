//! The states of an alarm after ISA-18.2, as a table over its facts.

use serde::{Deserialize, Serialize};

use crate::facts::Hold;

/// A state after ISA-18.2 (clause 5, alarm state transition diagram).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IsaState {
    /// It is not so, and nobody has to do anything.
    Normal,
    /// It is so, and nobody has acknowledged it.
    Unacknowledged,
    /// It is so, and somebody has acknowledged it.
    Acknowledged,
    /// It is no longer so, and nobody has acknowledged it.
    Returned,
    /// A person has shelved it until a time.
    Shelved,
    /// It is explained by another one, or its target is in maintenance.
    Suppressed,
    /// Its rule is switched off.
    OutOfService,
}

impl IsaState {
    /// Returns the word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Unacknowledged => "unacknowledged",
            Self::Acknowledged => "acknowledged",
            Self::Returned => "returned",
            Self::Shelved => "shelved",
            Self::Suppressed => "suppressed",
            Self::OutOfService => "out-of-service",
        }
    }
}

/// Returns the state of an alarm that is `active`, that somebody has `seen`, and that is held by
/// something. The time at which it was last heard is a fact of its own, which has no state there.
pub fn isa(active: bool, seen: bool, hold: Hold) -> IsaState {
    match (hold, active, seen) {
        (Hold::OutOfService, ..) => IsaState::OutOfService,
        (Hold::Person, ..) => IsaState::Shelved,
        (Hold::Lock | Hold::Cause, true, _) => IsaState::Suppressed,
        (_, true, false) => IsaState::Unacknowledged,
        (_, true, true) => IsaState::Acknowledged,
        (_, false, false) => IsaState::Returned,
        (_, false, true) => IsaState::Normal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_of_isa_18_2_is_a_row_over_the_facts() {
        for (active, seen, hold, expect) in [
            (false, true, Hold::None, IsaState::Normal),
            (true, false, Hold::None, IsaState::Unacknowledged),
            (true, true, Hold::None, IsaState::Acknowledged),
            (false, false, Hold::None, IsaState::Returned),
            (true, false, Hold::Person, IsaState::Shelved),
            (false, false, Hold::Person, IsaState::Shelved),
            (true, false, Hold::Lock, IsaState::Suppressed),
            (true, true, Hold::Cause, IsaState::Suppressed),
            (false, false, Hold::Cause, IsaState::Returned),
            (true, false, Hold::OutOfService, IsaState::OutOfService),
        ] {
            assert_eq!(isa(active, seen, hold), expect, "{active} {seen} {hold:?}");
        }
    }
}
