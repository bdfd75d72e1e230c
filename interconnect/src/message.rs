//! The messages between processes, each next to its wire form.
//!
//! Every message is one JSON object whose first field is `"version":1`, or that of its kind. Fields
//! unknown to this build are ignored; unknown versions are refused. The bytes of each version are
//! kept as golden files, which are never edited.

pub mod alarm;
pub mod content;
mod lenient;
mod moments;
pub mod notification;
pub mod outcome;
mod permit;
mod reading;
pub mod status;
pub mod target;
mod task;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;

use self::moments::Moments;
use crate::clock::Clock;

/// The version of a kind of message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    One,
    Two,
}

impl Version {
    fn number(self) -> u64 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }

    /// Returns the first bytes of such a message.
    fn head(self) -> &'static [u8] {
        match self {
            Self::One => br#"{"version":1"#,
            Self::Two => br#"{"version":2"#,
        }
    }
}

/// A kind of message: its name in errors, and its version.
#[derive(Debug, Clone, Copy)]
struct Form {
    name: &'static str,
    version: Version,
}

impl Form {
    const fn of<M: Message>() -> Self {
        Self {
            name: M::NAME,
            version: M::VERSION,
        }
    }
}

/// A message and its wire form.
///
/// The clocks of hosts differ. Messages between hosts are therefore stamped: a deadline travels as
/// the time left and a time as its age, next to the sender's clock, and the receiver computes both
/// from the moment of arrival, by its own clock. A message without moments has one form only.
pub trait Message: Sized {
    /// The name used in errors.
    const NAME: &'static str;

    /// The version spoken by this build.
    const VERSION: Version = Version::One;

    /// The fields as they are written.
    type Fields<'m>: Serialize
    where
        Self: 'm;

    /// The fields as they are read, with the stamp and the moments, if there are any.
    type Received: DeserializeOwned;

    fn fields(&self) -> Self::Fields<'_>;

    /// Returns the moments of the message, as another host needs them.
    fn moments(&self, _clock: &Clock) -> Option<Moments> {
        None
    }

    /// Builds the message from the received fields: its moments by this clock, or as they stand.
    fn received(received: Self::Received, clock: Option<&Clock>) -> Self;

    /// Encodes the message unchanged, for a receiver that shares this clock.
    ///
    /// # Errors
    /// It contains something that JSON cannot express.
    fn encode(&self) -> Result<Vec<u8>, Error> {
        encode(Form::of::<Self>(), &self.fields())
    }

    /// Encodes the message for a host with another clock.
    ///
    /// # Errors
    /// As for [`Self::encode`].
    fn encode_stamped(&self, clock: &Clock) -> Result<Vec<u8>, Error> {
        match self.moments(clock) {
            Some(moments) => moments::stamped(Form::of::<Self>(), clock, moments, &self.fields()),
            None => self.encode(),
        }
    }

    /// Decodes the message as it was written, whatever the sender's clock.
    ///
    /// # Errors
    /// It has another version, or another form.
    fn decode(payload: &[u8]) -> Result<Self, Error> {
        decode(Form::of::<Self>(), payload).map(|received| Self::received(received, None))
    }

    /// Decodes the message with its moments by this clock, which learns from it how far the
    /// sender's clock is off.
    ///
    /// # Errors
    /// As for [`Self::decode`].
    fn decode_stamped(payload: &[u8], clock: &Clock) -> Result<Self, Error> {
        decode(Form::of::<Self>(), payload).map(|received| Self::received(received, Some(clock)))
    }
}

/// Implements [`Message`] for types that are their own fields and contain no moments.
macro_rules! plain {
    ($($message:ty: $name:literal;)*) => {$(
        impl $crate::message::Message for $message {
            const NAME: &'static str = $name;
            type Fields<'m> = &'m Self;
            type Received = Self;

            fn fields(&self) -> &Self {
                self
            }

            fn received(received: Self, _clock: Option<&$crate::clock::Clock>) -> Self {
                received
            }
        }
    )*};
}
use plain;

plain! {
    utakata_model::Desired: "desired state of a zone";
}

/// An error of reading or writing a message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// Its version is not spoken by this build.
    #[error(
        "the received {what} has version {came}, and this build speaks version {spoken}: \
         update {}",
        side(*.came, *.spoken)
    )]
    Version {
        what: &'static str,
        /// The version of this build.
        spoken: u64,
        /// The version of the message.
        came: u64,
    },
    /// It states no version, or is not a JSON object.
    #[error("the received {what} has no \"version\" and is not ours: {problem}")]
    NoVersion {
        what: &'static str,
        /// The error of serde.
        problem: String,
    },
    /// Its version is right, but its form is not.
    #[error("the received {what} cannot be read: {problem}")]
    Form {
        what: &'static str,
        /// The error of the parser, with line and column.
        problem: String,
    },
    /// The message could not be written.
    #[error("the {what} cannot be written as JSON: {problem}")]
    Write {
        what: &'static str,
        /// The error of serde.
        problem: String,
    },
}

fn side(came: u64, spoken: u64) -> &'static str {
    if came > spoken {
        "this side"
    } else {
        "the side that sent it"
    }
}

/// Writes a struct of at least one field, with the version in front of its fields.
fn encode<T: Serialize>(form: Form, message: &T) -> Result<Vec<u8>, Error> {
    let mut payload = Vec::with_capacity(512);
    payload.extend_from_slice(form.version.head());
    let head = payload.len();
    serde_json::to_writer(&mut payload, message).map_err(|error| Error::Write {
        what: form.name,
        problem: error.to_string(),
    })?;
    // The message's own `{` is replaced: the head has opened the object already.
    debug_assert_eq!(payload[head], b'{', "the {} is no struct", form.name);
    payload[head] = b',';
    Ok(payload)
}

fn decode<T: DeserializeOwned>(form: Form, payload: &[u8]) -> Result<T, Error> {
    check_version(form, payload)?;
    // Most messages have no unknown field: only the others take the slow path.
    serde_json::from_slice(payload)
        .or_else(|_| lenient::from_slice(payload))
        .map_err(|error| Error::Form {
            what: form.name,
            problem: error.to_string(),
        })
}

fn check_version(form: Form, payload: &[u8]) -> Result<(), Error> {
    /// The part common to all our messages.
    #[derive(Deserialize)]
    struct Head {
        version: u64,
    }
    if payload
        .strip_prefix(form.version.head())
        .is_some_and(|rest| rest.starts_with(b","))
    {
        return Ok(());
    }
    let what = form.name;
    match serde_json::from_slice::<Head>(payload) {
        Ok(Head { version }) if version == form.version.number() => Ok(()),
        Ok(Head { version }) => Err(Error::Version {
            what,
            spoken: form.version.number(),
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
