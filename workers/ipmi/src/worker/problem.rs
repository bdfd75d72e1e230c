//! Errors as problems: what happened, to which target, and the remedy.

use std::error::Error as _;

use utakata_worker_sdk::{
    Task,
    address::Address,
    model::{Cure, Problem},
};

use crate::session::Error;

/// Reports an error before anything was sent that changes something, or a refusal of it.
pub fn of(task: &Task, address: &Address, error: &Error) -> Problem {
    let (code, cure, advice) = match error {
        Error::Name(_) => (
            "bad-address",
            Cure::Operator,
            "correct the name in its address",
        ),
        Error::Network(_) | Error::Silence => (
            "unreachable",
            Cure::Retry,
            "no BMC answers there; check that IPMI over LAN is switched on",
        ),
        Error::Suites(_) => (
            "device-refused",
            Cure::Operator,
            "switch one of them on in the BMC",
        ),
        Error::Refused(_) => (
            "bad-credential",
            Cure::Operator,
            "check user, password and rights; nobody logs in for 15 minutes, so that the account \
             is not locked",
        ),
        Error::Locked { .. } => (
            "bad-credential",
            Cure::Operator,
            "correct the credential: another one is tried at once",
        ),
        Error::Full => (
            "unreachable",
            Cure::Retry,
            "others have all of its sessions; they end by themselves after a minute",
        ),
        Error::Impostor => (
            "bad-credential",
            Cure::Operator,
            "check the key in the credential: it may not be that of the BMC",
        ),
        Error::Garbage(_) => ("device-garbage", Cure::Operator, "check the address"),
        Error::Code { code: 0xc0 } => ("unreachable", Cure::Retry, "try again later"),
        Error::Code { code: 0xd4 } => (
            "device-refused",
            Cure::Operator,
            "give the user more rights, or write privilege = administrator into the credential",
        ),
        Error::Code { .. } => ("device-refused", Cure::Operator, "the BMC cannot do it"),
        Error::Random => ("internal", Cure::Bug, "report it"),
    };
    let cause = error.source().map(|cause| format!(": {cause}"));
    let cause = cause.unwrap_or_default();
    let target = &task.target;
    let message = format!("{target} at {address}: {error}{cause}: {advice}");
    Problem::new(code, cure, message)
}

/// Another conversation with the BMC took too long.
pub fn busy(task: &Task, address: &Address) -> Problem {
    let target = &task.target;
    let message = format!("{target}: {address} was busy with other tasks all the time");
    Problem::new("unreachable", Cure::Retry, message)
}

/// A request whose effect nobody can know.
pub fn doubtful(task: &Task, told: &str, what: &str) -> Problem {
    let target = &task.target;
    let message = format!("{target} was told {told}, and {what}: it may have done it");
    Problem::new("unreachable", Cure::Retry, message)
}
