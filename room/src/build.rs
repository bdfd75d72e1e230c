//! Builds a room from a blueprint, naming every mistake.

use std::collections::HashSet;
use std::time::Duration;

use crate::blueprint::{self, Blueprint};
use crate::cooling::Design;
use crate::units::{Volts, WattHours, Watts};
use crate::{
    Air, Bmc, Breaker, Conditions, Cooling, Cord, Gateway, Outlet, Pdu, Rack, Room, Server, Unit,
    Ups, Upsd, Utility,
};

/// A mistake in a blueprint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Two devices have the same name.
    #[error("two devices are called `{0}`: give each a name of its own")]
    Twice(String),
    /// Something is in a rack that does not exist.
    #[error("`{0}` stands in rack `{1}`, which the room does not have")]
    Rack(String, String),
    /// A PDU with too many outlets, or none.
    #[error("`{0}` has {1} outlets: a PDU has 1 to 64")]
    Outlets(String, usize),
    /// A UPS without capacity, or negative consumption.
    #[error("`{0}` has a power or a capacity that is not a positive number")]
    Power(String),
    /// A cord that is not `pdu:outlet`.
    #[error("`{0}` has a cord `{1}`: write pdu:outlet, like pdu-a1-a:3")]
    Cord(String, String),
    /// Something is supplied by a feed that does not exist.
    #[error("`{0}` is supplied by `{1}`, which is no [[utility]] of the room")]
    Utility(String, String),
    /// A cooling unit that cannot work.
    #[error("`{0}` has a setpoint that is not from 10 to 40 degrees")]
    Setpoint(String),
    /// A BMC of a server that does not exist.
    #[error("`{0}` is the BMC of `{1}`, which is no server of the room")]
    Server(String, String),
    /// A unit of a cooling unit that does not exist.
    #[error("`{0}` is the controller of `{1}`, which is no [[cooling]] of the room")]
    Cooling(String, String),
    /// A server that tells of a UPS that does not exist.
    #[error("`{0}` tells of `{1}`, which is no [[ups]] of the room")]
    Ups(String, String),
    /// A unit with a number that no line has, or that another one has.
    #[error("`{0}` has the number {1}: each unit of a gateway has its own, 1 to 247")]
    Number(String, u8),
    /// A gateway that nobody can connect to.
    #[error("`{0}` takes no connection: a gateway takes 1 or more")]
    Connections(String),
    /// A cord leads nowhere.
    #[error("`{0}` is plugged into `{1}`, which the room does not have")]
    Plug(String, String),
}

impl Room {
    /// Builds the room of `blueprint`, as if it had been running for a long time.
    pub fn build(blueprint: &Blueprint) -> Result<Self, Error> {
        check_names(blueprint)?;
        let racks: Vec<Rack> = blueprint
            .racks
            .iter()
            .map(|rack| Rack::new(rack.name.clone()))
            .collect();
        let pdus = blueprint
            .pdus
            .iter()
            .map(|pdu| build_pdu(pdu, &racks))
            .collect::<Result<Vec<_>, _>>()?;
        let utilities: Vec<Utility> = blueprint
            .utilities
            .iter()
            .map(|utility| Utility::new(utility.name.clone()))
            .collect();
        let upses = blueprint
            .upses
            .iter()
            .map(|ups| build_ups(ups, &utilities))
            .collect::<Result<Vec<_>, _>>()?;
        let cooling = blueprint
            .cooling
            .iter()
            .map(|unit| build_cooling(unit, &utilities))
            .collect::<Result<Vec<_>, _>>()?;
        let mut servers = Vec::new();
        for sort in &blueprint.servers {
            for number in 0..sort.count {
                servers.push(build_server(sort, number, &racks, &pdus)?);
            }
        }
        let bmcs = blueprint.bmcs.iter().map(|bmc| build_bmc(bmc, &servers));
        let bmcs = bmcs.collect::<Result<_, _>>()?;
        let gateways = blueprint.gateways.iter();
        let gateways = gateways.map(|gateway| build_gateway(gateway, &cooling));
        let gateways = gateways.collect::<Result<_, _>>()?;
        let upsds = blueprint.upsds.iter().map(|upsd| build_upsd(upsd, &upses));
        let upsds = upsds.collect::<Result<_, _>>()?;
        let mut room = Self {
            name: blueprint.name.clone(),
            seed: blueprint.seed,
            clock: Duration::ZERO,
            moment: 0,
            racks,
            pdus,
            upses,
            utilities,
            air: (!cooling.is_empty()).then(|| Air::new(&cooling)),
            cooling,
            servers,
            bmcs,
            gateways,
            upsds,
        };
        room.label();
        room.settle();
        Ok(room)
    }

    /// Names each outlet after its load.
    fn label(&mut self) {
        for server in &self.servers {
            for cord in &server.cords {
                self.pdus[cord.pdu].outlets[cord.outlet]
                    .name
                    .clone_from(&server.name);
            }
        }
    }

    fn settle(&mut self) {
        self.advance(Duration::ZERO);
        for pdu in &mut self.pdus {
            let load = pdu.power();
            if let Some(breaker) = &mut pdu.breaker {
                breaker.settle(load);
            }
        }
        for ups in &mut self.upses {
            let load = ups.load;
            if let Some(breaker) = &mut ups.breaker {
                breaker.settle(load);
            }
        }
        if self.air.is_some() {
            (0..WARMING_UP).for_each(|_| self.cool(WARMING_STEP));
        }
        let supply = self.supply();
        for (index, rack) in self.racks.iter_mut().enumerate() {
            rack.settle(
                self.pdus
                    .iter()
                    .filter(|pdu| pdu.rack == index)
                    .map(Pdu::power)
                    .sum(),
                supply,
            );
        }
        for pdu in &mut self.pdus {
            // Forty days of the current flow, so that counters look like those of a device in use.
            pdu.outlets
                .iter_mut()
                .for_each(|outlet| outlet.energy = outlet.power.over(AGE));
            pdu.energy = pdu.outlets.iter().map(|outlet| outlet.energy).sum();
        }
    }
}

/// The time for which the cooling units of a new room have worked already.
const WARMING_UP: u32 = 1440;
const WARMING_STEP: Duration = Duration::from_secs(5);
const AGE: Duration = Duration::from_secs(40 * 24 * 3600);

fn check_names(blueprint: &Blueprint) -> Result<(), Error> {
    let pdus = blueprint.pdus.iter().map(|pdu| &pdu.name);
    let upses = blueprint.upses.iter().map(|ups| &ups.name);
    let cooling = blueprint.cooling.iter().map(|unit| &unit.name);
    let bmcs = blueprint.bmcs.iter().map(|bmc| &bmc.name);
    let gateways = blueprint.gateways.iter().map(|gateway| &gateway.name);
    let units = blueprint.gateways.iter().flat_map(|gateway| &gateway.units);
    let units = units.map(|unit| &unit.name);
    let upsds = blueprint.upsds.iter().map(|upsd| &upsd.name);
    let others = bmcs.chain(gateways).chain(units).chain(upsds);
    let mut seen = HashSet::new();
    for name in pdus.chain(upses).chain(cooling).chain(others) {
        if !seen.insert(name) {
            return Err(Error::Twice(name.clone()));
        }
    }
    Ok(())
}

fn find_rack(racks: &[Rack], owner: &str, name: &str) -> Result<usize, Error> {
    racks
        .iter()
        .position(|rack| rack.name == name)
        .ok_or_else(|| Error::Rack(owner.to_owned(), name.to_owned()))
}

fn build_pdu(pdu: &blueprint::Pdu, racks: &[Rack]) -> Result<Pdu, Error> {
    if !(1..=64).contains(&pdu.outlets) {
        return Err(Error::Outlets(pdu.name.clone(), pdu.outlets));
    }
    let outlets =
        (1..=pdu.outlets).map(|number| Outlet::new(format!("Outlet {number}"), pdu.cycle_delay));
    Ok(Pdu {
        name: pdu.name.clone(),
        kind: pdu.kind,
        rack: find_rack(racks, &pdu.name, &pdu.rack)?,
        feed: pdu.feed.clone(),
        voltage: Volts(0.0),
        outlets: outlets.collect(),
        energy: WattHours(0.0),
        peak: Watts(0.0),
        conditions: Conditions::default(),
        breaker: breaker(&pdu.name, pdu.breaker_watts)?,
        extra: Watts(0.0),
    })
}

fn breaker(owner: &str, rated: Option<Watts>) -> Result<Option<Breaker>, Error> {
    match rated {
        Some(rated) if !is_positive(rated.0) => Err(Error::Power(owner.to_owned())),
        rated => Ok(rated.map(Breaker::new)),
    }
}

fn find_utility(
    utilities: &[Utility],
    owner: &str,
    name: Option<&String>,
) -> Result<Option<usize>, Error> {
    let Some(name) = name else {
        return Ok(None);
    };
    let found = utilities.iter().position(|utility| utility.name == *name);
    match found {
        Some(found) => Ok(Some(found)),
        None => Err(Error::Utility(owner.to_owned(), name.clone())),
    }
}

fn build_cooling(unit: &blueprint::Cooling, utilities: &[Utility]) -> Result<Cooling, Error> {
    if !is_positive(unit.capacity_watts.0) {
        return Err(Error::Power(unit.name.clone()));
    }
    if !(10.0..=40.0).contains(&unit.setpoint.0) {
        return Err(Error::Setpoint(unit.name.clone()));
    }
    let design = Design {
        capacity: unit.capacity_watts,
        airflow: unit.capacity_watts.0 / KELVINS,
        setpoint: unit.setpoint,
        min_on: unit.min_on,
        min_off: unit.min_off,
    };
    let utility = find_utility(utilities, &unit.name, unit.utility.as_ref())?;
    let (name, zone) = (unit.name.clone(), unit.zone.clone());
    Ok(Cooling::new(name, zone, utility, design))
}

/// The kelvins by which a cooling unit at full capacity cools its air.
const KELVINS: f64 = 14.0;

fn build_ups(ups: &blueprint::Ups, utilities: &[Utility]) -> Result<Ups, Error> {
    if !is_positive(ups.rated_watts.0) || !is_positive(ups.battery_watt_hours.0) {
        return Err(Error::Power(ups.name.clone()));
    }
    let mut built = Ups::new(
        ups.name.clone(),
        ups.feed.clone(),
        ups.rated_watts,
        ups.battery_watt_hours,
    );
    built.utility = find_utility(utilities, &ups.name, ups.utility.as_ref())?;
    built.breaker = breaker(&ups.name, ups.breaker_watts)?;
    Ok(built)
}

fn is_positive(number: f64) -> bool {
    number.is_finite() && number > 0.0
}

fn build_server(
    sort: &blueprint::Servers,
    number: usize,
    racks: &[Rack],
    pdus: &[Pdu],
) -> Result<Server, Error> {
    if !is_positive(sort.idle_watts.0) || !is_positive(sort.peak_watts.0) {
        return Err(Error::Power(sort.name.clone()));
    }
    let name = match sort.count {
        1 => sort.name.clone(),
        _ => format!("{}-{:02}", sort.name, number + 1),
    };
    let rack = find_rack(racks, &name, &sort.rack)?;
    let cords = sort
        .cords
        .iter()
        .map(|cord| plug(&sort.name, cord, number, pdus));
    Ok(Server {
        name,
        rack,
        labels: sort.labels.clone(),
        power: Watts(0.0),
        idle: sort.idle_watts,
        peak: sort.peak_watts,
        is_on: true,
        limit: None,
        cords: cords.collect::<Result<_, _>>()?,
    })
}

fn build_bmc(bmc: &blueprint::Bmc, servers: &[Server]) -> Result<Bmc, Error> {
    let server = servers.iter().position(|server| server.name == bmc.server);
    Ok(Bmc {
        name: bmc.name.clone(),
        server: server.ok_or_else(|| Error::Server(bmc.name.clone(), bmc.server.clone()))?,
        model: bmc.model,
        ipmi: bmc.ipmi,
        start: bmc.start,
    })
}

fn build_upsd(upsd: &blueprint::Upsd, upses: &[Ups]) -> Result<Upsd, Error> {
    let find = |name: &String| {
        let found = upses.iter().position(|ups| ups.name == *name);
        found.ok_or_else(|| Error::Ups(upsd.name.clone(), name.clone()))
    };
    Ok(Upsd {
        name: upsd.name.clone(),
        upses: upsd.upses.iter().map(find).collect::<Result<_, _>>()?,
    })
}

fn build_gateway(gateway: &blueprint::Gateway, cooling: &[Cooling]) -> Result<Gateway, Error> {
    if gateway.connections == 0 {
        return Err(Error::Connections(gateway.name.clone()));
    }
    let mut units: Vec<Unit> = Vec::new();
    for unit in &gateway.units {
        let is_taken = units.iter().any(|other| other.number == unit.number);
        if is_taken || !(1..=247).contains(&unit.number) {
            return Err(Error::Number(unit.name.clone(), unit.number));
        }
        let found = cooling.iter().position(|one| one.name == unit.cooling);
        let missing = || Error::Cooling(unit.name.clone(), unit.cooling.clone());
        units.push(Unit {
            name: unit.name.clone(),
            number: unit.number,
            cooling: found.ok_or_else(missing)?,
        });
    }
    Ok(Gateway {
        name: gateway.name.clone(),
        patience: gateway.patience,
        connections: gateway.connections,
        units,
    })
}

fn plug(owner: &str, cord: &str, number: usize, pdus: &[Pdu]) -> Result<Cord, Error> {
    let unreadable = || Error::Cord(owner.to_owned(), cord.to_owned());
    let (name, first) = cord.rsplit_once(':').ok_or_else(unreadable)?;
    let first: usize = first.parse().map_err(|_| unreadable())?;
    let outlet = first
        .checked_sub(1)
        .ok_or_else(unreadable)?
        .saturating_add(number);
    let missing = || {
        Error::Plug(
            owner.to_owned(),
            format!("{name}:{}", outlet.saturating_add(1)),
        )
    };
    let pdu = pdus
        .iter()
        .position(|pdu| pdu.name == name)
        .ok_or_else(missing)?;
    if outlet >= pdus[pdu].outlets.len() {
        return Err(missing());
    }
    Ok(Cord { pdu, outlet })
}
