//! Scalars read along with a walk.
//!
//! The instance of a scalar is the next one after its object, so a GETBULK returns it as well as a
//! GET does, and saves a message. Scalars that are not returned like this are read by GET: they are
//! not the instance of a scalar, missing, or hidden from GETNEXT by some devices. A missing one is
//! not requested again for a while, but shows up as soon as a GETBULK returns it.

use std::time::Instant as Clock;

use async_snmp::{Oid, Value, Version};
use tokio::time::Instant;

use super::{
    ABSENT, Error, Missed, Part, Session, Why,
    message::{Binding, Names},
};

/// The scalars to read, and the results.
#[derive(Debug)]
pub struct Singles<'a> {
    oids: &'a [Oid],
    /// The values, by position; `None` if there is none.
    pub values: Vec<Option<Value>>,
    /// Bindings without a value, and the reasons.
    pub missed: Vec<Missed>,
    states: Vec<State>,
    /// The OIDs of those to read along, as BER.
    bytes: Vec<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// To be tried with the others.
    Untried,
    /// It did not arrive with the others.
    Missed,
    /// To be fetched alone.
    Apart,
    /// Nothing left to do.
    Done,
}

/// The memory of a scalar that cannot be read along.
#[derive(Debug, Clone, Copy)]
pub enum Habit {
    /// It can only be fetched alone.
    Hidden,
    /// It was missing, and is not requested again until then.
    Absent(Clock),
}

impl<'a> Singles<'a> {
    /// Creates the set of values of these instances.
    pub fn of(oids: &'a [Oid]) -> Self {
        Self {
            oids,
            values: vec![None; oids.len()],
            missed: Vec::new(),
            states: vec![State::Apart; oids.len()],
            bytes: vec![Vec::new(); oids.len()],
        }
    }

    /// Those that the next GETBULK reads along, by position.
    pub fn untried(&self) -> Vec<usize> {
        self.in_state(State::Untried)
    }

    fn in_state(&self, wanted: State) -> Vec<usize> {
        let states = self.states.iter().enumerate();
        let found = states.filter(|(_, state)| **state == wanted);
        found.map(|(at, _)| at).collect()
    }

    /// Writes the objects of the untried scalars.
    pub fn put_names(&self, names: &mut Names) {
        let untried = self.bytes.iter().zip(&self.states);
        for (oid, _) in untried.filter(|(_, state)| **state == State::Untried) {
            // The object is the instance without its final zero.
            names.push(oid.split_last().map_or(&[], |(_, object)| object));
        }
    }

    /// Stores what arrived for the scalars `taken`.
    pub fn take<'b>(&mut self, taken: &[usize], came: impl Iterator<Item = Binding<'b>>) {
        self.set(taken, State::Missed);
        for (at, came) in taken.iter().zip(came) {
            let is_it = self.bytes.get(*at).is_some_and(|oid| came.oid() == oid);
            // A missing one may be available by GET.
            if !is_it || came.absence().is_some() {
                continue;
            }
            match came.value() {
                Ok(value) => {
                    if let Some(slot) = self.values.get_mut(*at) {
                        *slot = Some(value);
                    }
                }
                Err(flaw) => self.miss(*at, Why::Undecodable(flaw)),
            }
            self.set(&[*at], State::Done);
        }
    }

    /// Fetches these alone from now on.
    pub fn give_up(&mut self, these: &[usize]) {
        self.set(these, State::Apart);
    }

    fn miss(&mut self, at: usize, why: Why) {
        self.missed.extend(self.oids.get(at).map(|oid| Missed {
            oid: oid.clone(),
            part: Part::Value,
            why,
        }));
    }

    fn set(&mut self, these: &[usize], to: State) {
        for at in these {
            if let Some(state) = self.states.get_mut(*at) {
                *state = to;
            }
        }
    }
}

impl Session {
    /// Decides which scalars are read along with a walk: instances of scalars that the device is
    /// not known to hide.
    pub fn plan_singles(&self, singles: &mut Singles<'_>) {
        if self.version != Version::V2c {
            return;
        }
        let memory = self.memory.lock();
        if memory.singles_apart {
            return;
        }
        for (at, oid) in singles.oids.iter().enumerate() {
            let is_scalar = oid.len() > 3 && oid.arcs().last() == Some(&0);
            let is_hidden = matches!(memory.habits.get(oid), Some(Habit::Hidden));
            if !is_scalar || is_hidden {
                continue;
            }
            if let (Ok(bytes), Some(slot)) = (oid.to_ber(), singles.bytes.get_mut(at)) {
                *slot = bytes;
                singles.set(&[at], State::Untried);
            }
        }
    }

    /// Gets those that were not read along.
    pub async fn get_rest(
        &self,
        deadline: Instant,
        singles: &mut Singles<'_>,
    ) -> Result<(), Error> {
        let mut wanted = self.not_absent(singles, State::Apart);
        wanted.extend(singles.untried());
        wanted.extend(self.not_absent(singles, State::Missed));
        if wanted.is_empty() {
            return Ok(());
        }
        let oids: Vec<Oid> = wanted
            .iter()
            .filter_map(|at| singles.oids.get(*at).cloned())
            .collect();
        let got = match self.get(deadline, &oids).await {
            Ok(got) => got,
            Err(error) => {
                wanted
                    .iter()
                    .for_each(|at| singles.miss(*at, Why::NoAnswer));
                return Err(error);
            }
        };
        let is_missed = |oid: &Oid| got.missed.iter().any(|missed| missed.oid == *oid);
        self.learn(singles, &wanted, &got.values, is_missed);
        singles.missed.extend(got.missed);
        for (at, value) in wanted.into_iter().zip(got.values) {
            if let Some(slot) = singles.values.get_mut(at) {
                *slot = value;
            }
        }
        Ok(())
    }

    /// Those in this state that are not known to be missing.
    fn not_absent(&self, singles: &Singles<'_>, state: State) -> Vec<usize> {
        let (now, memory) = (Clock::now(), self.memory.lock());
        let mut wanted = singles.in_state(state);
        if memory.habits.is_empty() {
            return wanted;
        }
        wanted.retain(|at| {
            let habit = singles.oids.get(*at).and_then(|oid| memory.habits.get(oid));
            !matches!(habit, Some(Habit::Absent(until)) if *until > now)
        });
        wanted
    }

    fn learn(
        &self,
        singles: &Singles<'_>,
        wanted: &[usize],
        got: &[Option<Value>],
        is_missed: impl Fn(&Oid) -> bool,
    ) {
        let absent = Habit::Absent(Clock::now() + ABSENT);
        let mut memory = self.memory.lock();
        for (at, value) in wanted.iter().zip(got) {
            let did_not_come_along = singles.states.get(*at) == Some(&State::Missed);
            let habit = match (value, did_not_come_along) {
                (Some(_), true) => Habit::Hidden,
                (Some(_), false) => continue,
                (None, _) => absent,
            };
            if let Some(oid) = singles.oids.get(*at).filter(|oid| !is_missed(oid)) {
                memory.habits.insert(oid.clone(), habit);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use async_snmp::{CommunityVersion, ResponsePdu, VarBind, Version, message::CommunityMessage};

    use super::*;
    use crate::session::message::{Bindings, parse};

    fn came(bindings: &[(&str, Value)]) -> Bindings {
        let bindings = bindings.iter();
        let bindings =
            bindings.map(|(oid, value)| VarBind::new(Oid::parse(oid).unwrap(), value.clone()));
        let answer = ResponsePdu::success(Version::V2c, 7, bindings.collect()).unwrap();
        let message = CommunityMessage::new(CommunityVersion::V2c, "public", answer.into_raw());
        parse(message.unwrap().encode().unwrap()).unwrap().bindings
    }

    #[test]
    fn what_comes_along_counts_only_if_it_is_what_was_requested() {
        let oids = ["1.3.6.1.1.0", "1.3.6.1.2.0", "1.3.6.1.3.0"];
        let oids = oids.map(|oid| Oid::parse(oid).unwrap());
        let mut singles = Singles::of(&oids);
        singles.bytes = oids.iter().map(|oid| oid.to_ber().unwrap()).collect();
        singles.set(&[0, 1, 2], State::Untried);
        let taken = singles.untried();
        // The second is missing, so the next object arrived; the answer breaks off after it.
        let answer = came(&[
            ("1.3.6.1.1.0", Value::Integer(5)),
            ("1.3.6.1.3.0", Value::Integer(6)),
        ]);
        let Bindings::Raw(raw) = answer else {
            panic!("an ordinary answer is read as bytes");
        };
        singles.take(&taken, raw.iter());
        assert_eq!(singles.values, [Some(Value::Integer(5)), None, None]);
        assert_eq!(singles.in_state(State::Done), [0]);
        assert_eq!(singles.in_state(State::Missed), [1, 2]);
    }
}
