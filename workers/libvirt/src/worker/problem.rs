//! Errors as problems: what happened, to which target, and the remedy.

use std::error::Error as _;

use utakata_worker_sdk::{
    Task,
    model::{Cure, Problem},
};

use crate::{address::Place, call::Refusal, session::Error};

/// EAFNOSUPPORT: the kernel refuses a unix socket to a confined worker.
const NO_SUCH_FAMILY: i32 = 97;

/// Reports an error.
pub fn of(task: &Task, place: &Place, error: &Error) -> Problem {
    let (code, cure, advice) = match error {
        Error::Name(_) => (
            "bad-address",
            Cure::Operator,
            "correct the name in its address",
        ),
        Error::Connect(error) if error.raw_os_error() == Some(NO_SUCH_FAMILY) => (
            "unreachable",
            Cure::Operator,
            "this worker is confined and makes no unix sockets: put libvirt into \
             execution.confinement.unix_sockets of its environment, or use TCP",
        ),
        Error::Connect(_) => (
            "unreachable",
            Cure::Retry,
            "no libvirtd answers there: is its socket for TCP switched on?",
        ),
        Error::Silence | Error::Broken(_) => ("unreachable", Cure::Retry, "try again later"),
        Error::Authentication => (
            "bad-credential",
            Cure::Operator,
            "use its unix socket, or auth_tcp = \"none\" in a network of its own",
        ),
        Error::Polkit => (
            "bad-credential",
            Cure::Operator,
            "put the user of the worker into the group libvirt",
        ),
        Error::Garbage(_) => ("device-garbage", Cure::Operator, "check the port"),
        Error::Refused(refusal) if refusal.code == Refusal::NO_DOMAIN => (
            "device-refused",
            Cure::Operator,
            "a read lists those that it has",
        ),
        Error::Refused(_) => ("device-refused", Cure::Operator, "it cannot do it now"),
    };
    let cause = error.source().map(|cause| format!(": {cause}"));
    let cause = cause.unwrap_or_default();
    let target = &task.target;
    let message = format!("{target} at {place}: {error}{cause}: {advice}");
    Problem::new(code, cure, message)
}

/// Another conversation with the host took too long.
pub fn busy(task: &Task, place: &Place) -> Problem {
    let target = &task.target;
    let message = format!("{target}: {place} was busy with other tasks all the time");
    Problem::new("unreachable", Cure::Retry, message)
}

/// A request whose effect nobody can know.
pub fn doubtful(task: &Task, told: &str, what: &str) -> Problem {
    let target = &task.target;
    let message = format!("{target} was told {told}, and {what}: it may have done it");
    Problem::new("unreachable", Cure::Retry, message)
}
