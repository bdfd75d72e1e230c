//! Exit codes, for scripts.

use std::process::ExitCode;

use utakata_api::{client, operation::Counts};

pub use utakata_up::Usage;

/// The codes of refusals that guard against slips.
const GUARDS: [&str; 5] = [
    "every-feed",
    "key-taken",
    "many-targets",
    "other-targets",
    "plan-changed",
];
/// The codes of answers after which nobody knows whether an operation was recorded.
const IN_DOUBT: [&str; 3] = ["answer-lost", "store-in-doubt", "timed-out"];

/// The exit codes of commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// The command succeeded.
    Done = 0,
    /// It failed, or failed for some target.
    Failed = 1,
    /// The usage was wrong, and nothing was done.
    Usage = 2,
    /// For some target, nobody can know whether it took effect.
    Unknown = 3,
    /// It is done, but for some target a part of the answer is missing.
    Partial = 4,
}

impl Exit {
    /// Returns the exit code for an error in place of an operation. `was_only_asked`: it was a dry
    /// run, which begins nothing whatever happens to the answer.
    pub fn of_control(error: &client::Error, was_only_asked: bool) -> Self {
        let is_lost = match error {
            // Without a connection nothing was sent; a connection may break after it was.
            client::Error::Unreachable { source, .. } => !source.is_connect(),
            client::Error::Silent { .. } | client::Error::Strange { .. } => true,
            client::Error::Refused(problem) => IN_DOUBT.contains(&problem.code.as_str()),
            client::Error::Token
            | client::Error::Authority { .. }
            | client::Error::Build(_)
            | client::Error::NotOurs { .. } => false,
        };
        match error {
            _ if is_lost && !was_only_asked => Self::Unknown,
            client::Error::Refused(problem) if problem.status < 500 => Self::Usage,
            _ => Self::Failed,
        }
    }

    /// Returns the exit code for the ends of tasks.
    pub fn of_tasks(counts: &Counts) -> Self {
        match counts {
            counts if counts.unknown + counts.unsettled > 0 || is_under_way(counts) => {
                Self::Unknown
            }
            counts if counts.failed + counts.expired + counts.cancelled > 0 => Self::Failed,
            counts if counts.partial > 0 => Self::Partial,
            _ => Self::Done,
        }
    }

    /// Returns the exit code for an error.
    pub fn of(error: &anyhow::Error) -> Self {
        if error
            .chain()
            .any(|cause| cause.is::<Usage>() || is_guard(cause))
        {
            return Self::Usage;
        }
        Self::Failed
    }
}

/// Returns true if some task has not ended and its state is known.
pub fn is_under_way(counts: &Counts) -> bool {
    counts.planned + counts.queued + counts.permitted + counts.verifying > 0
}

/// Returns true if the server did nothing because the request was probably a slip.
fn is_guard(cause: &(dyn std::error::Error + 'static)) -> bool {
    let refused = cause.downcast_ref::<client::Error>();
    let code = refused.and_then(client::Error::code);
    code.is_some_and(|code| GUARDS.contains(&code))
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use utakata_api::Problem;

    use super::*;

    #[test]
    fn refused_control_is_distinguished_from_unknown_control() {
        for (code, status, dry, sent) in [
            ("cannot-be-done", 422, Exit::Usage, Exit::Usage),
            ("selects-nothing", 422, Exit::Usage, Exit::Usage),
            ("unauthorized", 401, Exit::Usage, Exit::Usage),
            ("many-targets", 422, Exit::Usage, Exit::Usage),
            ("disk-full", 507, Exit::Failed, Exit::Failed),
            ("ending", 503, Exit::Failed, Exit::Failed),
            ("store-in-doubt", 503, Exit::Failed, Exit::Unknown),
            ("answer-lost", 502, Exit::Failed, Exit::Unknown),
        ] {
            let problem: Problem = serde_json::from_value(serde_json::json!({
                "type": "", "title": "", "status": status, "code": code, "detail": "", "cure": "",
            }))
            .unwrap();
            let error = client::Error::Refused(Box::new(problem));
            assert_eq!(Exit::of_control(&error, true), dry, "{code}");
            assert_eq!(Exit::of_control(&error, false), sent, "{code}");
        }
    }

    #[test]
    fn what_nobody_knows_counts_more_than_what_failed() {
        let all = Counts {
            succeeded: 1,
            ..Counts::default()
        };
        for (counts, expect) in [
            (all, Exit::Done),
            (Counts { failed: 1, ..all }, Exit::Failed),
            (Counts { partial: 1, ..all }, Exit::Partial),
            (Counts { expired: 1, ..all }, Exit::Failed),
            (
                Counts {
                    failed: 1,
                    unknown: 1,
                    ..all
                },
                Exit::Unknown,
            ),
            (Counts { queued: 1, ..all }, Exit::Unknown),
            (
                Counts {
                    permitted: 1,
                    ..all
                },
                Exit::Unknown,
            ),
            (
                Counts {
                    verifying: 1,
                    ..all
                },
                Exit::Unknown,
            ),
            (
                Counts {
                    failed: 1,
                    unsettled: 1,
                    ..all
                },
                Exit::Unknown,
            ),
        ] {
            assert_eq!(Exit::of_tasks(&counts), expect, "{counts:?}");
        }
    }
}
