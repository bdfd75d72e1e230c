//! Conditions that equipment is put into on request, whatever the physics of the room say: each is
//! what a shipped alarm of utakata is about.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// A condition of a UPS, a PDU or a cooling unit.
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
    /// The breaker of a PDU or of a UPS's output has tripped: what is behind it has no power.
    BreakerOpen,
    /// The supply of a UPS or a cooling unit has failed, with everything that it supplies.
    UtilityLost,
    /// The compressor of a cooling unit does not run, and the unit says so.
    CompressorFailed,
    /// The compressor of a cooling unit does not run, and the unit says that all is well.
    HiddenFailure,
    /// A cooling unit takes a warmer setpoint for a colder one, and the other way round.
    SignWrong,
}

use Condition::{
    BatteryDrained, BreakerOpen, Bypass, CompressorFailed, HiddenFailure, NearOverload, OutputOff,
    Overload, SignWrong, SupplyFailed, TestFailed, UtilityLost,
};

const NAMES: [(Condition, &str); 12] = [
    (Bypass, "bypass"),
    (OutputOff, "output-off"),
    (BatteryDrained, "battery-drained"),
    (TestFailed, "test-failed"),
    (Overload, "overload"),
    (NearOverload, "near-overload"),
    (SupplyFailed, "supply-failed"),
    (BreakerOpen, "breaker-open"),
    (UtilityLost, "utility-lost"),
    (CompressorFailed, "compressor-failed"),
    (HiddenFailure, "hidden-failure"),
    (SignWrong, "sign-wrong"),
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

    /// Ends all of them.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
