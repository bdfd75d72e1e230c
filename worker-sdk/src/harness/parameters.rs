//! Parameters made from a JSON Schema: valid ones, and all kinds of invalid ones.

use serde_json::{Map, Value, json};
use utakata_model::schema::Schema;

/// A parameter that no manifest declares.
const UNDECLARED: &str = "utakata-no-such-parameter";

/// Parameters that do not fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Bad {
    /// The mistake, in words.
    pub what: String,
    pub parameters: Value,
}

/// Returns the smallest object that satisfies a schema, if one can be derived from it.
pub fn good(schema: &Value) -> Option<Value> {
    let compiled = Schema::build(schema).ok()?;
    let object = sample(schema);
    compiled.check(&object).is_ok().then_some(object)
}

/// Returns objects, and something that is not an object, that violate a schema: with something
/// missing, of a wrong type, or in excess. Each is verified to be invalid.
pub fn bad(schema: &Value) -> Vec<Bad> {
    let Ok(compiled) = Schema::build(schema) else {
        return Vec::new();
    };
    let base = match sample(schema) {
        Value::Object(base) => base,
        _ => Map::new(),
    };
    let mut all = vec![Bad {
        what: "a list instead of an object".into(),
        parameters: json!([]),
    }];
    all.push(with(
        &base,
        "an undeclared parameter",
        UNDECLARED,
        json!(true),
    ));
    for name in required(schema) {
        let mut parameters = base.clone();
        parameters.remove(name);
        all.push(Bad {
            what: format!("without \"{name}\""),
            parameters: Value::Object(parameters),
        });
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for name in properties.into_iter().flat_map(Map::keys) {
        for wrong in [
            json!({ "wrong": [] }),
            json!(["wrong"]),
            json!(-1.5),
            json!("\u{0}"),
        ] {
            let what = format!("\"{name}\" is {wrong}");
            all.push(with(&base, &what, name, wrong));
        }
    }
    all.retain(|bad| compiled.check(&bad.parameters).is_err());
    all
}

fn with(base: &Map<String, Value>, what: &str, name: &str, value: Value) -> Bad {
    let mut parameters = base.clone();
    parameters.insert(name.into(), value);
    Bad {
        what: what.into(),
        parameters: Value::Object(parameters),
    }
}

/// Returns the required parameters.
pub fn required(schema: &Value) -> impl Iterator<Item = &str> {
    let names = schema.get("required").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str)
}

/// Returns a value for a schema: a constant, an example, a default, or one of its type.
fn sample(schema: &Value) -> Value {
    let first = |key: &str| schema.get(key).and_then(|list| list.get(0)).cloned();
    let given = schema.get("const").cloned();
    let given = given.or_else(|| schema.get("default").cloned());
    let given = given
        .or_else(|| first("examples"))
        .or_else(|| first("enum"));
    if let Some(value) = given {
        return value;
    }
    match type_of(schema) {
        "object" => {
            let properties = schema.get("properties");
            let property = |name: &str| properties.and_then(|all| all.get(name)).map(sample);
            let made = required(schema).map(|name| (name, property(name).unwrap_or(json!("a"))));
            Value::Object(made.map(|(name, value)| (name.into(), value)).collect())
        }
        "array" => {
            let item = schema.get("items").map_or(json!("a"), sample);
            Value::Array(vec![item; count(schema, "minItems")])
        }
        "integer" => schema.get("minimum").cloned().unwrap_or(json!(1)),
        "number" => schema.get("minimum").cloned().unwrap_or(json!(1.0)),
        "boolean" => json!(false),
        "null" => Value::Null,
        _ => json!("a".repeat(count(schema, "minLength").max(1))),
    }
}

fn type_of(schema: &Value) -> &str {
    let named = match schema.get("type") {
        Some(Value::Array(several)) => several.first().and_then(Value::as_str),
        Some(one) => one.as_str(),
        None => None,
    };
    named.unwrap_or("string")
}

fn count(schema: &Value, key: &str) -> usize {
    let count = schema.get(key).and_then(Value::as_u64).unwrap_or(0);
    usize::try_from(count).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_from_a_schema_fits_it_or_does_not_as_promised() {
        let schema = json!({
            "type": "object",
            "required": ["outlet", "mode"],
            "additionalProperties": false,
            "properties": {
                "outlet": { "type": "integer", "minimum": 3 },
                "mode": { "enum": ["on", "off"] },
                "names": { "type": "array", "items": { "type": "string" } }
            }
        });
        assert_eq!(good(&schema), Some(json!({ "outlet": 3, "mode": "on" })));
        let bad = bad(&schema);
        let what: Vec<_> = bad.iter().map(|bad| bad.what.as_str()).collect();
        for expected in [
            "a list instead of an object",
            "an undeclared parameter",
            "without \"outlet\"",
            "without \"mode\"",
            "\"outlet\" is -1.5",
            "\"mode\" is [\"wrong\"]",
            "\"names\" is {\"wrong\":[]}",
        ] {
            assert!(what.contains(&expected), "{expected} is not among {what:?}");
        }
        assert!(!what.contains(&"\"names\" is [\"wrong\"]"), "that one fits");
    }

    #[test]
    fn an_action_without_parameters_still_has_bad_ones() {
        let none = json!({ "type": "object", "additionalProperties": false });
        assert_eq!(good(&none), Some(json!({})));
        assert_eq!(bad(&none).len(), 2);
        let open = json!({ "type": "object" });
        assert_eq!(bad(&open).len(), 1, "only what is no object");
    }

    #[test]
    fn a_schema_that_cannot_be_guessed_gives_nothing_that_fits() {
        let schema = json!({
            "type": "object",
            "required": ["oid"],
            "properties": { "oid": { "type": "string", "pattern": "^[0-9.]+$" } }
        });
        assert_eq!(good(&schema), None);
    }
}
