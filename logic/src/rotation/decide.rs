//! The next step of a rotation, from what is recorded and what logging in has shown. Pure.
//!
//! ```text
//!             never begun                        ┌── both refused, or no answer ──┐
//! operation ──────────────► keep the old one     ▼                                │
//!     │ ended, or a person has to decide    try the new one ── refused ──► try the old one
//!     └────────────────────────────────────►     │ accepted                       │ accepted
//!                                                ▼                                ▼
//!                                             promote                     keep the old one
//! ```
//!
//! Both passwords are in the store from before the first step until after the last: only what has
//! logged in replaces or ends the other.

use utakata_model::TaskState;

use crate::store::TaskRow;

/// The state of the task that sets the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It may still begin, or act.
    UnderWay,
    /// It has ended, and was never begun.
    NeverBegun,
    /// It was begun, and has ended: whatever was said, the device knows.
    Ended,
    /// Nobody can know what became of it, and a person would have to decide.
    Unsettled,
}

/// The result of logging in with a password.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Login {
    #[default]
    Untried,
    Accepted,
    /// The device does not accept it.
    Refused,
    /// It cannot be said.
    Unclear(String),
}

/// The next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Look at the task again.
    Wait,
    TryNew,
    TryOld,
    /// The new password becomes that of the credential.
    Promote,
    /// The old one stays, and the new one is forgotten.
    Keep,
    /// Neither is known to be right: both are kept, and tried again later.
    Stuck(String),
}

pub(super) fn decide(fate: Fate, new: &Login, old: &Login) -> Step {
    match (fate, new, old) {
        (Fate::UnderWay, ..) => Step::Wait,
        (Fate::NeverBegun, ..) => Step::Keep,
        (_, Login::Untried, _) => Step::TryNew,
        (_, Login::Accepted, _) => Step::Promote,
        (_, Login::Refused | Login::Unclear(_), Login::Untried) => Step::TryOld,
        (_, Login::Refused, Login::Accepted) => Step::Keep,
        (_, Login::Refused, Login::Refused) => {
            Step::Stuck("it accepts neither the new nor the old password".into())
        }
        // The old one may be accepted for as long as a session lasts.
        (_, Login::Unclear(why), _) | (_, Login::Refused, Login::Unclear(why)) => {
            Step::Stuck(why.clone())
        }
    }
}

impl Fate {
    /// Returns the fate of a recorded task.
    pub(super) fn of(row: &TaskRow) -> Self {
        let progress = &row.progress;
        match progress.state {
            TaskState::Unsettled => Self::Unsettled,
            state if !state.is_final() => Self::UnderWay,
            _ if progress.attempts.is_empty() && progress.holder.is_none() => Self::NeverBegun,
            _ => Self::Ended,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A device that has one of the two passwords, answers now and then, and a logic environment
    /// that forgets at any moment what it has seen.
    #[derive(Debug, Clone, Copy)]
    struct World {
        has_new: bool,
        fate: Fate,
    }

    fn login(is_right: bool, answers: bool) -> Login {
        match (answers, is_right) {
            (false, _) => Login::Unclear("no answer".into()),
            (true, true) => Login::Accepted,
            (true, false) => Login::Refused,
        }
    }

    proptest! {
        #[test]
        fn the_password_that_the_device_has_is_never_lost_whatever_dies(
            has_new in any::<bool>(),
            fate in prop::sample::select(vec![Fate::Ended, Fate::Unsettled, Fate::NeverBegun]),
            events in prop::collection::vec((any::<bool>(), any::<bool>()), 1..40),
        ) {
            // What was never begun has not changed the device.
            let world = World { has_new: has_new && fate != Fate::NeverBegun, fate };
            let (mut new, mut old) = (Login::Untried, Login::Untried);
            for (answers, dies) in events {
                if dies {
                    (new, old) = (Login::Untried, Login::Untried);
                }
                match decide(world.fate, &new, &old) {
                    Step::TryNew => new = login(world.has_new, answers),
                    Step::TryOld => old = login(!world.has_new, answers),
                    Step::Promote => {
                        prop_assert!(world.has_new);
                        return Ok(());
                    }
                    Step::Keep => {
                        prop_assert!(!world.has_new);
                        return Ok(());
                    }
                    Step::Stuck(_) => (new, old) = (Login::Untried, Login::Untried),
                    Step::Wait => prop_assert!(false, "it has ended"),
                }
            }
        }

        #[test]
        fn nothing_is_concluded_while_the_task_may_act(
            new in 0..4_usize, old in 0..4_usize,
        ) {
            let all = [Login::Untried, Login::Accepted, Login::Refused, Login::Unclear("x".into())];
            prop_assert_eq!(decide(Fate::UnderWay, &all[new], &all[old]), Step::Wait);
        }
    }

    #[test]
    fn a_device_that_answers_is_concluded_within_three_steps() {
        for has_new in [true, false] {
            let (mut new, mut old) = (Login::Untried, Login::Untried);
            let mut steps = Vec::new();
            for _ in 0..3 {
                let step = decide(Fate::Ended, &new, &old);
                match step {
                    Step::TryNew => new = login(has_new, true),
                    Step::TryOld => old = login(!has_new, true),
                    _ => {}
                }
                steps.push(step);
            }
            let last = if has_new { Step::Promote } else { Step::Keep };
            assert!(steps.contains(&last), "{steps:?}");
        }
    }
}
