//! The actions of a kind, and the parameters of each with their types, limits, defaults and
//! meanings.

use anyhow::{Result, anyhow};
use serde_json::Value;
use utakata_api::{Client, inventory::KindView};
use utakata_model::{
    Action, ActionName, Class, Kind, duration,
    manifest::{Repeat, Risk},
    secret, suggest,
};

use crate::output::{Cell, Table, Tone};

/// Returns the kind of that name, if it is served.
pub async fn find(client: &Client, name: &Kind) -> Result<KindView> {
    let kinds = client.kinds().await?;
    let known: Vec<&str> = kinds.iter().map(|view| view.kind.as_str()).collect();
    let hint = suggest::hint(name.as_str(), known.iter().copied());
    let found = kinds.iter().find(|view| view.kind == *name).cloned();
    found.ok_or_else(|| anyhow!("no environment serves the kind \"{name}\": {hint}"))
}

/// Returns the action of that name.
pub fn action<'a>(view: &'a KindView, name: &ActionName) -> Result<&'a Action> {
    let actions = view.manifest.actions.iter();
    let actions = actions.filter(|one| !one.is_internal());
    let hint = suggest::hint(name.as_str(), actions.map(|one| one.name.as_str()));
    let found = view.manifest.action(name);
    let kind = &view.kind;
    found.ok_or_else(|| anyhow!("the kind \"{kind}\" has no action \"{name}\": {hint}"))
}

/// Returns all actions of a kind, those that change something last.
pub fn all(view: &KindView, colours: bool) -> String {
    let mut parts = Vec::new();
    for class in [Class::Observe, Class::Control] {
        let actions = view.manifest.actions.iter();
        let of_class = actions.filter(|action| action.class == class && !action.is_internal());
        parts.extend(of_class.map(|action| one(action, colours)));
    }
    parts.join("\n")
}

/// Describes an action: its purpose, its properties, and its parameters.
pub fn one(action: &Action, colours: bool) -> String {
    let mut text = format!("{} ({})", action.name, facts(action).join(", "));
    if !action.description.is_empty() {
        text.push_str(&format!(": {}", action.description));
    }
    text.push('\n');
    let rows = parameters(&action.parameters);
    if rows.is_empty() {
        text.push_str("  without parameters\n");
        return text;
    }
    let mut table = Table::new(&["PARAMETER", "TYPE", "LIMITS", "DEFAULT", "MEANING"]);
    for row in rows {
        let default = match row.is_needed {
            true => Cell::toned("(needed)", Tone::Doubtful),
            false => row.default.into(),
        };
        table.add(vec![
            row.name.into(),
            row.kind.into(),
            row.limits.into(),
            default,
            row.meaning.into(),
        ]);
    }
    for line in table.render(colours).lines() {
        text.push_str(&format!("  {line}\n"));
    }
    text
}

fn facts(action: &Action) -> Vec<String> {
    let mut facts = vec![action.class.as_str().to_owned()];
    if action.class == Class::Control {
        facts.push(match action.risk {
            Risk::Low => "low risk".into(),
            Risk::High => "high risk".into(),
        });
        facts.push(match action.repeat {
            Repeat::Repeatable => "repeatable".into(),
            Repeat::Once => "once: never repeated automatically".into(),
        });
        if let Some(undo) = &action.undo {
            facts.push(format!("undone by {}", undo.action));
        }
        if let Some(verify) = &action.verify {
            facts.push(format!("read back: {}", verify.metric));
        }
    }
    facts.push(format!("within {}", duration::format(action.timeout)));
    facts
}

/// A parameter, according to its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Parameter {
    name: String,
    kind: String,
    limits: String,
    is_needed: bool,
    default: String,
    meaning: String,
}

/// Returns the parameters in an action's schema, required ones first.
fn parameters(schema: &Value) -> Vec<Parameter> {
    let needed = schema.get("required").and_then(Value::as_array);
    let is_needed = |name: &str| {
        let mut needed = needed.into_iter().flatten();
        needed.any(|one| one.as_str() == Some(name))
    };
    let properties = schema.get("properties").and_then(Value::as_object);
    let mut found: Vec<Parameter> = properties
        .into_iter()
        .flatten()
        .map(|(name, schema)| Parameter {
            name: name.clone(),
            kind: kind(schema),
            limits: limits(schema).join(", "),
            is_needed: is_needed(name),
            default: schema.get("default").map_or_else(String::new, text),
            meaning: word(schema, "description").unwrap_or_default().to_owned(),
        })
        .collect();
    // The sort is stable: they remain ordered by name.
    found.sort_by_key(|one| !one.is_needed);
    found
}

/// Returns the type: `integer`, `list of texts`, or the alternatives.
fn kind(schema: &Value) -> String {
    match schema.get("type") {
        Some(Value::String(one)) => named(one, schema),
        Some(Value::Array(several)) => {
            let several = several.iter().filter_map(Value::as_str);
            let words: Vec<String> = several.map(|one| named(one, schema)).collect();
            words.join(" or ")
        }
        _ => {
            let alternatives = ["oneOf", "anyOf"].iter().find_map(|key| schema.get(*key));
            let alternatives = alternatives.and_then(Value::as_array);
            let words: Vec<String> = alternatives.into_iter().flatten().map(kind).collect();
            match (words.is_empty(), schema.get("enum").is_some()) {
                (false, _) => words.join(" or "),
                (true, true) => "one of".into(),
                (true, false) => "anything".into(),
            }
        }
    }
}

fn named(word: &str, schema: &Value) -> String {
    match word {
        "string" => "text".into(),
        "boolean" => "true or false".into(),
        "array" => match schema.get("items") {
            Some(items) => format!("list of {}", kind(items)),
            None => "list".into(),
        },
        other => other.to_owned(),
    }
}

/// Returns the limits of a value.
fn limits(schema: &Value) -> Vec<String> {
    let number = |key: &str| schema.get(key).map(text);
    let mut limits = Vec::new();
    if secret::is_secret(schema) {
        limits.push("secret".into());
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        limits.push(values.iter().map(text).collect::<Vec<_>>().join(" | "));
    }
    if let Some(only) = number("const") {
        limits.push(format!("only {only}"));
    }
    limits.extend(range(number("minimum"), number("maximum"), ""));
    limits.extend(number("exclusiveMinimum").map(|least| format!("more than {least}")));
    limits.extend(number("exclusiveMaximum").map(|max| format!("less than {max}")));
    limits.extend(number("multipleOf").map(|step| format!("in steps of {step}")));
    let characters = range(number("minLength"), number("maxLength"), " characters");
    limits.extend(characters);
    limits.extend(range(number("minItems"), number("maxItems"), " items"));
    limits.extend(word(schema, "pattern").map(|pattern| format!("like {pattern}")));
    let format = word(schema, "format").filter(|format| *format != "password");
    limits.extend(format.map(ToOwned::to_owned));
    if let Some(items) = schema.get("items") {
        limits.extend(self::limits(items));
    }
    limits
}

fn range(least: Option<String>, max: Option<String>, of: &str) -> Option<String> {
    Some(match (least, max) {
        (None, None) => return None,
        (Some(least), Some(max)) => format!("{least} to {max}{of}"),
        (Some(least), None) => format!("at least {least}{of}"),
        (None, Some(max)) => format!("at most {max}{of}"),
    })
}

fn word<'a>(schema: &'a Value, key: &str) -> Option<&'a str> {
    schema.get(key).and_then(Value::as_str)
}

/// Returns a value as typed on the command line.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_are_reported_with_type_limits_default_and_meaning() {
        let schema = json!({
            "type": "object", "required": ["outlet"],
            "properties": {
                "outlet": { "type": "integer", "minimum": 1, "maximum": 48,
                    "description": "which outlet, counted from 1" },
                "delay": { "type": "number", "exclusiveMinimum": 0, "default": 2.5 },
                "type": { "enum": ["integer", "unsigned"] },
                "oids": { "type": "array", "minItems": 1,
                    "items": { "type": "string", "pattern": "^[0-9.]+$" } },
                "value": { "type": ["string", "integer"], "maxLength": 9 },
                "force": { "type": "boolean" },
            },
        });
        let told: Vec<[String; 4]> = parameters(&schema)
            .into_iter()
            .map(|one| [one.name, one.kind, one.limits, one.default])
            .collect();
        let expect = [
            ["outlet", "integer", "1 to 48", ""],
            ["delay", "number", "more than 0", "2.5"],
            ["force", "true or false", "", ""],
            [
                "oids",
                "list of text",
                "at least 1 items, like ^[0-9.]+$",
                "",
            ],
            ["type", "one of", "integer | unsigned", ""],
            ["value", "text or integer", "at most 9 characters", ""],
        ];
        assert_eq!(told, expect.map(|row| row.map(ToOwned::to_owned)));
        assert!(parameters(&schema)[0].is_needed);
        assert_eq!(parameters(&json!({ "type": "object" })), []);
    }
}
