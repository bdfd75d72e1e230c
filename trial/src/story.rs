//! The events that befall a room, besides the acts of policies: drawn from a seed, so that it can be had again.

use std::time::Duration;

use utakata_room::{
    Condition, Input, Room,
    chance::{draw, unit},
};

/// The mean time between failures of cooling units, in that between failures of utilities.
const UNITS: f64 = 1.5;
/// The least and the greatest time that they last.
const UTILITY_LASTS: (f64, f64) = (120.0, 2700.0);
const UNIT_LASTS: (f64, f64) = (1800.0, 10_800.0);
/// The time after which a person closes a breaker that has tripped.
const CLOSED_AFTER: Duration = Duration::from_secs(1800);

/// Something that goes wrong for a time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub from: Duration,
    pub to: Duration,
    pub what: What,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum What {
    /// A utility feed fails.
    Utility(usize),
    /// A cooling unit is in a condition.
    Unit(usize, Condition),
}

/// The story of a trial, and how far it has gone.
#[derive(Debug, Default)]
pub(crate) struct Story {
    events: Vec<(Event, State)>,
    /// The breakers that are open, by their order in the room, and since when.
    open: Vec<(usize, Duration)>,
    /// The event, for people.
    pub told: Vec<(Duration, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Ahead,
    Now,
    Over,
}

impl Story {
    /// Draws what goes wrong within a time.
    pub fn draw(room: &Room, seed: u64, trouble: Duration, lasts: Duration) -> Self {
        let mut events = Vec::new();
        let between = trouble.as_secs_f64();
        if !room.utilities.is_empty() {
            let utilities = room.utilities.len();
            let pick = |bits: u64| What::Utility(index(bits, utilities));
            timeline(
                seed,
                "utility",
                between,
                UTILITY_LASTS,
                lasts,
                pick,
                &mut events,
            );
        }
        if !room.cooling.is_empty() {
            let units = room.cooling.len();
            let conditions = [
                Condition::CompressorFailed,
                Condition::HiddenFailure,
                Condition::SignWrong,
            ];
            let pick = |bits: u64| {
                let condition = conditions[index(bits >> 32, conditions.len())];
                What::Unit(index(bits, units), condition)
            };
            timeline(
                seed,
                "unit",
                between * UNITS,
                UNIT_LASTS,
                lasts,
                pick,
                &mut events,
            );
        }
        events.sort_by_key(|event| event.from);
        Self {
            events: events
                .into_iter()
                .map(|event| (event, State::Ahead))
                .collect(),
            open: Vec::new(),
            told: Vec::new(),
        }
    }

    /// Has what is due happen.
    pub fn advance(&mut self, room: &mut Room, now: Duration) {
        for (event, state) in &mut self.events {
            match state {
                State::Ahead if event.from <= now => {
                    *state = State::Now;
                    self.told.push((now, begin(room, event.what)));
                }
                State::Now if event.to <= now => {
                    *state = State::Over;
                    self.told.push((now, end(room, event.what)));
                }
                _ => {}
            }
        }
        self.close_breakers(room, now);
    }

    /// Returns true if nothing is wrong.
    pub fn is_calm(&self) -> bool {
        self.open.is_empty() && self.events.iter().all(|(_, state)| *state != State::Now)
    }

    /// Has everything that is wrong end, and nothing more begin.
    pub fn end(&mut self, room: &mut Room, now: Duration) {
        for (event, state) in &mut self.events {
            if *state == State::Now {
                self.told.push((now, end(room, event.what)));
            }
            *state = State::Over;
        }
    }

    fn close_breakers(&mut self, room: &mut Room, now: Duration) {
        let (pdus, upses) = (room.pdus.len(), room.upses.len());
        for at in 0..pdus + upses {
            let breaker = match at.checked_sub(pdus) {
                None => room.pdus[at].breaker.as_ref(),
                Some(ups) => room.upses[ups].breaker.as_ref(),
            };
            let is_open = breaker.is_some_and(utakata_room::Breaker::is_open);
            let known = self.open.iter().position(|(one, _)| *one == at);
            match (is_open, known) {
                (true, None) => {
                    self.open.push((at, now));
                    self.told
                        .push((now, format!("the breaker of {} trips", name(room, at))));
                }
                (true, Some(known)) if now >= self.open[known].1 + CLOSED_AFTER => {
                    self.told.push((
                        now,
                        format!("somebody closes the breaker of {}", name(room, at)),
                    ));
                    let breaker = match at.checked_sub(pdus) {
                        None => room.pdus[at].breaker.as_mut(),
                        Some(ups) => room.upses[ups].breaker.as_mut(),
                    };
                    if let Some(breaker) = breaker {
                        breaker.close();
                    }
                    self.open.remove(known);
                }
                (false, Some(known)) => drop(self.open.remove(known)),
                (true, Some(_)) | (false, None) => {}
            }
        }
    }
}

fn name(room: &Room, at: usize) -> &str {
    match at.checked_sub(room.pdus.len()) {
        None => &room.pdus[at].name,
        Some(ups) => &room.upses[ups].name,
    }
}

/// Draws events that follow each other: never two at a time.
fn timeline(
    seed: u64,
    of: &str,
    between: f64,
    (shortest, longest): (f64, f64),
    lasts: Duration,
    pick: impl Fn(u64) -> What,
    events: &mut Vec<Event>,
) {
    let (mut at, mut turn) = (0.0, 0);
    loop {
        let draw = |number: u64| draw(seed, of, turn * 3 + number);
        at += -between * (1.0 - unit(draw(0))).ln();
        let ends = at + shortest + (longest - shortest) * unit(draw(1));
        if at > lasts.as_secs_f64() {
            return;
        }
        events.push(Event {
            from: Duration::from_secs_f64(at),
            to: Duration::from_secs_f64(ends),
            what: pick(draw(2)),
        });
        at = ends;
        turn += 1;
    }
}

fn index(bits: u64, count: usize) -> usize {
    let count = u64::try_from(count).unwrap_or(u64::MAX).max(1);
    usize::try_from(bits % count).unwrap_or(0)
}

fn begin(room: &mut Room, what: What) -> String {
    match what {
        What::Utility(utility) => {
            room.set_utility(utility, Input::Lost);
            format!("{} fails", room.utilities[utility].name)
        }
        What::Unit(unit, condition) => {
            let told = format!("{}: {condition}", room.cooling[unit].name);
            match room.set_cooling(unit, condition) {
                Ok(()) => told,
                Err(why) => format!("{told} cannot be: {why}"),
            }
        }
    }
}

fn end(room: &mut Room, what: What) -> String {
    match what {
        What::Utility(utility) => {
            room.set_utility(utility, Input::Present);
            format!("{} is back", room.utilities[utility].name)
        }
        What::Unit(unit, _) => {
            room.cooling[unit].conditions.clear();
            format!("{} is mended", room.cooling[unit].name)
        }
    }
}
