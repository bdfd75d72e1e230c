//! What comes of asking a device for a change, and what that proves: one table for all workers.
//!
//! A protocol says of each of its codes which [`Reply`] it is; what that proves is said here, and
//! nowhere else. What no reply of a protocol is known to mean is [`Reply::Unclear`].

use utakata_model::Problem;

use crate::Failure;

/// The reply of a device that was asked for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reply {
    /// The device says that it did what it was asked for, and repeats that where its protocol
    /// does.
    Confirmed,
    /// The device refuses, with an error that its protocol knows only from before anything is
    /// begun.
    Refused,
    /// The device reports an error that can come after the fact, or one that nobody knows.
    Unclear,
    /// The device answers something else: another object, another value, another state.
    Other,
    /// Something came that cannot be read, or be proven to be from the device.
    Garbage,
    /// Nothing came in time.
    Silence,
    /// Nothing has left this machine.
    Unsent,
}

impl Reply {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Confirmed,
        Self::Refused,
        Self::Unclear,
        Self::Other,
        Self::Garbage,
        Self::Silence,
        Self::Unsent,
    ];

    /// Returns what it proves.
    #[must_use]
    pub const fn proof(self) -> Proof {
        match self {
            Self::Confirmed => Proof::Done,
            Self::Refused | Self::Unsent => Proof::NotDone,
            Self::Unclear | Self::Other | Self::Garbage | Self::Silence => Proof::Nothing,
        }
    }
}

/// The proof that an answer gives of a change.
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
    fn the_guide_has_the_table() {
        let guide = include_str!("../../docs/guide/writing-a-worker.md");
        for reply in Reply::ALL {
            let proves = match reply.proof() {
                Proof::Done => "done, as far as its word goes",
                Proof::NotDone => "not done, and certain",
                Proof::Nothing => "nothing",
            };
            let (name, row) = (format!("| `{reply:?}` |"), format!("| {proves} |"));
            let line = guide.lines().find(|line| line.starts_with(&name));
            let line = line.unwrap_or_else(|| panic!("{name} is not in the guide"));
            assert!(line.contains(&row), "{line} has no {row}");
        }
    }

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
