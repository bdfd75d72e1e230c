//! The machine that a BMC is part of: a server of a room, or one of its own.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::chance;
use crate::room::{Command, Room};
use crate::units::Watts;

/// The voltage of a mains that never fails.
const MAINS: f64 = 230.0;
/// A machine of its own: at rest, at full load, and off.
const IDLE: f64 = 180.0;
const PEAK: f64 = 460.0;
const STANDBY: f64 = 14.0;

/// The machine of a BMC.
#[derive(Debug)]
pub enum Machine {
    /// A server of a room: its outlets, its air, and its load are those of the room.
    InRoom {
        room: Arc<Mutex<Room>>,
        /// The index of the server.
        server: usize,
    },
    /// A machine without a room, whose load varies with its name.
    Alone { name: String, host: Mutex<Host> },
}

/// The part of a machine that its BMC controls.
#[derive(Debug, Clone, Copy)]
pub struct Host {
    is_on: bool,
    limit: Option<f64>,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            is_on: true,
            limit: None,
        }
    }
}

/// The measurements of a BMC around its machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Surroundings {
    /// True if the machine was not switched off.
    pub is_on: bool,
    /// The air at the inlet, in degrees Celsius.
    pub inlet: f64,
    /// The power that the machine takes.
    pub watts: f64,
    /// The share of its load that it carries, from 0 to 1.
    pub load: f64,
    /// The power at full load.
    pub peak: f64,
    /// The limit of its power.
    pub limit: Option<f64>,
    /// The inputs of its power supplies.
    pub inputs: Vec<Input>,
}

/// The input of a power supply.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// The outlet that it is plugged into, as `pdu:outlet`; none without a room.
    pub outlet: Option<String>,
    pub volts: f64,
    pub watts: f64,
}

impl Machine {
    /// A machine without a room.
    pub fn alone(name: String) -> Self {
        let host = Mutex::default();
        Self::Alone { name, host }
    }

    /// Returns true if one of its power supplies has power.
    pub fn has_power(&self) -> bool {
        match self {
            Self::Alone { .. } => true,
            Self::InRoom { room, server } => {
                let room = room.lock();
                let mut cords = room.servers[*server].cords.iter();
                cords.any(|cord| room.voltage(*cord).0 > 0.0)
            }
        }
    }

    /// Returns true if the machine was not switched off.
    pub fn is_on(&self) -> bool {
        match self {
            Self::Alone { host, .. } => host.lock().is_on,
            Self::InRoom { room, server } => room.lock().servers[*server].is_on(),
        }
    }

    /// Switches the machine.
    pub fn switch(&self, to: Command) {
        match self {
            Self::Alone { host, .. } => host.lock().is_on = to == Command::On,
            Self::InRoom { room, server } => room.lock().set_server(*server, to),
        }
    }

    /// Limits the power that it takes, or lifts the limit.
    pub fn limit(&self, watts: Option<f64>) {
        match self {
            Self::Alone { host, .. } => host.lock().limit = watts,
            Self::InRoom { room, server } => {
                room.lock().limit_server(*server, watts.map(Watts));
            }
        }
    }

    /// Returns what there is to measure at a time after the start.
    pub fn measure(&self, now: Duration) -> Surroundings {
        match self {
            Self::Alone { name, host } => alone(name, *host.lock(), now),
            Self::InRoom { room, server } => in_room(&room.lock(), *server),
        }
    }
}

fn alone(name: &str, host: Host, now: Duration) -> Surroundings {
    let tide = chance::wave(0, name, now, Duration::from_secs(300));
    let air = chance::wave(1, name, now, Duration::from_secs(900));
    let load = if host.is_on { tide } else { 0.0 };
    let wanted = IDLE + (PEAK - IDLE) * load;
    let watts = match host {
        Host { is_on: false, .. } => STANDBY,
        Host { limit: None, .. } => wanted,
        Host {
            limit: Some(limit), ..
        } => wanted.min(limit.max(IDLE)),
    };
    let input = Input {
        outlet: None,
        volts: MAINS + 2.0 * (air - 0.5),
        watts: watts / 2.0,
    };
    Surroundings {
        is_on: host.is_on,
        inlet: 21.0 + 3.0 * air,
        watts,
        load,
        peak: PEAK,
        limit: host.limit,
        inputs: vec![input.clone(), input],
    }
}

fn in_room(room: &Room, server: usize) -> Surroundings {
    let server = &room.servers[server];
    let volts: Vec<f64> = server
        .cords
        .iter()
        .map(|cord| room.voltage(*cord).0)
        .collect();
    let live = volts.iter().filter(|volts| **volts > 0.0).count().max(1);
    let inputs = server.cords.iter().zip(volts).map(|(cord, volts)| Input {
        outlet: Some(format!("{}:{}", room.pdus[cord.pdu].name, cord.outlet + 1)),
        volts,
        watts: if volts > 0.0 {
            server.power.0 / live as f64
        } else {
            0.0
        },
    });
    Surroundings {
        is_on: server.is_on(),
        inlet: room.racks[server.rack].inlet.0,
        watts: server.power.0,
        load: server.load(),
        peak: server.peak().0,
        limit: server.limit().map(|limit| limit.0),
        inputs: inputs.collect(),
    }
}
