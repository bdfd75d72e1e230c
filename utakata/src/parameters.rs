//! `-p key=value`: parameters of an action.

pub mod secret;

use anyhow::Result;
use serde_json::{Map, Value};
use utakata_api::Client;
use utakata_model::{Action, ActionName, schema::Schema};

use crate::exit::Usage;

/// Parses a `key=value` of the command line.
pub fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.into(), value.into())),
        _ => Err(format!("\"{text}\" is not key=value, as in -p outlet=3")),
    }
}

/// Returns the parameters as JSON. A text according to the schema of the action stays a text;
/// anything else is JSON if it can be parsed, and otherwise text.
///
/// # Errors
/// A parameter is given twice; or a list is required and a single value was given.
pub fn to_json(
    pairs: &[(String, String)],
    schema: Option<&Value>,
) -> Result<Map<String, Value>, Usage> {
    for (at, (key, text)) in pairs.iter().enumerate() {
        if let Some((_, before)) = pairs[..at].iter().find(|(other, _)| other == key) {
            return Err(Usage(format!(
                "the parameter \"{key}\" is given twice, as \"{before}\" and \"{text}\": for both, \
                 give the command twice"
            )));
        }
    }
    let pair = |(key, text): &(String, String)| {
        let wanted = wanted(schema, key);
        let value = one(text, &wanted);
        if wanted == ["array"] && !value.is_array() {
            let list = Value::Array(vec![value]);
            return Err(Usage(format!(
                "the parameter \"{key}\" is a list: write -p '{key}={list}'"
            )));
        }
        Ok((key.clone(), value))
    };
    pairs.iter().map(pair).collect()
}

/// Converts parameters according to the schema that the server has of the action.
pub async fn resolve(
    client: &Client,
    pairs: &[(String, String)],
    action: Option<&ActionName>,
) -> Result<Map<String, Value>> {
    if pairs.is_empty() {
        return Ok(Map::new());
    }
    let kinds = client.kinds().await?;
    let schemas = kinds.iter().filter_map(|kind| {
        let found: Option<&Action> = match action {
            Some(name) => kind.manifest.action(name),
            None => kind.manifest.default_observe(),
        };
        found.map(|action| &action.parameters)
    });
    // The same action may take a text for one kind and a number for another.
    let schemas: Vec<&Value> = schemas.collect();
    let pairs = &secret::read(pairs, &schemas)?[..];
    let fitting = schemas.iter().find_map(|schema| {
        let given = to_json(pairs, Some(schema)).ok()?;
        let checked = Schema::build(schema)
            .ok()?
            .check(&Value::Object(given.clone()));
        checked.is_ok().then_some(given)
    });
    match fitting {
        Some(given) => Ok(given),
        None => Ok(to_json(pairs, nearest(&schemas, pairs))?),
    }
}

/// Returns the schema that knows the most of the given names: its message says what to write.
fn nearest<'a>(schemas: &[&'a Value], pairs: &[(String, String)]) -> Option<&'a Value> {
    let known = |schema: &&&Value| {
        let properties = schema.get("properties");
        let is_known = |key: &str| properties.is_some_and(|known| known.get(key).is_some());
        let unknown = pairs.iter().filter(|(key, _)| !is_known(key));
        unknown.count()
    };
    schemas.iter().min_by_key(known).copied()
}

/// Returns the types that a parameter may have; none if the schema does not say.
fn wanted<'a>(schema: Option<&'a Value>, key: &str) -> Vec<&'a str> {
    let property = |schema: &'a Value| schema.get("properties")?.get(key)?.get("type");
    match schema.and_then(property) {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn one(text: &str, wanted: &[&str]) -> Value {
    let as_text = || Value::String(text.into());
    let value = serde_json::from_str(text).unwrap_or_else(|_| as_text());
    let is_wanted = match &value {
        Value::String(_) => true,
        Value::Number(number) if number.is_f64() => wanted.contains(&"number"),
        Value::Number(_) => wanted.contains(&"integer") || wanted.contains(&"number"),
        Value::Bool(_) => wanted.contains(&"boolean"),
        Value::Null => wanted.contains(&"null"),
        Value::Array(_) => wanted.contains(&"array"),
        Value::Object(_) => wanted.contains(&"object"),
    };
    if wanted == ["string"] || (wanted.contains(&"string") && !is_wanted) {
        return as_text();
    }
    value
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_several_schemas_the_one_that_knows_the_names_says_what_to_write() {
        let points = json!({ "properties": { "points": { "type": "string" } } });
        let oids = json!({ "properties": { "oids": { "type": "array" } } });
        let schemas = [&points, &oids];
        let pairs = [pair("oids=1.3").unwrap()];
        assert_eq!(nearest(&schemas, &pairs), Some(&oids));
        assert_eq!(nearest(&[], &pairs), None);
    }

    #[test]
    fn parameters_become_what_the_schema_wants_and_otherwise_what_they_look_like() {
        let schema = json!({ "properties": {
            "payload": { "type": "string" }, "oids": { "type": "array" },
            "unit": { "type": ["integer", "string"] },
        } });
        for (text, expect) in [
            ("outlet=3", json!({ "outlet": 3 })),
            ("payload=3", json!({ "payload": "3" })),
            ("state=off", json!({ "state": "off" })),
            ("on=true", json!({ "on": true })),
            ("oids=[\"1.3\"]", json!({ "oids": ["1.3"] })),
            ("text=a=b", json!({ "text": "a=b" })),
            ("unit=3", json!({ "unit": 3 })),
            ("unit=2.30", json!({ "unit": "2.30" })),
        ] {
            let pairs = [pair(text).unwrap()];
            assert_eq!(
                Value::Object(to_json(&pairs, Some(&schema)).unwrap()),
                expect,
                "{text}"
            );
        }
        for (typed, expect) in [
            ("oids=1.3.6.1", "write -p 'oids=[\"1.3.6.1\"]'"),
            ("oids=7", "write -p 'oids=[7]'"),
        ] {
            let refused = to_json(&[pair(typed).unwrap()], Some(&schema)).unwrap_err();
            assert!(refused.0.contains(expect), "{refused}");
        }
        let twice = [pair("outlet=4").unwrap(), pair("outlet=5").unwrap()];
        let refused = to_json(&twice, Some(&schema)).unwrap_err();
        assert!(
            refused
                .0
                .contains("\"outlet\" is given twice, as \"4\" and \"5\""),
            "{refused}"
        );
        assert!(pair("outlet").is_err());
        assert!(pair("=3").is_err());
    }
}
