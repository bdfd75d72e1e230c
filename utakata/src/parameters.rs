//! `-p key=value`: the parameters of an action.

use anyhow::Result;
use serde_json::{Map, Value};
use utakata_api::Client;
use utakata_model::{Action, ActionName};

/// Reads one `key=value` of the command line.
pub fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.into(), value.into())),
        _ => Err(format!("\"{text}\" is not key=value, as in -p outlet=3")),
    }
}

/// The parameters as JSON. What the schema of the action wants as text stays text; anything
/// else is JSON where it is JSON, and text otherwise.
pub fn to_json(pairs: &[(String, String)], schema: Option<&Value>) -> Map<String, Value> {
    pairs
        .iter()
        .map(|(key, text)| (key.clone(), one(text, wanted(schema, key))))
        .collect()
}

/// The same, with the schema that the server knows of the action.
pub async fn resolve(
    client: &Client,
    pairs: &[(String, String)],
    action: Option<&ActionName>,
) -> Result<Map<String, Value>> {
    if pairs.is_empty() {
        return Ok(Map::new());
    }
    let kinds = client.kinds().await?;
    let schema = kinds.iter().find_map(|kind| {
        let found: Option<&Action> = match action {
            Some(name) => kind.manifest.action(name),
            None => kind.manifest.default_observe(),
        };
        found.map(|action| &action.parameters)
    });
    Ok(to_json(pairs, schema))
}

fn wanted<'a>(schema: Option<&'a Value>, key: &str) -> Option<&'a str> {
    schema?.get("properties")?.get(key)?.get("type")?.as_str()
}

fn one(text: &str, wanted: Option<&str>) -> Value {
    let as_text = || Value::String(text.into());
    match wanted {
        Some("string") => as_text(),
        _ => serde_json::from_str(text).unwrap_or_else(|_| as_text()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_become_what_the_schema_wants_and_otherwise_what_they_look_like() {
        let schema = json!({ "properties": { "payload": { "type": "string" } } });
        for (text, expect) in [
            ("outlet=3", json!({ "outlet": 3 })),
            ("payload=3", json!({ "payload": "3" })),
            ("state=off", json!({ "state": "off" })),
            ("on=true", json!({ "on": true })),
            ("oids=[\"1.3\"]", json!({ "oids": ["1.3"] })),
            ("text=a=b", json!({ "text": "a=b" })),
        ] {
            let pairs = [pair(text).unwrap()];
            assert_eq!(
                Value::Object(to_json(&pairs, Some(&schema))),
                expect,
                "{text}"
            );
        }
        assert!(pair("outlet").is_err());
        assert!(pair("=3").is_err());
    }
}
