//! The part of a room that a policy looks at and may change, and what it has seen of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use utakata_model::{RelationKind, Selector, TargetName, policy::Input, policy::On};
use utakata_policy::{Candidate, Compiled, Fate, InputView, Sample, SampleValue, View};
use utakata_room::Room;

use crate::{
    devices::{answers, shows},
    site::{Entry, Part, Site},
};

/// A target, or an outlet of one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spot {
    pub target: TargetName,
    pub part: Part,
    pub outlet: Option<String>,
    order: Option<String>,
}

/// The latest values of a spot.
#[derive(Debug, Clone, Default)]
struct Seen {
    samples: Vec<Sample>,
    answered: Option<Timestamp>,
}

/// The part that one instance of a policy looks at and may change.
#[derive(Debug)]
pub(crate) struct Scope {
    inputs: Vec<Vec<Spot>>,
    places: Vec<Vec<Spot>>,
    seen: Vec<Vec<Seen>>,
    gives: Vec<Vec<Option<f64>>>,
}

impl Scope {
    pub fn of(compiled: &Compiled, instance: Option<&TargetName>, site: &Site) -> Self {
        let inputs: Vec<Vec<Spot>> = compiled
            .inputs()
            .map(|of| around(of.input, instance, site))
            .collect();
        let places: Vec<Vec<Spot>> = compiled
            .acts()
            .iter()
            .map(|act| {
                let order = act.act.order_by.as_deref();
                let mut places = places(&act.act.on, order, instance, site);
                if let Some(only) = &compiled.policy().envelope.only {
                    let is_its = |spot: &Spot| {
                        let found = site.find(&spot.target);
                        found.is_some_and(|entry| only.selector.matches(&entry.target))
                    };
                    places.retain(is_its);
                }
                places
            })
            .collect();
        Self {
            seen: inputs
                .iter()
                .map(|of| vec![Seen::default(); of.len()])
                .collect(),
            gives: places.iter().map(|of| vec![None; of.len()]).collect(),
            inputs,
            places,
        }
    }

    /// Returns true if an input is about a target.
    pub fn looks_at(&self, target: &TargetName) -> bool {
        let mut spots = self.inputs.iter().flatten();
        spots.any(|spot| spot.target == *target)
    }

    /// Returns the first thing that it needs and the room has not, for people.
    pub fn lacks(&self, compiled: &Compiled, room: &Room) -> Option<String> {
        for (of, spots) in compiled.inputs().zip(&self.inputs) {
            if spots.is_empty() {
                return Some(format!("nothing here is what {} selects", of.name));
            }
            let Some(metric) = &of.input.metric else {
                continue;
            };
            let is_shown = spots.iter().any(|spot| {
                let shown = shows(room, spot.part, metric.as_str());
                shown.iter().any(|one| is_meant(of.input, spot, one))
            });
            if !is_shown {
                return Some(format!("nothing here shows the {metric} of {}", of.name));
            }
        }
        let of = self.places.iter().zip(compiled.acts());
        let mut empty = of.filter(|(places, _)| places.is_empty());
        empty
            .next()
            .map(|(_, act)| format!("nothing here is what {} is done on", act.act.action))
    }

    /// Reads everything that it looks at from the devices.
    pub fn poll(&mut self, compiled: &Compiled, room: &Room, now: Timestamp) {
        let inputs = compiled.inputs().zip(&self.inputs).zip(&mut self.seen);
        for ((of, spots), seen) in inputs {
            for (spot, seen) in spots.iter().zip(seen) {
                if answers(room, spot.part) {
                    seen.answered = Some(now);
                    seen.samples = samples(of.input, spot, room, now);
                }
            }
        }
        let acts = compiled
            .acts()
            .iter()
            .zip(&self.places)
            .zip(&mut self.gives);
        for ((act, places), gives) in acts {
            let Some(metric) = &act.act.gives else {
                continue;
            };
            for (spot, gives) in places.iter().zip(gives) {
                if !answers(room, spot.part) {
                    continue;
                }
                let shown = shows(room, spot.part, metric.as_str());
                let mut its = shown.iter();
                let its = its.find(|one| one.attribute("outlet") == spot.outlet.as_deref());
                *gives = match its.map(|one| &one.value) {
                    Some(SampleValue::Number(number)) => Some(*number),
                    Some(SampleValue::Text(_)) | None => None,
                };
            }
        }
    }

    /// Returns the view of a moment.
    pub fn view(&self, compiled: &Compiled, fates: BTreeMap<String, Fate>, now: Timestamp) -> View {
        let inputs = compiled.inputs().zip(&self.inputs).zip(&self.seen);
        let inputs = inputs.map(|((of, spots), seen)| {
            let samples = match of.input.silence {
                false => seen.iter().flat_map(|one| one.samples.clone()).collect(),
                true => spots
                    .iter()
                    .zip(seen)
                    .filter_map(|(spot, seen)| {
                        let silent = now.duration_since(seen.answered?).as_secs_f64();
                        Some(Sample {
                            target: spot.target.clone(),
                            value: SampleValue::Number(silent.max(0.0)),
                            heard: now,
                        })
                    })
                    .collect(),
            };
            let mut targets: Vec<&TargetName> = spots.iter().map(|one| &one.target).collect();
            targets.sort_unstable();
            targets.dedup();
            InputView {
                targets: targets.len(),
                samples,
            }
        });
        let candidates = self.places.iter().zip(&self.gives).map(|(places, gives)| {
            let places = places.iter().zip(gives);
            places
                .map(|(spot, gives)| Candidate {
                    target: spot.target.clone(),
                    outlet: spot.outlet.clone(),
                    order: spot.order.clone(),
                    gives: *gives,
                    is_free: true,
                })
                .collect()
        });
        View {
            inputs: inputs.collect(),
            candidates: candidates.collect(),
            fates,
            causes: Vec::new(),
        }
    }
}

fn samples(input: &Input, spot: &Spot, room: &Room, now: Timestamp) -> Vec<Sample> {
    let Some(metric) = &input.metric else {
        return Vec::new();
    };
    let shown = shows(room, spot.part, metric.as_str()).into_iter();
    shown
        .filter(|one| is_meant(input, spot, one))
        .map(|one| Sample {
            target: spot.target.clone(),
            value: one.value,
            heard: now,
        })
        .collect()
}

fn is_meant(input: &Input, spot: &Spot, shown: &crate::devices::Shown) -> bool {
    let has = |(key, wanted): (&String, &String)| {
        let found = shown.attribute(key);
        found.is_some_and(|found| wanted == "*" || found == wanted)
    };
    let is_outlet = spot.outlet.is_none() || shown.attribute("outlet") == spot.outlet.as_deref();
    is_outlet && input.attributes.iter().all(has)
}

fn spot(entry: &Entry, outlet: Option<String>, order: Option<String>) -> Spot {
    Spot {
        target: entry.target.name.clone(),
        part: entry.part,
        outlet,
        order,
    }
}

/// Returns what an input is about: the targets of its selector, what its relation leads to, or the
/// target of the instance itself.
fn around(input: &Input, instance: Option<&TargetName>, site: &Site) -> Vec<Spot> {
    let selected = |selector: &Selector| -> Vec<Spot> {
        let found = site.select(selector);
        found.map(|entry| spot(entry, None, None)).collect()
    };
    match (instance, input.relation, &input.selector) {
        (Some(instance), Some(RelationKind::Feeds), selector) => {
            let sources = site.sources(instance).iter();
            let found = sources.filter_map(|one| {
                let entry = site.find(&one.target)?;
                let is_meant = selector
                    .as_ref()
                    .is_none_or(|one| one.matches(&entry.target));
                is_meant.then(|| spot(entry, one.outlet.clone(), None))
            });
            found.collect()
        }
        (_, Some(_), _) => Vec::new(),
        (_, None, Some(selector)) => selected(selector),
        (Some(instance), None, None) => {
            let found = site.find(instance).into_iter();
            found.map(|entry| spot(entry, None, None)).collect()
        }
        (None, None, None) => Vec::new(),
    }
}

fn places(
    on: &On,
    order_by: Option<&str>,
    instance: Option<&TargetName>,
    site: &Site,
) -> Vec<Spot> {
    let label = |entry: &Entry| order_by.and_then(|key| entry.target.value(key).map(str::to_owned));
    let chosen: Vec<&Entry> = match (instance, &on.selector) {
        (Some(instance), None) => site.find(instance).into_iter().collect(),
        (_, Some(selector)) => site.select(selector).collect(),
        (None, None) => Vec::new(),
    };
    match on.relation {
        None => chosen
            .into_iter()
            .map(|entry| spot(entry, None, label(entry)))
            .collect(),
        Some(RelationKind::Feeds) => {
            let mut places: Vec<Spot> = Vec::new();
            for load in chosen {
                for source in site.sources(&load.target.name) {
                    let Some(entry) = site.find(&source.target) else {
                        continue;
                    };
                    let is_meant = on
                        .from
                        .as_ref()
                        .is_none_or(|from| from.matches(&entry.target));
                    let new = spot(entry, source.outlet.clone(), label(load));
                    let same = |one: &Spot| one.target == new.target && one.outlet == new.outlet;
                    if is_meant && !places.iter().any(same) {
                        places.push(new);
                    }
                }
            }
            places
        }
        // Nothing else is known of a simulated room.
        Some(_) => Vec::new(),
    }
}
