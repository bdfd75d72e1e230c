//! `read`: the points of the profiles.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::json;
use utakata_profile::{Collection, Filter, Raw, Scaling};
use utakata_worker_sdk::{
    Answer, Failure,
    model::{Cure, Missing, Problem, Recognition, missing, reading::Attributes},
};

use super::{Conversation, Learned, problem};
use crate::{
    frame::{self, Request},
    plan::{self, Block, Holes},
    profile::{Place, Point, Profile, Reading, Talk},
    session::Error,
};

/// The registers that were read.
#[derive(Default)]
struct Registers {
    read: BTreeMap<Block, Vec<u16>>,
    missing: Vec<Missing>,
    requests: u32,
}

impl Conversation<'_> {
    /// Reads what the profiles contain. A part that does not arrive is named; the rest is told.
    pub async fn read(&mut self) -> Result<Answer, Failure> {
        let filter = Filter::of(&self.task.parameters);
        let mut learned = match self.worker.recall(&self.task.address) {
            Some(learned) => Learned::clone(&learned),
            None => self.recognise().await?,
        };
        let profiles = learned.profiles.clone();
        let points: Vec<&Point> = profiles
            .iter()
            .flat_map(|profile| &profile.content.points)
            .filter(|point| filter.has(point.reading.meaning().metric.as_str()))
            .collect();
        if points.is_empty() {
            return Err(Failure::failed(problem::unknown(self.task)));
        }
        let talk = profiles
            .first()
            .map(|profile| profile.content.talk)
            .unwrap_or_default();
        self.session.pause(talk.pause);
        let places: Vec<Place> = points.iter().map(|point| point.place).collect();
        let mut registers = Registers::default();
        let fetched = self.fetch(&places, talk, &mut learned.holes, &mut registers);
        let trouble = fetched.await.err();
        let mut all = Collection::new(filter);
        for point in &points {
            if let Some(raw) = registers.value(&point.place) {
                point.add(&raw, &mut all);
            }
        }
        if all.readings.is_empty() {
            return Err(Failure::failed(match trouble {
                Some(error) => problem::of(self.task, self.place, &error),
                None => problem::nothing(self.task, &registers.missing),
            }));
        }
        let recognition = Recognition {
            is_understood: true,
            profiles: learned
                .names
                .iter()
                .map(|name| name.as_str().into())
                .collect(),
            identity: None,
            description: profiles
                .first()
                .map(|profile| profile.description.as_str().into()),
        };
        self.worker.remember(&self.task.address, Arc::new(learned));
        let missing = registers.missing.into_iter().chain(all.unread);
        Ok(Answer {
            readings: all.readings,
            missing: missing.collect(),
            recognition: Some(recognition),
            result: Some(json!({ "requests": registers.requests })),
            ..Answer::default()
        })
    }

    /// The profiles of the device: those that recognise it, and those of the release.
    pub(super) async fn recognise(&mut self) -> Result<Learned, Failure> {
        let worker = self.worker;
        let mut names = Vec::new();
        if worker.settings.recognise {
            for profile in worker.library.recognisable() {
                if self.is_it(profile).await? {
                    names.push(profile.name.clone());
                }
            }
        }
        names.extend(worker.settings.profiles.iter().cloned());
        let profiles = worker.library.resolve(names.iter().map(String::as_str));
        let profiles = profiles.map_err(|error| {
            let problem = Problem::new("device-garbage", Cure::Bug, error.to_string());
            Failure::failed(problem)
        })?;
        Ok(Learned {
            profiles,
            names,
            holes: Holes::default(),
        })
    }

    /// Returns true if the device has what a profile expects.
    async fn is_it(&mut self, profile: &Profile) -> Result<bool, Failure> {
        let Some(probe) = &profile.content.recognise else {
            return Ok(false);
        };
        let block = Block::of(&probe.place);
        match self.ask(block).await {
            Ok(frame::Answer::Values(values)) => {
                let raw = probe.place.kind.read(&values, probe.place.words);
                Ok(probe.test.holds(raw.as_ref()))
            }
            Ok(frame::Answer::Exception(10 | 11)) => Err(Failure::failed(problem::of(
                self.task,
                self.place,
                &Error::Away,
            ))),
            Ok(_) => Ok(false),
            Err(error) => Err(Failure::failed(problem::of(self.task, self.place, &error))),
        }
    }

    /// Reads the registers of places. Where the device refuses some of them together, they are read
    /// in halves, and what it does not have is not asked for again.
    async fn fetch(
        &mut self,
        places: &[Place],
        talk: Talk,
        holes: &mut Holes,
        into: &mut Registers,
    ) -> Result<(), Error> {
        let mut waiting = plan::blocks(places.iter(), talk, holes);
        waiting.reverse();
        while let Some(block) = waiting.pop() {
            into.requests += 1;
            let answer = match self.ask(block).await {
                // Each further request would cost the gateway its patience, too.
                Ok(frame::Answer::Exception(10 | 11)) => Err(Error::Away),
                other => other,
            };
            let answer = match answer {
                Ok(answer) => answer,
                Err(error) => {
                    let rest = [block].into_iter().chain(waiting);
                    let why = error.to_string();
                    let lack = |block| lacking(block, missing::NO_ANSWER, &why);
                    into.missing.extend(rest.map(lack));
                    return Err(error);
                }
            };
            match answer {
                frame::Answer::Values(values) => {
                    into.read.insert(block, values);
                }
                frame::Answer::Exception(code @ 1..=3) => {
                    let halves = plan::halves(block, places.iter()).filter(|_| code != 1);
                    match halves {
                        Some([first, second]) => {
                            waiting.extend(plan::around(&second));
                            waiting.extend(plan::around(&first));
                        }
                        None => {
                            holes.add(block);
                            let why = problem::exception(code);
                            into.missing.push(lacking(block, missing::REFUSED, why));
                        }
                    }
                }
                frame::Answer::Exception(code) => {
                    let why = problem::exception(code);
                    into.missing.push(lacking(block, missing::REFUSED, why));
                }
                frame::Answer::Confirmed | frame::Answer::Identified(_) => {}
            }
        }
        Ok(())
    }

    pub(super) async fn ask(&mut self, block: Block) -> Result<frame::Answer, Error> {
        let Block { table, at, count } = block;
        self.session.ask(&Request::Read { table, at, count }).await
    }
}

fn lacking(block: Block, reason: &str, why: &str) -> Missing {
    let object = format!("{:?} {}", block.table, block.at).to_lowercase();
    Missing::rest(&object, reason, why)
}

impl Registers {
    /// The value at a place, if it was read.
    fn value(&self, place: &Place) -> Option<Raw<'static>> {
        let wanted = Block::of(place);
        let (block, values) = self.read.iter().find(|(block, _)| block.has(wanted))?;
        let from = usize::from(wanted.at - block.at);
        let values = values.get(from..from + usize::from(wanted.count))?;
        place.kind.read(values, place.words)
    }
}

impl Point {
    fn add(&self, raw: &Raw<'_>, into: &mut Collection) {
        let place = format!("{:?} {}", self.place.table, self.place.at).to_lowercase();
        let none = Attributes::new();
        match &self.reading {
            Reading::Value(meaning) => into.add(meaning, (raw, &Scaling::NONE), &none, &place),
            Reading::Bits {
                meaning,
                first,
                otherwise,
            } => {
                let bits = match raw {
                    Raw::Integer(number) => number.cast_unsigned(),
                    Raw::Unsigned(number, _) => *number,
                    _ => return,
                };
                let set = first.iter().find(|(bit, _)| bits >> bit & 1 == 1);
                let state = set.map_or(otherwise, |(_, state)| state);
                let raw = Raw::Text(state.as_str().into());
                into.add(meaning, (&raw, &Scaling::NONE), &none, &place);
            }
        }
    }
}
