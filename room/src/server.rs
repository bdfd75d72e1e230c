//! A server: what it draws from its cords, and the BMC that switches it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::blueprint::BmcModel;
use crate::units::Watts;

/// The power that a server takes while its machine is off: its BMC, and its supplies themselves.
const STANDBY: Watts = Watts(14.0);

/// A server and its outlets.
#[derive(Debug)]
pub struct Server {
    pub name: String,
    /// The index of its rack.
    pub rack: usize,
    pub labels: BTreeMap<String, String>,
    pub cords: Vec<Cord>,
    /// The power that it draws now, from all its cords.
    pub power: Watts,
    pub(super) idle: Watts,
    pub(super) peak: Watts,
    /// True unless it was switched off; without power it stands still all the same.
    pub(super) is_on: bool,
    pub(super) limit: Option<Watts>,
}

/// One power cord: the outlet (from 0) and the PDU it is plugged into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cord {
    pub pdu: usize,
    pub outlet: usize,
}

/// The BMC of a server: a part that answers as long as one cord has power.
#[derive(Debug)]
pub struct Bmc {
    pub name: String,
    /// The index of its server.
    pub server: usize,
    pub model: BmcModel,
    /// True if it answers IPMI, too.
    pub ipmi: bool,
    /// The time that it takes to start.
    pub start: Duration,
}

impl Server {
    /// Returns true unless it was switched off.
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// Returns the power that it may take.
    pub fn limit(&self) -> Option<Watts> {
        self.limit
    }

    /// Returns its power at full load.
    pub fn peak(&self) -> Watts {
        self.peak
    }

    /// Returns the share of its load that it carries, from 0 to 1.
    pub fn load(&self) -> f64 {
        let span = (self.peak - self.idle).0;
        match self.is_on && span > 0.0 {
            true => ((self.power - self.idle).0 / span).clamp(0.0, 1.0),
            false => 0.0,
        }
    }

    /// Returns the power that it draws at a share of its load. A limit makes it slower, and never
    /// less than idle.
    pub(super) fn draw(&self, fraction: f64) -> Watts {
        if !self.is_on {
            return STANDBY;
        }
        let power = self.idle + (self.peak - self.idle) * fraction;
        match self.limit {
            Some(limit) if limit < power => Watts(limit.0.max(self.idle.0)),
            _ => power,
        }
    }
}
