//! APC rack PDU: PowerNet-MIB, the groups rPDU (318.1.1.12) and rPDU2 (318.1.1.26).
//!
//! Modelled on an AP8641, which is switched and metered by outlet. Units are those of the MIB:
//! currents in tenths of an ampere, powers in hundredths of a kilowatt (outlets in watts), energies
//! in tenths of a kilowatt-hour.

use async_snmp::Oid;

use super::Writable;
use super::system::{Agent, Labels};
use super::view::{ViewBuilder, gauge, integer, rounded, text};
use crate::room::{Command, Condition, Outlet, Pdu, Room};
use crate::units::{POWER_FACTOR, Watts};

const APC: [u32; 9] = [1, 3, 6, 1, 4, 1, 318, 1, 1];
const AP8641: [u32; 11] = [1, 3, 6, 1, 4, 1, 318, 1, 3, 4, 6];

/// The values of rPDUOutletControlOutletCommand.
const COMMANDS: &[(i32, Command)] = &[
    (1, Command::On),
    (2, Command::Off),
    (3, Command::Cycle),
    // The delayed commands, with the delays of this device: none.
    (4, Command::On),
    (5, Command::Off),
    (6, Command::Cycle),
    (7, Command::Cancel),
];
/// The values of rPDU2OutletSwitchedControlCommand.
const COMMANDS_2: &[(i32, Command)] = &[(1, Command::On), (2, Command::Off), (3, Command::Cycle)];

/// Adds the objects of `pdu`.
pub fn put_objects(room: &Room, pdu: &Pdu, labels: &Labels, builder: &mut ViewBuilder) -> Agent {
    identity(pdu, labels, builder);
    device(pdu, labels, builder);
    phase(pdu, builder);
    banks(pdu, builder);
    temperature(room, pdu, labels, builder);
    builder.put(&APC, &[12, 3, 1, 3, 0], integer(pdu.outlets.len() as i32));
    // rPDUPowerSupply1Status and 2: powerSupplyOneOk, powerSupplyTwoOk.
    builder.put(&APC, &[12, 4, 1, 1, 0], integer(supply_alarm(pdu)));
    builder.put(&APC, &[12, 4, 1, 2, 0], integer(1));
    builder.put(&APC, &[26, 9, 1, 0], integer(pdu.outlets.len() as i32));
    for (number, outlet) in (1..).zip(&pdu.outlets) {
        outlet_control(pdu, number, outlet, builder);
        outlet_switched(pdu, number, outlet, builder);
        outlet_metered(pdu, number, outlet, builder);
    }
    Agent {
        description: "APC Web/SNMP Management Card (MB:v4.1.0 PF:v6.7.2 \
                      PN:apc_hw05_aos_672.bin AF1:v6.7.2 AN1:apc_hw05_rpdu2g_672.bin \
                      MN:AP8641 HR:02 SN: SIM000000001 MD:01/01/2020)"
            .to_owned(),
        object: AP8641.to_vec(),
    }
}

/// Returns the OID of rPDUOutletStatusOutletState, without the index.
pub fn middle(pdu: &Pdu) -> Oid {
    let row = (pdu.outlets.len() / 2).max(1) as u32;
    Oid::new(APC.into_iter().chain([12, 3, 5, 1, 1, 4, row]))
}

/// Returns the object and outlet of `oid`, if it can be written.
pub fn writable(oid: &[u32]) -> Option<(Writable, u32)> {
    match oid.strip_prefix(&APC)? {
        [12, 3, 3, 1, 1, 4, row] => Some((Writable::Command(COMMANDS), *row)),
        [12, 3, 4, 1, 1, 2, row] | [26, 9, 2, 1, 1, 3, row] => Some((Writable::Name, *row)),
        [12, 3, 4, 1, 1, 6, row] | [26, 9, 2, 1, 1, 7, row] => Some((Writable::CycleDelay, *row)),
        [26, 9, 2, 4, 1, 5, row] => Some((Writable::Command(COMMANDS_2), *row)),
        _ => None,
    }
}

fn identity(pdu: &Pdu, labels: &Labels, builder: &mut ViewBuilder) {
    let outlets = pdu.outlets.len() as i32;
    let mut put = |object: u32, value| builder.put(&APC, &[12, 1, object, 0], value);
    put(1, text(&labels.name));
    put(2, text("02"));
    put(3, text("v6.7.2"));
    put(4, text("01/01/2020"));
    put(5, text("AP8641"));
    put(6, text("SIM000000001"));
    put(7, integer(32));
    put(8, integer(outlets));
    put(9, integer(1));
    put(10, integer(2));
    put(15, rounded(pdu.voltage.0));
    put(16, rounded(pdu.power().0));
    put(17, rounded(POWER_FACTOR * 1000.0));
    put(18, rounded(pdu.power().apparent()));
    put(19, integer(0));
}

fn device(pdu: &Pdu, labels: &Labels, builder: &mut ViewBuilder) {
    let power = pdu.power();
    let outlets = pdu.outlets.len() as i32;
    let module = |column| [26, 2, 1, column, 1];
    builder.put(&APC, &[26, 1, 0], integer(1));
    builder.put(&APC, &module(1), integer(1));
    builder.put(&APC, &module(2), integer(1));
    builder.put(&APC, &module(3), text(&labels.name));
    builder.put(&APC, &module(4), text(&labels.location));
    builder.put(&APC, &module(5), text("02"));
    builder.put(&APC, &module(6), text("6.7.2"));
    builder.put(&APC, &module(8), text("AP8641"));
    builder.put(&APC, &module(9), text("SIM000000001"));
    builder.put(&APC, &[26, 3, 0], integer(1));
    builder.row(
        (&APC, &[26, 4, 2, 1]),
        &[1],
        [
            (1, integer(1)),
            (2, integer(1)),
            (3, text(&labels.name)),
            (4, integer(outlets)),
            (5, integer(outlets)),
            (6, integer(outlets)),
            (7, integer(1)),
            (8, integer(2)),
            (9, integer(32)),
        ],
    );
    builder.row(
        (&APC, &[26, 4, 3, 1]),
        &[1],
        [
            (1, integer(1)),
            (2, integer(1)),
            (3, text(&labels.name)),
            (4, integer(load_state(pdu).unwrap_or(2))),
            (5, centikilowatts(power)),
            (6, centikilowatts(pdu.peak)),
            (9, rounded(pdu.energy.0 / 100.0)),
            (11, integer(2)),
            (12, integer(supply_alarm(pdu))),
            (13, integer(1)),
            (14, integer(1)),
            (16, rounded(power.apparent() / 10.0)),
            (17, rounded(POWER_FACTOR * 100.0)),
            (18, integer(1)),
        ],
    );
}

/// Returns the state of the load, if it is not normal: nearOverload(3) or overload(4).
fn load_state(pdu: &Pdu) -> Option<i32> {
    if pdu.conditions.has(Condition::Overload) {
        return Some(4);
    }
    pdu.conditions.has(Condition::NearOverload).then_some(3)
}

/// Returns rPDU2DeviceStatusPowerSupplyAlarm: normal(1) or alarm(2).
fn supply_alarm(pdu: &Pdu) -> i32 {
    1 + i32::from(pdu.conditions.has(Condition::SupplyFailed))
}

fn phase(pdu: &Pdu, builder: &mut ViewBuilder) {
    let current = pdu.current().0 * 10.0;
    builder.put(&APC, &[12, 2, 1, 2, 0], integer(1));
    builder.put(&APC, &[26, 5, 0], integer(1));
    load_status(builder, 1, current, (0, load_state(pdu).unwrap_or(1)));
    builder.row(
        (&APC, &[26, 6, 3, 1]),
        &[1],
        [
            (1, integer(1)),
            (2, integer(1)),
            (3, integer(1)),
            (4, integer(load_state(pdu).unwrap_or(2))),
            (5, rounded(current)),
            (6, rounded(pdu.voltage.0)),
            (7, centikilowatts(pdu.power())),
            (8, rounded(pdu.power().apparent() / 10.0)),
            (9, rounded(POWER_FACTOR * 100.0)),
            (10, rounded(pdu.peak.current(pdu.voltage).0 * 10.0)),
        ],
    );
}

fn banks(pdu: &Pdu, builder: &mut ViewBuilder) {
    let half = pdu.outlets.len().div_ceil(2).max(1);
    builder.put(&APC, &[12, 2, 1, 4, 0], integer(2));
    builder.put(&APC, &[26, 7, 0], integer(2));
    for (bank, outlets) in (1_u32..).zip(pdu.outlets.chunks(half)) {
        let power: Watts = outlets.iter().map(|outlet| outlet.power).sum();
        let current = power.current(pdu.voltage).0 * 10.0;
        load_status(builder, bank + 1, current, (bank, 1));
        builder.row(
            (&APC, &[26, 8, 3, 1]),
            &[bank],
            [
                (1, integer(bank as i32)),
                (2, integer(1)),
                (3, integer(bank as i32)),
                (4, integer(2)),
                (5, rounded(current)),
            ],
        );
    }
}

/// One row of rPDULoadStatusTable: the phase if `bank` is 0, otherwise that bank.
fn load_status(builder: &mut ViewBuilder, row: u32, current: f64, (bank, state): (u32, i32)) {
    builder.row(
        (&APC, &[12, 2, 3, 1, 1]),
        &[row],
        [
            (1, integer(row as i32)),
            (2, gauge(current)),
            (3, integer(state)),
            (4, integer(i32::from(bank == 0))),
            (5, integer(bank as i32)),
        ],
    );
}

fn temperature(room: &Room, pdu: &Pdu, labels: &Labels, builder: &mut ViewBuilder) {
    let rack = &room.racks[pdu.rack];
    builder.put(&APC, &[26, 10, 1, 0], integer(1));
    builder.row(
        (&APC, &[26, 10, 2, 2, 1]),
        &[1],
        [
            (1, integer(1)),
            (2, integer(1)),
            (3, text(&format!("{} inlet", rack.name))),
            (4, integer(1)),
            (5, integer(1)),
            (6, integer(2)),
            (7, rounded((rack.inlet.0 * 1.8 + 32.0) * 10.0)),
            (8, rounded(rack.inlet.0 * 10.0)),
            (9, integer(4)),
            (10, integer(-1)),
            (11, integer(1)),
            (14, text(&labels.location)),
        ],
    );
}

/// Groups rPDUOutletControl, rPDUOutletConfig and rPDUOutletStatus: 1 is on, 2 is off.
fn outlet_control(pdu: &Pdu, number: u32, outlet: &Outlet, builder: &mut ViewBuilder) {
    let state = if outlet.is_on() { 1 } else { 2 };
    let pending = if outlet.is_pending() { 1 } else { 2 };
    let bank = bank(pdu, number);
    builder.row(
        (&APC, &[12, 3, 3, 1, 1]),
        &[number],
        [
            (1, integer(number as i32)),
            (2, text(&outlet.name)),
            (3, integer(1)),
            (4, integer(state)),
            (5, integer(bank)),
        ],
    );
    builder.row(
        (&APC, &[12, 3, 4, 1, 1]),
        &[number],
        [
            (1, integer(number as i32)),
            (2, text(&outlet.name)),
            (3, integer(1)),
            (4, integer(0)),
            (5, integer(0)),
            (6, integer(outlet.cycle_delay.as_secs() as i32)),
            (7, integer(bank)),
        ],
    );
    builder.row(
        (&APC, &[12, 3, 5, 1, 1]),
        &[number],
        [
            (1, integer(number as i32)),
            (2, text(&outlet.name)),
            (3, integer(1)),
            (4, integer(state)),
            (5, integer(pending)),
            (6, integer(bank)),
            (7, gauge(outlet.power.current(pdu.voltage).0 * 10.0)),
        ],
    );
}

/// Groups rPDU2OutletSwitchedConfig, -Status and -Control: in the status 1 is off and 2 is on.
fn outlet_switched(pdu: &Pdu, number: u32, outlet: &Outlet, builder: &mut ViewBuilder) {
    let name = || {
        [
            (1, integer(number as i32)),
            (2, integer(1)),
            (3, text(&outlet.name)),
        ]
    };
    let status = if outlet.is_on() { 2 } else { 1 };
    let command = if outlet.is_on() { 1 } else { 2 };
    let pending = if outlet.is_pending() { 1 } else { 2 };
    for table in [1, 3, 4] {
        builder.row((&APC, &[26, 9, 2, table, 1]), &[number], name());
        builder.row(
            (&APC, &[26, 9, 2, table, 1]),
            &[number],
            [(4, integer(number as i32))],
        );
    }
    builder.row(
        (&APC, &[26, 9, 2, 1, 1]),
        &[number],
        [
            (5, integer(0)),
            (6, integer(0)),
            (7, integer(outlet.cycle_delay.as_secs() as i32)),
        ],
    );
    builder.row((&APC, &[26, 9, 2, 2, 1]), &[number], name());
    builder.row(
        (&APC, &[26, 9, 2, 2, 1]),
        &[number],
        [
            (4, integer(number as i32)),
            (5, integer(1)),
            (6, integer(bank(pdu, number))),
        ],
    );
    builder.row(
        (&APC, &[26, 9, 2, 3, 1]),
        &[number],
        [(5, integer(status)), (6, integer(pending))],
    );
    builder.row(
        (&APC, &[26, 9, 2, 4, 1]),
        &[number],
        [(5, integer(command))],
    );
}

/// Adds the group rPDU2OutletMeteredStatus.
fn outlet_metered(pdu: &Pdu, number: u32, outlet: &Outlet, builder: &mut ViewBuilder) {
    builder.row(
        (&APC, &[26, 9, 4, 3, 1]),
        &[number],
        [
            (1, integer(number as i32)),
            (2, integer(1)),
            (3, text(&outlet.name)),
            (4, integer(number as i32)),
            (5, integer(2)),
            (6, rounded(outlet.power.current(pdu.voltage).0 * 10.0)),
            (7, rounded(outlet.power.0)),
            (8, rounded(outlet.peak.0)),
            (11, rounded(outlet.energy.0 / 100.0)),
            (12, text("C13")),
        ],
    );
}

fn bank(pdu: &Pdu, number: u32) -> i32 {
    let half = pdu.outlets.len().div_ceil(2) as u32;
    if number <= half { 1 } else { 2 }
}

fn centikilowatts(power: Watts) -> async_snmp::Value {
    rounded(power.0 / 10.0)
}
