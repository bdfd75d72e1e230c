//! Errors as problems: what happened, to which target, and the remedy.

use std::error::Error as _;

use utakata_worker_http::connection;
use utakata_worker_sdk::{
    Task,
    model::{Cure, Missing, Problem},
};

use crate::client::Error;

/// Reports an error before anything was sent that changes something.
pub fn of(task: &Task, server: &str, error: &Error) -> Problem {
    let target = &task.target;
    let (code, cure, advice) = match error {
        Error::Http(error) => connection::advice(error),
        Error::Credential { .. } => (
            "bad-credential",
            Cure::Operator,
            "check user and password; nothing is sent for 15 minutes, so that the account is not \
             locked",
        ),
        Error::Locked { .. } => (
            "bad-credential",
            Cure::Operator,
            "correct the credential: another one is tried at once",
        ),
        Error::Refused { status, .. } if matches!(status.as_u16(), 429 | 500 | 503) => {
            ("unreachable", Cure::Retry, "it is busy or starting")
        }
        Error::Refused { .. } => (
            "device-refused",
            Cure::Operator,
            "check what the user may do, and whether it is a Redfish service",
        ),
        Error::Garbage { .. } => (
            "device-garbage",
            Cure::Operator,
            "check that it is a Redfish service",
        ),
        Error::Elsewhere { .. } => (
            "device-garbage",
            Cure::Operator,
            "write that host and port as the address, if it is right",
        ),
    };
    let cause = error.source().map(|cause| format!(": {cause}"));
    let cause = cause.unwrap_or_default();
    Problem::new(
        code,
        cure,
        format!("{target} at {server}: {error}{cause}: {advice}"),
    )
}

/// Another conversation with the service took too long.
pub fn busy(task: &Task, server: &str) -> Problem {
    let target = &task.target;
    let message = format!("{target}: {server} was busy with other tasks all the time");
    Problem::new("unreachable", Cure::Retry, message)
}

/// Nothing of what was asked for is there.
pub fn nothing(task: &Task, missing: &[Missing]) -> Problem {
    let target = &task.target;
    let why = missing.first().map(|one| format!(": {one}"));
    let why = why.unwrap_or_default();
    let message = format!("{target} has nothing of what was asked for{why}");
    Problem::new("device-refused", Cure::Operator, message)
}

/// The service refused, or cannot do it; nothing was changed.
pub fn refused(task: &Task, why: &str) -> Problem {
    let target = &task.target;
    Problem::new("device-refused", Cure::Operator, format!("{target}: {why}"))
}

/// A request whose effect nobody can know.
pub fn doubtful(task: &Task, told: &str, what: &str) -> Problem {
    let target = &task.target;
    let message = format!("{target} was told {told}, and {what}: it may have done it");
    Problem::new("unreachable", Cure::Retry, message)
}
