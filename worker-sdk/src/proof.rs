//! What the answer of a device proves of a change that it was asked for.

use utakata_model::Problem;

use crate::Failure;

/// What an answer proves of a change. A protocol decides it in one table, so that a new code of
/// a device is not taken for a refusal by accident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Proof {
    /// It was done, as far as the word of the device goes.
    Done,
    /// Nothing of it was done, and nothing of it will be.
    NotDone,
    /// Neither: silence, an answer about something else, an error that can come after the fact.
    Nothing,
}

impl Proof {
    /// Returns what the same answer proves when the change was sent this many times. A refusal
    /// speaks of one of them only: an earlier one, of which nothing was heard, may have been done.
    #[must_use]
    pub fn of_sent(self, times: u32) -> Self {
        match self {
            Self::NotDone if times > 1 => Self::Nothing,
            proof => proof,
        }
    }

    /// Returns how a task ends that ran into this problem: failed only where nothing was done.
    pub fn failure(self, problem: Problem) -> Failure {
        match self {
            Self::NotDone => Failure::failed(problem),
            Self::Done | Self::Nothing => Failure::unknown(problem),
        }
    }
}

#[cfg(test)]
mod tests {
    use utakata_model::{Cure, OutcomeStatus};

    use super::*;

    #[test]
    fn only_a_single_refusal_is_certain() {
        for (proof, times, expect) in [
            (Proof::NotDone, 1, OutcomeStatus::Failed),
            (Proof::NotDone, 2, OutcomeStatus::Unknown),
            (Proof::Nothing, 1, OutcomeStatus::Unknown),
            (Proof::Done, 1, OutcomeStatus::Unknown),
        ] {
            let problem = Problem::new("device-refused", Cure::Operator, "no");
            let failure = proof.of_sent(times).failure(problem);
            assert_eq!(failure.status, expect, "{proof:?} after {times}");
        }
        assert_eq!(Proof::Done.of_sent(3), Proof::Done);
    }
}
