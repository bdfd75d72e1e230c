//! The differences between two JSON Schemas of objects. Anything that is not understood counts as
//! breaking.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use utakata_api::release::ManifestDifference;

use super::{Breaking, difference};

/// The keys that only people read.
const WORDS: [&str; 5] = ["title", "description", "examples", "$comment", "deprecated"];
/// The keywords for lower and upper limits.
const MINIMA: [&str; 5] = [
    "minimum",
    "exclusiveMinimum",
    "minLength",
    "minItems",
    "minProperties",
];
const MAXIMA: [&str; 5] = [
    "maximum",
    "exclusiveMaximum",
    "maxLength",
    "maxItems",
    "maxProperties",
];

/// Returns the differences between two schemas of objects, each property of which is a `noun`.
pub(super) fn diff(
    place: &str,
    noun: &str,
    before: &Value,
    after: &Value,
) -> Vec<ManifestDifference> {
    let mut all = Vec::new();
    let (then, now) = (required(before), required(after));
    let is_closed =
        |schema: &Value| schema.get("additionalProperties") == Some(&Value::Bool(false));
    let mut add = |name: &str, breaking, why: String| {
        all.push(difference(format!("{place}, {noun} {name}"), breaking, why));
    };
    for name in &now {
        if !then.contains(name) {
            add(name, Breaking::Yes, "it is required now".into());
        }
    }
    for name in &then {
        if !now.contains(name) && property(after, name).is_some() {
            add(name, Breaking::No, "it is no longer required".into());
        }
    }
    for (name, old) in properties(before) {
        match property(after, name) {
            None if is_closed(after) => add(name, Breaking::Yes, "it was removed".into()),
            None => add(name, Breaking::No, "it is no longer described".into()),
            Some(new) => {
                for (breaking, why) in changes(old, new) {
                    add(name, breaking, why);
                }
            }
        }
    }
    for (name, _) in properties(after) {
        if property(before, name).is_none() && !now.contains(name.as_str()) {
            add(name, Breaking::No, "it is new".into());
        }
    }
    all.extend(rules(place, noun, before, after));
    all
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten()
}

fn property<'s>(schema: &'s Value, name: &str) -> Option<&'s Value> {
    schema.get("properties")?.get(name)
}

fn required(schema: &Value) -> BTreeSet<&str> {
    let names = schema.get("required").and_then(Value::as_array);
    names
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// Returns the differences in the rules for the object as a whole.
fn rules(place: &str, noun: &str, before: &Value, after: &Value) -> Vec<ManifestDifference> {
    let (empty, told) = (Map::new(), ["properties", "required", "type"]);
    let (before, after) = (object(before, &empty), object(after, &empty));
    let mut all = Vec::new();
    for key in keys(before, after).filter(|key| !told.contains(key)) {
        let (then, now) = (before.get(key), after.get(key));
        if then == now {
            continue;
        }
        if key == "additionalProperties" {
            let is_open = |value: Option<&Value>| value.is_none_or(|v| *v == Value::Bool(true));
            let why = if is_open(now) {
                format!("any further {noun} is accepted")
            } else if now == Some(&Value::Bool(false)) {
                format!("no further {noun} is accepted any more")
            } else {
                format!("not every further {noun} is accepted any more")
            };
            all.push(difference(place, Breaking::when(!is_open(now)), why));
            continue;
        }
        let why = format!("the rule \"{key}\" of its {noun}s has changed");
        all.push(difference(place, Breaking::when(now.is_some()), why));
    }
    all
}

fn object<'v>(value: &'v Value, empty: &'v Map<String, Value>) -> &'v Map<String, Value> {
    value.as_object().unwrap_or(empty)
}

/// Returns the keys of either, in order, without those for people.
fn keys<'v>(
    before: &'v Map<String, Value>,
    after: &'v Map<String, Value>,
) -> impl Iterator<Item = &'v str> {
    let keys = before.keys().chain(after.keys());
    let keys: BTreeSet<&str> = keys.map(String::as_str).collect();
    keys.into_iter().filter(|key| !WORDS.contains(key))
}

/// Returns the differences in the values of one property.
fn changes(before: &Value, after: &Value) -> Vec<(Breaking, String)> {
    let empty = Map::new();
    let (old, new) = (object(before, &empty), object(after, &empty));
    let differing = keys(old, new).filter(|key| old.get(*key) != new.get(*key));
    differing
        .map(|key| change(key, old.get(key), new.get(key)))
        .collect()
}

fn change(key: &str, old: Option<&Value>, new: Option<&Value>) -> (Breaking, String) {
    let told = |value: Option<&Value>| value.map_or("nothing".into(), Value::to_string);
    let why = format!("its \"{key}\" is {}, and was {}", told(new), told(old));
    let is_wider = match key {
        "default" => true,
        "type" => is_superset(&types(new), &types(old)),
        "enum" => is_superset(&list(new), &list(old)) && old.is_some(),
        _ if MINIMA.contains(&key) => number(new) <= number(old),
        _ if MAXIMA.contains(&key) => match (number(old), number(new)) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(old), Some(new)) => new >= old,
        },
        // Without a rule, every value that was valid stays valid.
        _ => false,
    };
    (Breaking::when(!(is_wider || new.is_none())), why)
}

fn number(value: Option<&Value>) -> Option<f64> {
    value?.as_f64()
}

fn list(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(values)) => values.iter().map(Value::to_string).collect(),
        Some(value) => vec![value.to_string()],
        None => Vec::new(),
    }
}

/// Returns the accepted types: every integer is a number.
fn types(value: Option<&Value>) -> Vec<String> {
    let mut types = list(value);
    if types.iter().any(|one| one == "\"number\"") {
        types.push("\"integer\"".into());
    }
    types
}

fn is_superset(all: &[String], some: &[String]) -> bool {
    !some.is_empty() && some.iter().all(|one| all.contains(one))
}
