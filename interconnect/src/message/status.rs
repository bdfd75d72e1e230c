//! The status of an environment.

use serde::{Deserialize, Serialize};
use utakata_model::{EnvironmentId, EnvironmentState, EnvironmentStatus};

use super::{
    Error, Form, Message, decode,
    moments::{Moments, agree, anchored},
    plain,
};
use crate::clock::{Clock, Sent};

/// A status nested in a field of its own, because a status has a `version` too: that of the
/// program.
#[derive(Serialize)]
pub struct StatusFields<'s> {
    status: &'s EnvironmentStatus,
}

/// A status as it is read from the wire.
#[derive(Deserialize)]
pub struct ReceivedStatus {
    #[serde(default)]
    sent: Option<Sent>,
    #[serde(default)]
    age: u64,
    status: EnvironmentStatus,
}

/// An environment is gone for good. Brokers carry no such message: there, its retained status is
/// removed, which means the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forgotten {
    pub environment: EnvironmentId,
}

plain! {
    Forgotten: "message of a forgotten environment";
}

impl Message for EnvironmentStatus {
    const NAME: &'static str = "status of an environment";
    type Fields<'s> = StatusFields<'s>;
    type Received = ReceivedStatus;

    fn fields(&self) -> StatusFields<'_> {
        StatusFields { status: self }
    }

    fn moments(&self, clock: &Clock) -> Option<Moments> {
        Some(Moments::age(self.time, clock))
    }

    /// Converts its time to our clock, and records how far its own clock is off.
    fn received(received: ReceivedStatus, clock: Option<&Clock>) -> Self {
        let ReceivedStatus {
            sent,
            age,
            mut status,
        } = received;
        let Some(clock) = clock else {
            return status;
        };
        let (time, transit) = anchored(status.time, sent.as_ref(), age, clock);
        status.time = time;
        // A last will was written when its sender connected: its age says nothing about clocks.
        let is_will = status.state == EnvironmentState::Gone;
        if let Some(transit) = transit.filter(|transit| !(is_will || agree(transit.ahead))) {
            // A process of ours that forwards a message adds the difference that it has measured.
            let before = status.clock_ahead_ms.unwrap_or(0);
            let ahead = i64::try_from(transit.ahead.as_millis()).unwrap_or(i64::MAX);
            status.clock_ahead_ms = Some(before.saturating_add(ahead));
            status.shift(-transit.ahead);
        }
        status
    }
}

/// Decodes a status retained by a broker. It may have been sent at any time, and says nothing about
/// the sender's clock.
///
/// # Errors
/// As for [`Message::decode`].
pub fn decode_retained(payload: &[u8], clock: &Clock) -> Result<EnvironmentStatus, Error> {
    let ReceivedStatus {
        sent, mut status, ..
    } = decode(Form::of::<EnvironmentStatus>(), payload)?;
    let ahead = sent.and_then(|sent| clock.ahead(&sent));
    let ahead = ahead.filter(|ahead| !agree(*ahead)).unwrap_or_default();
    let time = status.time.checked_sub(ahead);
    status.time = time.unwrap_or(status.time).min(clock.now());
    status.shift(-ahead);
    Ok(status)
}
