//! Raritan PX: PDU2-MIB (13742.6), switched and metered by outlet.
//!
//! Every sensor states its unit and its number of decimal digits: for amperes, a manager divides
//! the value by ten as often as the digits say.

use async_snmp::Oid;

use super::Writable;
use super::system::{Agent, Labels};
use super::view::{ViewBuilder, gauge, integer, text};
use crate::room::{Command, Outlet, Pdu, Room};
use crate::units::POWER_FACTOR;

const PX: [u32; 8] = [1, 3, 6, 1, 4, 1, 13742, 6];
/// The PDU itself; further ones would follow in a cascade.
const PDU: u32 = 1;
const INLET: u32 = 1;

/// The values of OutletSwitchingOperationsEnumeration.
const COMMANDS: &[(i32, Command)] = &[(0, Command::Off), (1, Command::On), (2, Command::Cycle)];

/// The value `normal` of SensorStateEnumeration.
const NORMAL: i32 = 4;
const ON: i32 = 7;
const OFF: i32 = 8;

/// One sensor: SensorTypeEnumeration, SensorUnitsEnumeration, decimal digits, and the raw number.
struct Sensor {
    sort: u32,
    unit: i32,
    digits: u32,
    number: f64,
}

/// Adds the objects of `pdu`.
pub fn put_objects(room: &Room, pdu: &Pdu, labels: &Labels, builder: &mut ViewBuilder) -> Agent {
    identity(pdu, labels, builder);
    inlet(pdu, builder);
    breaker(pdu, builder);
    for (number, outlet) in (1..).zip(&pdu.outlets) {
        write_outlet(pdu, number, outlet, builder);
    }
    external(room, pdu, builder);
    Agent {
        description: "PX3 030400-44431".to_owned(),
        object: PX.to_vec(),
    }
}

/// Returns the OID of outletSwitchingState, without the index.
pub fn middle(pdu: &Pdu) -> Oid {
    let row = (pdu.outlets.len() / 2).max(1) as u32;
    Oid::new(PX.into_iter().chain([4, 1, 2, 1, 3, PDU, row]))
}

/// Returns the object and outlet of `oid`, if it can be written.
pub fn writable(oid: &[u32]) -> Option<(Writable, u32)> {
    match oid.strip_prefix(&PX)? {
        [4, 1, 2, 1, 2, PDU, row] => Some((Writable::Command(COMMANDS), *row)),
        [3, 5, 3, 1, 3, PDU, row] => Some((Writable::Name, *row)),
        _ => None,
    }
}

fn identity(pdu: &Pdu, labels: &Labels, builder: &mut ViewBuilder) {
    // globalOutletPowerCyclingPowerOffPeriod.
    let cycle_delay = pdu
        .outlets
        .first()
        .map_or(0.0, |outlet| outlet.cycle_delay.as_secs_f64());
    builder.put(&PX, &[3, 1, 0], gauge(1.0));
    builder.row(
        (&PX, &[3, 2, 1, 1]),
        &[PDU],
        [
            (2, text("Raritan")),
            (3, text("PX3-5260R")),
            (4, text("SIM0000002")),
            (5, text("200-240V")),
            (6, text("16A")),
            (7, text("50/60Hz")),
            (8, text("3.2-3.8kVA")),
        ],
    );
    builder.row(
        (&PX, &[3, 2, 2, 1]),
        &[PDU],
        [
            (2, integer(1)),
            (3, integer(0)),
            (4, integer(pdu.outlets.len() as i32)),
            (13, text(&labels.name)),
            (37, gauge(cycle_delay)),
        ],
    );
    // boardFirmwareVersion of the main controller.
    builder.row(
        (&PX, &[3, 2, 3, 1]),
        &[PDU, 1, 1],
        [(6, text("3.4.0.5-44431"))],
    );
}

fn inlet(pdu: &Pdu, builder: &mut ViewBuilder) {
    builder.row(
        (&PX, &[3, 3, 3, 1]),
        &[PDU, INLET],
        [(2, text("I1")), (3, text("Inlet"))],
    );
    let power = pdu.power();
    let sensors = [
        Sensor {
            sort: 1,
            unit: 2,
            digits: 3,
            number: pdu.current().0,
        },
        Sensor {
            sort: 4,
            unit: 1,
            digits: 0,
            number: pdu.voltage.0,
        },
        Sensor {
            sort: 5,
            unit: 3,
            digits: 0,
            number: power.0,
        },
        Sensor {
            sort: 6,
            unit: 4,
            digits: 0,
            number: power.apparent(),
        },
        Sensor {
            sort: 7,
            unit: -1,
            digits: 2,
            number: POWER_FACTOR,
        },
        Sensor {
            sort: 8,
            unit: 5,
            digits: 0,
            number: pdu.energy.0,
        },
        Sensor {
            sort: 23,
            unit: 8,
            digits: 1,
            number: 50.0,
        },
    ];
    for sensor in &sensors {
        write_sensor(sensor, (3, 2), INLET, builder);
    }
}

/// The breaker of all outlets, with its sensor `trip` (15): open(0) or closed(1).
fn breaker(pdu: &Pdu, builder: &mut ViewBuilder) {
    const TRIP: u32 = 15;
    let is_open = pdu.has_tripped();
    builder.row((&PX, &[3, 4, 3, 1]), &[PDU, 1], [(2, text("C1"))]);
    builder.row(
        (&PX, &[5, 3, 3, 1]),
        &[PDU, 1, TRIP],
        [
            (2, integer(1)),
            (3, integer(i32::from(!is_open))),
            (4, gauge(0.0)),
        ],
    );
}

fn write_outlet(pdu: &Pdu, number: u32, outlet: &Outlet, builder: &mut ViewBuilder) {
    let (operation, state) = if outlet.is_on() { (1, ON) } else { (0, OFF) };
    builder.row(
        (&PX, &[3, 5, 3, 1]),
        &[PDU, number],
        [
            (2, text(&number.to_string())),
            (3, text(&outlet.name)),
            (28, integer(1)),
        ],
    );
    builder.row(
        (&PX, &[4, 1, 2, 1]),
        &[PDU, number],
        [(2, integer(operation)), (3, integer(state))],
    );
    let sensors = [
        Sensor {
            sort: 1,
            unit: 2,
            digits: 3,
            number: outlet.power.current(pdu.voltage).0,
        },
        Sensor {
            sort: 4,
            unit: 1,
            digits: 0,
            number: pdu.voltage.0,
        },
        Sensor {
            sort: 5,
            unit: 3,
            digits: 0,
            number: outlet.power.0,
        },
        Sensor {
            sort: 8,
            unit: 5,
            digits: 0,
            number: outlet.energy.0,
        },
    ];
    for sensor in &sensors {
        write_sensor(sensor, (5, 4), number, builder);
    }
}

/// Adds a sensor of an inlet or an outlet, by its position in the groups of configuration (3.x.4)
/// and of measurement (5.y.3).
fn write_sensor(sensor: &Sensor, group: (u32, u32), owner: u32, builder: &mut ViewBuilder) {
    let index = [PDU, owner, sensor.sort];
    builder.row(
        (&PX, &[3, group.0, 4, 1]),
        &index,
        [
            (6, integer(sensor.unit)),
            (7, gauge(f64::from(sensor.digits))),
        ],
    );
    builder.row(
        (&PX, &[5, group.1, 3, 1]),
        &index,
        [
            (2, integer(1)),
            (3, integer(NORMAL)),
            (4, gauge(scaled(sensor))),
        ],
    );
}

/// One temperature sensor at the inlet of the rack, in tenths of a degree Celsius.
fn external(room: &Room, pdu: &Pdu, builder: &mut ViewBuilder) {
    let rack = &room.racks[pdu.rack];
    let sensor = Sensor {
        sort: 10,
        unit: 7,
        digits: 1,
        number: rack.inlet.0,
    };
    builder.row(
        (&PX, &[3, 6, 3, 1]),
        &[PDU, 1],
        [
            (2, integer(sensor.sort as i32)),
            (3, text("SIM0000003")),
            (4, text(&format!("{} inlet", rack.name))),
            (16, integer(sensor.unit)),
            (17, gauge(f64::from(sensor.digits))),
        ],
    );
    builder.row(
        (&PX, &[5, 5, 3, 1]),
        &[PDU, 1],
        [
            (2, integer(1)),
            (3, integer(NORMAL)),
            (4, integer(scaled(&sensor).round() as i32)),
        ],
    );
}

fn scaled(sensor: &Sensor) -> f64 {
    sensor.number * 10_f64.powi(sensor.digits as i32)
}
