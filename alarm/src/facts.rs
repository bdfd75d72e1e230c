//! The facts of one alarm, and who is told about them.
//!
//! Four facts, each changed by its own events: is it so, has somebody seen it, what holds it back,
//! and (in the state of its condition) when it was last heard. People are told when it is so and
//! nothing holds it back; they are told its end if, and only if, they were told of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::AlarmId;

use crate::condition::Change;

/// The facts of an alarm.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// True while it is so.
    pub active: bool,
    /// The person who acknowledged it, since it was last raised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
    /// Everything that holds it back.
    pub held: Held,
    /// True if people were told that it is so, and not yet that it is over.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub told: bool,
    /// True if people were ever told of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub was_told: bool,
}

/// Somebody's acknowledgement, or decision to shelve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// The person who has acknowledged it.
    pub by: String,
    /// The time at which it was acknowledged.
    pub at: Timestamp,
    /// The reason, in the person's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Everything that holds an alarm back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Held {
    /// A person, until a time: shelved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shelved: Option<(Seen, Timestamp)>,
    /// A lock of its target, until a time: maintenance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<Timestamp>,
    /// The alarm that explains it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<AlarmId>,
    /// The time until which a cause is looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspected: Option<Timestamp>,
}

/// The first thing that holds an alarm back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hold {
    /// Nothing does.
    None,
    /// A person has shelved it.
    Person,
    /// Its target is locked.
    Lock,
    /// Another alarm explains it, or may turn out to.
    Cause,
    /// Its rule is switched off.
    OutOfService,
}

/// Something that happens to an alarm.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Its condition has changed.
    Condition(Change),
    /// A person acknowledges it.
    Acknowledge(Seen),
    /// A person shelves it until a time.
    Shelve(Seen, Timestamp),
    /// A person unshelves it.
    Unshelve,
    /// Its target is locked until a time, or not.
    Lock(Option<Timestamp>),
    /// A cause was found, or is no more.
    Cause(Option<AlarmId>),
    /// A cause is looked for until a time; the one before is none any more.
    Suspect(Timestamp),
    /// Nothing that may be its cause turned out to be.
    Unsuspect,
    /// Time has passed.
    Nothing,
}

/// A message to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Notice {
    /// It is so; or it still is, after whatever held it back.
    Raised,
    /// It is over.
    Over,
}

impl Facts {
    /// Applies an event. Returns the message to people, if there is one.
    pub fn on(&mut self, event: Event, now: Timestamp) -> Option<Notice> {
        let was_held = self.held.by(now) != Hold::None || self.held.was_due(now);
        match event {
            Event::Condition(Change::Raised) => {
                self.active = true;
                // What comes back is to be looked at again.
                self.seen = None;
            }
            Event::Condition(Change::Over) => self.active = false,
            Event::Condition(Change::Flapping | Change::Steady) => {}
            Event::Acknowledge(seen) => self.seen = Some(seen),
            Event::Shelve(seen, until) => self.held.shelved = Some((seen, until)),
            Event::Unshelve => self.held.shelved = None,
            Event::Lock(until) => self.held.lock = until,
            Event::Cause(cause) => {
                self.held.cause = cause;
                self.held.suspected = None;
            }
            Event::Suspect(until) => {
                self.held.cause = None;
                self.held.suspected = Some(until);
            }
            Event::Unsuspect => self.held.suspected = None,
            Event::Nothing => {}
        }
        self.held.expire(now);
        self.tell(was_held, now)
    }

    fn tell(&mut self, was_held: bool, now: Timestamp) -> Option<Notice> {
        let is_held = self.held.by(now) != Hold::None;
        if !self.active {
            let is_owed = std::mem::take(&mut self.told);
            if !is_owed {
                return None;
            }
            return Some(Notice::Over);
        }
        // At the end of whatever held it back it is told anew: somebody counts on silence then.
        let is_due = !is_held && (!self.told || was_held);
        if !is_due {
            return None;
        }
        self.told = true;
        self.was_told = true;
        Some(Notice::Raised)
    }

    /// Returns the next moment at which time alone may change them.
    pub fn deadline(&self) -> Option<Timestamp> {
        let Held {
            shelved,
            lock,
            suspected,
            ..
        } = &self.held;
        let shelved = shelved.as_ref().map(|(_, until)| *until);
        [shelved, *lock, *suspected].into_iter().flatten().min()
    }

    /// Returns true if nobody has to know it any more. `needs_seen` is false where nobody has to
    /// acknowledge it.
    pub fn is_done(&self, needs_seen: bool, now: Timestamp) -> bool {
        let is_seen = self.seen.is_some() || !needs_seen || !self.was_told;
        !self.active && is_seen && self.held.by(now) != Hold::Person
    }
}

impl Held {
    /// Returns the first thing that holds it back.
    pub fn by(&self, now: Timestamp) -> Hold {
        let lasts = |until: &Timestamp| *until > now;
        if self.shelved.as_ref().is_some_and(|(_, until)| lasts(until)) {
            return Hold::Person;
        }
        if self.lock.as_ref().is_some_and(lasts) {
            return Hold::Lock;
        }
        if self.cause.is_some() || self.suspected.as_ref().is_some_and(lasts) {
            return Hold::Cause;
        }
        Hold::None
    }

    /// Returns true if something holds it back that has just ended.
    fn was_due(&self, now: Timestamp) -> bool {
        let is_over = |until: &Timestamp| *until <= now;
        let shelved = self.shelved.as_ref().map(|(_, until)| until);
        let ends = [shelved, self.lock.as_ref(), self.suspected.as_ref()];
        ends.into_iter().flatten().any(is_over)
    }

    fn expire(&mut self, now: Timestamp) {
        let lasts = |until: &Timestamp| *until > now;
        self.shelved = self.shelved.take().filter(|(_, until)| lasts(until));
        self.lock = self.lock.filter(lasts);
        self.suspected = self.suspected.filter(lasts);
    }
}
