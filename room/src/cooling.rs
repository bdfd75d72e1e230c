//! A cooling unit: a fan, a compressor with minimum times, a setpoint for the air that it supplies.
//!
//! ```text
//!         demand over START, off for long enough
//!   off ─────────────────────────────────────────► running, as fast as it has to
//!    ▲                                                │
//!    └────────────────────────────────────────────────┘
//!         demand under STOP, on for long enough; no mains or a failure: at once
//! ```

use std::time::Duration;

use crate::units::{Celsius, Watts};
use crate::{Condition, Conditions};

/// The share of its capacity below which a compressor stops, and above which it starts.
const STOP: f64 = 0.08;
const START: f64 = 0.20;
/// The least speed of a running compressor.
const SLOWEST: f64 = 0.20;
/// The time in which two thirds of a change of the supply air take place.
const INERTIA: Duration = Duration::from_secs(60);
/// The heat that a compressor removes for each watt that it draws, and the power of the fan.
const EFFICIENCY: f64 = 3.5;
const FAN: Watts = Watts(900.0);

/// The state of a unit, as it tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoolingStatus {
    /// It does its work.
    Ok,
    /// It has an alarm: its compressor does not run.
    Failed,
}

/// A cooling unit.
#[derive(Debug)]
pub struct Cooling {
    pub name: String,
    /// The units of one zone stand in for each other.
    pub zone: String,
    /// The utility feed that supplies it, by its index; absent for one that never fails.
    pub utility: Option<usize>,
    /// The heat that it can remove.
    pub capacity: Watts,
    /// The heat that its air carries for each kelvin.
    pub airflow: f64,
    /// The setpoint, as it was told.
    pub setpoint: Celsius,
    /// The air that it supplies, and the air that comes back to it.
    pub supply: Celsius,
    pub return_air: Celsius,
    /// The number of starts of its compressor.
    pub starts: u32,
    /// The number of setpoints that it was told.
    pub commands: u64,
    /// The conditions that it was put into.
    pub conditions: Conditions,
    /// The number of setpoints that it has taken back by itself.
    pub let_go: u32,
    /// The lease of the setpoint; absent if it holds.
    lease: Option<Lease>,
    /// The setpoint with which it came.
    designed: Celsius,
    min_on: Duration,
    min_off: Duration,
    has_mains: bool,
    /// The share of the capacity at which the compressor runs; 0 while it is off.
    speed: f64,
    /// The time for which the compressor has been on, or off.
    since: Duration,
}

/// The time for which a setpoint holds unless it is told again, and the one that it had before.
#[derive(Debug, Clone, Copy)]
struct Lease {
    left: Duration,
    before: Celsius,
}

/// The parts of a unit that never change.
#[derive(Debug, Clone, Copy)]
pub struct Design {
    pub capacity: Watts,
    pub airflow: f64,
    pub setpoint: Celsius,
    pub min_on: Duration,
    pub min_off: Duration,
}

impl Cooling {
    /// Creates a unit whose compressor may start.
    pub fn new(name: String, zone: String, utility: Option<usize>, design: Design) -> Self {
        Self {
            name,
            zone,
            utility,
            capacity: design.capacity,
            airflow: design.airflow,
            setpoint: design.setpoint,
            supply: design.setpoint,
            return_air: design.setpoint,
            starts: 0,
            commands: 0,
            let_go: 0,
            lease: None,
            conditions: Conditions::default(),
            designed: design.setpoint,
            min_on: design.min_on,
            min_off: design.min_off,
            has_mains: true,
            speed: 0.0,
            since: design.min_off,
        }
    }

    /// Returns true if its compressor runs.
    pub fn is_running(&self) -> bool {
        self.speed > 0.0
    }

    /// Returns true if its fan turns.
    pub fn has_mains(&self) -> bool {
        self.has_mains
    }

    /// Returns the power that it draws.
    pub fn power(&self) -> Watts {
        match self.has_mains {
            true => FAN + self.capacity * (self.speed / EFFICIENCY),
            false => Watts(0.0),
        }
    }

    /// Returns the supply air as it tells it. One that hides a failure tells what is wished.
    pub fn told_supply(&self) -> Celsius {
        match self.conditions.has(Condition::HiddenFailure) {
            true => self.setpoint,
            false => self.supply,
        }
    }

    /// Returns true if it tells that its compressor runs.
    pub fn tells_running(&self) -> bool {
        self.is_running() || (self.has_mains && self.conditions.has(Condition::HiddenFailure))
    }

    /// Returns its state as it tells it.
    pub fn status(&self) -> CoolingStatus {
        match self.conditions.has(Condition::CompressorFailed) {
            true => CoolingStatus::Failed,
            false => CoolingStatus::Ok,
        }
    }

    /// Returns the time for which the setpoint holds unless it is told again; absent if forever.
    pub fn lease(&self) -> Option<Duration> {
        self.lease.map(|lease| lease.left)
    }

    /// Sets the air to supply: for good, or for a time after which it has the setpoint of before.
    pub(crate) fn set(&mut self, setpoint: Celsius, lease: Option<Duration>) {
        let before = self.lease.map_or(self.setpoint, |lease| lease.before);
        self.commands += 1;
        self.setpoint = setpoint;
        self.lease = lease.map(|left| Lease { left, before });
    }

    fn count_lease(&mut self, step: Duration) {
        let Some(lease) = &mut self.lease else {
            return;
        };
        lease.left = lease.left.saturating_sub(step);
        if lease.left.is_zero() {
            self.setpoint = lease.before;
            self.lease = None;
            self.let_go += 1;
        }
    }

    /// Lets it work on the air that comes back for `step`.
    pub(crate) fn advance(&mut self, return_air: Celsius, has_mains: bool, step: Duration) {
        self.count_lease(step);
        self.return_air = return_air;
        self.has_mains = has_mains;
        self.since = self.since.saturating_add(step);
        let kelvins = self.capacity.0 / self.airflow;
        let demand = ((return_air - self.aim()).0 / kelvins).clamp(0.0, 1.0);
        self.control(demand);
        let aim = return_air - Celsius(self.speed * kelvins);
        let rest = (-step.as_secs_f64() / INERTIA.as_secs_f64()).exp();
        self.supply = aim + (self.supply - aim) * rest;
    }

    /// Returns the setpoint that it works towards: one whose sign is wrong goes the other way.
    fn aim(&self) -> Celsius {
        match self.conditions.has(Condition::SignWrong) {
            true => self.designed - (self.setpoint - self.designed),
            false => self.setpoint,
        }
    }

    fn control(&mut self, demand: f64) {
        let is_broken = self.conditions.has(Condition::CompressorFailed)
            || self.conditions.has(Condition::HiddenFailure);
        let is_able = self.has_mains && !is_broken;
        if !self.is_running() {
            if is_able && demand > START && self.since >= self.min_off {
                self.speed = demand.max(SLOWEST);
                self.since = Duration::ZERO;
                self.starts += 1;
            }
        } else if !is_able || (demand < STOP && self.since >= self.min_on) {
            self.speed = 0.0;
            self.since = Duration::ZERO;
        } else {
            self.speed = demand.max(SLOWEST);
        }
    }
}
