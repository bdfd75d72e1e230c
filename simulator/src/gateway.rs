//! A simulated gateway: Modbus/TCP on one side, a serial line with units on the other. The units are the
//! controllers of the cooling units of a room.
//!
//! ```text
//! client ──TCP──► serve (frames, connections) ──► the line: one request at a time
//!                                                    └─► Unit: Faults ──► registers ──► Room
//! ```
//!
//! Of a unit that does not answer, the gateway says so itself (exception 11), after it has waited; until
//! then nobody else on the line is asked.

mod registers;
pub mod serve;
mod unit;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use tokio::time::Instant;

use crate::blueprint::Kind;
use crate::connections::Connections;
use crate::control::{Detail, Equipment, Subject};
use crate::fault::{Fault, Faults, Misfit, Order, Reply};
use crate::room::Room;

pub use unit::{Place, Truth as UnitTruth, Unit};

/// A gateway with its units.
#[derive(Debug)]
pub struct Gateway {
    name: String,
    patience: Duration,
    /// The number of connections that it takes at one time.
    connections: u64,
    units: Vec<Arc<Unit>>,
    /// Held while a unit is asked.
    line: tokio::sync::Mutex<()>,
    began: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    faults: Faults,
    counts: Counts,
    open: Connections,
    waiting: u64,
}

/// The counts of a gateway of those who talk to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Connections that it has taken.
    pub connections: u64,
    /// The most connections at one time.
    pub connections_max: u64,
    /// Connections that it has closed at once, because it had enough.
    pub connections_refused: u64,
    pub requests: u64,
    pub answers: u64,
    /// Requests for units that did not answer.
    pub silences: u64,
    /// The most requests at one time, with the one that is under way.
    pub requests_max: u64,
}

/// The ground truth about a gateway.
#[derive(Debug, Clone, Serialize)]
pub struct Truth {
    #[serde(flatten)]
    pub subject: Subject,
    /// The numbers of its units.
    pub units: Vec<u8>,
    #[serde(flatten)]
    pub counts: Counts,
}

impl Gateway {
    /// Builds all gateways of a room.
    pub fn build_all(room: &Arc<Mutex<Room>>, began: Instant) -> Vec<Arc<Self>> {
        let locked = room.lock();
        let build = |gateway: &crate::room::Gateway| {
            let units = gateway.units.iter();
            let units = units.map(|unit| Arc::new(Unit::new(unit, room.clone(), began)));
            Arc::new(Self {
                name: gateway.name.clone(),
                patience: gateway.patience,
                connections: gateway.connections as u64,
                units: units.collect(),
                line: tokio::sync::Mutex::new(()),
                began,
                state: Mutex::default(),
            })
        };
        locked.gateways.iter().map(build).collect()
    }

    /// Its units.
    pub fn units(&self) -> &[Arc<Unit>] {
        &self.units
    }

    /// Returns the entries of its units for inventories, given the address at which it answers.
    pub fn places(&self, address: SocketAddr) -> Vec<Place> {
        self.units.iter().map(|unit| unit.place(address)).collect()
    }

    /// Returns the treatment of a request that arrives now.
    fn reply(&self) -> Reply {
        self.state.lock().faults.reply(self.began.elapsed())
    }

    /// Asks a unit, when the line is free. Returns its answer, or what the gateway says instead.
    async fn ask(&self, number: u8, request: &[u8]) -> Vec<u8> {
        let _turn = self.line.lock().await;
        let found = self.units.iter().find(|unit| unit.number() == number);
        if let Some((after, answer)) = found.and_then(|unit| unit.answer(request)) {
            // What comes later than it waits, nobody listens to any more.
            if after < self.patience {
                tokio::time::sleep(after).await;
                return answer;
            }
        }
        tokio::time::sleep(self.patience).await;
        self.state.lock().counts.silences += 1;
        registers::exception(request, registers::NO_ANSWER)
    }
}

impl Equipment for Gateway {
    type Truth = Truth;

    fn name(&self) -> &str {
        &self.name
    }

    fn order(&self, order: Order) -> Result<(), Misfit> {
        let fits = (Fault::is_of_all, "it is a gateway");
        self.state.lock().faults.take(order, &self.name, fits)
    }

    fn truth(&self, _: Detail) -> Truth {
        let state = self.state.lock();
        Truth {
            subject: Subject::new(&self.name, Kind::ModbusCrac, &state.faults),
            units: self.units.iter().map(|unit| unit.number()).collect(),
            counts: state.counts.clone(),
        }
    }
}
