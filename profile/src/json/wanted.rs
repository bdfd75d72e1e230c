//! The parts of a document that reads look at: everything else is skipped while it is parsed.
//!
//! A BMC says ten times as much as anybody asks for. What is parsed with a [`Wanted`] has the parts
//! that the reads point to, in their places, and nothing else; so it decodes to the same readings.
//! The rest is checked for its form alone: a text that is no UTF-8 or a number beyond all
//! bounds spoils a document only where somebody looks at it.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::de::{
    Deserialize as _, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Number, Value as Json};

use super::{Attribute, Condition, Read, position};

/// The wanted parts of a document. A scalar that is met on the way is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// True if the whole value is wanted.
    is_whole: bool,
    named: BTreeMap<String, Wanted>,
    /// The wanted parts of every member that is not named.
    each: Option<Box<Wanted>>,
    /// The wanted parts of every item, if it is a list.
    items: Option<Box<Wanted>>,
}

impl Wanted {
    /// Adds what a read looks at.
    pub fn add_read(&mut self, read: &Read) {
        let mut places: Vec<&str> = Vec::new();
        places.extend(read.when.iter().map(|one| one.at.as_str()));
        for (_, attribute) in &read.attributes {
            if let Attribute::Value { at, .. } = attribute {
                let pointers = at.iter().filter(|place| !place.starts_with('#'));
                places.extend(pointers.map(String::as_str));
            }
        }
        for metric in &read.metrics {
            places.extend(metric.at.iter().map(String::as_str));
            places.extend(metric.when.iter().map(|one: &Condition| one.at.as_str()));
            places.extend(metric.units.iter().map(|(at, _)| at.as_str()));
        }
        for place in places {
            let steps: Vec<Cow<'_, str>> = steps(place).collect();
            let steps = || steps.iter().map(|step| &**step);
            let Some(each) = &read.each else {
                self.reach(steps()).is_whole = true;
                continue;
            };
            let list = self.reach(each.steps().iter().map(String::as_str));
            list.reach(steps()).is_whole = true;
            // A list at the end of the path is taken apart.
            let items = list.items.get_or_insert_default();
            items.reach(steps()).is_whole = true;
        }
    }

    /// Adds the value at a pointer.
    pub fn add(&mut self, pointer: &str) {
        let steps: Vec<Cow<'_, str>> = steps(pointer).collect();
        self.reach(steps.iter().map(|step| &**step)).is_whole = true;
    }

    /// The part that these steps lead to.
    fn reach<'a>(&mut self, steps: impl Iterator<Item = &'a str>) -> &mut Self {
        let mut at = self;
        for step in steps {
            at = match step.contains('*') {
                true => at.each.get_or_insert_default().as_mut(),
                false => at.named.entry(step.to_owned()).or_default(),
            };
        }
        at
    }

    /// Adds the parts of a member of a collection, under the name of the list: the same as of a
    /// resource, because resources may come in the place of links to them. A member that is itself a
    /// collection keeps its list whole.
    #[must_use]
    pub fn with_members(mut self, list: &str) -> Self {
        let mut member = self.clone();
        member.named.entry(list.to_owned()).or_default().is_whole = true;
        let member = member.complete();
        let of_list = Self {
            items: Some(Box::new(member.clone())),
            ..member
        };
        // A read may look into the list, too.
        self.named
            .entry(list.to_owned())
            .or_default()
            .merge(&of_list);
        self.complete()
    }

    /// Adds to each named part what is wanted of every one, so that one look finds all. Parts are put
    /// together before they are completed: of two that are complete, the whole is not.
    fn complete(mut self) -> Self {
        for (name, part) in &mut self.named {
            self.each.iter().for_each(|each| part.merge(each));
            if position(name).is_some() {
                self.items.iter().for_each(|items| part.merge(items));
            }
        }
        if let (Some(each), Some(items)) = (&mut self.each, &self.items) {
            each.merge(items);
        }
        let named = self.named.into_iter();
        let boxed = |part: Box<Self>| Box::new(part.complete());
        Self {
            is_whole: self.is_whole,
            named: named.map(|(name, part)| (name, part.complete())).collect(),
            each: self.each.map(boxed),
            items: self.items.map(boxed),
        }
    }

    fn merge(&mut self, other: &Self) {
        self.is_whole |= other.is_whole;
        for (name, part) in &other.named {
            self.named.entry(name.clone()).or_default().merge(part);
        }
        if let Some(each) = &other.each {
            self.each.get_or_insert_default().merge(each);
        }
        if let Some(items) = &other.items {
            self.items.get_or_insert_default().merge(items);
        }
    }

    fn of(&self, name: &str) -> Option<&Self> {
        self.named.get(name).or(self.each.as_deref())
    }

    /// Parses the wanted parts of a document.
    ///
    /// # Errors
    /// It is no JSON.
    pub fn parse(&self, document: &[u8]) -> Result<Json, serde_json::Error> {
        let mut from = serde_json::Deserializer::from_slice(document);
        let parsed = self.deserialize(&mut from)?;
        from.end()?;
        Ok(parsed)
    }
}

/// The steps of a pointer (RFC 6901).
fn steps(pointer: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let steps = pointer.split('/').skip(1);
    steps.map(|step| match step.contains('~') {
        true => Cow::Owned(step.replace("~1", "/").replace("~0", "~")),
        false => Cow::Borrowed(step),
    })
}

impl<'de> DeserializeSeed<'de> for &Wanted {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Json, D::Error> {
        match self.is_whole {
            true => Json::deserialize(from),
            false => from.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for &Wanted {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Number::from_f64(value).map_or(Json::Null, Json::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::String(value))
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut all = Vec::new();
        loop {
            let wanted = match self.named.is_empty() {
                true => self.each.as_deref(),
                false => self.of(&all.len().to_string()),
            };
            let wanted = wanted.or(self.items.as_deref());
            let next = match wanted {
                Some(wanted) => list.next_element_seed(wanted)?,
                // It keeps its place, so that the others have theirs.
                None => list.next_element::<IgnoredAny>()?.map(|_| Json::Null),
            };
            match next {
                Some(value) => all.push(value),
                None => return Ok(Json::Array(all)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Json, A::Error> {
        let mut all = Map::new();
        while let Some(key) = object.next_key_seed(Key(self))? {
            match key {
                Some((key, wanted)) => {
                    all.insert(key, object.next_value_seed(wanted)?);
                }
                None => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Json::Object(all))
    }
}

/// A key of an object, which becomes a text only if its value is wanted.
struct Key<'w>(&'w Wanted);

impl<'de, 'w> DeserializeSeed<'de> for Key<'w> {
    type Value = Option<(String, &'w Wanted)>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'w> Visitor<'_> for Key<'w> {
    type Value = Option<(String, &'w Wanted)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Self::Value, E> {
        let wanted = self.0.of(key);
        Ok(wanted.map(|wanted| (key.to_owned(), wanted)))
    }
}

#[cfg(test)]
mod tests;
