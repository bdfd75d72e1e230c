//! The power of the machine that a BMC switches: each action takes its time. Pure: times are passed in.
//!
//! ```text
//!            On                              GracefulShutdown, ForceOff
//!   off ───────────► PoweringOn ──► on ───────────────────────────────► PoweringOff ──► off
//!                                    │ PowerCycle: off, and on again
//!                                    └ ForceRestart: starts anew, and stays on
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::Serialize;

/// An action of a machine (DSP0266, `ResetType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Reset {
    On,
    GracefulShutdown,
    ForceOff,
    ForceRestart,
    PowerCycle,
}

impl Reset {
    pub const ALL: [(Self, &str); 5] = [
        (Self::On, "On"),
        (Self::GracefulShutdown, "GracefulShutdown"),
        (Self::ForceOff, "ForceOff"),
        (Self::ForceRestart, "ForceRestart"),
        (Self::PowerCycle, "PowerCycle"),
    ];

    /// Returns the action of this name.
    pub fn parse(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, known)| *known == name);
        found.map(|(reset, _)| *reset)
    }

    /// Returns true if it makes sense for a machine that is on.
    fn is_for(self, is_on: bool) -> bool {
        match self {
            Self::On => !is_on,
            _ => is_on,
        }
    }

    /// The steps, and the time from the order to each.
    fn steps(self) -> &'static [(u64, Step)] {
        match self {
            Self::On => &[(3, Step::On)],
            Self::GracefulShutdown => &[(6, Step::Off)],
            Self::ForceOff => &[(1, Step::Off)],
            Self::ForceRestart => &[(1, Step::Restart)],
            Self::PowerCycle => &[(1, Step::Off), (5, Step::On)],
        }
    }
}

/// A change of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    On,
    Off,
    /// It starts anew, without a moment without power.
    Restart,
}

/// The number of orders for an action, and of those carried out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    pub received: u64,
    pub done: u64,
}

/// The orders of a machine.
#[derive(Debug, Default)]
pub struct Power {
    pending: VecDeque<(Duration, Step)>,
    /// The order that the pending steps carry out.
    order: Option<Reset>,
    pub counts: BTreeMap<Reset, Count>,
}

impl Power {
    /// Counts an order, whatever becomes of it.
    pub fn receive(&mut self, reset: Reset) {
        self.counts.entry(reset).or_default().received += 1;
    }

    /// Begins to carry out an order, in place of one that is under way. Returns false if the machine
    /// is so already.
    pub fn order(&mut self, reset: Reset, is_on: bool, now: Duration) -> bool {
        if !reset.is_for(is_on) {
            return false;
        }
        let steps = reset.steps().iter();
        self.pending = steps
            .map(|(after, step)| (now + Duration::from_secs(*after), *step))
            .collect();
        self.order = Some(reset);
        true
    }

    /// Takes the next step that is due.
    pub fn due(&mut self, now: Duration) -> Option<Step> {
        let (due, step) = *self.pending.front()?;
        if due > now {
            return None;
        }
        self.pending.pop_front();
        if let (true, Some(order)) = (self.pending.is_empty(), self.order) {
            self.counts.entry(order).or_default().done += 1;
            self.order = None;
        }
        Some(step)
    }

    /// Forgets what is under way, as a machine without power does.
    pub fn lose(&mut self) {
        self.pending.clear();
        self.order = None;
    }

    /// The state of the machine, as a BMC tells it.
    pub fn state(&self, is_on: bool) -> &'static str {
        match (self.pending.front(), is_on) {
            (Some((_, Step::Off)), true) => "PoweringOff",
            (Some((_, Step::On)), false) => "PoweringOn",
            (_, true) => "On",
            (_, false) => "Off",
        }
    }
}
