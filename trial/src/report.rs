//! The result of a trial.

use std::time::Duration;

use serde::Serialize;

/// The result of a trial of one seed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The name of the room.
    pub room: String,
    /// The seed of all chance: with the same seed, the same happens.
    pub seed: u64,
    /// The simulated hours.
    pub hours: f64,
    /// The events of the room with the policies.
    pub with: Outcome,
    /// The events of it without any, in the same story.
    pub without: Outcome,
    /// The decisions, and those in which a policy could not see enough.
    pub decisions: u64,
    /// The number of decisions in which something that was needed could not be seen.
    pub blind: u64,
    /// The changes that were asked for, and those that were handed back.
    pub acts: u64,
    /// The number of hand-backs.
    pub backs: u64,
    /// The changes that waited for an envelope, and those that one refused.
    pub held_back: u64,
    /// The number of changes that an envelope refused.
    pub refused: u64,
    /// The number of times that the engine was killed.
    pub kills: u64,
    /// The policies that stopped themselves, with the reason.
    pub stops: Vec<String>,
    /// The changes that a person has to look at: nobody knows whether they were done.
    pub for_a_person: Vec<String>,
    /// The acts that could not be asked for.
    pub impossible: Vec<String>,
    /// The promises that were broken.
    pub broken: Vec<Broken>,
    /// The first events, in order.
    pub story: Vec<Happened>,
}

/// The events of a room, as figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Outcome {
    /// The number of times that breakers tripped.
    pub trips: u32,
    /// The least and the greatest temperature at the inlet of a rack.
    pub inlet_min: f64,
    /// The greatest temperature at the inlet of a rack.
    pub inlet_max: f64,
    /// The hours for which servers were without power, added up.
    pub dark_hours: f64,
    /// The energy that cooling units took, in kilowatt-hours.
    pub cooling_kwh: f64,
}

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Broken {
    /// The simulated time, in seconds.
    pub at: f64,
    /// The promise that was broken.
    pub promise: Promise,
    /// The finding, for people.
    pub what: String,
}

/// A promise that is checked in every trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Promise {
    /// Nothing is done outside of an envelope.
    Envelope,
    /// Nothing is done twice.
    DoneTwice,
    /// All is handed back.
    HandedBack,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Happened {
    /// The simulated time, in seconds.
    pub at: f64,
    /// The event, for people.
    pub what: String,
}

impl Broken {
    pub(crate) fn new(at: Duration, promise: Promise, what: String) -> Self {
        Self {
            at: at.as_secs_f64(),
            promise,
            what,
        }
    }
}

impl Report {
    /// Returns true if no promise was broken and no breaker tripped more often than without
    /// policies.
    pub fn is_clean(&self) -> bool {
        self.broken.is_empty() && self.with.trips <= self.without.trips
    }
}
