//! The readings of one attempt.

use jiff::Timestamp;
use serde::Deserialize;
use utakata_model::{ActionName, Reading, Readings, TargetName, TaskKey};

use super::{
    Message,
    moments::{Moments, anchored},
};
use crate::clock::{Clock, Sent};

#[derive(Deserialize)]
pub struct ReceivedReadings {
    #[serde(default)]
    sent: Option<Sent>,
    #[serde(default)]
    age: u64,
    target: TargetName,
    action: ActionName,
    seen_by: TaskKey,
    time: Timestamp,
    readings: Vec<Reading>,
}

impl Message for Readings {
    const NAME: &'static str = "message of readings";
    type Fields<'r> = &'r Self;
    type Received = ReceivedReadings;

    fn fields(&self) -> &Self {
        self
    }

    fn moments(&self, clock: &Clock) -> Option<Moments> {
        Some(Moments::age(self.time, clock))
    }

    fn received(received: ReceivedReadings, clock: Option<&Clock>) -> Self {
        let ReceivedReadings {
            sent,
            age,
            target,
            action,
            seen_by,
            time,
            readings,
        } = received;
        let time = match clock {
            Some(clock) => anchored(time, sent.as_ref(), age, clock).0,
            None => time,
        };
        Self {
            target,
            action,
            seen_by,
            time,
            readings,
        }
    }
}
