//! A simulated BMC: Redfish over HTTPS or HTTP, and [IPMI](ipmi), with sessions, a lockout, power that takes its time, and
//! faults. Part of a room, or alone.
//!
//! ```text
//! client ──TCP, TLS──► serve (connections, delays)
//!                        └─► answer ──► State: Account, Power, Settings, Faults, Tally
//!                              └─► tree (JSON)      └─► Machine: its outlets, its load, its air
//! ```

mod account;
mod answer;
mod certificate;
pub mod ipmi;
mod machine;
mod power;
pub mod serve;
mod tally;
mod tree;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::blueprint::{BmcModel, Kind};
use crate::connections::Connections;
use crate::control::{Detail, Equipment};
use crate::fault::{Fault, Faults, Misfit, Order};
use crate::room::{Command, Condition, Cord, Room};
use account::Account;
use ipmi::Ipmi;
use machine::Surroundings;
use power::{Count, Power, Reset, Step};
use tally::{Counts, Tally};
use tree::{Settings, View};

pub use account::{Limits, PASSWORD, USER};
pub use certificate::{Certificates, Error as CertificateError};
pub use machine::Machine;

/// A BMC and its machine.
#[derive(Debug)]
pub struct Bmc {
    name: String,
    model: BmcModel,
    machine: Machine,
    /// The time that it takes to start once it has power.
    start: Duration,
    /// The certificates that it may show; none: it speaks HTTP.
    certificates: Option<Arc<Certificates>>,
    began: Instant,
    state: Mutex<State>,
    /// The number of its life: connections of an earlier one have ended.
    life: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    faults: Faults,
    account: Account,
    power: Power,
    settings: Settings,
    tally: Tally,
    open: Connections,
    /// Its other face; none: it does not answer IPMI.
    ipmi: Option<Ipmi>,
    has_power: bool,
    /// The end of its start or restart.
    away_until: Option<Duration>,
}

/// A BMC of a room, as inventories need it.
#[derive(Debug, Clone, Serialize)]
pub struct Place {
    pub name: String,
    pub kind: Kind,
    pub address: SocketAddr,
    pub room: String,
    pub rack: String,
    /// The name of its server.
    pub server: String,
    /// The outlets that its server is plugged into, as `pdu:outlet`.
    pub outlets: Vec<String>,
    /// The BMC of which this is the other face.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part_of: Option<String>,
    pub user: &'static str,
    pub password: &'static str,
}

/// The ground truth about a BMC.
#[derive(Debug, Clone, Serialize)]
pub struct Truth {
    pub name: String,
    pub kind: Kind,
    pub faults: Vec<String>,
    /// True if it has power and has started.
    pub powered: bool,
    /// The state of its machine.
    pub host: &'static str,
    #[serde(flatten)]
    pub counts: Counts,
    /// Sessions that are open now.
    pub sessions: usize,
    pub wrong_logins: u64,
    /// The number of times that its account was locked.
    pub lockouts: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipmi: Option<ipmi::Truth>,
    /// The orders for each action, and those carried out.
    pub actions: BTreeMap<Reset, Count>,
    pub indicator: bool,
    pub boot_target: String,
    pub power_limit: Option<f64>,
    /// The power that the machine draws, in watts.
    pub watts: f64,
    /// The air at its inlet, in degrees Celsius.
    pub inlet: f64,
    pub inputs: Vec<InputTruth>,
}

/// The ground truth about the input of a power supply.
#[derive(Debug, Clone, Serialize)]
pub struct InputTruth {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outlet: Option<String>,
    pub volts: f64,
    pub watts: f64,
}

impl Bmc {
    /// Builds a BMC that has been running for long.
    pub fn new(
        name: String,
        model: BmcModel,
        machine: Machine,
        start: Duration,
        (limits, certificates): (Limits, Option<Arc<Certificates>>),
        began: Instant,
    ) -> Self {
        let seed = crate::chance::draw(0, &name, u64::MAX);
        let state = State {
            faults: Faults::default(),
            account: Account::new(limits, seed),
            power: Power::default(),
            settings: Settings::default(),
            tally: Tally::default(),
            open: Connections::default(),
            ipmi: None,
            has_power: true,
            away_until: None,
        };
        Self {
            name,
            model,
            machine,
            start,
            certificates,
            began,
            state: Mutex::new(state),
            life: watch::Sender::new(0),
        }
    }

    /// Has it answer IPMI, too.
    pub fn with_ipmi(mut self) -> Self {
        self.state.get_mut().ipmi = Some(Ipmi::new(&self.name));
        self
    }

    /// Builds all BMCs of a room.
    ///
    /// # Errors
    /// A certificate cannot be made.
    pub fn build_all(
        room: &Arc<Mutex<Room>>,
        began: Instant,
    ) -> Result<Vec<Arc<Self>>, CertificateError> {
        let locked = room.lock();
        let build = |bmc: &crate::room::Bmc| -> Result<Arc<Self>, CertificateError> {
            let machine = Machine::InRoom {
                room: room.clone(),
                server: bmc.server,
            };
            let certificates = Arc::new(Certificates::make(&bmc.name)?);
            let built = Self::new(
                bmc.name.clone(),
                bmc.model,
                machine,
                bmc.start,
                (Limits::default(), Some(certificates)),
                began,
            );
            Ok(Arc::new(match bmc.ipmi {
                true => built.with_ipmi(),
                false => built,
            }))
        };
        locked.bmcs.iter().map(build).collect()
    }

    /// Returns its entry for inventories, given the address at which it answers.
    pub fn place(&self, address: SocketAddr) -> Option<Place> {
        let Machine::InRoom { room, server } = &self.machine else {
            return None;
        };
        let room = room.lock();
        let server = &room.servers[*server];
        let outlet = |cord: &Cord| format!("{}:{}", room.pdus[cord.pdu].name, cord.outlet + 1);
        Some(Place {
            name: self.name.clone(),
            kind: Kind::Redfish,
            address,
            room: room.name.clone(),
            rack: room.racks[server.rack].name.clone(),
            server: server.name.clone(),
            outlets: server.cords.iter().map(outlet).collect(),
            part_of: None,
            user: USER,
            password: PASSWORD,
        })
    }

    /// Returns the entry of its other face, if it answers IPMI.
    pub fn ipmi_place(&self, address: SocketAddr) -> Option<Place> {
        Some(Place {
            name: format!("{}-ipmi", self.name),
            kind: Kind::Ipmi,
            part_of: Some(self.name.clone()),
            ..self.place(address)?
        })
    }

    /// Returns true if it answers IPMI.
    pub fn has_ipmi(&self) -> bool {
        self.state.lock().ipmi.is_some()
    }

    /// Lets the time pass that has passed: what is due is done, and power is lost or returns.
    pub fn tick(&self, now: Duration) {
        let mut state = self.state.lock();
        self.settle(&mut state, now);
        if state.ipmi.is_some() && state.is_there() {
            let measured = self.machine.measure(now);
            self.look(&mut state, &measured, (now, ipmi::seconds()));
        }
    }

    /// Returns the time since the start of the simulator.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn settle(&self, state: &mut State, now: Duration) {
        let has_power = self.machine.has_power();
        if state.has_power && !has_power {
            state.power.lose();
            state.faults.lost_power();
            state.end_sessions();
            self.life.send_modify(|life| *life += 1);
        }
        if !state.has_power && has_power {
            state.away_until = Some(now + self.start);
        }
        state.has_power = has_power;
        if state.away_until.is_some_and(|until| until <= now) {
            state.away_until = None;
            state.faults.restarted();
        }
        while let Some(step) = state.power.due(now) {
            match step {
                Step::On => self.machine.switch(Command::On),
                Step::Off => self.machine.switch(Command::Off),
                Step::Restart => {}
            }
            let settings = &mut state.settings;
            if step != Step::Off && settings.boot_enabled == "Once" {
                settings.boot_enabled = "Disabled".to_owned();
                settings.boot_target = "None".to_owned();
                settings.version += 1;
            }
        }
    }

    fn restart(&self, state: &mut State, away: Duration) {
        state.end_sessions();
        state.away_until = Some(self.now() + away);
        self.life.send_modify(|life| *life += 1);
    }
}

impl State {
    /// Returns true if the BMC has power and has started.
    fn is_there(&self) -> bool {
        self.has_power && self.away_until.is_none()
    }

    /// Ends all sessions, of both faces.
    fn end_sessions(&mut self) {
        self.account.restart();
        if let Some(ipmi) = &mut self.ipmi {
            ipmi.restart();
        }
    }

    fn view<'a>(&'a self, bmc: &'a Bmc, measured: &'a Surroundings) -> View<'a> {
        View {
            name: &bmc.name,
            model: bmc.model,
            power: self.power.state(measured.is_on),
            measured,
            settings: &self.settings,
            account: &self.account,
            has_failed_supply: self.faults.has(Fault::Condition(Condition::SupplyFailed)),
            has_failed_fan: self.faults.has(Fault::FanFailed),
        }
    }
}

impl Equipment for Bmc {
    type Truth = Truth;

    fn name(&self) -> &str {
        &self.name
    }

    fn order(&self, order: Order) -> Result<(), Misfit> {
        let mut state = self.state.lock();
        match order {
            Order::Add(Fault::Restart(away)) => self.restart(&mut state, away),
            Order::Add(fault) if !is_possible(fault) => {
                return Err(Misfit {
                    device: self.name.clone(),
                    fault,
                    why: "it is a BMC",
                });
            }
            Order::Add(fault @ Fault::CertificateChanged) if self.certificates.is_none() => {
                return Err(Misfit {
                    device: self.name.clone(),
                    fault,
                    why: "it speaks HTTP and shows none",
                });
            }
            // Whoever has a connection has seen the other certificate.
            Order::Add(Fault::CertificateChanged) => self.life.send_modify(|life| *life += 1),
            Order::Add(_) => {}
            Order::Clear => {
                state.away_until = None;
                if state.faults.has(Fault::CertificateChanged) {
                    self.life.send_modify(|life| *life += 1);
                }
            }
        }
        state.faults = std::mem::take(&mut state.faults).ordered(order);
        Ok(())
    }

    fn truth(&self, _: Detail) -> Truth {
        let now = self.now();
        let mut state = self.state.lock();
        self.settle(&mut state, now);
        let measured = self.machine.measure(now);
        let inputs = measured.inputs.iter().map(|input| InputTruth {
            outlet: input.outlet.clone(),
            volts: input.volts.round(),
            watts: input.watts.round(),
        });
        Truth {
            name: self.name.clone(),
            kind: Kind::Redfish,
            faults: state.faults.names(),
            powered: state.is_there(),
            host: state.power.state(measured.is_on),
            counts: state.tally.counts.clone(),
            sessions: state.account.sessions().len(),
            wrong_logins: state.account.wrong_logins,
            lockouts: state.account.lockouts,
            ipmi: state.ipmi.as_ref().map(Ipmi::truth),
            actions: state.power.counts.clone(),
            indicator: state.settings.indicator,
            boot_target: state.settings.boot_target.clone(),
            power_limit: measured.limit,
            watts: measured.watts.round(),
            inlet: (measured.inlet * 10.0).round() / 10.0,
            inputs: inputs.collect(),
        }
    }
}

/// Returns true if a BMC can have a fault.
fn is_possible(fault: Fault) -> bool {
    let is_shared = fault == Fault::Lying || fault == Fault::Condition(Condition::SupplyFailed);
    fault.is_of_all() || is_shared || fault.is_of_bmcs()
}
