//! Conditions that equipment is put into on request, whatever the physics of the room say: each is
//! what a shipped alarm of utakata is about.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// A condition of a UPS or a PDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// A UPS passes the mains on without protection.
    Bypass,
    /// A UPS supplies nothing.
    OutputOff,
    /// The battery of a UPS is nearly empty, and stays so.
    BatteryDrained,
    /// The battery of a UPS has failed its test.
    TestFailed,
    /// A UPS or a PDU carries more than it may.
    Overload,
    /// A PDU is near the limit of what it may carry.
    NearOverload,
    /// One of the two power supplies of a PDU's controller has failed.
    SupplyFailed,
    /// The breaker of a PDU has tripped: its outlets have no power.
    BreakerOpen,
}

use Condition::{
    BatteryDrained, BreakerOpen, Bypass, NearOverload, OutputOff, Overload, SupplyFailed,
    TestFailed,
};

const NAMES: [(Condition, &str); 8] = [
    (Bypass, "bypass"),
    (OutputOff, "output-off"),
    (BatteryDrained, "battery-drained"),
    (TestFailed, "test-failed"),
    (Overload, "overload"),
    (NearOverload, "near-overload"),
    (SupplyFailed, "supply-failed"),
    (BreakerOpen, "breaker-open"),
];

/// The error for a text that is no condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unknown;

impl FromStr for Condition {
    type Err = Unknown;

    fn from_str(text: &str) -> Result<Self, Unknown> {
        let found = NAMES.iter().find(|(_, name)| *name == text);
        found.map(|(condition, _)| *condition).ok_or(Unknown)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = NAMES.iter().find(|(condition, _)| condition == self);
        f.write_str(found.map_or("", |(_, name)| name))
    }
}

/// The conditions that a device is in.
#[derive(Debug, Clone, Default)]
pub struct Conditions(BTreeSet<Condition>);

impl Conditions {
    pub fn has(&self, condition: Condition) -> bool {
        self.0.contains(&condition)
    }

    pub(super) fn add(&mut self, condition: Condition) {
        self.0.insert(condition);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
