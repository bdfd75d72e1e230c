//! Errors as problems: what happened, to which target, and the remedy.

use std::time::Duration;

use async_snmp::{Error as SnmpError, ErrorStatus, VarBind};
use tokio::time::Instant;
use utakata_worker_sdk::{
    Task,
    model::{Cure, Problem},
};

use super::{TaskContext, read::shown};
use crate::session::{
    Error, Missed, Odd, Why,
    diagnose::{Diagnosis, diagnose},
    pool, resolve,
};

/// The most time spent on diagnosing a silence.
const PATIENCE: Duration = Duration::from_secs(1);

/// Reports that no session could be made.
pub fn of_session(task: &Task, error: &pool::Error) -> Problem {
    let target = &task.target;
    let address = &task.address;
    let cause = std::error::Error::source(error)
        .map(ToString::to_string)
        .unwrap_or_default();
    match error {
        pool::Error::Address(resolve::Error::Name(source)) => Problem::new(
            "bad-address",
            Cure::Operator,
            format!("{target}: the name in its address {address} cannot be resolved: {source}"),
        ),
        pool::Error::Address(error) => Problem::new(
            "bad-address",
            Cure::Operator,
            format!("{target}: its address is {address}: {error}"),
        ),
        pool::Error::Keys { .. } => Problem::new(
            "bad-credential",
            Cure::Operator,
            format!("{target}: {error}"),
        ),
        pool::Error::Socket(_) => Problem::new(
            "unreachable",
            Cure::Operator,
            format!("{target}: no way to {address} from here: {cause}"),
        ),
    }
}

impl TaskContext<'_> {
    /// Converts an error to a problem, diagnosing a silent target.
    pub async fn problem(&self, error: &Error) -> Problem {
        let target = &self.task.target;
        let address = self.session.address;
        match error {
            Error::Silent { diagnosis } => self.silence(*diagnosis).await,
            Error::Late { after } => Problem::new(
                "unreachable",
                Cure::Retry,
                format!(
                    "{target} at {address} answers only after {:.1} s: give the action more time",
                    after.as_secs_f64()
                ),
            ),
            Error::Odd { odd } => Problem::new(
                match odd {
                    Odd::Version(_) | Odd::Unproven => "bad-credential",
                    _ => "device-garbage",
                },
                Cure::Operator,
                format!("{target} at {address} {odd}"),
            ),
            Error::Refused { status, oid, .. } => {
                let object = oid
                    .as_ref()
                    .map(|oid| format!(" about {oid}"))
                    .unwrap_or_default();
                refused(&format!("{target} answered {status}{object}"), *status)
            }
            Error::Credential { source } => Problem::new(
                "bad-credential",
                Cure::Operator,
                format!("{target} at {address} does not accept the credential: {source}"),
            ),
            Error::Garbage { problem } => Problem::new(
                "device-garbage",
                Cure::Operator,
                format!("{target} at {address} does not keep to SNMP: {problem}"),
            ),
            Error::Other { said } => Problem::new(
                "device-garbage",
                Cure::Operator,
                format!("{target} at {address} answered {}", other(said.as_deref())),
            ),
            Error::Send { source } => Problem::new(
                "unreachable",
                Cure::Retry,
                format!("{target}: cannot send to {address}: {source}"),
            ),
            Error::Client { source } => Problem::new(
                "unreachable",
                Cure::Retry,
                format!("{target}: cannot ask {address}: {}", unasked(source)),
            ),
        }
    }

    /// Nothing of the request arrived.
    pub fn missed(&self, missed: &Missed) -> Problem {
        let target = &self.task.target;
        match &missed.why {
            Why::Refused(status) => {
                let what = format!("{target} answered {status} about {}", missed.name());
                refused(&what, *status)
            }
            Why::NoAnswer | Why::NoTime => {
                Problem::new("unreachable", Cure::Retry, format!("{target}: {missed}"))
            }
            Why::Undecodable(_) | Why::BrokenOff(_) => Problem::new(
                "device-garbage",
                Cure::Operator,
                format!("{target}: {missed}"),
            ),
        }
    }

    async fn silence(&self, diagnosis: Option<Diagnosis>) -> Problem {
        let target = &self.task.target;
        let address = self.session.address;
        // The margin kept back from the task covers this, too.
        let left = self.deadline.saturating_duration_since(Instant::now());
        let patience = left.max(super::MARGIN / 2).min(PATIENCE);
        let unreachable = |why: &str| {
            Problem::new(
                "unreachable",
                Cure::Retry,
                format!("{target} at {address} {why}"),
            )
        };
        let diagnosis = match diagnosis {
            Some(diagnosis) => diagnosis,
            None => diagnose(address, patience).await,
        };
        match diagnosis {
            Diagnosis::NobodyListens => unreachable(
                "refuses: no SNMP agent listens on this port; switch SNMP on, or correct the port",
            ),
            Diagnosis::NoRoute => unreachable("cannot be reached: there is no route to it"),
            Diagnosis::AgentIsThere if self.session.has_answered() => {
                unreachable("has an SNMP agent, but did not answer in time")
            }
            Diagnosis::AgentIsThere => Problem::new(
                "bad-credential",
                Cure::Operator,
                format!(
                    "{target} at {address} has an SNMP agent, but does not answer to this \
                     credential: check version, community or user, and from where it may be read"
                ),
            ),
            Diagnosis::NoSnmp => Problem::new(
                "device-garbage",
                Cure::Operator,
                format!(
                    "{target} at {address} answers with something that is not SNMP: check the port"
                ),
            ),
            Diagnosis::Silence if self.session.has_answered() => {
                unreachable("does not answer any more")
            }
            Diagnosis::Silence => unreachable(
                "does not answer: unreachable or wrong credentials (SNMP does not tell apart)",
            ),
        }
    }
}

/// A requested change whose answer, or lack of one, proves nothing.
pub fn doubtful(target: &str, told: &str, error: &Error, sent: u32) -> Problem {
    let may = "it may have done it";
    let (code, cure, what) = match error {
        Error::Silent { .. } => (
            "unreachable",
            Cure::Retry,
            format!("and did not answer: {may}"),
        ),
        Error::Late { after } => (
            "unreachable",
            Cure::Retry,
            format!(
                "and answered after {:.1} s only: {may}",
                after.as_secs_f64()
            ),
        ),
        Error::Odd { odd } => (
            "device-garbage",
            Cure::Operator,
            format!("and {odd}: {may}"),
        ),
        Error::Refused { status, .. } if sent > 1 => (
            "device-refused",
            Cure::Operator,
            format!("{sent} times, and answered {status} to one of them: {may} before"),
        ),
        Error::Refused { status, .. } => (
            "device-refused",
            Cure::Operator,
            format!("and answered {status}, which does not say that nothing was done: {may}"),
        ),
        Error::Other { said } => (
            "device-garbage",
            Cure::Operator,
            format!(
                "and answered {} without an error: {may}, or not",
                other(said.as_deref())
            ),
        ),
        Error::Credential { .. }
        | Error::Garbage { .. }
        | Error::Send { .. }
        | Error::Client { .. } => (
            "device-garbage",
            Cure::Operator,
            format!("and {error}: {may}"),
        ),
    };
    Problem::new(code, cure, format!("{target} was told {told}, {what}"))
}

/// Returns the reason why nothing was sent; the library repeats the address.
fn unasked(error: &SnmpError) -> String {
    match error {
        SnmpError::Exchange { source, .. } => unasked(source),
        SnmpError::Network { source, .. } => source.to_string(),
        other => other.to_string(),
    }
}

fn other(said: Option<&VarBind>) -> String {
    said.map_or_else(
        || "several things, or none,".into(),
        |said| format!("{} = {}", said.oid, shown(&said.value)),
    )
}

/// The device refused; `what` names the object.
pub fn refused(what: &str, status: ErrorStatus) -> Problem {
    use ErrorStatus as S;
    let advice = match status {
        S::NotWritable | S::ReadOnly => "the object cannot be written on this device",
        S::NoAccess | S::AuthorizationError => {
            "the credential has no right to it: give it write access, or set community_write"
        }
        S::WrongType | S::WrongLength | S::WrongEncoding => {
            "the device wants another type: the profile does not fit this model"
        }
        S::WrongValue | S::BadValue | S::InconsistentValue => "the device does not take this value",
        S::NoSuchName | S::NoCreation | S::InconsistentName => "the device has no such object",
        S::ResourceUnavailable | S::CommitFailed | S::UndoFailed => "try again later",
        _ => "the device gives no reason",
    };
    let cure = match status {
        S::ResourceUnavailable | S::CommitFailed => Cure::Retry,
        _ => Cure::Operator,
    };
    Problem::new("device-refused", cure, format!("{what}: {advice}"))
}
