//! The targets of a room, their labels, and what feeds what.

use std::collections::BTreeMap;

use utakata_model::{Kind, NameError, Selector, Target, TargetName};
use utakata_room::{
    Room,
    blueprint::{self, PduKind},
};

/// The reason why there is no trial.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The room file does not describe a room that can be.
    #[error("the room has a mistake")]
    Room(#[from] utakata_room::Error),
    /// The room file cannot be read.
    #[error(transparent)]
    Blueprint(#[from] blueprint::Error),
    /// Something in it cannot be a target.
    #[error("the room has something that cannot be a target")]
    Name(#[from] NameError),
    /// A policy has mistakes.
    #[error("the policy {0} has mistakes: {1}")]
    Policy(String, String),
    /// A policy has nothing to look at or nothing to act on in this room.
    #[error("the policy {policy} cannot be tried in the room {room}: {why}")]
    Strange {
        /// The name of the policy.
        policy: String,
        /// The name of the room.
        room: String,
        /// The reason, for people.
        why: String,
    },
}

/// The part of a room that a target is, by its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Pdu(usize),
    Ups(usize),
    Cooling(usize),
    Server(usize),
}

/// One target.
#[derive(Debug)]
pub(crate) struct Entry {
    pub target: Target,
    pub part: Part,
}

/// The source that feeds a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    pub target: TargetName,
    pub outlet: Option<String>,
}

/// The targets of a room, which never change.
#[derive(Debug, Default)]
pub(crate) struct Site {
    entries: BTreeMap<TargetName, Entry>,
    /// The sources of each, and the targets that each feeds.
    above: BTreeMap<TargetName, Vec<Source>>,
    below: BTreeMap<TargetName, Vec<(Option<String>, TargetName)>>,
}

impl Site {
    pub fn of(room: &Room) -> Result<Self, NameError> {
        let mut site = Self::default();
        for (index, pdu) in room.pdus.iter().enumerate() {
            let kind = match pdu.kind {
                PduKind::ApcPdu => "apc-pdu",
                PduKind::RaritanPdu => "raritan-pdu",
            };
            let labels = [
                ("feed", pdu.feed.as_str()),
                ("rack", room.racks[pdu.rack].name.as_str()),
            ];
            site.add(room, &pdu.name, kind, &labels, Part::Pdu(index))?;
        }
        for (index, ups) in room.upses.iter().enumerate() {
            let labels = [("feed", ups.feed.as_str())];
            site.add(room, &ups.name, "ups", &labels, Part::Ups(index))?;
            for pdu in room.pdus.iter().filter(|pdu| pdu.feed == ups.feed) {
                site.feed(&ups.name, None, &pdu.name)?;
            }
        }
        for (index, unit) in room.cooling.iter().enumerate() {
            let labels = [("cooling-zone", unit.zone.as_str())];
            site.add(room, &unit.name, "crac", &labels, Part::Cooling(index))?;
        }
        for (index, server) in room.servers.iter().enumerate() {
            let mut labels = vec![("rack", room.racks[server.rack].name.as_str())];
            let own = server.labels.iter();
            labels.extend(own.map(|(key, value)| (key.as_str(), value.as_str())));
            site.add(room, &server.name, "server", &labels, Part::Server(index))?;
            for cord in &server.cords {
                let outlet = Some((cord.outlet + 1).to_string());
                site.feed(&room.pdus[cord.pdu].name, outlet, &server.name)?;
            }
        }
        Ok(site)
    }

    fn add(
        &mut self,
        room: &Room,
        name: &str,
        kind: &str,
        labels: &[(&str, &str)],
        part: Part,
    ) -> Result<(), NameError> {
        let name: TargetName = name.parse()?;
        let kind: Kind = kind.parse()?;
        let mut target = Target::new(name.clone(), kind, "simulated".into());
        let labels = labels.iter().chain(&[("room", "")]);
        for (key, value) in labels {
            let value = match *key {
                "room" => room.name.as_str(),
                _ => *value,
            };
            if !value.is_empty() {
                target.labels.insert((*key).to_owned(), value.to_owned());
            }
        }
        self.entries.insert(name, Entry { target, part });
        Ok(())
    }

    fn feed(&mut self, from: &str, outlet: Option<String>, to: &str) -> Result<(), NameError> {
        let (from, to): (TargetName, TargetName) = (from.parse()?, to.parse()?);
        let below = self.below.entry(from.clone()).or_default();
        below.push((outlet.clone(), to.clone()));
        let source = Source {
            target: from,
            outlet,
        };
        self.above.entry(to).or_default().push(source);
        Ok(())
    }

    pub fn find(&self, name: &TargetName) -> Option<&Entry> {
        self.entries.get(name)
    }

    pub fn select<'s>(&'s self, selector: &'s Selector) -> impl Iterator<Item = &'s Entry> {
        self.entries
            .values()
            .filter(|entry| selector.matches(&entry.target))
    }

    /// Returns what feeds a target.
    pub fn sources(&self, of: &TargetName) -> &[Source] {
        self.above.get(of).map_or(&[], Vec::as_slice)
    }

    /// Returns what an outlet of a target feeds; everything that it feeds without an outlet.
    pub fn loads<'s>(
        &'s self,
        of: &TargetName,
        outlet: Option<&'s str>,
    ) -> impl Iterator<Item = &'s TargetName> {
        let below = self.below.get(of).into_iter().flatten();
        let is_its = move |one: &&(Option<String>, TargetName)| {
            one.0.is_none() || outlet.is_none() || one.0.as_deref() == outlet
        };
        below.filter(is_its).map(|(_, load)| load)
    }
}
