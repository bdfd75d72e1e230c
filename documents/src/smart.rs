//! Envelopes and policies: the keys that they may have, and mistakes with the place of what is wrong.

use serde::de::DeserializeOwned;
use utakata_model::{Envelope, Policy, suggest};
use utakata_policy::Compiled;

use super::{
    check::{Reader, in_words},
    keys,
    tree::{Node, Position, Tree},
};

/// The keys that hold a duration, in whatever part of a document.
const DURATIONS: [&str; 6] = ["hold", "settle", "fresh", "every", "within", "yield"];

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
                    let message = format!("{key}: {number} has no unit: write {number}s for seconds");
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

/// Finds the deepest part without which the document has another mistake, or none.
fn suspect<T: DeserializeOwned>(
    tree: &Tree,
    json: &serde_json::Value,
    message: &str,
) -> Option<(Position, String)> {
    let mut found = None;
    let mut paths = Vec::new();
    collect(tree, "", &mut paths);
    for (path, place) in paths {
        let mut without = json.clone();
        if !remove(&mut without, &path) {
            continue;
        }
        let is_cause = match serde_json::from_value::<T>(without) {
            Ok(_) => true,
            Err(other) => other.to_string() != message,
        };
        let is_deeper = |(_, known): &(Position, String)| path.starts_with(known.as_str());
        if is_cause && found.as_ref().is_none_or(is_deeper) {
            found = Some((place, path));
        }
    }
    found
}

fn collect(tree: &Tree, path: &str, paths: &mut Vec<(String, Position)>) {
    let deeper = |key: &str| match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    };
    match &tree.node {
        Node::Fields(fields) => {
            for field in fields.iter().filter(|field| field.key != "type" || !path.is_empty()) {
                paths.push((deeper(&field.key), field.tree.place));
                collect(&field.tree, &deeper(&field.key), paths);
            }
        }
        Node::List(items) => {
            for (at, item) in items.iter().enumerate() {
                paths.push((deeper(&at.to_string()), item.place));
                collect(item, &deeper(&at.to_string()), paths);
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
