//! The interpretation of documents.

use std::{collections::HashSet, sync::Arc};

use foldhash::fast::RandomState;
use serde_json::Value as Json;
use utakata_model::reading::Attributes;

use super::{Attribute, Item, Metric, Read, Resource, at, is_no_number, raw};
use crate::{Collection, Raw, Scaling, meaning::Kind};

/// The attribute by which two models tell of the same thing.
const NAME: &str = "hw.name";
/// The attribute that tells which of several resources or items it is.
const IDENTIFIER: &str = "hw.id";

/// The things told by name: metric, chassis and name.
#[derive(Debug, Default)]
struct Told(HashSet<(String, String), RandomState>);

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
    let items = match &read.each {
        None => vec![Item::whole(resource.document)],
        Some(each) => each.items(resource.document),
    };
    for item in &items {
        if !item.value.is_object() || !read.when.iter().all(|one| one.holds(item.value)) {
            continue;
        }
        let attributes = attributes(read, resource, item);
        for metric in &read.metrics {
            let before = into.readings.len();
            let key = Told::key(metric, &attributes);
            if read.is_rest && key.as_ref().is_some_and(|key| told.0.contains(key)) {
                continue;
            }
            metric.add(item.value, &attributes, resource.path, into);
            if into.readings.len() > before {
                own.0.extend(key);
            }
        }
    }
}

fn attributes(read: &Read, resource: &Resource<'_>, item: &Item<'_>) -> Attributes {
    let mut attributes = resource.of.clone();
    for (key, attribute) in &read.attributes {
        if let Some(text) = attribute.text(item) {
            attributes.insert(Arc::clone(key), text);
        }
    }
    attributes
}

impl Told {
    /// The thing that a reading is told of: metric, chassis, and its name without what models spell
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

impl Attribute {
    /// The text of the attribute for an item.
    pub fn text(&self, item: &Item<'_>) -> Option<Arc<str>> {
        let (places, last, names) = match self {
            Self::Constant(text) => return Some(Arc::clone(text)),
            Self::Value { at, last, names } => (at, last, names),
        };
        let found = places
            .iter()
            .find_map(|place| match place.starts_with('#') {
                true => item.key(place).map(|key| Raw::Text(key.into())),
                false => raw(at(item.value, place)).filter(|raw| !raw.text().is_empty()),
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
    /// Adds its reading of an item. `path` is the place for people.
    pub fn add(&self, item: &Json, attributes: &Attributes, path: &str, into: &mut Collection) {
        if !self.when.iter().all(|one| one.holds(item)) {
            return;
        }
        let is_number = matches!(self.meaning.kind, Kind::Number(_));
        let found = self.at.iter().find_map(|place| {
            let raw = raw(at(item, place))?;
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
