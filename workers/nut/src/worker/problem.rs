//! Errors as problems: what happened, to which target, and the remedy.

use std::error::Error as _;

use utakata_worker_sdk::{
    Task,
    model::{Cure, Problem},
};

use crate::session::Error;

/// Reports an error before anything was sent that changes something.
pub fn of(task: &Task, server: &str, error: &Error) -> Problem {
    let target = &task.target;
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    let problem = |code, cure, text: String| Problem::new(code, cure, text);
    match error {
        Error::Name(_) => problem(
            "bad-address",
            Cure::Operator,
            format!("{target}: the name in its address {server} cannot be resolved: {cause}"),
        ),
        Error::Connect(_) => problem(
            "unreachable",
            Cure::Retry,
            format!("{target}: no upsd answers at {server}: {cause}"),
        ),
        Error::Silence => problem(
            "unreachable",
            Cure::Retry,
            format!("{target}: upsd at {server} did not answer in time"),
        ),
        Error::Broken(_) => problem(
            "unreachable",
            Cure::Retry,
            format!("{target}: the connection to upsd at {server} broke: {cause}"),
        ),
        Error::Garbage { said } => problem(
            "device-garbage",
            Cure::Operator,
            format!("{target}: {server} answers \"{said}\", which is not upsd's: check the port"),
        ),
        Error::Refused(refusal) => refused(task, server, &refusal.code),
    }
}

/// Returns the problem of a refusal, by the code that the server gave.
fn refused(task: &Task, server: &str, code: &str) -> Problem {
    let target = &task.target;
    let (kind, cure, advice) = match code {
        "DATA-STALE" => (
            "unreachable",
            Cure::Retry,
            "the driver has lost the UPS: its last values are old, so none is told",
        ),
        "DRIVER-NOT-CONNECTED" => (
            "unreachable",
            Cure::Operator,
            "the driver of the UPS does not run: start it there",
        ),
        "UNKNOWN-UPS" => (
            "bad-address",
            Cure::Operator,
            "there is no UPS of that name: `upsc -l` lists those that it has",
        ),
        "ACCESS-DENIED" | "USERNAME-REQUIRED" | "PASSWORD-REQUIRED" | "INVALID-USERNAME"
        | "INVALID-PASSWORD" => (
            "bad-credential",
            Cure::Operator,
            "check user, password, and the rights in upsd.users (actions = SET, instcmds = ALL)",
        ),
        "CMD-NOT-SUPPORTED" | "VAR-NOT-SUPPORTED" | "READONLY" | "UNKNOWN" => (
            "device-refused",
            Cure::Operator,
            "the UPS or its driver cannot do it",
        ),
        "INVALID-ARGUMENT" | "INVALID-VALUE" | "TOO-LONG" => (
            "device-refused",
            Cure::Operator,
            "the UPS does not take the value",
        ),
        _ => (
            "device-refused",
            Cure::Operator,
            "it gives no further reason",
        ),
    };
    Problem::new(
        kind,
        cure,
        format!("{target}: upsd at {server} answered {code}: {advice}"),
    )
}

/// A refusal after the request was handed over.
pub fn refused_by_driver(task: &Task, told: &str, code: &str) -> Problem {
    let target = &task.target;
    let message = format!("{target}: its driver answered {code} to {told}");
    Problem::new("device-refused", Cure::Operator, message)
}

/// Another conversation with the server took too long.
pub fn busy(task: &Task, server: &str) -> Problem {
    let target = &task.target;
    let message = format!("{target}: upsd at {server} was busy with other tasks all the time");
    Problem::new("unreachable", Cure::Retry, message)
}

/// The address names no UPS, and the server has none or several.
pub fn which(task: &Task, server: &str, known: &[String]) -> Problem {
    let target = &task.target;
    let message = match known {
        [] => format!("{target}: upsd at {server} has no UPS"),
        [first, ..] => format!(
            "{target}: upsd at {server} has {}: name one, as in {first}@{server}",
            known.join(", ")
        ),
    };
    Problem::new("bad-address", Cure::Operator, message)
}

/// Nothing of what was asked for is there.
pub fn nothing(task: &Task, ups: &str, has_variables: bool) -> Problem {
    let target = &task.target;
    let message = match has_variables {
        true => format!("{target}: none of what the driver of {ups} tells was asked for"),
        false => format!("{target}: the driver of {ups} tells nothing"),
    };
    Problem::new("device-refused", Cure::Operator, message)
}

/// A request whose effect nobody can know.
pub fn doubtful(task: &Task, told: &str, what: &str) -> Problem {
    let target = &task.target;
    let message = format!("{target} was told {told}, and {what}: it may have done it");
    Problem::new("unreachable", Cure::Retry, message)
}
