//! The room as a physical model: what feeds what, how much each part draws, how warm it gets.
//!
//! ```text
//! mains ──► UPS (one per feed) ──► PDUs of the feed ──► outlets ──► servers, one cord or two
//!                                                                     └──► heat of the rack
//! ```
//!
//! Pure: time is passed in by [`Room::advance`], commands by [`Room::switch`]. No clock, no
//! randomness.

mod build;
mod condition;
mod load;
mod outlet;
mod pdu;
mod rack;
mod ups;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub use build::Error;
pub use condition::{Condition, Conditions};
pub use outlet::{Command, Outlet};
pub use pdu::Pdu;
pub use rack::Rack;
pub use ups::{Input, Source, Test, TestOrder, Ups};

use crate::blueprint::PduKind;
use crate::chance;
use crate::units::{Celsius, Volts, Watts};

/// The nominal voltage of the mains.
pub const NOMINAL: Volts = Volts(230.0);

/// A room at one moment.
#[derive(Debug)]
pub struct Room {
    pub name: String,
    seed: u64,
    clock: Duration,
    moment: u64,
    pub racks: Vec<Rack>,
    pub pdus: Vec<Pdu>,
    pub upses: Vec<Ups>,
    servers: Vec<Server>,
}

/// A server and its outlets.
#[derive(Debug)]
struct Server {
    name: String,
    idle: Watts,
    peak: Watts,
    cords: Vec<Cord>,
}

/// One power cord: the outlet (from 0) and the PDU it is plugged into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cord {
    pdu: usize,
    outlet: usize,
}

impl Room {
    /// Returns the age of the room.
    pub fn clock(&self) -> Duration {
        self.clock
    }

    /// A number that changes whenever anything in the room may have changed.
    pub fn moment(&self) -> u64 {
        self.moment
    }

    /// Lets `step` pass.
    pub fn advance(&mut self, step: Duration) {
        self.clock += step;
        self.moment += 1;
        self.power();
        for pdu in &mut self.pdus {
            pdu.advance(self.clock);
        }
        self.share();
        for pdu in &mut self.pdus {
            pdu.meter(step);
        }
        self.carry(step);
        self.warm(step);
        // A battery may have run empty meanwhile.
        self.power();
        self.share();
    }

    /// Sends `command` to an outlet (from 0) of a PDU; the load changes at once. Returns false if
    /// there is no such outlet.
    pub fn switch(&mut self, pdu: usize, outlet: usize, command: Command) -> bool {
        let clock = self.clock;
        let Some(outlet) = self
            .pdus
            .get_mut(pdu)
            .and_then(|pdu| pdu.outlets.get_mut(outlet))
        else {
            return false;
        };
        outlet.order(command, clock);
        self.advance(Duration::ZERO);
        true
    }

    /// Disconnects a UPS from the mains, or reconnects it.
    pub fn set_input(&mut self, ups: usize, input: Input) {
        if let Some(ups) = self.upses.get_mut(ups) {
            ups.set_input(input);
        }
        self.advance(Duration::ZERO);
    }

    /// Puts a UPS into a condition.
    ///
    /// # Errors
    /// No UPS is ever in it.
    pub fn set_ups(&mut self, ups: usize, condition: Condition) -> Result<(), &'static str> {
        use Condition::{BatteryDrained, Bypass, OutputOff, Overload, TestFailed};
        if !matches!(
            condition,
            BatteryDrained | Bypass | OutputOff | Overload | TestFailed
        ) {
            return Err("it is a UPS");
        }
        let clock = self.clock;
        if let Some(ups) = self.upses.get_mut(ups) {
            ups.set_condition(condition, clock);
        }
        self.advance(Duration::ZERO);
        Ok(())
    }

    /// Puts a PDU into a condition.
    ///
    /// # Errors
    /// No PDU of its kind tells it.
    pub fn set_pdu(&mut self, pdu: usize, condition: Condition) -> Result<(), &'static str> {
        use Condition::{BreakerOpen, NearOverload, Overload, SupplyFailed};
        if let Some(pdu) = self.pdus.get_mut(pdu) {
            match (condition, pdu.kind) {
                (Overload | NearOverload | SupplyFailed, PduKind::ApcPdu)
                | (BreakerOpen, PduKind::RaritanPdu) => pdu.conditions.add(condition),
                (Overload | NearOverload | SupplyFailed, _) => {
                    return Err("only an apc-pdu tells it");
                }
                (BreakerOpen, _) => return Err("only a raritan-pdu tells it"),
                _ => return Err("it is no UPS"),
            }
        }
        self.advance(Duration::ZERO);
        Ok(())
    }

    /// Warms the air at the rack of a PDU to a temperature.
    pub fn heat(&mut self, pdu: usize, to: Celsius) {
        let rack = self.pdus.get(pdu).map(|pdu| pdu.rack);
        if let Some(rack) = rack.and_then(|rack| self.racks.get_mut(rack)) {
            rack.hold(to);
        }
        self.advance(Duration::ZERO);
    }

    /// Ends all conditions of a UPS.
    pub fn clear_ups(&mut self, ups: usize) {
        if let Some(ups) = self.upses.get_mut(ups) {
            ups.clear_conditions();
        }
        self.advance(Duration::ZERO);
    }

    /// Ends all conditions of a PDU, and of the air at its rack.
    pub fn clear_pdu(&mut self, pdu: usize) {
        let Some(pdu) = self.pdus.get_mut(pdu) else {
            return;
        };
        pdu.conditions.clear();
        if let Some(rack) = self.racks.get_mut(pdu.rack) {
            rack.release();
        }
        self.advance(Duration::ZERO);
    }

    /// Starts or stops a battery test of a UPS.
    pub fn test(&mut self, ups: usize, order: TestOrder) {
        let clock = self.clock;
        if let Some(ups) = self.upses.get_mut(ups) {
            ups.set_test(order, clock);
        }
        self.advance(Duration::ZERO);
    }

    /// The total power drawn by the outlets of the room.
    #[cfg(test)]
    fn drawn(&self) -> Watts {
        self.pdus.iter().map(Pdu::power).sum()
    }

    fn power(&mut self) {
        for ups in &mut self.upses {
            let wobble = chance::wave(self.seed, &ups.name, self.clock, Duration::from_secs(90));
            ups.set_mains(NOMINAL + Volts(4.0 * (wobble - 0.5)));
        }
        for pdu in &mut self.pdus {
            let ups = self.upses.iter().find(|ups| ups.feed == pdu.feed);
            pdu.voltage = ups.map_or(NOMINAL, Ups::output_voltage);
        }
    }

    fn share(&mut self) {
        for pdu in &mut self.pdus {
            for outlet in &mut pdu.outlets {
                outlet.power = Watts(0.0);
            }
        }
        for server in &self.servers {
            let live: Vec<Cord> = server
                .cords
                .iter()
                .copied()
                .filter(|cord| is_live(&self.pdus, *cord))
                .collect();
            let fraction = load::fraction(self.seed, &server.name, self.clock);
            let power = server.idle + (server.peak - server.idle) * fraction;
            for cord in &live {
                if let Some(outlet) = self.pdus[cord.pdu].outlets.get_mut(cord.outlet) {
                    outlet.power += power * (1.0 / live.len() as f64);
                }
            }
        }
    }

    fn carry(&mut self, step: Duration) {
        for ups in &mut self.upses {
            let load = self
                .pdus
                .iter()
                .filter(|pdu| pdu.feed == ups.feed)
                .map(Pdu::power)
                .sum();
            ups.carry(load, step);
        }
    }

    fn warm(&mut self, step: Duration) {
        for (index, rack) in self.racks.iter_mut().enumerate() {
            let heat = self
                .pdus
                .iter()
                .filter(|pdu| pdu.rack == index)
                .map(Pdu::power)
                .sum();
            rack.warm(heat, step);
        }
    }
}

fn is_live(pdus: &[Pdu], cord: Cord) -> bool {
    // A blueprint is refused unless every cord has its outlet.
    let pdu = &pdus[cord.pdu];
    let is_tripped = pdu.conditions.has(Condition::BreakerOpen);
    pdu.is_powered() && !is_tripped && pdu.outlets[cord.outlet].is_on()
}
