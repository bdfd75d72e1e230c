//! Errors as problems: what happened, to which target, and the remedy.

use std::error::Error as _;

use utakata_worker_sdk::{
    Task,
    address::Address,
    model::{Cure, Problem},
};

use crate::session::Error;

/// Reports an error before anything was begun that changes something.
pub fn of(task: &Task, address: &Address, error: &Error) -> Problem {
    let (code, cure, advice) = match error {
        Error::Name(_) => (
            "bad-address",
            Cure::Operator,
            "correct the name in its address",
        ),
        Error::Connect(_) => ("unreachable", Cure::Retry, "no SSH answers there"),
        Error::Handshake(_) => (
            "device-garbage",
            Cure::Operator,
            "check the port, and that it has a host key of the kind ed25519 or ecdsa",
        ),
        Error::OtherKey { .. } => (
            "another-certificate",
            Cure::Operator,
            "nothing of the user was sent; if it is right, write it into host_key of the credential",
        ),
        Error::UnknownKey { .. } => (
            "bad-credential",
            Cure::Operator,
            "nothing of the user was sent; if it is right, write it into host_key of the \
             credential, or trust = first-seen",
        ),
        Error::PrivateKey(_) => ("bad-credential", Cure::Operator, "correct the credential"),
        Error::Refused => (
            "bad-credential",
            Cure::Operator,
            "check the credential; nobody logs in for 15 minutes, so that the account is not locked",
        ),
        Error::Locked { .. } => (
            "bad-credential",
            Cure::Operator,
            "correct the credential: another one is tried at once",
        ),
        Error::NotRun => (
            "device-refused",
            Cure::Operator,
            "check the shell and the rights of the user",
        ),
        Error::Unsent | Error::Silence | Error::Broken => {
            ("unreachable", Cure::Retry, "try again later")
        }
        Error::Large => (
            "answer-too-large",
            Cure::Operator,
            "no command of a profile tells that much",
        ),
        Error::Signal(_) => (
            "device-refused",
            Cure::Operator,
            "look at the log of the host",
        ),
    };
    let cause = error.source().map(|cause| format!(": {cause}"));
    let cause = cause.unwrap_or_default();
    let target = &task.target;
    let message = format!("{target} at {address}: {error}{cause}: {advice}");
    Problem::new(code, cure, message)
}

/// Another conversation with the host took too long.
pub fn busy(task: &Task, address: &Address) -> Problem {
    let target = &task.target;
    let message = format!("{target}: {address} was busy with other tasks all the time");
    Problem::new("unreachable", Cure::Retry, message)
}

/// A command whose effect nobody can know.
pub fn doubtful(task: &Task, told: &str, what: &str) -> Problem {
    let target = &task.target;
    let message = format!("{target} was told {told}, and {what}: it may have done it");
    Problem::new("unreachable", Cure::Retry, message)
}
