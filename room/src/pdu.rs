//! A power distribution unit: outlets on one feed in one rack.

use std::time::Duration;

use crate::blueprint::PduKind;
use crate::units::{Amperes, Volts, WattHours, Watts};
use crate::{Breaker, Condition, Conditions, Outlet};

/// A power distribution unit.
#[derive(Debug)]
pub struct Pdu {
    pub name: String,
    pub kind: PduKind,
    /// The index of its rack.
    pub rack: usize,
    /// The feed that supplies it.
    pub feed: String,
    /// The voltage at its inlet; zero if the feed is dead.
    pub voltage: Volts,
    /// Its outlets, starting at index 0.
    pub outlets: Vec<Outlet>,
    /// The energy it has delivered in its lifetime.
    pub energy: WattHours,
    /// The highest power that it has delivered.
    pub peak: Watts,
    /// The conditions that it was put into.
    pub conditions: Conditions,
    /// The breaker behind its inlet, if the room says how much it carries.
    pub breaker: Option<Breaker>,
    /// The load that was plugged into it besides the servers.
    pub extra: Watts,
}

impl Pdu {
    /// Returns the power that it delivers now.
    pub fn power(&self) -> Watts {
        let outlets: Watts = self.outlets.iter().map(|outlet| outlet.power).sum();
        match self.is_powered() && !self.has_tripped() {
            true => outlets + self.extra,
            false => outlets,
        }
    }

    /// Returns true if its breaker is open: its outlets have no power, and it answers all the same.
    pub fn has_tripped(&self) -> bool {
        let is_open = self.breaker.as_ref().is_some_and(Breaker::is_open);
        is_open || self.conditions.has(Condition::BreakerOpen)
    }

    /// Returns true if there is voltage at its inlet; without it, nothing works.
    pub fn is_powered(&self) -> bool {
        self.voltage.0 > 0.0
    }

    /// Returns the current at its inlet.
    pub fn current(&self) -> Amperes {
        self.power().current(self.voltage)
    }

    pub(super) fn advance(&mut self, clock: Duration) {
        // A PDU without power forgets nothing and does nothing; its delays are suspended.
        if self.is_powered() {
            self.outlets
                .iter_mut()
                .for_each(|outlet| outlet.advance(clock));
        }
    }

    pub(super) fn meter(&mut self, step: Duration) {
        self.outlets
            .iter_mut()
            .for_each(|outlet| outlet.meter(step));
        let power = self.power();
        self.energy += power.over(step);
        if power > self.peak {
            self.peak = power;
        }
    }
}
