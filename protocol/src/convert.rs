//! Conversions between messages and the types of the model.

use std::{sync::Arc, time::Duration};

use utakata_model::{self as model, reading::shared};

use crate::v1;

/// A message with impossible content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// An identifier that is not 16 bytes long.
    #[error("a task id has {length} bytes instead of 16")]
    Id {
        /// The length of the identifier, in bytes.
        length: usize,
    },
    /// A text that is not a valid name.
    #[error("a name in the message is not valid")]
    Name(#[source] model::NameError),
    /// A status that this version does not know.
    #[error("an outcome has the unknown status {status}")]
    Status {
        /// The number of the status.
        status: i32,
    },
    /// A reading without a value, or with a number that is not finite.
    #[error("a reading of {metric} has no value, or a number that is not finite")]
    Reading {
        /// The metric of the reading.
        metric: String,
    },
}

/// Reads the 16 bytes of a task's identifier.
fn id(bytes: &[u8]) -> Result<model::TaskId, Malformed> {
    let bytes = bytes.try_into().map_err(|_| Malformed::Id {
        length: bytes.len(),
    })?;
    Ok(model::TaskId::from_bytes(bytes))
}

fn key(bytes: &[u8], attempt: u32) -> Result<model::TaskKey, Malformed> {
    Ok(model::TaskKey {
        task: id(bytes)?,
        attempt,
    })
}

impl From<&model::Task> for v1::Task {
    fn from(task: &model::Task) -> Self {
        let credential = task
            .credential
            .iter()
            .filter_map(|credential| credential.values.as_ref())
            .flat_map(|credential| &credential.values);
        Self {
            id: task.id.as_bytes().to_vec(),
            attempt: task.attempt,
            target: task.target.name.as_str().into(),
            kind: task.target.kind.as_str().into(),
            address: task.target.address.clone(),
            credential: credential
                .map(|(key, secret)| (key.clone(), secret.reveal().to_owned()))
                .collect(),
            action: task.action.as_str().into(),
            parameters: std::mem::take(&mut *task.parameters.reveal()),
            timeout_milliseconds: milliseconds(task.timeout),
            control: task.class == model::Class::Control,
        }
    }
}

/// Converts a duration to whole milliseconds, up to the largest number.
fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl v1::Task {
    /// Returns the fencing token.
    pub fn key(&self) -> Result<model::TaskKey, Malformed> {
        key(&self.id, self.attempt)
    }
}

impl v1::TaskKey {
    /// Returns the fencing token.
    pub fn key(&self) -> Result<model::TaskKey, Malformed> {
        key(&self.id, self.attempt)
    }
}

impl v1::ReadyAttempt {
    /// Returns the fencing token of the attempt that is ready.
    pub fn key(&self) -> Result<model::TaskKey, Malformed> {
        key(&self.id, self.attempt)
    }
}

impl v1::GoAttempt {
    /// Returns the fencing token of the attempt that may begin.
    pub fn key(&self) -> Result<model::TaskKey, Malformed> {
        key(&self.id, self.attempt)
    }
}

impl From<model::TaskKey> for v1::TaskKey {
    fn from(key: model::TaskKey) -> Self {
        Self {
            id: key.task.as_bytes().to_vec(),
            attempt: key.attempt,
        }
    }
}

impl v1::AttemptOutcome {
    /// Returns the fencing token.
    pub fn key(&self) -> Result<model::TaskKey, Malformed> {
        key(&self.id, self.attempt)
    }
}

impl v1::Progress {
    /// Returns the fencing token.
    pub fn key(&self) -> Result<model::TaskKey, Malformed> {
        key(&self.id, self.attempt)
    }
}

/// Converts the status of an outcome. Errors: a number that this version does not know.
pub fn outcome_status(status: i32) -> Result<model::OutcomeStatus, Malformed> {
    match v1::Status::try_from(status) {
        Ok(v1::Status::Succeeded) => Ok(model::OutcomeStatus::Succeeded),
        Ok(v1::Status::Failed) => Ok(model::OutcomeStatus::Failed),
        Ok(v1::Status::Unknown) => Ok(model::OutcomeStatus::Unknown),
        Ok(v1::Status::Expired) => Ok(model::OutcomeStatus::Expired),
        Ok(v1::Status::Cancelled) => Ok(model::OutcomeStatus::Cancelled),
        Ok(v1::Status::Unspecified) | Err(_) => Err(Malformed::Status { status }),
    }
}

impl From<model::OutcomeStatus> for v1::Status {
    fn from(status: model::OutcomeStatus) -> Self {
        match status {
            model::OutcomeStatus::Succeeded => Self::Succeeded,
            model::OutcomeStatus::Failed => Self::Failed,
            model::OutcomeStatus::Unknown => Self::Unknown,
            model::OutcomeStatus::Expired => Self::Expired,
            model::OutcomeStatus::Cancelled => Self::Cancelled,
        }
    }
}

impl From<model::Problem> for v1::Problem {
    fn from(problem: model::Problem) -> Self {
        let cure = match problem.cure {
            model::Cure::Retry => v1::Cure::Retry,
            model::Cure::Operator => v1::Cure::Operator,
            model::Cure::Bug => v1::Cure::Bug,
        };
        Self {
            code: problem.code.as_ref().into(),
            message: problem.message.as_ref().into(),
            cure: cure.into(),
        }
    }
}

impl From<v1::Problem> for model::Problem {
    fn from(problem: v1::Problem) -> Self {
        let cure = match problem.cure() {
            v1::Cure::Retry => model::Cure::Retry,
            v1::Cure::Operator => model::Cure::Operator,
            v1::Cure::Bug | v1::Cure::Unspecified => model::Cure::Bug,
        };
        Self {
            code: problem.code.into(),
            message: problem.message.into(),
            cure,
        }
    }
}

/// Returns the text; an absent one is empty on the wire.
fn text(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

fn some(text: String) -> Option<Arc<str>> {
    (!text.is_empty()).then(|| text.into())
}

impl From<model::Missing> for v1::Missing {
    fn from(missing: model::Missing) -> Self {
        Self {
            object: text(missing.object.as_deref()),
            row: text(missing.row.as_deref()),
            reason: missing.reason.as_ref().into(),
            message: missing.message.as_ref().into(),
            count: missing.count.unwrap_or(0),
        }
    }
}

impl From<v1::Missing> for model::Missing {
    fn from(missing: v1::Missing) -> Self {
        Self {
            object: some(missing.object),
            row: some(missing.row),
            reason: missing.reason.into(),
            message: missing.message.into(),
            count: (missing.count > 0).then_some(missing.count),
        }
    }
}

impl From<model::Recognition> for v1::Recognition {
    fn from(recognition: model::Recognition) -> Self {
        let profiles = recognition.profiles.iter();
        Self {
            is_understood: recognition.is_understood,
            profiles: profiles.map(|profile| profile.as_ref().into()).collect(),
            identity: text(recognition.identity.as_deref()),
            description: text(recognition.description.as_deref()),
        }
    }
}

impl From<v1::Recognition> for model::Recognition {
    fn from(recognition: v1::Recognition) -> Self {
        Self {
            is_understood: recognition.is_understood,
            profiles: recognition.profiles.into_iter().map(Into::into).collect(),
            identity: some(recognition.identity),
            description: some(recognition.description),
        }
    }
}

/// Converts a reading to a message. A worker never reports `stale`; it is sent as doubtful.
pub fn reading_to_wire(reading: &model::Reading) -> v1::Reading {
    v1::Reading {
        metric: reading.metric.to_string(),
        attributes: reading
            .attributes
            .iter()
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect(),
        value: Some(match &reading.value {
            model::ReadingValue::Number(number) => v1::reading::Value::Number(*number),
            model::ReadingValue::Text(words) => v1::reading::Value::Text(words.as_ref().to_owned()),
        }),
        unit: reading.unit.as_ref().to_owned(),
        suspect: reading.quality != model::Quality::Good,
    }
}

/// Converts a message to a reading. Errors: no value, a number that is not finite, a metric that is
/// no name.
pub fn reading_from_wire(reading: v1::Reading) -> Result<model::Reading, Malformed> {
    let value = match reading.value {
        Some(v1::reading::Value::Number(number)) if number.is_finite() => {
            model::ReadingValue::Number(number)
        }
        Some(v1::reading::Value::Text(text)) => model::ReadingValue::Text(shared::text(&text)),
        _ => {
            return Err(Malformed::Reading {
                metric: reading.metric,
            });
        }
    };
    let quality = if reading.suspect {
        model::Quality::Suspect
    } else {
        model::Quality::Good
    };
    let of = model::Measurand {
        metric: shared::metric(&reading.metric).map_err(Malformed::Name)?,
        attributes: shared::attributes(reading.attributes.iter().map(|(k, v)| (&**k, &**v))),
        unit: shared::text(&reading.unit),
    };
    Ok(model::Reading {
        of: shared::measurand(of),
        value,
        quality,
    })
}
