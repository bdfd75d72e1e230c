//! Moments between hosts whose clocks differ.
//!
//! A message of an earlier build has neither a stamp nor moments, and is taken as it is.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{Error, Form, encode};
use crate::clock::{Clock, Sent, Transit};

/// Clocks that differ by less than this count as equal.
const AGREE: SignedDuration = SignedDuration::from_millis(500);

/// The moments of a message, in milliseconds, as they stand between its stamp and its fields.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Moments {
    /// The time left until each deadline.
    Left {
        /// The times left until the moments; negative if they have passed.
        left: Vec<i64>,
    },
    /// The age of a time.
    Age {
        /// The age by the sender's clock.
        age: u64,
    },
    /// The ages of several times.
    Ages {
        /// The ages by the sender's clock, in order.
        ages: Vec<u64>,
    },
}

impl Moments {
    /// Returns the age of a time.
    pub(super) fn age(time: Timestamp, clock: &Clock) -> Self {
        Self::Age {
            age: milliseconds(clock.age(time)),
        }
    }

    /// Returns the ages of several times.
    pub(super) fn ages(times: impl Iterator<Item = Timestamp>, clock: &Clock) -> Self {
        Self::Ages {
            ages: times.map(|time| milliseconds(clock.age(time))).collect(),
        }
    }
}

/// The fields between the version and the message's own fields.
#[derive(Serialize)]
struct Stamp {
    sent: Sent,
    #[serde(flatten)]
    moments: Moments,
}

/// Writes a message with its stamp and moments in front of its own fields.
pub(super) fn stamped<T: Serialize>(
    form: Form,
    clock: &Clock,
    moments: Moments,
    message: &T,
) -> Result<Vec<u8>, Error> {
    let sent = clock.stamp();
    let mut payload = encode(form, &Stamp { sent, moments })?;
    // The closing brace becomes the comma before the message's own fields.
    payload.pop();
    let rest = encode(form, message)?;
    payload.extend_from_slice(&rest[form.version.head().len()..]);
    Ok(payload)
}

/// Returns true if two clocks differ by so little that a moment is more exact than an estimate
/// based on the travel time of a message, which varies each time.
pub(super) fn agree(ahead: SignedDuration) -> bool {
    ahead.abs() < AGREE
}

/// Converts a reported time to our clock.
pub(super) fn anchored(
    time: Timestamp,
    sent: Option<&Sent>,
    age: u64,
    clock: &Clock,
) -> (Timestamp, Option<Transit>) {
    match sent {
        // Nothing can have been seen later than now.
        None => (time.min(clock.now()), None),
        Some(sent) => {
            let transit = clock.receive(sent);
            if agree(transit.ahead) {
                return (time, Some(transit));
            }
            let age = Duration::from_millis(age) + transit.waited;
            (clock.before(age), Some(transit))
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
