//! Secret parameters of actions: declared by their schema, and never shown.

use serde_json::{Map, Value};

/// The text that is shown in place of a secret value.
pub const MASK: &str = "***";

/// Returns the names of the parameters that the schema of an action declares to be secret: those
/// that are `writeOnly`, or have the format `password`.
pub fn names(schema: &Value) -> impl Iterator<Item = &str> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let properties = properties.into_iter().flatten();
    let secret = properties.filter(|(_, property)| is_secret(property));
    secret.map(|(name, _)| name.as_str())
}

/// Returns true if the schema of a parameter declares that it is secret.
pub fn is_secret(property: &Value) -> bool {
    property.get("writeOnly") == Some(&Value::Bool(true))
        || property.get("format").and_then(Value::as_str) == Some("password")
}

/// Hides the values of the parameters with these names.
pub fn mask<'a>(parameters: &mut Map<String, Value>, names: impl IntoIterator<Item = &'a str>) {
    for name in names {
        if let Some(value) = parameters.get_mut(name) {
            *value = MASK.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_declared_secret_is_hidden_and_nothing_else() {
        let schema = json!({ "properties": {
            "user": { "type": "string" },
            "password": { "type": "string", "writeOnly": true },
            "pin": { "type": "string", "format": "password" },
            "shown": { "type": "string", "writeOnly": false, "format": "date" },
        } });
        let secret: Vec<&str> = names(&schema).collect();
        assert_eq!(secret, ["password", "pin"]);
        let mut given = json!({ "user": "root", "password": "hidden" });
        let fields = given.as_object_mut().unwrap();
        mask(fields, names(&schema));
        assert_eq!(given, json!({ "user": "root", "password": "***" }));
        assert_eq!(names(&json!({ "type": "object" })).count(), 0);
    }
}
