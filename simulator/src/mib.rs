//! The objects of a device, as a manager sees them: those to read and those to write.
//!
//! Pure: [`view()`] is a function of the room, and [`write()`] returns the change that a SET would
//! make.

mod apc;
mod crac;
mod raritan;
pub mod system;
mod ups;
pub mod view;

#[cfg(test)]
mod tests;

use std::time::Duration;

use async_snmp::{Oid, Value};

use crate::blueprint::{Kind, PduKind};
use crate::room::{Command, Room, TestOrder};
use crate::units::Celsius;

pub use system::Labels;
pub use view::View;

/// The part of the room that a device represents: an index into [`Room::pdus`], [`Room::upses`] or
/// [`Room::cooling`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A power distribution unit, by its index.
    Pdu(usize),
    /// An uninterruptible power supply, by its index.
    Ups(usize),
    /// A cooling unit, by its index.
    Cooling(usize),
}

/// A change made by a SET. Outlets are counted from 0.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A command to an outlet.
    Switch {
        outlet: usize,
        /// The command to the outlet.
        command: Command,
    },
    /// A new name for an outlet.
    NameOutlet { outlet: usize, name: String },
    /// Sets the time for which an outlet stays off in a cycle.
    CycleDelay { outlet: usize, delay: Duration },
    /// A UPS starts or stops a battery test.
    Test(TestOrder),
    /// A cooling unit is told the air that it shall supply: for good, or for a time.
    Setpoint(Celsius, Option<Duration>),
    /// A new sysContact.
    Contact(String),
    /// A new sysName.
    Name(String),
    /// A new sysLocation.
    Location(String),
}

/// The reason why a SET is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The object cannot be written, or does not exist.
    NotWritable,
    /// There is no such row.
    NoCreation,
    /// The value has the wrong type.
    WrongType,
    /// The value is too long.
    WrongLength,
    /// The object does not accept this value.
    WrongValue,
}

/// Returns the kind of device that represents a part.
pub fn kind(room: &Room, part: Part) -> Kind {
    match part {
        Part::Ups(_) => Kind::Ups,
        Part::Cooling(_) => Kind::Crac,
        Part::Pdu(pdu) => match room.pdus.get(pdu).map(|pdu| pdu.kind) {
            Some(PduKind::RaritanPdu) => Kind::RaritanPdu,
            _ => Kind::ApcPdu,
        },
    }
}

/// Returns all objects of a device as they are now.
pub fn view(room: &Room, part: Part, labels: &Labels) -> View {
    let mut builder = view::ViewBuilder::default();
    let agent = match part {
        Part::Pdu(pdu) => room.pdus.get(pdu).map(|pdu| match pdu.kind {
            PduKind::ApcPdu => apc::put_objects(room, pdu, labels, &mut builder),
            PduKind::RaritanPdu => raritan::put_objects(room, pdu, labels, &mut builder),
        }),
        Part::Ups(ups) => room
            .upses
            .get(ups)
            .map(|ups| ups::put_objects(room, ups, &mut builder)),
        Part::Cooling(unit) => room
            .cooling
            .get(unit)
            .map(|unit| crac::put_objects(unit, &mut builder)),
    };
    if let Some(agent) = agent {
        system::put_objects(&agent, labels, room.clock(), &mut builder);
    }
    builder.into_view()
}

/// The object at which a walk of a half table ends: in the middle of the device's main table.
pub fn middle(room: &Room, part: Part) -> Option<Oid> {
    match part {
        Part::Pdu(pdu) => room.pdus.get(pdu).map(|pdu| match pdu.kind {
            PduKind::ApcPdu => apc::middle(pdu),
            PduKind::RaritanPdu => raritan::middle(pdu),
        }),
        Part::Ups(_) => Some(ups::middle()),
        Part::Cooling(_) => Some(crac::middle()),
    }
}

/// Returns the change made by writing `value` to `oid`.
pub fn write(room: &Room, part: Part, oid: &Oid, value: &Value) -> Result<Change, Refusal> {
    if let Some(change) = system::write(oid.arcs(), value) {
        return change;
    }
    let pdu = match part {
        Part::Pdu(pdu) => pdu,
        Part::Ups(_) => return ups::write(oid.arcs(), value).unwrap_or(Err(Refusal::NotWritable)),
        Part::Cooling(_) => {
            return crac::write(oid.arcs(), value).unwrap_or(Err(Refusal::NotWritable));
        }
    };
    let Some(pdu) = room.pdus.get(pdu) else {
        return Err(Refusal::NotWritable);
    };
    let (object, row) = match pdu.kind {
        PduKind::ApcPdu => apc::writable(oid.arcs()),
        PduKind::RaritanPdu => raritan::writable(oid.arcs()),
    }
    .ok_or(Refusal::NotWritable)?;
    let outlet = usize::try_from(row)
        .ok()
        .and_then(|row| row.checked_sub(1))
        .filter(|outlet| *outlet < pdu.outlets.len())
        .ok_or(Refusal::NoCreation)?;
    object.change(outlet, value)
}

/// A writable object of an outlet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writable {
    /// A command; the numbers it accepts, and their meaning.
    Command(&'static [(i32, Command)]),
    Name,
    /// Seconds to stay off in a cycle, 5 to 60 (rPDUOutletConfigRebootDuration).
    CycleDelay,
}

impl Writable {
    fn change(self, outlet: usize, value: &Value) -> Result<Change, Refusal> {
        match self {
            Self::Name => Ok(Change::NameOutlet {
                outlet,
                name: text(value, 32)?,
            }),
            Self::CycleDelay => match integer(value)? {
                seconds @ 5..=60 => Ok(Change::CycleDelay {
                    outlet,
                    delay: Duration::from_secs(u64::from(seconds.unsigned_abs())),
                }),
                _ => Err(Refusal::WrongValue),
            },
            Self::Command(commands) => {
                let number = integer(value)?;
                let (_, command) = commands
                    .iter()
                    .find(|(taken, _)| *taken == number)
                    .ok_or(Refusal::WrongValue)?;
                Ok(Change::Switch {
                    outlet,
                    command: *command,
                })
            }
        }
    }
}

fn integer(value: &Value) -> Result<i32, Refusal> {
    match value {
        Value::Integer(number) => Ok(*number),
        _ => Err(Refusal::WrongType),
    }
}

fn text(value: &Value, longest: usize) -> Result<String, Refusal> {
    match value {
        Value::OctetString(bytes) if bytes.len() > longest => Err(Refusal::WrongLength),
        Value::OctetString(bytes) => {
            String::from_utf8(bytes.to_vec()).map_err(|_| Refusal::WrongValue)
        }
        _ => Err(Refusal::WrongType),
    }
}
