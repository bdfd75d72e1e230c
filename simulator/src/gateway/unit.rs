//! A unit on the line of a gateway.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use tokio::time::Instant;

use super::registers::Registers;
use crate::blueprint::Kind;
use crate::control::{Detail, Equipment, Subject};
use crate::fault::{Fault, Faults, Misfit, Order, Reply};
use crate::room::{self, Room};

/// The controller of a cooling unit.
#[derive(Debug)]
pub struct Unit {
    of: room::Unit,
    room: Arc<Mutex<Room>>,
    began: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    faults: Faults,
    /// The registers that it goes on showing.
    frozen: Option<Registers>,
    requests: u64,
    answers: u64,
    writes: u64,
}

/// A unit, as inventories need it.
#[derive(Debug, Clone, Serialize)]
pub struct Place {
    pub name: String,
    pub kind: Kind,
    /// The address of its gateway, and its number.
    pub address: String,
    pub room: String,
    /// The units among which it stands in for others.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub zone: String,
    /// The cooling unit that it controls.
    pub part_of: String,
}

/// The ground truth about a unit.
#[derive(Debug, Clone, Serialize)]
pub struct Truth {
    #[serde(flatten)]
    pub subject: Subject,
    /// The cooling unit that it controls.
    pub cooling: String,
    pub requests: u64,
    pub answers: u64,
    /// Setpoints that it was told, whether it took them or not.
    pub writes: u64,
    /// In degrees Celsius.
    pub setpoint: f64,
    pub supply: f64,
    pub return_air: f64,
}

impl Unit {
    pub(super) fn new(of: &room::Unit, room: Arc<Mutex<Room>>, began: Instant) -> Self {
        Self {
            of: of.clone(),
            room,
            began,
            state: Mutex::default(),
        }
    }

    /// Its number on the line.
    pub(super) fn number(&self) -> u8 {
        self.of.number
    }

    pub(super) fn place(&self, gateway: SocketAddr) -> Place {
        let room = self.room.lock();
        Place {
            name: self.of.name.clone(),
            kind: Kind::ModbusCrac,
            address: format!("{gateway}/{}", self.of.number),
            room: room.name.clone(),
            zone: room.cooling[self.of.cooling].zone.clone(),
            part_of: room.cooling[self.of.cooling].name.clone(),
        }
    }

    /// Carries out a request. Returns the answer, and the time after which it comes; `None` if none
    /// comes, or none that can be understood.
    pub(super) fn answer(&self, request: &[u8]) -> Option<(Duration, Vec<u8>)> {
        let mut room = self.room.lock();
        let mut state = self.state.lock();
        state.requests += 1;
        let Reply::After(after) = state.faults.reply(self.began.elapsed()) else {
            return None;
        };
        let now = || Registers::of(&room.cooling[self.of.cooling]);
        let registers = state.frozen.clone().unwrap_or_else(now);
        let (answer, setpoint) = registers.answer(request);
        if let Some(setpoint) = setpoint {
            state.writes += 1;
            if !state.faults.has(Fault::Lying) {
                room.set_setpoint(self.of.cooling, setpoint, None);
            }
        }
        state.answers += 1;
        Some((after, answer))
    }
}

impl Equipment for Unit {
    type Truth = Truth;

    fn name(&self) -> &str {
        &self.of.name
    }

    fn order(&self, order: Order) -> Result<(), Misfit> {
        let room = self.room.lock();
        let mut state = self.state.lock();
        let fits =
            |fault: Fault| fault.is_of_all() || matches!(fault, Fault::Lying | Fault::Frozen);
        let why = "it is a unit behind a gateway: what happens to a cooling unit happens to the \
                   one that it controls";
        state.faults.take(order, &self.of.name, (fits, why))?;
        match order {
            Order::Add(Fault::Frozen) => {
                let now = || Registers::of(&room.cooling[self.of.cooling]);
                state.frozen.get_or_insert_with(now);
            }
            Order::Add(_) => {}
            Order::Clear => state.frozen = None,
        }
        Ok(())
    }

    fn truth(&self, _: Detail) -> Truth {
        let room = self.room.lock();
        let state = self.state.lock();
        let cooling = &room.cooling[self.of.cooling];
        let tenths = |degrees: f64| (degrees * 10.0).round() / 10.0;
        Truth {
            subject: Subject::new(&self.of.name, Kind::ModbusCrac, &state.faults),
            cooling: cooling.name.clone(),
            requests: state.requests,
            answers: state.answers,
            writes: state.writes,
            setpoint: tenths(cooling.setpoint.0),
            supply: tenths(cooling.supply.0),
            return_air: tenths(cooling.return_air.0),
        }
    }
}
