//! The messages between processes, each beside its form on the wire.
//!
//! Every message is one JSON object whose first field is `"version":1`. Fields that this build
//! does not know are ignored; versions that it does not know are refused. The bytes of each
//! version are kept as golden files, which are never edited.

pub mod content;
mod lenient;
mod moments;
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

/// The version of the messages that this build speaks.
pub const VERSION: u64 = 1;

/// The beginning of our own messages.
const HEAD: &[u8] = br#"{"version":1"#;

/// A message and its form on the wire.
///
/// Clocks of hosts differ. So what travels between them is stamped: a deadline goes as what is
/// left of it and a time as how long ago it was, beside what the clock of the sender shows, and
/// whoever gets it reckons both from its arrival, by its own clock. A message without moments has
/// one form only.
pub trait Message: Sized {
    /// The name that errors give it.
    const NAME: &'static str;

    /// Its fields as they are written.
    type Fields<'m>: Serialize
    where
        Self: 'm;

    /// Its fields as they are read, with the stamp and the moments, if it has any.
    type Received: DeserializeOwned;

    fn fields(&self) -> Self::Fields<'_>;

    /// Returns the moments in it as another host needs them.
    fn moments(&self, _clock: &Clock) -> Option<Moments> {
        None
    }

    /// Makes it from what came: its moments by this clock, or as they stand.
    fn received(received: Self::Received, clock: Option<&Clock>) -> Self;

    /// Writes it as it is, for whoever goes by the same clock.
    ///
    /// # Errors
    /// It has something that JSON has no form for.
    fn encode(&self) -> Result<Vec<u8>, Error> {
        encode(Self::NAME, &self.fields())
    }

    /// Writes it for a host with another clock.
    ///
    /// # Errors
    /// As of [`Self::encode`].
    fn encode_stamped(&self, clock: &Clock) -> Result<Vec<u8>, Error> {
        match self.moments(clock) {
            Some(moments) => moments::stamped(Self::NAME, clock, moments, &self.fields()),
            None => self.encode(),
        }
    }

    /// Reads it as it was written, whatever clock its sender has.
    ///
    /// # Errors
    /// It is of another version, or of another form.
    fn decode(payload: &[u8]) -> Result<Self, Error> {
        decode(Self::NAME, payload).map(|received| Self::received(received, None))
    }

    /// Reads it with its moments by this clock, which learns from it how the sender's differs.
    ///
    /// # Errors
    /// As of [`Self::decode`].
    fn decode_stamped(payload: &[u8], clock: &Clock) -> Result<Self, Error> {
        decode(Self::NAME, payload).map(|received| Self::received(received, Some(clock)))
    }
}

/// Messages whose fields are those of a type, and which have no moments.
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
    /// It is of a version that this build does not speak.
    #[error(
        "the {what} that came is of version {came}, and this build speaks version {VERSION}: \
         update {}",
        side(*.came)
    )]
    Version {
        what: &'static str,
        /// The version of the message.
        came: u64,
    },
    /// It does not say its version, or is no JSON object.
    #[error("the {what} that came has no \"version\" and is not ours: {problem}")]
    NoVersion {
        what: &'static str,
        /// The error of serde.
        problem: String,
    },
    /// Its version is right, and its form is not.
    #[error("the {what} that came cannot be read: {problem}")]
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

fn side(came: u64) -> &'static str {
    if came > VERSION {
        "this side"
    } else {
        "the side that sent it"
    }
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
    debug_assert_eq!(payload[HEAD.len()], b'{', "the {what} is no struct");
    payload[HEAD.len()] = b',';
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
