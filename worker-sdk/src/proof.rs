//! The result of asking a device for a change, and the conclusion from it: one table for all
//! workers.
//!
//! A protocol maps each of its codes to a [`Reply`]; the conclusion from that is defined here, and
//! nowhere else. Anything that a protocol does not define is [`Reply::Unclear`].

use utakata_model::Problem;

use crate::Failure;

/// The reply of a device to a request for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reply {
    /// The device confirms the change, and repeats it if its protocol does.
    Confirmed,
    /// The device refuses with an error that its protocol permits only before anything has begun.
    Refused,
    /// The device reports an error that may occur after the fact, or an unknown one.
    Unclear,
    /// The device answers something else: another object, another value, another state.
    Other,
    /// Something arrived that cannot be read, or cannot be proven to come from the device.
    Garbage,
    /// No reply arrived in time.
    Silence,
    /// Nothing has left this machine.
    Unsent,
}

impl Reply {
    /// Every reply.
    pub const ALL: [Self; 7] = [
        Self::Confirmed,
        Self::Refused,
        Self::Unclear,
        Self::Other,
        Self::Garbage,
        Self::Silence,
        Self::Unsent,
    ];

    /// Returns the conclusion from the reply.
    #[must_use]
    pub const fn proof(self) -> Proof {
        match self {
            Self::Confirmed => Proof::Done,
            Self::Refused | Self::Unsent => Proof::NotDone,
            Self::Unclear | Self::Other | Self::Garbage | Self::Silence => Proof::Nothing,
        }
    }
}

/// The conclusion from an answer about a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Proof {
    /// It was done, according to the device.
    Done,
    /// Nothing of it was done, and nothing will be.
    NotDone,
    /// Neither: silence, an answer about something else, or an error that may occur after the fact.
    Nothing,
}

impl Proof {
    /// Returns the conclusion if the change was sent this many times. A refusal concerns only one
    /// of them: an earlier one without an answer may have been done.
    #[must_use]
    pub fn of_sent(self, times: u32) -> Self {
        match self {
            Self::NotDone if times > 1 => Self::Nothing,
            proof => proof,
        }
    }

    /// Returns the end of a task that met this problem: failed only if nothing was done.
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
