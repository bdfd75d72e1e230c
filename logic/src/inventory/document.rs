//! Documents parsed from JSON, each with an error of its own.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use utakata_api::{apply::Document, problem::Detail};
use utakata_model::{reword, suggest};

const TYPES: [&str; 8] = [
    "target",
    "schedule",
    "credential",
    "relation",
    "alarm",
    "envelope",
    "policy",
    "floor",
];

/// Parses one document; `position` is counted from 1.
///
/// # Errors
/// The mistake, with the document's type and name as far as they are known.
pub fn parse(position: usize, document: Value) -> Result<Document, Detail> {
    let nameless = format!("document {position}");
    let Value::Object(mut fields) = document else {
        return Err(detail(nameless, "it is not an object with fields".into()));
    };
    let named = match fields.get("name") {
        Some(Value::String(name)) => Some(name.clone()),
        _ => None,
    };
    let Some(Value::String(word)) = fields.remove("type") else {
        let subject = named.map_or(nameless, |name| format!("document {position} ({name})"));
        let message = format!("the field \"type\" is missing: one of {}", TYPES.join(", "));
        return Err(detail(subject, message));
    };
    let subject = match named {
        Some(name) => format!("{word} {name}"),
        None => format!("{nameless} ({word})"),
    };
    let read = match word.as_str() {
        "target" => typed(fields).map(Document::Target),
        "schedule" => typed(fields).map(Document::Schedule),
        "credential" => typed(fields).map(Document::Credential),
        "relation" => typed(fields).map(Document::Relation),
        "alarm" => typed(fields).map(Document::Alarm),
        "envelope" => typed(fields).map(Document::Envelope),
        "policy" => typed(fields).map(Document::Policy),
        "floor" => typed(fields).map(Document::Floor),
        _ => Err(format!(
            "unknown type \"{word}\": {}",
            suggest::hint(&word, TYPES)
        )),
    };
    read.map_err(|message| detail(subject, message))
}

fn typed<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T, String> {
    serde_json::from_value(Value::Object(fields)).map_err(|error| reword::json(&error))
}

fn detail(subject: String, message: String) -> Detail {
    Detail { subject, message }
}
