//! Envelopes, policies and floors, documents of nested parts: the keys that they may have, and
//! mistakes with the place of what is wrong.

use serde::de::DeserializeOwned;
use utakata_model::{Envelope, Floor, Policy, suggest};
use utakata_policy::Compiled;

use super::{Reader, in_words};
use crate::{
    keys,
    tree::{Node, Position, Tree},
};

/// The keys that hold a duration, in whatever part of a document.
const DURATIONS: [&str; 8] = [
    "hold", "settle", "fresh", "every", "within", "yield", "lease", "renew",
];

/// Reads an envelope.
pub(super) fn envelope(reader: &mut Reader<'_>) -> Option<Box<Envelope>> {
    let envelope: Envelope = whole(reader)?;
    for wrong in utakata_envelope::check(&envelope.limits) {
        let field = format!("limits.{}", wrong.field);
        let place = place(reader.tree, &field);
        reader.complain(place, format!("{field}: {}", wrong.message));
    }
    Some(Box::new(envelope))
}

/// Reads a policy. Names, types and units are checked here, too: with the line, and without a
/// server.
pub(super) fn policy(reader: &mut Reader<'_>) -> Option<Box<Policy>> {
    let policy: Policy = whole(reader)?;
    for wrong in Compiled::new(policy.clone()).err().unwrap_or_default() {
        let place = place(reader.tree, &wrong.field);
        reader.complain(place, format!("{}: {}", wrong.field, wrong.message));
    }
    Some(Box::new(policy))
}

/// Reads a floor.
pub(super) fn floor(reader: &mut Reader<'_>) -> Option<Box<Floor>> {
    let floor: Floor = whole(reader)?;
    for wrong in floor.check() {
        let place = place(reader.tree, &wrong.field);
        reader.complain(place, format!("{}: {}", wrong.field, wrong.message));
    }
    Some(Box::new(floor))
}

/// Reads a document of nested parts. The deepest part that cannot be read alone has the mistake.
fn whole<T: DeserializeOwned>(reader: &mut Reader<'_>) -> Option<T> {
    reader.refuse_unknown(keys::of::<T>());
    let tree = reader.tree;
    bare_numbers(reader, tree, "");
    if !reader.wrong.is_empty() {
        return None;
    }
    let mut json = tree.to_json();
    if let Some(fields) = json.as_object_mut() {
        fields.remove("type");
    }
    // The path of a mistake is known by leaving parts out, one after the other.
    match serde_json::from_value::<T>(json.clone()) {
        Ok(document) => Some(document),
        Err(error) => {
            let message = in_words(&error.to_string());
            let place = suspect::<T>(tree, &json, &error.to_string());
            let (place, path) = place.unwrap_or((tree.place, String::new()));
            let message = match path.is_empty() {
                true => message,
                false => format!("{path}: {message}"),
            };
            reader.complain(place, hinted(message));
            None
        }
    }
}

/// Adds the nearest known key to a message about an unknown one.
fn hinted(message: String) -> String {
    let words: Vec<&str> = message.split('`').collect();
    let [_, unknown, rest @ ..] = words.as_slice() else {
        return message;
    };
    let known: Vec<&str> = rest.iter().skip(1).step_by(2).copied().collect();
    match suggest::nearest(unknown, known.iter().copied()) {
        Some(near) if message.contains("unknown") => format!("{message}: did you mean \"{near}\"?"),
        _ => message,
    }
}

/// Complains about durations without a unit, the most frequent mistake.
fn bare_numbers(reader: &mut Reader<'_>, tree: &Tree, path: &str) {
    let deeper = |key: &str| match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    };
    match &tree.node {
        Node::Fields(fields) => {
            for field in fields {
                if let Node::Scalar(serde_json::Value::Number(number)) = &field.tree.node
                    && DURATIONS.contains(&field.key.as_str())
                {
                    let key = deeper(&field.key);
                    let message =
                        format!("{key}: {number} has no unit: write {number}s for seconds");
                    reader.complain(field.tree.place, message);
                }
                bare_numbers(reader, &field.tree, &deeper(&field.key));
            }
        }
        Node::List(items) => {
            for (at, item) in items.iter().enumerate() {
                bare_numbers(reader, item, &deeper(&at.to_string()));
            }
        }
        Node::Scalar(_) => {}
    }
}

/// Finds the part that a mistake is in: the unknown key or the text that it names, or else the
/// deepest part without which the document is right.
fn suspect<T: DeserializeOwned>(
    tree: &Tree,
    json: &serde_json::Value,
    message: &str,
) -> Option<(Position, String)> {
    let mut parts = Vec::new();
    collect(tree, "", &mut parts);
    let without = |path: &str| {
        let mut without = json.clone();
        remove(&mut without, path).then(|| serde_json::from_value::<T>(without).err())
    };
    let changes = |path: &str| {
        let other = without(path)?;
        Some(other.is_none_or(|other| other.to_string() != message))
    };
    let named = parts.iter().filter(|part| part.is_named_in(message));
    let mut named = named.filter(|part| changes(&part.path) == Some(true));
    let is_right = |path: &str| without(path).is_some_and(|error| error.is_none());
    let found = named.next().or_else(|| {
        let right = parts.iter().filter(|part| is_right(&part.path));
        right.max_by_key(|part| part.path.matches('.').count())
    });
    found.map(|part| (part.place, part.path.clone()))
}

/// A part of a document.
struct Part<'t> {
    path: String,
    key: &'t str,
    text: Option<&'t str>,
    place: Position,
}

impl Part<'_> {
    fn is_named_in(&self, message: &str) -> bool {
        let is_key =
            !self.key.is_empty() && message.contains(&format!("unknown field `{}`", self.key));
        let is_text = self
            .text
            .is_some_and(|text| message.contains(&format!("\"{text}\"")));
        is_key || is_text
    }
}

fn collect<'t>(tree: &'t Tree, path: &str, parts: &mut Vec<Part<'t>>) {
    let deeper = |key: &str| match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    };
    match &tree.node {
        Node::Fields(fields) => {
            for field in fields
                .iter()
                .filter(|field| field.key != "type" || !path.is_empty())
            {
                parts.push(Part {
                    path: deeper(&field.key),
                    key: &field.key,
                    text: field.tree.text(),
                    place: field.tree.place,
                });
                collect(&field.tree, &deeper(&field.key), parts);
            }
        }
        Node::List(items) => {
            for (at, item) in items.iter().enumerate() {
                parts.push(Part {
                    path: deeper(&at.to_string()),
                    key: "",
                    text: item.text(),
                    place: item.place,
                });
                collect(item, &deeper(&at.to_string()), parts);
            }
        }
        Node::Scalar(_) => {}
    }
}

fn remove(json: &mut serde_json::Value, path: &str) -> bool {
    let (parent, key) = path.rsplit_once('.').unwrap_or(("", path));
    let pointer = match parent {
        "" => String::new(),
        parent => format!("/{}", parent.replace('.', "/")),
    };
    match json.pointer_mut(&pointer) {
        Some(serde_json::Value::Object(fields)) => fields.remove(key).is_some(),
        Some(serde_json::Value::Array(items)) => match key.parse::<usize>() {
            Ok(at) if at < items.len() => {
                items.remove(at);
                true
            }
            _ => false,
        },
        _ => false,
    }
}

/// Returns the place of a field, or of the deepest part of its path that is there.
fn place(tree: &Tree, path: &str) -> Position {
    let mut tree = tree;
    for key in path.split('.') {
        let next = match &tree.node {
            Node::List(items) => key.parse::<usize>().ok().and_then(|at| items.get(at)),
            _ => tree.get(key),
        };
        let Some(next) = next else {
            break;
        };
        tree = next;
    }
    tree.place
}

#[cfg(test)]
mod tests;
