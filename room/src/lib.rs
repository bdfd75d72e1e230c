//! A room as pure physics: what feeds what, how much each part draws, how warm it gets.
//!
//! ```text
//! utility ─┬► UPS (one per feed) ─► its breaker ─► PDUs of the feed ─► breaker ─► outlets ─► servers
//!          │                                                                               │ heat
//!          └► cooling units ─► supply air ─► cold aisle ─► inlets of the racks ◄───────────┘
//!                   ▲                                          │
//!                   └───────────── return air ◄────────────────┘
//! ```
//!
//! Time is passed in by [`Room::advance`], commands by [`Room::switch`] and
//! [`Room::set_setpoint`]. No clock, no chance but that of the seed, no IO but reading a room file.

mod air;
pub mod blueprint;
mod breaker;
mod build;
pub mod chance;
mod condition;
mod cooling;
mod gateway;
mod load;
mod outlet;
mod pdu;
mod rack;
mod server;
pub mod span;
pub mod units;
mod ups;
mod utility;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub use air::Air;
pub use blueprint::Blueprint;
pub use breaker::Breaker;
pub use build::Error;
pub use condition::{Condition, Conditions};
pub use cooling::{Cooling, CoolingStatus};
pub use gateway::{Gateway, Unit, Upsd};
pub use outlet::{Command, Outlet};
pub use pdu::Pdu;
pub use rack::Rack;
pub use server::{Bmc, Cord, Server};
pub use ups::{Input, Source, Test, TestOrder, Ups};
pub use utility::Utility;

use crate::blueprint::PduKind;
use crate::rack::SUPPLY;
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
    pub utilities: Vec<Utility>,
    pub cooling: Vec<Cooling>,
    /// The air; absent without cooling units, where the supply air never changes.
    pub air: Option<Air>,
    pub servers: Vec<Server>,
    pub bmcs: Vec<Bmc>,
    pub gateways: Vec<Gateway>,
    pub upsds: Vec<Upsd>,
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
        let has_tripped = self.protect(step);
        self.cool(step);
        self.warm(step);
        // A battery may have run empty, or a breaker tripped, meanwhile.
        if self.power() || has_tripped {
            self.share();
        }
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
        use Condition::{
            BatteryDrained, BreakerOpen, Bypass, OutputOff, Overload, TestFailed, UtilityLost,
        };
        let clock = self.clock;
        let Some(found) = self.upses.get_mut(ups) else {
            return Ok(());
        };
        match condition {
            BatteryDrained | Bypass | OutputOff | Overload | TestFailed => {
                found.set_condition(condition, clock);
            }
            BreakerOpen => match &mut found.breaker {
                Some(breaker) => breaker.open(),
                None => return Err("it has no breaker"),
            },
            UtilityLost => match found.utility {
                Some(utility) => self.set_utility(utility, Input::Lost),
                None => return Err("the room does not say what supplies it"),
            },
            _ => return Err("it is a UPS"),
        }
        self.advance(Duration::ZERO);
        Ok(())
    }

    /// Has a utility feed fail, with everything that it supplies, or return.
    pub fn set_utility(&mut self, utility: usize, input: Input) {
        if let Some(found) = self.utilities.get_mut(utility) {
            found.is_lost = input == Input::Lost;
        }
        for ups in &mut self.upses {
            if ups.utility == Some(utility) {
                ups.set_supply(input);
            }
        }
        self.advance(Duration::ZERO);
    }

    /// Puts a cooling unit into a condition.
    ///
    /// # Errors
    /// No cooling unit is ever in it.
    pub fn set_cooling(&mut self, unit: usize, condition: Condition) -> Result<(), &'static str> {
        use Condition::{CompressorFailed, HiddenFailure, SignWrong, UtilityLost};
        let Some(found) = self.cooling.get_mut(unit) else {
            return Ok(());
        };
        match (condition, found.utility) {
            (CompressorFailed | HiddenFailure | SignWrong, _) => found.conditions.add(condition),
            (UtilityLost, Some(utility)) => self.set_utility(utility, Input::Lost),
            (UtilityLost, None) => return Err("the room does not say what supplies it"),
            _ => return Err("it is a cooling unit"),
        }
        self.advance(Duration::ZERO);
        Ok(())
    }

    /// Ends all conditions of a cooling unit, and has what supplies it return.
    pub fn clear_cooling(&mut self, unit: usize) {
        let Some(found) = self.cooling.get_mut(unit) else {
            return;
        };
        found.conditions.clear();
        if let Some(utility) = found.utility {
            self.set_utility(utility, Input::Present);
        }
        self.advance(Duration::ZERO);
    }

    /// Tells a cooling unit the air that it shall supply: for good, or for a time after which it has
    /// the setpoint of before. Returns false if there is no such unit.
    pub fn set_setpoint(
        &mut self,
        unit: usize,
        setpoint: Celsius,
        lease: Option<Duration>,
    ) -> bool {
        let Some(found) = self.cooling.get_mut(unit) else {
            return false;
        };
        found.set(setpoint, lease);
        self.advance(Duration::ZERO);
        true
    }

    /// Puts a PDU into a condition.
    ///
    /// # Errors
    /// No PDU of its kind tells it.
    pub fn set_pdu(&mut self, pdu: usize, condition: Condition) -> Result<(), &'static str> {
        use Condition::{BreakerOpen, NearOverload, Overload, SupplyFailed};
        if let Some(pdu) = self.pdus.get_mut(pdu) {
            match (condition, pdu.kind) {
                (Overload | NearOverload | SupplyFailed, PduKind::ApcPdu) => {
                    pdu.conditions.add(condition);
                }
                (Overload | NearOverload | SupplyFailed, _) => {
                    return Err("only an apc-pdu tells it");
                }
                (BreakerOpen, kind) => match (&mut pdu.breaker, kind) {
                    (Some(breaker), _) => breaker.open(),
                    (None, PduKind::RaritanPdu) => pdu.conditions.add(condition),
                    (None, PduKind::ApcPdu) => return Err("it has no breaker"),
                },
                _ => return Err("it is a PDU"),
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

    /// Plugs more load into a PDU than its servers.
    pub fn burden(&mut self, pdu: usize, extra: Watts) {
        if let Some(pdu) = self.pdus.get_mut(pdu) {
            pdu.extra = extra;
        }
        self.advance(Duration::ZERO);
    }

    /// Switches the machine of a server on or off, as its BMC does.
    pub fn set_server(&mut self, server: usize, to: Command) {
        if let Some(server) = self.servers.get_mut(server) {
            server.is_on = to == Command::On;
        }
        self.advance(Duration::ZERO);
    }

    /// Limits the power that a server may take, or lifts the limit.
    pub fn limit_server(&mut self, server: usize, limit: Option<Watts>) {
        if let Some(server) = self.servers.get_mut(server) {
            server.limit = limit;
        }
        self.advance(Duration::ZERO);
    }

    /// Returns the voltage at the end of a cord; zero without power.
    pub fn voltage(&self, cord: Cord) -> Volts {
        match is_live(&self.pdus, cord) {
            true => self.pdus[cord.pdu].voltage,
            false => Volts(0.0),
        }
    }

    /// Ends all conditions of a UPS, closes its breaker, and has what supplies it return.
    pub fn clear_ups(&mut self, ups: usize) {
        let Some(found) = self.upses.get_mut(ups) else {
            return;
        };
        found.clear_conditions();
        if let Some(breaker) = &mut found.breaker {
            breaker.close();
        }
        if let Some(utility) = found.utility {
            self.set_utility(utility, Input::Present);
        }
        self.advance(Duration::ZERO);
    }

    /// Ends all conditions of a PDU and of the air at its rack, and closes its breaker.
    pub fn clear_pdu(&mut self, pdu: usize) {
        let Some(pdu) = self.pdus.get_mut(pdu) else {
            return;
        };
        pdu.conditions.clear();
        pdu.extra = Watts(0.0);
        if let Some(breaker) = &mut pdu.breaker {
            breaker.close();
        }
        let (rack, supply) = (pdu.rack, self.supply());
        if let Some(rack) = self.racks.get_mut(rack) {
            rack.release(supply);
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

    /// Brings voltage to the PDUs. Returns true if that of one has changed.
    fn power(&mut self) -> bool {
        for ups in &mut self.upses {
            let wobble = chance::wave(self.seed, &ups.name, self.clock, Duration::from_secs(90));
            ups.set_mains(NOMINAL + Volts(4.0 * (wobble - 0.5)));
        }
        let mut has_changed = false;
        for pdu in &mut self.pdus {
            let ups = self.upses.iter().find(|ups| ups.feed == pdu.feed);
            let voltage = ups.map_or(NOMINAL, Ups::output_voltage);
            has_changed |= voltage != pdu.voltage;
            pdu.voltage = voltage;
        }
        has_changed
    }

    fn share(&mut self) {
        for pdu in &mut self.pdus {
            for outlet in &mut pdu.outlets {
                outlet.power = Watts(0.0);
            }
        }
        for server in &mut self.servers {
            server.power = Watts(0.0);
            let live = |cord: &&Cord| is_live(&self.pdus, **cord);
            let count = server.cords.iter().filter(live).count();
            if count == 0 {
                continue;
            }
            server.power = server.draw(load::fraction(self.seed, &server.name, self.clock));
            for cord in &server.cords {
                if is_live(&self.pdus, *cord)
                    && let Some(outlet) = self.pdus[cord.pdu].outlets.get_mut(cord.outlet)
                {
                    outlet.power += server.power * (1.0 / count as f64);
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

    /// Lets the load flow through the breakers. Returns true if one has tripped.
    fn protect(&mut self, step: Duration) -> bool {
        let pdus = self.pdus.iter_mut();
        let pdus = pdus.filter_map(|pdu| {
            let load = pdu.power();
            Some((pdu.breaker.as_mut()?, load))
        });
        let upses = self.upses.iter_mut();
        let upses = upses.filter_map(|ups| Some((ups.breaker.as_mut()?, ups.load)));
        let mut has_tripped = false;
        for (breaker, load) in pdus.chain(upses) {
            has_tripped |= breaker.carry(load, step);
        }
        has_tripped
    }

    fn cool(&mut self, step: Duration) {
        let heat = self.drawn();
        let Some(air) = &mut self.air else {
            return;
        };
        for unit in &mut self.cooling {
            let utility = unit.utility.and_then(|at| self.utilities.get(at));
            let has_mains = utility.is_none_or(|utility| !utility.is_lost);
            unit.advance(air.warm, has_mains, step);
        }
        air.advance(&self.cooling, heat, step);
    }

    /// Returns the power that everything in the racks draws, and gives off as heat.
    pub fn drawn(&self) -> Watts {
        self.pdus.iter().map(Pdu::power).sum()
    }

    /// Returns the number of servers without power.
    pub fn dark(&self) -> u32 {
        let is_dark = |server: &&Server| {
            let mut cords = server.cords.iter();
            !cords.any(|cord| is_live(&self.pdus, *cord))
        };
        let count = self.servers.iter().filter(is_dark).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Returns the air that comes to the racks.
    pub fn supply(&self) -> Celsius {
        self.air.as_ref().map_or(SUPPLY, |air| air.cold)
    }

    /// Returns every breaker, with the name of what it protects.
    pub fn breakers(&self) -> impl Iterator<Item = (&str, &Breaker)> {
        let pdus = self.pdus.iter();
        let pdus = pdus.filter_map(|pdu| Some((pdu.name.as_str(), pdu.breaker.as_ref()?)));
        let upses = self.upses.iter();
        let upses = upses.filter_map(|ups| Some((ups.name.as_str(), ups.breaker.as_ref()?)));
        pdus.chain(upses)
    }

    fn warm(&mut self, step: Duration) {
        let supply = self.supply();
        for (index, rack) in self.racks.iter_mut().enumerate() {
            let its = self.pdus.iter().filter(|pdu| pdu.rack == index);
            let heat = its.map(Pdu::power).sum();
            rack.warm(heat, supply, step);
        }
    }
}

fn is_live(pdus: &[Pdu], cord: Cord) -> bool {
    // A blueprint is refused unless every cord has its outlet.
    let pdu = &pdus[cord.pdu];
    pdu.is_powered() && !pdu.has_tripped() && pdu.outlets[cord.outlet].is_on()
}
