//! Errors as problems: what happened, to which target, and the remedy.

use std::error::Error as _;

use utakata_worker_sdk::{
    Reply, Task,
    model::{Cure, Missing, Problem},
};

use crate::{address::Place, session::Error};

/// Reports an error before anything was sent that changes something.
pub fn of(task: &Task, place: &Place, error: &Error) -> Problem {
    let target = &task.target;
    let gateway = &place.gateway;
    let (code, cure, advice) = match error {
        Error::Name(_) => (
            "bad-address",
            Cure::Operator,
            "correct the name in its address",
        ),
        Error::Connect(_) => (
            "unreachable",
            Cure::Retry,
            "nobody answers there, or it already has as many clients as it takes",
        ),
        Error::Silence => (
            "unreachable",
            Cure::Retry,
            "there may be no such unit, or it is slow; check the unit and the framing",
        ),
        Error::Away => ("unreachable", Cure::Retry, "check the unit and its line"),
        Error::Ended | Error::Broken(_) => ("unreachable", Cure::Retry, "try again later"),
        Error::Garbage(_) => (
            "device-garbage",
            Cure::Operator,
            "check the port, and whether it frames as Modbus/TCP or as a serial line (rtu://)",
        ),
    };
    let cause = error.source().map(|cause| format!(": {cause}"));
    let cause = cause.unwrap_or_default();
    let unit = place.unit;
    let message = format!("{target}, unit {unit} at {gateway}: {error}{cause}: {advice}");
    Problem::new(code, cure, message)
}

/// The meaning of an exception code.
pub fn exception(code: u8) -> &'static str {
    match code {
        1 => "it does not have this function (exception 1)",
        2 => "it has no such registers (exception 2)",
        3 => "it does not take this value (exception 3)",
        4 => "it failed (exception 4)",
        5 => "it has begun, and needs longer (exception 5)",
        6 => "it is busy (exception 6)",
        10 => "the gateway has no way to it (exception 10)",
        11 => "the unit behind the gateway does not answer (exception 11)",
        _ => "it answers an unknown exception",
    }
}

/// The conclusion from an exception to a request for a change. Only the first three are raised
/// before anything is done.
pub fn reply(code: u8) -> Reply {
    match code {
        1..=3 | 6 | 10 => Reply::Refused,
        _ => Reply::Unclear,
    }
}

/// Another conversation with the gateway took too long.
pub fn busy(task: &Task, gateway: &str) -> Problem {
    let target = &task.target;
    let message = format!("{target}: the gateway {gateway} was busy with other tasks all the time");
    Problem::new("unreachable", Cure::Retry, message)
}

/// No profile knows the device, or has what was asked for.
pub fn unknown(task: &Task) -> Problem {
    let target = &task.target;
    let message = format!(
        "{target}: no profile knows this device, or has what was asked for: write one, and use \
         `get` to look at registers"
    );
    Problem::new("device-refused", Cure::Operator, message)
}

/// Nothing of what was asked for is there.
pub fn nothing(task: &Task, missing: &[Missing]) -> Problem {
    let target = &task.target;
    let why = missing.first().map(|one| format!(": {one}"));
    let why = why.unwrap_or_default();
    let message = format!("{target} has nothing of what was asked for{why}");
    Problem::new("device-refused", Cure::Operator, message)
}

/// The device refused, or cannot be told so; nothing was changed.
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
