//! Documents in JSON, whichever protocol brings them: places by pointer (RFC 6901), the items of a
//! list, their conditions, attributes and metrics. Pure.

pub mod body;
mod decode;
pub mod form;
mod wanted;

use std::{borrow::Cow, sync::Arc};

use serde_json::Value as Json;
use utakata_model::{MetricName, reading::Attributes};

use crate::{Meaning, Names, Raw, Test};

pub use decode::decode;
pub use wanted::Wanted;

/// A document, and where it was found.
#[derive(Debug)]
pub struct Resource<'a> {
    /// The name of the place that reads refer to.
    pub place: &'a str,
    /// Its path, for people.
    pub path: &'a str,
    /// The attributes that its place gives it.
    pub of: &'a Attributes,
    pub document: &'a Json,
}

/// The readings of some documents.
#[derive(Debug)]
pub struct Read {
    /// The names of the places where they are.
    pub places: Vec<String>,
    /// The list in a document whose items are read. Absent: the document itself.
    pub each: Option<Path>,
    /// The conditions on each item: all of them must hold.
    pub when: Vec<Condition>,
    /// True if a thing that an earlier read has told by its name is not told again.
    pub is_rest: bool,
    pub attributes: Vec<(Arc<str>, Attribute)>,
    pub metrics: Vec<Metric>,
}

/// A path to items: a step is a key, or `*` for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path(Vec<String>);

/// An item of a document.
#[derive(Debug)]
pub struct Item<'a> {
    /// The keys and positions that lead to it, for each `*` of its path.
    pub keys: Vec<Cow<'a, str>>,
    pub value: &'a Json,
}

/// A metric of an item.
#[derive(Debug)]
pub struct Metric {
    /// The pointers to its value, in order of preference.
    pub at: Vec<String>,
    pub when: Vec<Condition>,
    /// The pointer to the unit that is told for it, and the factor of each unit.
    pub units: Option<(String, Vec<(String, f64)>)>,
    pub meaning: Meaning,
}

/// A condition on an item.
#[derive(Debug)]
pub struct Condition {
    pub at: String,
    pub test: Test,
}

/// The origin of an attribute.
#[derive(Debug)]
pub enum Attribute {
    Constant(Arc<str>),
    /// A value of the item.
    Value {
        /// The pointers to it, in order of preference; `#` is the last key or position that leads to
        /// the item, `#1` the first.
        at: Vec<String>,
        /// The mark after whose last occurrence the text begins.
        last: Option<String>,
        /// Replacements for the text found.
        names: Names,
    },
}

impl Read {
    /// The metrics that it yields.
    pub fn metrics(&self) -> impl Iterator<Item = &MetricName> {
        self.metrics.iter().map(|metric| &metric.meaning.metric)
    }
}

impl Path {
    /// Parses a pointer, of which a step may be `*`. The empty text is the whole document.
    ///
    /// # Errors
    /// A sentence about its form.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let steps = pointer(text)?;
        let steps = steps.split('/').skip(1);
        Ok(Self(
            steps
                .map(|step| step.replace("~1", "/").replace("~0", "~"))
                .collect(),
        ))
    }

    /// Its steps, without their escapes.
    fn steps(&self) -> &[String] {
        &self.0
    }

    /// The items there: a list at the end of the path is taken apart.
    pub fn items<'a>(&self, document: &'a Json) -> Vec<Item<'a>> {
        let mut found = vec![Item {
            keys: Vec::new(),
            value: document,
        }];
        for step in &self.0 {
            let next = found.iter().flat_map(|item| match step.as_str() {
                "*" => item.members(),
                key => item.child(key).into_iter().collect(),
            });
            found = next.collect();
        }
        let ends_open = self.0.last().is_some_and(|step| step == "*");
        let apart = |item: Item<'a>| match item.value {
            Json::Array(_) if !ends_open => item.members(),
            _ => vec![item],
        };
        found.into_iter().flat_map(apart).collect()
    }
}

impl<'a> Item<'a> {
    /// The whole of a document.
    pub fn whole(value: &'a Json) -> Self {
        let keys = Vec::new();
        Self { keys, value }
    }

    fn child(&self, key: &str) -> Option<Self> {
        let value = match self.value {
            Json::Object(object) => object.get(key)?,
            Json::Array(list) => list.get(position(key)?)?,
            _ => return None,
        };
        let keys = self.keys.clone();
        Some(Self { keys, value })
    }

    fn members(&self) -> Vec<Self> {
        let with = |key: Cow<'a, str>, value: &'a Json| {
            let mut keys = self.keys.clone();
            keys.push(key);
            Self { keys, value }
        };
        match self.value {
            Json::Object(object) => object
                .iter()
                .map(|(key, value)| with(Cow::Borrowed(key), value))
                .collect(),
            Json::Array(list) => list
                .iter()
                .enumerate()
                .map(|(at, value)| with(Cow::Owned(at.to_string()), value))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// The text of a key that leads to it: `#` the last, `#1` the first.
    fn key(&self, place: &str) -> Option<&str> {
        let key = match place.strip_prefix('#')? {
            "" => self.keys.last()?,
            number => self
                .keys
                .get(number.parse::<usize>().ok()?.checked_sub(1)?)?,
        };
        Some(key)
    }
}

/// The position in a list that a step of a pointer names: digits, without a zero before others (RFC
/// 6901).
fn position(step: &str) -> Option<usize> {
    let is_plain = step == "0" || !step.starts_with(['0', '+']);
    is_plain.then(|| step.parse().ok())?
}

/// A JSON pointer that is not empty.
///
/// # Errors
/// A sentence about its form.
pub fn pointer(text: &str) -> Result<String, String> {
    match text.starts_with('/') {
        true => Ok(text.into()),
        false => Err(format!(
            "\"{text}\" is no place: it begins with a slash, as in \"/Reading\""
        )),
    }
}

/// Returns the value at a pointer. The last step may have a `*` in the place of any characters: the
/// first key that fits is meant.
pub fn at<'a>(item: &'a Json, pointer: &str) -> Option<&'a Json> {
    let Some((before, last)) = pointer.rsplit_once('/') else {
        return item.pointer(pointer);
    };
    let Some((start, end)) = last.split_once('*') else {
        return item.pointer(pointer);
    };
    let fits = |key: &str| {
        let rest = key.strip_prefix(start);
        rest.is_some_and(|rest| rest.ends_with(end))
    };
    let object = item.pointer(before)?.as_object()?;
    let mut found = object.iter().filter(|(key, _)| fits(key));
    found.next().map(|(_, value)| value)
}

/// Returns true if a text in place of a number says that there is none.
pub fn is_no_number(text: &str) -> bool {
    const NONE: [&str; 8] = ["", "nan", "n/a", "na", "null", "none", "-", "unknown"];
    NONE.contains(&text.trim().to_ascii_lowercase().as_str())
}

/// Returns the raw value at a place. `None` if there is none.
pub fn raw(at: Option<&Json>) -> Option<Raw<'_>> {
    match at? {
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Some(Raw::Integer(whole)),
            (None, Some(float)) => Some(Raw::Float(float)),
            (None, None) => None,
        },
        Json::Bool(truth) => Some(Raw::Text(Cow::Borrowed(if *truth {
            "true"
        } else {
            "false"
        }))),
        Json::String(text) => Some(Raw::Text(Cow::Borrowed(text))),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

impl Condition {
    /// Returns true if it holds for an item.
    pub fn holds(&self, item: &Json) -> bool {
        self.test.holds(raw(at(item, &self.at)).as_ref())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_leads_to_items_with_their_keys() {
        let document = json!({
            "outlets": [{ "id": "A1" }, { "id": "A2" }],
            "chips": { "cpu-0": { "Core 0": { "temp2_input": 41 } }, "nvme": { "Composite": {} } },
        });
        for (path, expect) in [
            ("", vec![""]),
            ("/outlets", vec!["0", "1"]),
            ("/outlets/*", vec!["0", "1"]),
            ("/outlets/1", vec![""]),
            ("/chips", vec![""]),
            ("/chips/*/*", vec!["cpu-0/Core 0", "nvme/Composite"]),
            ("/nothing", vec![]),
            ("/outlets/*/id/*", vec![]),
        ] {
            let items = Path::parse(path).unwrap().items(&document);
            let keys: Vec<String> = items.iter().map(|item| item.keys.join("/")).collect();
            assert_eq!(keys, expect, "{path}");
        }
        assert!(Path::parse("outlets").is_err());
    }

    #[test]
    fn the_last_step_of_a_pointer_may_be_open() {
        let item = json!({ "temp2_input": 41, "temp2_max": 90, "sub": { "a": 1 } });
        for (pointer, expect) in [
            ("/temp*_input", Some(json!(41))),
            ("/temp2_max", Some(json!(90))),
            ("/sub/*", Some(json!(1))),
            ("/fan*_input", None),
            ("", Some(item.clone())),
        ] {
            assert_eq!(at(&item, pointer), expect.as_ref(), "{pointer}");
        }
    }

    #[test]
    fn values_are_read_in_every_form() {
        for (value, expect) in [
            (json!(3), Some(Raw::Integer(3))),
            (json!(2.5), Some(Raw::Float(2.5))),
            (json!("57.000000"), Some(Raw::Text("57.000000".into()))),
            (json!(true), Some(Raw::Text("true".into()))),
            (json!(null), None),
            (json!({}), None),
        ] {
            assert_eq!(raw(Some(&value)), expect, "{value}");
        }
        assert_eq!(raw(None), None);
        assert!(is_no_number("nan") && is_no_number("N/A") && !is_no_number("57.0"));
    }
}
