//! A UPS as a server tells it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;

use super::variables::Variables;
use super::{PASSWORD, USER};
use crate::blueprint::Kind;
use crate::control::{Detail, Equipment, Subject};
use crate::fault::{Fault, Faults, Misfit, Order, Reply};
use crate::room::{Room, TestOrder};

/// The commands that it has, and the orders that they are.
pub const COMMANDS: [(&str, TestOrder); 2] = [
    ("test.battery.start.quick", TestOrder::Begin),
    ("test.battery.stop", TestOrder::Abort),
];

/// A UPS as a server tells it.
#[derive(Debug)]
pub struct Told {
    /// The name of both: that of the server and that of the UPS.
    name: String,
    /// The name of the UPS.
    of: String,
    ups: usize,
    room: Arc<Mutex<Room>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    faults: Faults,
    /// The variables that it goes on showing.
    frozen: Option<Variables>,
    received: u64,
    done: u64,
}

/// A UPS behind a server, as inventories need it.
#[derive(Debug, Clone, Serialize)]
pub struct Place {
    pub name: String,
    pub kind: Kind,
    /// Its name there, and the address of the server.
    pub address: String,
    pub room: String,
    /// The feed that it supplies.
    pub feed: String,
    /// The UPS of the room.
    pub part_of: String,
    pub user: &'static str,
    pub password: &'static str,
}

/// The ground truth about a UPS behind a server.
#[derive(Debug, Clone, Serialize)]
pub struct Truth {
    #[serde(flatten)]
    pub subject: Subject,
    /// The UPS of the room.
    pub ups: String,
    /// The commands that it was given, and those that it obeyed.
    pub received: u64,
    pub done: u64,
    /// The status as it is.
    pub status: String,
    /// The charge of the battery, in percent.
    pub charge: f64,
}

impl Told {
    pub(super) fn new(upsd: &str, of: String, ups: usize, room: Arc<Mutex<Room>>) -> Self {
        Self {
            name: format!("{upsd}-{of}"),
            of,
            ups,
            room,
            state: Mutex::default(),
        }
    }

    /// The name of the UPS.
    pub(super) fn of(&self) -> &str {
        &self.of
    }

    pub(super) fn place(&self, upsd: SocketAddr) -> Place {
        let room = self.room.lock();
        Place {
            name: self.name.clone(),
            kind: Kind::Nut,
            address: format!("{}@{upsd}", self.of),
            room: room.name.clone(),
            feed: room.upses[self.ups].feed.clone(),
            part_of: self.of.clone(),
            user: USER,
            password: PASSWORD,
        }
    }

    /// Returns the treatment of a request about it.
    pub(super) fn reply(&self, now: Duration) -> Reply {
        self.state.lock().faults.reply(now)
    }

    /// Returns its variables as they are told; `None` if it has no fresh ones.
    pub(super) fn variables(&self) -> Option<Variables> {
        let room = self.room.lock();
        let state = self.state.lock();
        let faults = &state.faults;
        if faults.has(Fault::Stale) {
            return None;
        }
        let now = || Variables::of(&room.upses[self.ups]);
        let mut variables = state.frozen.clone().unwrap_or_else(now);
        if faults.has(Fault::StuckStatus) {
            variables = variables.with_stuck_status();
        }
        if faults.has(Fault::NoNumbers) {
            variables = variables.with_no_numbers();
        }
        Some(variables)
    }

    /// Gives it a command. Returns false if it has none of this name.
    pub(super) fn command(&self, name: &str) -> bool {
        let Some((_, order)) = COMMANDS.into_iter().find(|(known, _)| *known == name) else {
            return false;
        };
        let mut room = self.room.lock();
        let mut state = self.state.lock();
        state.received += 1;
        if !state.faults.has(Fault::Lying) {
            state.done += 1;
            room.test(self.ups, order);
        }
        true
    }
}

impl Equipment for Told {
    type Truth = Truth;

    fn name(&self) -> &str {
        &self.name
    }

    fn order(&self, order: Order) -> Result<(), Misfit> {
        let room = self.room.lock();
        let mut state = self.state.lock();
        let fits = |fault: Fault| {
            let is_shared = matches!(fault, Fault::Lying | Fault::Frozen);
            fault.is_of_all() || fault.is_of_upsds() || is_shared
        };
        let why = "it is what an upsd tells of a UPS: what happens to the UPS happens under its \
                   own name";
        state.faults.take(order, &self.name, (fits, why))?;
        match order {
            Order::Add(Fault::Frozen) => {
                let now = || Variables::of(&room.upses[self.ups]);
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
        let ups = &room.upses[self.ups];
        let variables = Variables::of(ups);
        Truth {
            subject: Subject::new(&self.name, Kind::Nut, &state.faults),
            ups: self.of.clone(),
            received: state.received,
            done: state.done,
            status: variables.get("ups.status").unwrap_or_default().to_owned(),
            charge: (ups.charge() * 1000.0).round() / 10.0,
        }
    }
}
