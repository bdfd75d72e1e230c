//! One device of the room as seen by an SNMP agent.

mod agent;
mod truth;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_snmp::{Oid, Value, VarBind};
use parking_lot::Mutex;
use serde::Serialize;

use crate::blueprint::Kind;
use crate::control::{Detail, Equipment};
use crate::fault::{Fault, Faults, Misfit, Order, Reply};
use crate::mib::{self, Change, Labels, Part, Refusal, View};
use crate::moment::Moment;
use crate::room::{Input, Room};
use crate::units::{Celsius, Watts};

pub use agent::{Error, READ_COMMUNITY, WRITE_COMMUNITY, spawn};
pub use truth::{CommandTruth, Truth};

use truth::{breaker, cooling, outlets, tenths};

/// A device: a part of the room with a name, faults, and a record of commands.
#[derive(Debug)]
pub struct Device {
    pub name: String,
    pub kind: Kind,
    part: Part,
    room: Arc<Mutex<Room>>,
    state: Mutex<State>,
    requests: AtomicU64,
    answers: AtomicU64,
}

#[derive(Debug)]
struct State {
    faults: Faults,
    labels: Labels,
    /// SETs received per outlet, whether carried out or not.
    received: Vec<u64>,
    sets: u64,
    commands: Vec<CommandTruth>,
    view: Option<(u64, Arc<View>)>,
}

/// A device, as inventories need it.
#[derive(Debug, Clone, Serialize)]
pub struct Place {
    pub name: String,
    pub kind: Kind,
    /// The address of its agent.
    pub address: SocketAddr,
    /// Its rack, if it is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rack: Option<String>,
    /// The feed that it is on, or supplies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feed: Option<String>,
    /// The units among which it stands in for others, if it cools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    pub room: String,
    pub community_read: &'static str,
    /// The community with write access.
    pub community_write: &'static str,
}

impl Device {
    /// Builds all devices of `room`: PDUs, UPSs, cooling units.
    pub fn build_all(room: &Arc<Mutex<Room>>) -> Vec<Arc<Self>> {
        let locked = room.lock();
        let pdus = locked
            .pdus
            .iter()
            .enumerate()
            .map(|(index, pdu)| (Part::Pdu(index), &pdu.name));
        let upses = locked
            .upses
            .iter()
            .enumerate()
            .map(|(index, ups)| (Part::Ups(index), &ups.name));
        let cooling = locked
            .cooling
            .iter()
            .enumerate()
            .map(|(index, unit)| (Part::Cooling(index), &unit.name));
        pdus.chain(upses)
            .chain(cooling)
            .map(|(part, name)| Arc::new(Self::build(room.clone(), &locked, part, name.clone())))
            .collect()
    }

    fn build(room: Arc<Mutex<Room>>, locked: &Room, part: Part, name: String) -> Self {
        let rack = rack(locked, part)
            .map(|rack| format!(", rack {rack}"))
            .unwrap_or_default();
        let labels = Labels {
            contact: "operator".to_owned(),
            name: name.clone(),
            location: format!("room {}{rack}", locked.name),
        };
        let outlets = match part {
            Part::Pdu(pdu) => locked.pdus[pdu].outlets.len(),
            Part::Ups(_) | Part::Cooling(_) => 0,
        };
        Self {
            name,
            kind: mib::kind(locked, part),
            part,
            room,
            state: Mutex::new(State {
                faults: Faults::default(),
                labels,
                received: vec![0; outlets],
                sets: 0,
                commands: Vec::new(),
                view: None,
            }),
            requests: AtomicU64::new(0),
            answers: AtomicU64::new(0),
        }
    }

    /// Returns the device's entry for inventories, given the address of its agent.
    pub fn place(&self, address: SocketAddr) -> Place {
        let room = self.room.lock();
        let feed = match self.part {
            Part::Pdu(pdu) => Some(room.pdus[pdu].feed.clone()),
            Part::Ups(ups) => Some(room.upses[ups].feed.clone()),
            Part::Cooling(_) => None,
        };
        let zone = match self.part {
            Part::Cooling(unit) => Some(room.cooling[unit].zone.clone()),
            Part::Pdu(_) | Part::Ups(_) => None,
        };
        Place {
            name: self.name.clone(),
            kind: self.kind,
            address,
            rack: rack(&room, self.part).map(str::to_owned),
            feed,
            zone,
            room: room.name.clone(),
            community_read: READ_COMMUNITY,
            community_write: WRITE_COMMUNITY,
        }
    }

    /// Records a request, and returns how it is answered.
    pub fn receive(&self, now: Duration) -> Reply {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if !self.is_powered() {
            return Reply::Never;
        }
        self.state.lock().faults.reply(now)
    }

    /// Counts an answer.
    pub fn answered(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
    }

    pub fn get(&self, oid: &Oid) -> Value {
        self.view().get(oid)
    }

    /// The first object after `oid`, unless the walk ends here.
    pub fn next(&self, oid: &Oid) -> Option<VarBind> {
        let view = self.view();
        let (next, value) = view.next(oid)?;
        if self.state.lock().faults.has(Fault::HalfTable) {
            let middle = mib::middle(&self.room.lock(), self.part);
            if middle.is_some_and(|middle| *next > middle) {
                return None;
            }
        }
        Some(VarBind::new(next.clone(), value.clone()))
    }

    /// Returns the change that a SET would make.
    pub fn test(&self, oid: &Oid, value: &Value) -> Result<Change, Refusal> {
        mib::write(&self.room.lock(), self.part, oid, value)
    }

    /// Carries out a change; a lying device only claims to.
    pub fn change(&self, change: &Change) {
        let mut room = self.room.lock();
        let mut state = self.state.lock();
        state.sets += 1;
        if let Change::Switch { outlet, command } = change
            && let Some(received) = state.received.get_mut(*outlet)
        {
            *received += 1;
            state.commands.push(CommandTruth {
                outlet: outlet + 1,
                command: *command,
                unix_ms: Moment::now(),
            });
        }
        if !state.faults.has(Fault::Lying) {
            apply(&mut room, self.part, &mut state.labels, change);
            if !state.faults.has(Fault::Frozen) {
                state.view = None;
            }
        }
    }

    /// Ends all conditions of the device and of what is around it.
    fn clear(&self) {
        let mut room = self.room.lock();
        match self.part {
            Part::Ups(ups) => {
                room.set_input(ups, Input::Present);
                room.clear_ups(ups);
            }
            Part::Pdu(pdu) => room.clear_pdu(pdu),
            Part::Cooling(unit) => room.clear_cooling(unit),
        }
    }

    fn is_powered(&self) -> bool {
        match self.part {
            Part::Pdu(pdu) => self.room.lock().pdus[pdu].is_powered(),
            // Their controllers have batteries of their own.
            Part::Ups(_) | Part::Cooling(_) => true,
        }
    }

    /// The objects as they are now; for a frozen device, as they were.
    fn view(&self) -> Arc<View> {
        let room = self.room.lock();
        let mut state = self.state.lock();
        if let Some((moment, view)) = &state.view
            && (*moment == room.moment() || state.faults.has(Fault::Frozen))
        {
            return view.clone();
        }
        let view = Arc::new(mib::view(&room, self.part, &state.labels));
        state.view = Some((room.moment(), view.clone()));
        view
    }
}

impl Equipment for Device {
    type Truth = Truth;

    fn name(&self) -> &str {
        &self.name
    }

    fn order(&self, order: Order) -> Result<(), Misfit> {
        let misfit = |fault, why| Misfit {
            device: self.name.clone(),
            fault,
            why,
        };
        let ups = match self.part {
            Part::Ups(ups) => Some(ups),
            Part::Pdu(_) | Part::Cooling(_) => None,
        };
        match (order, ups) {
            (Order::Add(fault @ Fault::InputLost), None) => {
                return Err(misfit(fault, "it is no UPS and has no input to lose"));
            }
            (Order::Add(fault @ (Fault::MuteSets(_) | Fault::Late(_))), _) => {
                return Err(misfit(fault, "only counters have that"));
            }
            (Order::Add(fault), _) if fault.only_of().is_some() => {
                return Err(misfit(fault, fault.only_of().unwrap_or_default()));
            }
            (Order::Add(Fault::InputLost), Some(ups)) => {
                self.room.lock().set_input(ups, Input::Lost);
            }
            (Order::Add(fault @ Fault::Condition(condition)), _) => {
                let mut room = self.room.lock();
                let set = match self.part {
                    Part::Ups(ups) => room.set_ups(ups, condition),
                    Part::Pdu(pdu) => room.set_pdu(pdu, condition),
                    Part::Cooling(unit) => room.set_cooling(unit, condition),
                };
                set.map_err(|why| misfit(fault, why))?;
            }
            (Order::Add(fault @ Fault::Warm(degrees)), _) => match self.part {
                Part::Pdu(pdu) => self.room.lock().heat(pdu, Celsius(f64::from(degrees))),
                Part::Ups(_) | Part::Cooling(_) => {
                    return Err(misfit(fault, "it stands in no rack"));
                }
            },
            (Order::Add(fault @ Fault::ExtraLoad(watts)), _) => match self.part {
                Part::Pdu(pdu) => self.room.lock().burden(pdu, Watts(f64::from(watts))),
                Part::Ups(_) | Part::Cooling(_) => {
                    return Err(misfit(fault, "nothing can be plugged into it"));
                }
            },
            (Order::Clear, _) => self.clear(),
            _ => {}
        }
        // The current view becomes the frozen one.
        self.view();
        let mut state = self.state.lock();
        state.faults = std::mem::take(&mut state.faults).ordered(order);
        Ok(())
    }

    fn truth(&self, detail: Detail) -> Truth {
        let room = self.room.lock();
        let state = self.state.lock();
        let watts = match self.part {
            Part::Pdu(pdu) => room.pdus[pdu].power(),
            Part::Ups(ups) => room.upses[ups].load,
            Part::Cooling(unit) => room.cooling[unit].power(),
        };
        let powered = match self.part {
            Part::Pdu(pdu) => room.pdus[pdu].is_powered(),
            Part::Ups(_) => true,
            Part::Cooling(unit) => room.cooling[unit].has_mains(),
        };
        let charge_percent = match self.part {
            Part::Ups(ups) => Some(tenths(room.upses[ups].charge() * 100.0)),
            Part::Pdu(_) | Part::Cooling(_) => None,
        };
        Truth {
            name: self.name.clone(),
            kind: self.kind,
            faults: state.faults.names(),
            powered,
            requests: self.requests.load(Ordering::Relaxed),
            answers: self.answers.load(Ordering::Relaxed),
            sets: state.sets,
            watts: tenths(watts.0),
            breaker: breaker(&room, self.part),
            cooling: cooling(&room, self.part),
            charge_percent,
            outlets: outlets(&room, self.part, &state.received),
            commands: match detail {
                Detail::Summary => Vec::new(),
                Detail::Whole => state.commands.clone(),
            },
        }
    }
}

fn rack(room: &Room, part: Part) -> Option<&str> {
    let Part::Pdu(pdu) = part else { return None };
    room.racks
        .get(room.pdus[pdu].rack)
        .map(|rack| rack.name.as_str())
}

fn apply(room: &mut Room, part: Part, labels: &mut Labels, change: &Change) {
    match change {
        Change::Contact(contact) => labels.contact.clone_from(contact),
        Change::Name(name) => labels.name.clone_from(name),
        Change::Location(location) => labels.location.clone_from(location),
        Change::Switch { outlet, command } => {
            if let Part::Pdu(pdu) = part {
                room.switch(pdu, *outlet, *command);
            }
        }
        Change::Test(order) => {
            if let Part::Ups(ups) = part {
                room.test(ups, *order);
            }
        }
        Change::Setpoint(setpoint, lease) => {
            if let Part::Cooling(unit) = part {
                room.set_setpoint(unit, *setpoint, *lease);
            }
        }
        Change::NameOutlet { outlet, name } => {
            if let Some(outlet) = find_outlet(room, part, *outlet) {
                outlet.name.clone_from(name);
            }
        }
        Change::CycleDelay { outlet, delay } => {
            if let Some(outlet) = find_outlet(room, part, *outlet) {
                outlet.cycle_delay = *delay;
            }
        }
    }
}

fn find_outlet(room: &mut Room, part: Part, outlet: usize) -> Option<&mut crate::room::Outlet> {
    let Part::Pdu(pdu) = part else { return None };
    room.pdus.get_mut(pdu)?.outlets.get_mut(outlet)
}
