//! The parts of a document that reads look at: everything else is skipped while it is parsed.
//!
//! A BMC says ten times as much as anybody asks for. What is parsed with a [`Wanted`] has the parts
//! that the reads point to, in their places, and nothing else; so it decodes to the same readings.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::de::{
    Deserialize as _, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Number, Value as Json};

use super::{Attribute, Condition, Read};

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
    /// resource, because resources may come in the place of links to them.
    #[must_use]
    pub fn with_members(mut self, list: &str) -> Self {
        let member = self.clone().complete();
        let of_list = Self {
            items: Some(Box::new(member.clone())),
            ..member
        };
        self.named.insert(list.to_owned(), of_list);
        self.complete()
    }

    /// Adds to each named part what is wanted of every one, so that one look finds all.
    fn complete(mut self) -> Self {
        let items = self.items.map(|items| Box::new(items.complete()));
        let each = self.each.map(|each| {
            let mut each = each.complete();
            items.iter().for_each(|items| each.merge(items));
            Box::new(each)
        });
        self.named = self
            .named
            .into_iter()
            .map(|(name, mut part)| {
                each.iter().for_each(|each| part.merge(each));
                if name.parse::<usize>().is_ok() {
                    items.iter().for_each(|items| part.merge(items));
                }
                (name, part.complete())
            })
            .collect();
        self.each = each;
        self.items = items;
        self
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
mod tests {
    use serde_json::json;

    use super::*;

    fn wanted(pointers: &[&str]) -> Wanted {
        let mut wanted = Wanted::default();
        pointers.iter().for_each(|pointer| wanted.add(pointer));
        wanted.complete()
    }

    fn check(pointers: &[&str], document: &Json, expect: &Json) {
        let parsed = wanted(pointers).parse(document.to_string().as_bytes());
        assert_eq!(parsed.unwrap(), *expect, "{pointers:?}");
    }

    #[test]
    fn only_what_is_wanted_is_there_and_in_its_place() {
        let document = json!({
            "Reading": 3.5, "Name": "Inlet", "Status": { "State": "Enabled", "Health": "OK" },
            "Limits": [{ "High": 1, "Low": 2 }, { "High": 3, "Low": 4 }], "Big": [[1], [2]],
        });
        check(&["/Reading"], &document, &json!({ "Reading": 3.5 }));
        check(
            &["/Status/Health", "/Nothing"],
            &document,
            &json!({ "Status": { "Health": "OK" } }),
        );
        check(
            &["/Limits/1/Low"],
            &document,
            &json!({ "Limits": [null, { "Low": 4 }] }),
        );
        check(
            &["/Limits/*/High", "/Limits/0/Low"],
            &document,
            &json!({ "Limits": [{ "High": 1, "Low": 2 }, { "High": 3 }] }),
        );
        check(
            &["/Limits"],
            &document,
            &json!({ "Limits": document["Limits"] }),
        );
        check(&[""], &document, &document);
    }

    #[test]
    fn a_key_with_an_open_end_is_wanted_whatever_it_ends_with() {
        let document = json!({ "temp2_input": 41, "name": "a", "deep": { "x": 1 } });
        check(&["/temp*_input"], &document, &document);
    }

    #[test]
    fn scalars_on_the_way_are_kept_and_members_are_like_resources() {
        check(
            &["/Thermal/@odata.id"],
            &json!({ "Thermal": "/redfish/v1/Thermal", "Power": {} }),
            &json!({ "Thermal": "/redfish/v1/Thermal" }),
        );
        let wanted = wanted(&["/Id"]).with_members("Members");
        for (document, expect) in [
            (
                json!({ "Members": [{ "Id": "1", "x": 1 }], "y": 2 }),
                json!({ "Members": [{ "Id": "1" }] }),
            ),
            (
                json!({ "Members": { "Id": "1", "x": 1 } }),
                json!({ "Members": { "Id": "1" } }),
            ),
            (json!({ "Members": null }), json!({ "Members": null })),
        ] {
            let parsed = wanted.parse(document.to_string().as_bytes()).unwrap();
            assert_eq!(parsed, expect);
        }
    }

    #[test]
    fn members_do_not_multiply_what_is_wanted() {
        let mut all = Wanted::default();
        for name in 0..100 {
            all.add(&format!("/List/{name}x/value"));
            all.add(&format!("/{name}x/*/deep"));
        }
        fn size(wanted: &Wanted) -> usize {
            let parts = wanted.named.values();
            let more = wanted.each.iter().chain(&wanted.items);
            1 + parts
                .chain(more.map(AsRef::as_ref))
                .map(size)
                .sum::<usize>()
        }
        let (one, with) = (size(&all), size(&all.clone().with_members("Members")));
        assert!(with <= 3 * one + 10, "{one} {with}");
    }

    #[test]
    fn what_is_no_json_is_none_wherever_the_mistake_is() {
        let wanted = wanted(&["/a"]);
        for text in [
            "{\"a\": 1",
            "{\"b\": [1,}, \"a\": 1}",
            "",
            "{} x",
            "{\"b\": nul}",
        ] {
            assert!(wanted.parse(text.as_bytes()).is_err(), "{text}");
        }
        assert_eq!(wanted.parse(b"[1]").unwrap(), json!([null]));
    }
}
