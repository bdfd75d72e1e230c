//! Placeholders: the parts of `verify` and `undo` in a manifest that stay open until an action is
//! requested.
//!
//! A text that is exactly `$outlet` stands for the parameter `outlet` of the action. In `undo`,
//! `$prior` stands for the value that the metric of `verify` had before the action. A text that
//! should begin with a dollar is written with two: `$$outlet`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Action, ManifestError};
use crate::suggest;

/// The placeholder in `undo` for the value that the metric of `verify` had before.
pub const PRIOR: &str = "prior";

/// A placeholder whose value is unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no value for \"${name}\"")]
pub struct Unknown {
    /// The name of the placeholder, without its dollar.
    pub name: String,
}

/// A function that returns the values of placeholders: `None` for a parameter that was not given.
pub trait Values: Fn(&str) -> Result<Option<Value>, Unknown> {}

impl<F: Fn(&str) -> Result<Option<Value>, Unknown>> Values for F {}

/// Fills parameters with values, keeping their types. A parameter that consists only of one that
/// was not given is left out.
///
/// # Errors
/// A value is unknown and cannot be left out.
pub fn fill(
    parameters: &BTreeMap<String, Value>,
    values: &impl Values,
) -> Result<Map<String, Value>, Unknown> {
    let mut filled = Map::new();
    for (key, value) in parameters {
        let value = match value.as_str().and_then(name) {
            Some(name) => values(name)?,
            None => Some(fill_one(value, values)?),
        };
        if let Some(value) = value {
            filled.insert(key.clone(), value);
        }
    }
    Ok(filled)
}

/// Fills a value with values, keeping their types.
///
/// # Errors
/// A value is unknown.
pub fn fill_one(value: &Value, values: &impl Values) -> Result<Value, Unknown> {
    Ok(match value {
        Value::String(text) => match name(text) {
            Some(name) => values(name)?.ok_or_else(|| Unknown { name: name.into() })?,
            None => text
                .strip_prefix('$')
                .filter(|rest| rest.starts_with('$'))
                .map_or_else(|| value.clone(), |rest| rest.into()),
        },
        Value::Array(items) => {
            let items = items.iter().map(|item| fill_one(item, values));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(key, value)| Ok((key.clone(), fill_one(value, values)?)));
            Value::Object(fields.collect::<Result<_, _>>()?)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    })
}

/// Returns the placeholder that a text consists of, without its dollar.
fn name(text: &str) -> Option<&str> {
    let name = text.strip_prefix('$')?;
    (!name.is_empty() && !name.starts_with('$')).then_some(name)
}

/// Refuses placeholders that refer to nothing, or to two things.
pub(super) fn check(action: &Action) -> Result<(), ManifestError> {
    let properties = action.parameters.get("properties");
    let properties = properties.and_then(Value::as_object);
    let mut known: Vec<&str> = properties
        .iter()
        .flat_map(|properties| properties.keys())
        .map(String::as_str)
        .collect();
    if let Some(verify) = &action.verify {
        let texts = verify.attributes.values().filter_map(|text| name(text));
        let parameters = verify.parameters.values().flat_map(names);
        let values = [Some(&verify.value), verify.through.as_ref()];
        let values = values
            .into_iter()
            .flatten()
            .chain(&verify.any)
            .flat_map(names);
        let mut all = texts.chain(parameters).chain(values);
        all.try_for_each(|name| known_one(action, "verify", name, &known))?;
    }
    let Some(undo) = &action.undo else {
        return Ok(());
    };
    let used: Vec<&str> = undo.parameters.values().flat_map(names).collect();
    if action.verify.is_some() {
        if known.contains(&PRIOR) && used.contains(&PRIOR) {
            return Err(ManifestError::Placeholder {
                part: "undo",
                action: action.name.clone(),
                name: PRIOR.into(),
                problem: "which is both the parameter of that name and the value before: give the \
                          parameter another name"
                    .into(),
            });
        }
        known.push(PRIOR);
    }
    used.into_iter()
        .try_for_each(|name| known_one(action, "undo", name, &known))
}

fn known_one(
    action: &Action,
    part: &'static str,
    name: &str,
    known: &[&str],
) -> Result<(), ManifestError> {
    if known.contains(&name) {
        return Ok(());
    }
    let problem = match name {
        PRIOR if part == "undo" => {
            "which is known only if verify declares what to read before".into()
        }
        _ => {
            let hint = suggest::hint(name, known.iter().copied());
            format!("which is not a parameter of the action: {hint}")
        }
    };
    Err(ManifestError::Placeholder {
        part,
        action: action.name.clone(),
        name: name.into(),
        problem,
    })
}

/// Returns true if `verify` or `undo` of an action use its parameter of this name.
pub(super) fn uses(action: &Action, parameter: &str) -> bool {
    let verify = action.verify.iter().flat_map(|verify| {
        let texts = verify.attributes.values().filter_map(|text| name(text));
        let values = [Some(&verify.value), verify.through.as_ref()];
        let values = values.into_iter().flatten().chain(&verify.any);
        let all = values.chain(verify.parameters.values());
        texts.chain(all.flat_map(names))
    });
    let undo = action.undo.iter();
    let undo = undo.flat_map(|undo| undo.parameters.values().flat_map(names));
    verify.chain(undo).any(|used| used == parameter)
}

/// Returns all placeholders in a value.
fn names(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => name(text).into_iter().collect(),
        Value::Array(items) => items.iter().flat_map(names).collect(),
        Value::Object(fields) => fields.values().flat_map(names).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Manifest;

    fn values(name: &str) -> Result<Option<Value>, Unknown> {
        match name {
            "outlet" => Ok(Some(json!(3))),
            "given" => Ok(Some(json!({ "a": [1] }))),
            PRIOR => Err(Unknown { name: name.into() }),
            _ => Ok(None),
        }
    }

    #[test]
    fn types_are_kept_and_what_was_not_given_is_left_out() {
        for (parameters, expect) in [
            (json!({ "outlet": "$outlet" }), json!({ "outlet": 3 })),
            (
                json!({ "a": "$given", "b": "$absent" }),
                json!({ "a": { "a": [1] } }),
            ),
            (
                json!({ "deep": [{ "x": "$outlet" }] }),
                json!({ "deep": [{ "x": 3 }] }),
            ),
            (
                json!({ "text": "no $outlet" }),
                json!({ "text": "no $outlet" }),
            ),
            (
                json!({ "text": "$$outlet", "one": "$" }),
                json!({ "text": "$outlet", "one": "$" }),
            ),
            (
                json!({ "n": 1, "t": true, "z": null }),
                json!({ "n": 1, "t": true, "z": null }),
            ),
        ] {
            let text = parameters.to_string();
            let parameters = serde_json::from_value(parameters).unwrap();
            let filled = fill(&parameters, &values).unwrap();
            assert_eq!(Value::Object(filled), expect, "{text}");
        }
        for parameters in [json!({ "a": "$prior" }), json!({ "deep": ["$absent"] })] {
            let text = parameters.to_string();
            let parameters = serde_json::from_value(parameters).unwrap();
            assert!(fill(&parameters, &values).is_err(), "{text}");
        }
    }

    const SETPOINT: &str = r#"
        kind = "crac"
        version = "1.0.0"
        protocol = 1
        run = { program = "x" }
        [[action]]
        name = "read"
        class = "observe"
        [[action]]
        name = "setpoint"
        class = "control"
        undo = { action = "setpoint", parameters = { celsius = "$prior", unit = "$unit" } }
        [action.parameters]
        type = "object"
        properties.celsius = { type = "number" }
        properties.unit = { type = "integer" }
        [action.verify]
        action = "read"
        parameters = { only = ["$unit"] }
        metric = "hw.temperature"
        attributes = { unit = "$unit" }
        value = "$celsius"
    "#;

    #[test]
    fn a_placeholder_that_stands_for_nothing_is_refused() {
        Manifest::parse(SETPOINT).unwrap();
        for (from, to, says) in [
            (
                "value = \"$celsius\"",
                "value = \"$celsus\"", // typos: on purpose
                "verify of the action \"setpoint\" has \"$celsus\", which is not a parameter of the action: did you mean \"celsius\"?", // typos: on purpose
            ),
            (
                "unit = \"$unit\" }\n        value",
                "unit = \"$x\" }\n        value",
                "verify of",
            ),
            ("[\"$unit\"]", "[\"$y\"]", "\"$y\""),
            (
                "\"$prior\"",
                "\"$before\"",
                "undo of the action \"setpoint\" has \"$before\"",
            ),
            (
                "value = \"$celsius\"",
                "value = \"$prior\"",
                "is not a parameter",
            ),
            (
                "properties.unit",
                "properties.prior = {}\n properties.unit",
                "another name",
            ),
        ] {
            assert!(SETPOINT.contains(from), "{from}");
            let error = Manifest::parse(&SETPOINT.replacen(from, to, 1)).unwrap_err();
            assert!(error.to_string().contains(says), "{to}: {error}");
        }
        let at = SETPOINT.find("[action.verify]").unwrap();
        let error = Manifest::parse(&SETPOINT[..at]).unwrap_err().to_string();
        assert!(error.contains("only if verify"), "{error}");
        let escaped = SETPOINT.replacen("value = \"$celsius\"", "value = \"$$celsius\"", 1);
        Manifest::parse(&escaped).unwrap();
    }
}
