//! The devices of a room: what they show when they are read, and what they do when they are told.
//! Metrics, attributes and actions are those of the kinds that the simulator speaks for.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;
use utakata_model::ActionName;
use utakata_policy::SampleValue;
use utakata_room::{
    Command, Cooling, CoolingStatus, Pdu, Room, Source, Ups, blueprint::PduKind, units::Celsius,
};

use crate::site::Part;

/// One value that a device shows.
pub(crate) struct Shown {
    pub attributes: Vec<(&'static str, String)>,
    pub value: SampleValue,
}

impl Shown {
    fn number(attributes: &[(&'static str, &str)], value: f64) -> Self {
        Self::of(attributes, SampleValue::Number(value))
    }

    fn text(attributes: &[(&'static str, &str)], value: &str) -> Self {
        Self::of(attributes, SampleValue::Text(value.into()))
    }

    fn of(attributes: &[(&'static str, &str)], value: SampleValue) -> Self {
        let attributes = attributes.iter();
        Self {
            attributes: attributes
                .map(|(key, text)| (*key, (*text).to_owned()))
                .collect(),
            value,
        }
    }

    /// Returns the value of an attribute.
    pub fn attribute(&self, key: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| *known == key);
        found.map(|(_, text)| text.as_str())
    }
}

/// Returns true if a device answers when it is read.
pub(crate) fn answers(room: &Room, part: Part) -> bool {
    match part {
        Part::Pdu(pdu) => room.pdus[pdu].is_powered(),
        Part::Ups(_) | Part::Cooling(_) => true,
        Part::Server(_) => false,
    }
}

/// Returns what a device shows of a metric.
pub(crate) fn shows(room: &Room, part: Part, metric: &str) -> Vec<Shown> {
    match part {
        Part::Pdu(pdu) => pdu_shows(room, &room.pdus[pdu], metric),
        Part::Ups(ups) => ups_shows(&room.upses[ups], metric),
        Part::Cooling(unit) => cooling_shows(&room.cooling[unit], metric),
        Part::Server(_) => Vec::new(),
    }
}

fn pdu_shows(room: &Room, pdu: &Pdu, metric: &str) -> Vec<Shown> {
    let outlets = || (1..).zip(&pdu.outlets);
    match metric {
        "hw.power" => {
            let whole = match pdu.kind {
                PduKind::ApcPdu => ("phase", "1"),
                PduKind::RaritanPdu => ("inlet", "1"),
            };
            let mut shown = vec![Shown::number(&[whole], pdu.power().0)];
            shown.extend(outlets().map(|(number, outlet)| {
                let number: u32 = number;
                Shown::number(&[("outlet", number.to_string().as_str())], outlet.power.0)
            }));
            shown
        }
        "utakata.outlet.state" => outlets()
            .map(|(number, outlet)| {
                let number: u32 = number;
                let state = if outlet.is_on() { "on" } else { "off" };
                Shown::text(&[("outlet", number.to_string().as_str())], state)
            })
            .collect(),
        "hw.temperature" => vec![Shown::number(
            &[("hw.sensor_location", "external")],
            room.racks[pdu.rack].inlet.0,
        )],
        "hw.status" if pdu.kind == PduKind::RaritanPdu => {
            let status = if pdu.has_tripped() { "failed" } else { "ok" };
            vec![Shown::text(&[("hw.type", "breaker")], status)]
        }
        _ => Vec::new(),
    }
}

fn ups_shows(ups: &Ups, metric: &str) -> Vec<Shown> {
    let output = [("circuit", "output"), ("phase", "1")];
    match metric {
        "utakata.ups.source" => {
            let source = match ups.source() {
                Source::Nothing => "none",
                Source::Mains => "normal",
                Source::Bypass => "bypass",
                Source::Battery => "battery",
            };
            vec![Shown::text(&[], source)]
        }
        "hw.power" => vec![Shown::number(&output, ups.load.0)],
        "hw.load" => vec![Shown::number(&output, ups.load_fraction())],
        "hw.battery.charge" => vec![Shown::number(&[], ups.charge())],
        "hw.battery.time_left" => vec![Shown::number(&[], ups.runtime().as_secs_f64())],
        "utakata.ups.on_battery" => vec![Shown::number(&[], ups.on_battery.as_secs_f64())],
        _ => Vec::new(),
    }
}

fn cooling_shows(unit: &Cooling, metric: &str) -> Vec<Shown> {
    let word = |is: bool| if is { "ok" } else { "failed" };
    match metric {
        "hvac.setpoint" => vec![Shown::number(&[], unit.setpoint.0)],
        "hw.temperature" => vec![
            Shown::number(&[("hw.sensor_location", "supply")], unit.told_supply().0),
            Shown::number(&[("hw.sensor_location", "return")], unit.return_air.0),
        ],
        "hw.status" => vec![
            Shown::text(
                &[("hw.type", "cooling")],
                word(unit.status() == CoolingStatus::Ok),
            ),
            Shown::text(&[("hw.type", "fan")], word(unit.has_mains())),
        ],
        "hvac.compressor" => {
            let state = if unit.tells_running() {
                "running"
            } else {
                "standing"
            };
            vec![Shown::text(&[], state)]
        }
        "hw.power" => vec![Shown::number(&[], unit.power().0)],
        _ => Vec::new(),
    }
}

/// A command that a device understands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Order {
    /// To an outlet, counted from 0.
    Outlet(usize, Command),
    Setpoint(Celsius, Option<Duration>),
}

impl Order {
    /// Reads an action with its parameters.
    pub fn read(
        part: Part,
        action: &ActionName,
        parameters: &BTreeMap<String, Value>,
    ) -> Result<Self, String> {
        let command = match action.as_str() {
            "outlet-on" => Some(Command::On),
            "outlet-off" => Some(Command::Off),
            "outlet-cycle" => Some(Command::Cycle),
            _ => None,
        };
        match (part, command) {
            (Part::Pdu(_), Some(command)) => {
                let outlet = parameters.get("outlet").and_then(outlet);
                let outlet = outlet.ok_or("its outlet is no number from 1")?;
                Ok(Self::Outlet(outlet, command))
            }
            (Part::Cooling(_), None) if action.as_str() == "set-setpoint" => {
                let celsius = parameters.get("celsius").and_then(Value::as_f64);
                let celsius = celsius.filter(|celsius| (10.0..=40.0).contains(celsius));
                let celsius = celsius.ok_or("celsius is no number from 10 to 40")?;
                Ok(Self::Setpoint(Celsius(celsius), None))
            }
            _ => Err(format!("it does not know the action {action}")),
        }
    }

    /// Returns the order with a lease, where the device takes it back by itself.
    ///
    /// # Errors
    /// It never does.
    pub fn leased(self, lease: Option<Duration>) -> Result<Self, String> {
        match (self, lease) {
            (order, None) => Ok(order),
            (Self::Setpoint(setpoint, _), lease) => Ok(Self::Setpoint(setpoint, lease)),
            (Self::Outlet(..), Some(_)) => {
                Err("it takes nothing back by itself (dead_man)".to_owned())
            }
        }
    }

    /// Tells a device. Returns false if it has no such outlet, or has no power and hears nothing.
    pub fn tell(self, room: &mut Room, part: Part) -> bool {
        match (self, part) {
            (Self::Outlet(outlet, command), Part::Pdu(pdu)) => {
                answers(room, part) && room.switch(pdu, outlet, command)
            }
            (Self::Setpoint(setpoint, lease), Part::Cooling(unit)) => {
                room.set_setpoint(unit, setpoint, lease)
            }
            _ => false,
        }
    }

    /// Returns true if a device shows what it was told; absent if nobody can see it.
    pub fn shows(self, room: &Room, part: Part) -> Option<bool> {
        if !answers(room, part) {
            return None;
        }
        match (self, part) {
            (Self::Outlet(outlet, command), Part::Pdu(pdu)) => {
                let is_on = room.pdus[pdu].outlets.get(outlet)?.is_on();
                Some(is_on == (command != Command::Off))
            }
            (Self::Setpoint(setpoint, _), Part::Cooling(unit)) => {
                let shown = room.cooling[unit].setpoint;
                Some((shown.0 - setpoint.0).abs() < 0.05)
            }
            _ => None,
        }
    }

    /// Returns the order that brings back what is there now.
    pub fn back(self, room: &Room, part: Part) -> Self {
        match (self, part) {
            (Self::Outlet(outlet, command), _) => {
                let back = match command {
                    Command::Off => Command::On,
                    Command::On => Command::Off,
                    other => other,
                };
                Self::Outlet(outlet, back)
            }
            (Self::Setpoint(..), Part::Cooling(unit)) => {
                Self::Setpoint(room.cooling[unit].setpoint, None)
            }
            (order, _) => order,
        }
    }
}

/// Returns the outlet, counted from 0, of a number or a text that counts from 1.
fn outlet(value: &Value) -> Option<usize> {
    let number = match value {
        Value::String(text) => text.parse().ok()?,
        value => value.as_u64()?,
    };
    usize::try_from(number).ok()?.checked_sub(1)
}
