//! A simulated server of Network UPS Tools, which tells of the UPSs of a room, and may lie.
//!
//! ```text
//! client ──TCP──► serve (lines) ──► session: words, user ──► Told: Faults ──► variables ──► Room
//! ```

pub mod serve;
mod session;
mod told;
mod variables;

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

pub use told::{Place, Told, Truth as ToldTruth};

/// The user who may give commands.
pub const USER: &str = "demo";
pub const PASSWORD: &str = "demo-ups-pass";

/// A server with its UPSs.
#[derive(Debug)]
pub struct Upsd {
    name: String,
    upses: Vec<Arc<Told>>,
    began: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    faults: Faults,
    counts: Counts,
    open: Connections,
}

/// The counts of a server of those who talk to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub connections: u64,
    /// The most connections at one time.
    pub connections_max: u64,
    pub requests: u64,
    /// Hosts that called themselves attached to a UPS (`LOGIN`).
    pub attached: u64,
    /// Commands without the right user and password.
    pub denied: u64,
}

/// The ground truth about a server.
#[derive(Debug, Clone, Serialize)]
pub struct Truth {
    #[serde(flatten)]
    pub subject: Subject,
    #[serde(flatten)]
    pub counts: Counts,
}

impl Upsd {
    /// Builds all servers of a room.
    pub fn build_all(room: &Arc<Mutex<Room>>, began: Instant) -> Vec<Arc<Self>> {
        let locked = room.lock();
        let build = |upsd: &crate::room::Upsd| {
            let upses = upsd.upses.iter().map(|index| {
                let name = locked.upses[*index].name.clone();
                Arc::new(Told::new(&upsd.name, name, *index, room.clone()))
            });
            Arc::new(Self {
                name: upsd.name.clone(),
                upses: upses.collect(),
                began,
                state: Mutex::default(),
            })
        };
        locked.upsds.iter().map(build).collect()
    }

    /// Its UPSs.
    pub fn upses(&self) -> &[Arc<Told>] {
        &self.upses
    }

    /// Returns the entries of its UPSs for inventories, given the address at which it answers.
    pub fn places(&self, address: SocketAddr) -> Vec<Place> {
        self.upses.iter().map(|ups| ups.place(address)).collect()
    }

    /// Returns the UPS of this name.
    fn ups(&self, name: &str) -> Option<&Arc<Told>> {
        self.upses.iter().find(|ups| ups.of() == name)
    }

    /// Returns the treatment of a request that arrives now, about a UPS or about none.
    fn reply(&self, ups: Option<&Arc<Told>>) -> Reply {
        let now = self.now();
        let own = self.state.lock().faults.reply(now);
        match (own, ups.map(|ups| ups.reply(now))) {
            (Reply::After(one), Some(Reply::After(other))) => Reply::After(one.max(other)),
            (Reply::After(_), Some(of_ups)) => of_ups,
            (own, _) => own,
        }
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }
}

impl Equipment for Upsd {
    type Truth = Truth;

    fn name(&self) -> &str {
        &self.name
    }

    fn order(&self, order: Order) -> Result<(), Misfit> {
        let fits = (
            Fault::is_of_all,
            "it is an upsd: its UPSs have that, if anything",
        );
        self.state.lock().faults.take(order, &self.name, fits)
    }

    fn truth(&self, _: Detail) -> Truth {
        let state = self.state.lock();
        Truth {
            subject: Subject::new(&self.name, Kind::Nut, &state.faults),
            counts: state.counts.clone(),
        }
    }
}
