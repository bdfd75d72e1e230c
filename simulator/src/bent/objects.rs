//! The objects of a misbehaving agent, and the truth about each.

use std::collections::BTreeMap;

use async_snmp::Oid;
use serde::Serialize;

use super::faults::Faults;
use crate::chance::draw;
use crate::swarm::ber;

const SYSTEM: [u32; 7] = [1, 3, 6, 1, 2, 1, 1];
/// A table of our own, in Net-SNMP's arc for examples.
const TABLE: [u32; 11] = [1, 3, 6, 1, 4, 1, 8072, 9999, 9999, 7, 1];
const COLUMNS: u32 = 6;
const ROWS: u32 = 14;

/// Bytes that are not a valid value: type and content.
const UNDECODABLE: [(u8, &[u8]); 8] = [
    (ber::INTEGER, &[]),
    (ber::INTEGER, &[1, 2, 3, 4, 5]),
    (ber::GAUGE32, &[]),
    (0x40, &[10, 0, 0]),
    (ber::OBJECT_IDENTIFIER, &[]),
    (0x4b, &[1, 2]),
    (0x45, &[0x49, 0]),
    (ber::COUNTER64, &[9; 9]),
];

/// The state of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It has a value.
    Good,
    /// Reading it is refused.
    Refused,
    /// Its value cannot be decoded.
    Undecodable,
    /// It has no value.
    Hole,
}

#[derive(Debug, Clone)]
pub struct Object {
    pub oid: Oid,
    pub state: State,
    /// The value as BER.
    pub value: Vec<u8>,
    said: String,
}

/// The truth about an object.
#[derive(Debug, Serialize)]
pub struct Truth {
    oid: String,
    state: State,
    /// As a person would write it.
    value: String,
    /// True if a walk reaches it.
    is_reachable: bool,
}

/// The objects, in the order of a walk.
#[derive(Debug)]
pub struct Objects {
    in_order: Vec<Object>,
    places: BTreeMap<Oid, usize>,
}

impl Objects {
    /// Builds the objects of a seed.
    pub fn build(seed: u64, faults: &Faults) -> Self {
        let mut in_order = Vec::new();
        for last in 1..=7 {
            let oid = Oid::from_slice(&[&SYSTEM[..], &[last, 0]].concat());
            // The agent's identity must be readable; everything else may be faulty.
            let object = object(seed, oid, last == 2, faults);
            in_order.push(object);
        }
        for column in 1..=COLUMNS {
            for row in rows(faults) {
                let oid = Oid::from_slice(&[&TABLE[..], &[column, row]].concat());
                in_order.push(object(seed, oid, false, faults));
            }
        }
        let places = in_order.iter().enumerate();
        let places = places.map(|(at, object)| (object.oid.clone(), at));
        Self {
            places: places.collect(),
            in_order,
        }
    }

    /// Returns the truth about all objects.
    pub fn truth(&self, faults: &Faults) -> Vec<Truth> {
        let truth = |object: &Object| Truth {
            oid: object.oid.to_string(),
            state: object.state,
            value: object.said.clone(),
            is_reachable: match (faults.loops, object.oid.arcs()) {
                (Some((last, _)), arcs) if arcs.starts_with(&TABLE) => {
                    arcs.last().is_some_and(|row| *row <= last)
                }
                _ => true,
            },
        };
        self.in_order.iter().map(truth).collect()
    }

    /// Returns the object of this name.
    pub fn get(&self, oid: &Oid) -> Option<&Object> {
        self.in_order.get(*self.places.get(oid)?)
    }

    /// The object that follows a name.
    pub fn next(&self, oid: &Oid, faults: &Faults) -> Option<&Object> {
        if let (Some((last, again)), [table @ .., row]) = (faults.loops, oid.arcs())
            && *row == last
            && table.starts_with(&TABLE)
        {
            let back = Oid::from_slice(&[table, &[again]].concat());
            return self.get(&back);
        }
        if let Some(at) = self.places.get(oid) {
            return self.in_order.get(at + 1);
        }
        // The first in the agent's order that is below or after it.
        self.in_order.iter().find(|object| object.oid > *oid)
    }
}

fn rows(faults: &Faults) -> Vec<u32> {
    let mut rows: Vec<u32> = (1..=ROWS).collect();
    if faults.disorders {
        rows.swap(4, 9);
        rows.swap(2, 3);
    }
    rows
}

fn object(seed: u64, oid: Oid, must_be_good: bool, faults: &Faults) -> Object {
    let bits = draw(seed, &oid.to_string(), 1);
    let percent = bits % 100;
    let (refused, undecodable) = (faults.refuses, faults.refuses + faults.undecodable);
    let state = match percent {
        _ if must_be_good => State::Good,
        percent if percent < refused => State::Refused,
        percent if percent < undecodable => State::Undecodable,
        percent if percent < undecodable + faults.holes => State::Hole,
        _ => State::Good,
    };
    let mut value = Vec::new();
    let said = match (state, oid.arcs()) {
        (State::Hole, _) => {
            // NULL, or an exception of v2c.
            let tag = [0x05, 0x81, 0x80][(bits >> 8) as usize % 3];
            ber::put(&mut value, if faults.is_v1_only { 0x05 } else { tag }, &[]);
            String::new()
        }
        (State::Undecodable, _) => {
            let (tag, content) = UNDECODABLE[(bits >> 8) as usize % UNDECODABLE.len()];
            ber::put(&mut value, tag, content);
            String::new()
        }
        (_, arcs) if must_be_good || arcs.last() == Some(&2) => {
            let name = [1, 3, 6, 1, 4, 1, 8072, 3, 2, 10];
            let oid = Oid::from_slice(&name);
            let bytes = oid.to_ber().unwrap_or_default();
            ber::put(&mut value, ber::OBJECT_IDENTIFIER, &bytes);
            oid.to_string()
        }
        (_, arcs) if arcs.len() % 2 == 1 && arcs.last().is_some_and(|last| last % 4 == 1) => {
            let text = format!("{} is a text of some length: {}", oid, "x".repeat(40));
            ber::put(&mut value, ber::OCTET_STRING, text.as_bytes());
            text
        }
        _ => {
            let number = bits % 1_000_000;
            ber::put_unsigned(&mut value, ber::GAUGE32, number);
            number.to_string()
        }
    };
    Object {
        oid,
        state,
        value,
        said,
    }
}
