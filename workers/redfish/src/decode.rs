//! The interpretation of resources. Pure.

use std::{collections::HashSet, sync::Arc};

use foldhash::fast::RandomState;
use serde_json::Value as Json;
use utakata_profile::{Collection, Raw, Scaling, meaning::Kind};
use utakata_worker_sdk::model::reading::Attributes;

use crate::{
    document::{is_no_number, raw},
    profile::{Attribute, Condition, Metric, Profile, Read},
};

/// The attribute by which two models tell of the same thing.
const NAME: &str = "hw.name";
/// The attribute that tells which of several resources or items it is.
const IDENTIFIER: &str = "hw.id";

/// A resource, and where it was found.
#[derive(Debug)]
pub struct Resource<'a> {
    /// The name of the place in `[find]`.
    pub place: &'a str,
    pub path: &'a str,
    /// The attributes that its place gives it: the chassis or the system that it belongs to.
    pub of: &'a Attributes,
    pub document: &'a Json,
}

/// The readings told so far, by metric, chassis and name.
#[derive(Debug, Default)]
struct Told(HashSet<(String, String), RandomState>);

/// Returns true if a profile recognises a service by its root.
pub fn recognises(profile: &Profile, root: &Json) -> bool {
    let fits = |(at, pattern): &(String, utakata_profile::Pattern)| {
        let raw = raw(root.pointer(at));
        raw.is_some_and(|raw| pattern.is_match(&raw.text()))
    };
    !profile.recognise.is_empty() && profile.recognise.iter().all(fits)
}

/// Adds the readings of resources, in the order of the reads.
pub fn decode<'a>(
    reads: impl Iterator<Item = &'a Read>,
    resources: &[Resource<'_>],
    into: &mut Collection,
) {
    let mut told = Told::default();
    for read in reads {
        let mut own = Told::default();
        for resource in resources {
            if read.places.iter().any(|place| place == resource.place) {
                of_resource(read, resource, (&told, &mut own), into);
            }
        }
        told.0.extend(own.0);
    }
}

fn of_resource(
    read: &Read,
    resource: &Resource<'_>,
    (told, own): (&Told, &mut Told),
    into: &mut Collection,
) {
    let whole = std::slice::from_ref(resource.document);
    let items = match &read.each {
        None => whole,
        Some(each) => match resource.document.pointer(each) {
            Some(Json::Array(items)) => items.as_slice(),
            _ => &[],
        },
    };
    for (at, item) in items.iter().enumerate() {
        if !item.is_object() || !read.when.iter().all(|one| one.holds(item)) {
            continue;
        }
        let attributes = attributes(read, resource, item, at);
        for metric in &read.metrics {
            let before = into.readings.len();
            let key = Told::key(metric, &attributes);
            if read.is_rest && key.as_ref().is_some_and(|key| told.0.contains(key)) {
                continue;
            }
            metric.add(item, &attributes, resource.path, into);
            if into.readings.len() > before {
                own.0.extend(key);
            }
        }
    }
}

fn attributes(read: &Read, resource: &Resource<'_>, item: &Json, at: usize) -> Attributes {
    let mut attributes = resource.of.clone();
    for (key, attribute) in &read.attributes {
        if let Some(text) = attribute.text(item, at) {
            attributes.insert(Arc::clone(key), text);
        }
    }
    attributes
}

impl Told {
    /// The key of a reading: metric, chassis, and its name without what models spell
    /// differently.
    fn key(metric: &Metric, attributes: &Attributes) -> Option<(String, String)> {
        let name = attributes.get(NAME).or(attributes.get(IDENTIFIER))?;
        let plain = |c: &char| c.is_alphanumeric();
        let name = name.chars().filter(plain).flat_map(char::to_lowercase);
        let chassis = attributes.get("chassis").map_or("", |text| text);
        let of = name.chain(['/']).chain(chassis.chars());
        Some((metric.meaning.metric.to_string(), of.collect()))
    }
}

impl Condition {
    /// Returns true if it holds for an item.
    pub fn holds(&self, item: &Json) -> bool {
        self.test.holds(raw(item.pointer(&self.at)).as_ref())
    }
}

impl Attribute {
    fn text(&self, item: &Json, at: usize) -> Option<Arc<str>> {
        let (places, last, names) = match self {
            Self::Constant(text) => return Some(Arc::clone(text)),
            Self::Value { at, last, names } => (at, last, names),
        };
        let number = at.to_string();
        let found = places.iter().find_map(|place| match place.as_str() {
            "#" => Some(Raw::Text(number.as_str().into())),
            place => raw(item.pointer(place)).filter(|raw| !raw.text().is_empty()),
        })?;
        if let Some(name) = names.name(&found) {
            return Some(Arc::clone(name));
        }
        let text = found.text();
        let text = match last {
            Some(mark) => text.rsplit(mark.as_str()).next().unwrap_or(&text),
            None => &text,
        };
        Some(text.into())
    }
}

impl Metric {
    fn add(&self, item: &Json, attributes: &Attributes, path: &str, into: &mut Collection) {
        if !self.when.iter().all(|one| one.holds(item)) {
            return;
        }
        let is_number = matches!(self.meaning.kind, Kind::Number(_));
        let found = self.at.iter().find_map(|at| {
            let raw = raw(item.pointer(at))?;
            match &raw {
                Raw::Text(text) if is_number && is_no_number(text) => None,
                _ => Some(raw),
            }
        });
        let Some(raw) = found else {
            return;
        };
        let scaling = Scaling {
            times: self.factor(item),
            ..Scaling::NONE
        };
        into.add(&self.meaning, (&raw, &scaling), attributes, path);
    }

    /// The factor of the unit that the item tells.
    fn factor(&self, item: &Json) -> f64 {
        let Some((at, factors)) = &self.units else {
            return 1.0;
        };
        let unit = item.pointer(at).and_then(Json::as_str).unwrap_or_default();
        let found = factors.iter().find(|(known, _)| known == unit);
        found.map_or(1.0, |(_, factor)| *factor)
    }
}

#[cfg(test)]
mod tests;
