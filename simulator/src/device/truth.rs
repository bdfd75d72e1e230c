//! The ground truth about a device, as the control port tells it.

use serde::Serialize;

use crate::blueprint::Kind;
use crate::mib::Part;
use crate::moment::Moment;
use crate::room::{Command, Room};

/// The ground truth about a device.
#[derive(Debug, Clone, Serialize)]
pub struct Truth {
    pub name: String,
    pub kind: Kind,
    pub faults: Vec<String>,
    /// True if it has power and can answer.
    pub powered: bool,
    /// Requests that reached it, including repeated ones.
    pub requests: u64,
    /// The number of answers that it has sent.
    pub answers: u64,
    /// Objects set, whether carried out or not.
    pub sets: u64,
    /// The power that it delivers, in watts; of a cooling unit, the power that it draws.
    pub watts: f64,
    /// The number of times that its breaker has tripped, and whether that is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaker: Option<BreakerTruth>,
    /// The air of a cooling unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cooling: Option<CoolingTruth>,
    /// Charge of the battery in percent, for a UPS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge_percent: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outlets: Vec<OutletTruth>,
    /// Every command to an outlet that was received, the oldest first. Only in the whole truth.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<CommandTruth>,
}

/// A command to an outlet as it was received, whether carried out or not.
#[derive(Debug, Clone, Serialize)]
pub struct CommandTruth {
    /// The number of the outlet, from 1.
    pub outlet: usize,
    pub command: Command,
    /// The time at which it arrived.
    pub unix_ms: Moment,
}

/// The ground truth about a breaker.
#[derive(Debug, Clone, Serialize)]
pub struct BreakerTruth {
    pub open: bool,
    pub trips: u32,
    /// The heat of its bimetal, in percent of that which trips it.
    pub heat_percent: f64,
    /// The seconds after which the present load trips it, if it ever does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trips_in_seconds: Option<f64>,
}

/// The ground truth about a cooling unit.
#[derive(Debug, Clone, Serialize)]
pub struct CoolingTruth {
    pub setpoint: f64,
    /// The air that it supplies, whatever it tells.
    pub supply: f64,
    pub running: bool,
    pub starts: u32,
    /// The number of setpoints obeyed.
    pub done: u64,
    /// The number of setpoints that it has taken back by itself, and the seconds until it takes back
    /// this one.
    pub let_go: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lets_go_in_seconds: Option<f64>,
}

/// The ground truth about an outlet.
#[derive(Debug, Clone, Serialize)]
pub struct OutletTruth {
    /// The number of the outlet, from 1.
    pub outlet: usize,
    pub name: String,
    /// True if it is on.
    pub on: bool,
    /// True if a cycle is in progress.
    pub pending: bool,
    /// The number of commands received, obeyed or not.
    pub received: u64,
    /// The number of commands obeyed.
    pub done: u64,
    /// The last command carried out.
    pub last: Option<Command>,
    /// The power that it delivers, in watts.
    pub watts: f64,
}

pub(super) fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

/// Returns the truth about the breaker of a part, if it has one.
pub(super) fn breaker(room: &Room, part: Part) -> Option<BreakerTruth> {
    let (breaker, load) = match part {
        Part::Pdu(pdu) => (room.pdus[pdu].breaker.as_ref()?, room.pdus[pdu].power()),
        Part::Ups(ups) => (room.upses[ups].breaker.as_ref()?, room.upses[ups].load),
        Part::Cooling(_) => return None,
    };
    Some(BreakerTruth {
        open: breaker.is_open(),
        trips: breaker.trips,
        heat_percent: tenths(breaker.heat() * 100.0),
        trips_in_seconds: breaker
            .trips_within(load)
            .map(|time| tenths(time.as_secs_f64())),
    })
}

pub(super) fn cooling(room: &Room, part: Part) -> Option<CoolingTruth> {
    let Part::Cooling(unit) = part else {
        return None;
    };
    let unit = &room.cooling[unit];
    Some(CoolingTruth {
        setpoint: tenths(unit.setpoint.0),
        supply: tenths(unit.supply.0),
        running: unit.is_running(),
        starts: unit.starts,
        done: unit.commands,
        let_go: unit.let_go,
        lets_go_in_seconds: unit.lease().map(|left| tenths(left.as_secs_f64())),
    })
}

pub(super) fn outlets(room: &Room, part: Part, received: &[u64]) -> Vec<OutletTruth> {
    let Part::Pdu(pdu) = part else {
        return Vec::new();
    };
    (1..)
        .zip(&room.pdus[pdu].outlets)
        .zip(received)
        .map(|((number, outlet), received)| OutletTruth {
            outlet: number,
            name: outlet.name.clone(),
            on: outlet.is_on(),
            pending: outlet.is_pending(),
            received: *received,
            done: outlet.commands,
            last: outlet.last_command,
            watts: tenths(outlet.power.0),
        })
        .collect()
}
