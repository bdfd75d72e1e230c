//! What travels between processes: JSON with a version, and the names of the topics.
//!
//! Every message is one JSON object whose first field is `"version":1`. Fields that this build
//! does not know are ignored; versions that it does not know are refused. The bytes of each
//! version are kept as golden files, which are never edited.

mod lenient;
mod outcome;
pub mod timed;
pub mod topic;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;
use utakata_model::{
    Desired, EnvironmentId, EnvironmentStatus, Kind, Outcome, Readings, TargetName, Task, Zone,
};

pub use self::topic::Topic;
use crate::{
    OutcomeBatch,
    events::content::{FetchBatch, Got},
};
use utakata_permit::message::{PermitBatch, RecordedBatch, StartBatch};

/// The version of the messages that this build speaks.
pub const VERSION: u64 = 1;

/// What our own messages begin with.
const HEAD: &[u8] = br#"{"version":1"#;

/// Why a message was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// It is of a version that this build does not speak.
    #[error(
        "the {what} that came is of version {came}, and this build speaks version {VERSION}: \
         update {}",
        side(*.came)
    )]
    Version {
        /// What it was to be.
        what: &'static str,
        /// Its version.
        came: u64,
    },
    /// It does not say its version, or is no JSON object.
    #[error("the {what} that came has no \"version\" and is not ours: {problem}")]
    NoVersion {
        /// What it was to be.
        what: &'static str,
        /// What the parser says.
        problem: String,
    },
    /// Its version is right, and its form is not.
    #[error("the {what} that came cannot be read: {problem}")]
    Form {
        /// What it was to be.
        what: &'static str,
        /// What the parser says, with line and column.
        problem: String,
    },
    /// It could not be written.
    #[error("the {what} cannot be written as JSON: {problem}")]
    Write {
        /// What it was to be.
        what: &'static str,
        /// What the writer says.
        problem: String,
    },
}

fn side(came: u64) -> &'static str {
    if came > VERSION {
        "this side"
    } else {
        "the side that sent it"
    }
}

/// Tasks that travel together: the payload of an AMQP message.
#[derive(Deserialize)]
struct Tasks {
    tasks: Vec<Task>,
}

#[derive(Serialize)]
struct TasksRef<'t> {
    tasks: &'t [Task],
}

/// Within a field of its own, because a status has a `version` itself: that of the program.
#[derive(Deserialize)]
struct Status {
    status: EnvironmentStatus,
}

#[derive(Serialize)]
struct StatusRef<'s> {
    status: &'s EnvironmentStatus,
}

#[derive(Deserialize)]
struct Deleted {
    target: TargetName,
}

#[derive(Serialize)]
struct DeletedRef<'t> {
    target: &'t TargetName,
}

#[derive(Deserialize)]
struct Forgotten {
    environment: EnvironmentId,
}

#[derive(Serialize)]
struct ForgottenRef<'e> {
    environment: &'e EnvironmentId,
}

/// Tasks as the payload of one message. Credentials travel in the clear: the transport must
/// hide them.
pub fn encode_tasks(tasks: &[Task]) -> Result<Vec<u8>, Error> {
    encode("batch of tasks", &TasksRef { tasks })
}

/// Tasks from the payload of one message.
pub fn decode_tasks(payload: &[u8]) -> Result<Vec<Task>, Error> {
    decode::<Tasks>("batch of tasks", payload).map(|batch| batch.tasks)
}

/// What one attempt saw as the payload of one message.
pub fn encode_readings(readings: &Readings) -> Result<Vec<u8>, Error> {
    encode("message of readings", readings)
}

/// What one attempt saw from the payload of one message.
pub fn decode_readings(payload: &[u8]) -> Result<Readings, Error> {
    decode("message of readings", payload)
}

/// Outcomes as the payload of one message.
pub fn encode_outcomes(batch: &OutcomeBatch) -> Result<Vec<u8>, Error> {
    let outcomes: Vec<&Outcome> = batch.outcomes.iter().collect();
    let batch = outcome::BatchRef {
        zone: &batch.zone,
        kind: &batch.kind,
        from: batch.from.as_ref(),
        outcomes: &outcomes,
    };
    encode("batch of outcomes", &batch)
}

/// Outcomes that were published apart as the payload of one message, for whoever follows them.
pub fn encode_outcomes_of(
    zone: &Zone,
    kind: &Kind,
    outcomes: &[&Outcome],
) -> Result<Vec<u8>, Error> {
    let batch = outcome::BatchRef {
        zone,
        kind,
        from: None,
        outcomes,
    };
    encode("batch of outcomes", &batch)
}

/// Outcomes from the payload of one message.
pub fn decode_outcomes(payload: &[u8]) -> Result<OutcomeBatch, Error> {
    decode::<outcome::Batch>("batch of outcomes", payload).map(OutcomeBatch::from)
}

/// How an environment is, as the payload of one message.
pub fn encode_environment(status: &EnvironmentStatus) -> Result<Vec<u8>, Error> {
    encode("status of an environment", &StatusRef { status })
}

/// How an environment is, from the payload of one message.
pub fn decode_environment(payload: &[u8]) -> Result<EnvironmentStatus, Error> {
    decode::<Status>("status of an environment", payload).map(|message| message.status)
}

/// What is asked of the environments of a zone, as the payload of one message.
pub fn encode_desired(desired: &Desired) -> Result<Vec<u8>, Error> {
    encode("desired state of a zone", desired)
}

/// What is asked of the environments of a zone, from the payload of one message.
pub fn decode_desired(payload: &[u8]) -> Result<Desired, Error> {
    decode("desired state of a zone", payload)
}

/// That a target is no more, as the payload of one message.
pub fn encode_deleted(target: &TargetName) -> Result<Vec<u8>, Error> {
    encode("message of a deleted target", &DeletedRef { target })
}

/// That a target is no more, from the payload of one message.
pub fn decode_deleted(payload: &[u8]) -> Result<TargetName, Error> {
    decode::<Deleted>("message of a deleted target", payload).map(|message| message.target)
}

/// That an environment is gone for good, as the payload of one message. Over brokers its status
/// is taken away instead, which says the same.
pub fn encode_forgotten(environment: &EnvironmentId) -> Result<Vec<u8>, Error> {
    encode(
        "message of a forgotten environment",
        &ForgottenRef { environment },
    )
}

/// That an environment is gone for good, from the payload of one message.
pub fn decode_forgotten(payload: &[u8]) -> Result<EnvironmentId, Error> {
    let message = decode::<Forgotten>("message of a forgotten environment", payload);
    message.map(|message| message.environment)
}

/// Asks for permits as the payload of one message.
pub fn encode_start(batch: &StartBatch) -> Result<Vec<u8>, Error> {
    encode("ask for permits", batch)
}

/// Asks for permits from the payload of one message.
pub fn decode_start(payload: &[u8]) -> Result<StartBatch, Error> {
    decode("ask for permits", payload)
}

/// Permits as the payload of one message.
pub fn encode_permits(batch: &PermitBatch) -> Result<Vec<u8>, Error> {
    encode("batch of permits", batch)
}

/// Permits from the payload of one message.
pub fn decode_permits(payload: &[u8]) -> Result<PermitBatch, Error> {
    decode("batch of permits", payload)
}

/// That outcomes are written down, as the payload of one message.
pub fn encode_recorded(batch: &RecordedBatch) -> Result<Vec<u8>, Error> {
    encode("batch of records", batch)
}

/// That outcomes are written down, from the payload of one message.
pub fn decode_recorded(payload: &[u8]) -> Result<RecordedBatch, Error> {
    decode("batch of records", payload)
}

/// Asks for content as the payload of one message.
pub fn encode_fetch(batch: &FetchBatch) -> Result<Vec<u8>, Error> {
    encode("ask for content", batch)
}

/// Asks for content from the payload of one message.
pub fn decode_fetch(payload: &[u8]) -> Result<FetchBatch, Error> {
    decode("ask for content", payload)
}

/// Content as the payload of one message.
pub fn encode_content(got: &Got) -> Result<Vec<u8>, Error> {
    encode("content of a release", got)
}

/// Content from the payload of one message.
pub fn decode_content(payload: &[u8]) -> Result<Got, Error> {
    decode("content of a release", payload)
}

/// Writes a struct of at least one field, with the version before its fields.
fn encode<T: Serialize>(what: &'static str, message: &T) -> Result<Vec<u8>, Error> {
    let mut payload = Vec::with_capacity(512);
    payload.extend_from_slice(HEAD);
    serde_json::to_writer(&mut payload, message).map_err(|error| Error::Write {
        what,
        problem: error.to_string(),
    })?;
    // The message's own `{` continues the object that the head began.
    if let Some(brace) = payload.get_mut(HEAD.len()) {
        *brace = b',';
    }
    Ok(payload)
}

fn decode<T: DeserializeOwned>(what: &'static str, payload: &[u8]) -> Result<T, Error> {
    check_version(what, payload)?;
    // Most messages have no unknown field: only the others take the slow way.
    serde_json::from_slice(payload)
        .or_else(|_| lenient::from_slice(payload))
        .map_err(|error| Error::Form {
            what,
            problem: error.to_string(),
        })
}

fn check_version(what: &'static str, payload: &[u8]) -> Result<(), Error> {
    /// Of any message of ours, whatever else is in it.
    #[derive(Deserialize)]
    struct Head {
        version: u64,
    }
    if payload
        .strip_prefix(HEAD)
        .is_some_and(|rest| rest.starts_with(b","))
    {
        return Ok(());
    }
    match serde_json::from_slice::<Head>(payload) {
        Ok(Head { version: VERSION }) => Ok(()),
        Ok(Head { version }) => Err(Error::Version {
            what,
            came: version,
        }),
        Err(error) => Err(Error::NoVersion {
            what,
            problem: error.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests;
