//! The objections of a schema, in words for the author of the document, with the nearest known
//! word.

use jsonschema::{
    JsonType, ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use serde_json::Value;

use crate::suggest;

/// The kind of document that is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// Parameters of an action.
    Parameters,
    /// The values of a credential, which are never shown.
    Secret,
    /// A parameter of an action that is never shown.
    SecretParameter,
}

impl Subject {
    fn is_secret(self) -> bool {
        self != Self::Parameters
    }
}

/// Words one objection. `place` is its place in the document, empty for the top; `schema` is the
/// whole schema.
pub(super) fn of(
    error: &ValidationError<'_>,
    place: &str,
    schema: &Value,
    subject: Subject,
) -> String {
    let noun = match subject {
        Subject::Parameters | Subject::SecretParameter => "parameter",
        Subject::Secret => "key",
    };
    match error.kind() {
        Kind::AdditionalProperties { unexpected } => {
            let known = properties(error, schema);
            let unknown = |name: &String| {
                let path = path(place, name);
                let hint = suggest::hint(name, known.iter().map(String::as_str));
                format!("there is no {noun} \"{path}\": {hint}")
            };
            let texts: Vec<String> = unexpected.iter().map(unknown).collect();
            texts.join("; ")
        }
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            format!("the {noun} \"{}\" is missing", path(place, name))
        }
        Kind::Enum { options } if subject.is_secret() => at(
            place,
            &format!("it can only be one of: {}", words(options).join(", ")),
        ),
        Kind::Enum { options } => at(place, &none_of(error.instance(), options)),
        Kind::Type { kind } if subject.is_secret() => {
            at(place, &format!("it is not {}", wanted(kind)))
        }
        Kind::Type { kind } => at(place, &of_type(error.instance(), kind)),
        Kind::MinLength { limit } => {
            let long = length(error.instance());
            at(
                place,
                &format!("it has {long} characters, and needs {limit} at the least"),
            )
        }
        Kind::MaxLength { limit } => {
            let long = length(error.instance());
            at(
                place,
                &format!("it has {long} characters, and may have {limit} at the most"),
            )
        }
        _ if subject.is_secret() => at(place, &error.masked_with("it").to_string()),
        _ => at(place, &error.to_string()),
    }
}

fn at(place: &str, what: &str) -> String {
    match place {
        "" => what.to_owned(),
        place => format!("{place}: {what}"),
    }
}

fn path(place: &str, name: &str) -> String {
    match place {
        "" => name.to_owned(),
        place => format!("{place}.{name}"),
    }
}

fn length(value: &Value) -> usize {
    value.as_str().map_or(0, |text| text.chars().count())
}

/// Returns the names that the schema knows, beside the keyword that refuses an unknown one.
fn properties(error: &ValidationError<'_>, schema: &Value) -> Vec<String> {
    let keyword = error.schema_path().to_string();
    let (parent, _) = keyword.rsplit_once('/').unwrap_or(("", ""));
    let known = schema
        .pointer(parent)
        .and_then(|parent| parent.get("properties"))
        .and_then(Value::as_object);
    known.map_or_else(Vec::new, |known| known.keys().cloned().collect())
}

fn none_of(value: &Value, options: &Value) -> String {
    let known = words(options);
    let hint = suggest::hint(&text(value), known.iter().map(String::as_str));
    format!("{value} cannot be chosen: {hint}")
}

fn words(options: &Value) -> Vec<String> {
    let options = options.as_array();
    options.map_or_else(Vec::new, |options| options.iter().map(text).collect())
}

/// Returns a text without its quotes, and anything else as JSON.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), Into::into)
}

fn of_type(value: &Value, kind: &TypeKind) -> String {
    let is_one = !(value.is_array() || value.is_object() || value.is_null());
    match kind {
        // As it is written where a list of one was meant.
        TypeKind::Single(JsonType::Array) if is_one => {
            format!("{value} is not a list: write [{value}]")
        }
        kind => format!("{value} is not {}", wanted(kind)),
    }
}

fn wanted(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(wanted) => word(*wanted).to_owned(),
        TypeKind::Multiple(several) => {
            let words: Vec<&str> = several.iter().map(word).collect();
            words.join(" or ")
        }
    }
}

fn word(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "a list",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "an object",
        JsonType::String => "a text",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::schema::Schema;

    #[test]
    fn mistakes_are_reported_with_a_suggestion() {
        let schema = json!({
            "type": "object",
            "properties": {
                "outlet": { "type": "integer", "minimum": 1 },
                "oids": { "type": "array", "items": { "type": "string" } },
                "type": { "enum": ["integer", "unsigned", "string", "oid", "ip"] },
                "value": { "type": ["string", "number"] },
                "auth_password": { "type": "string", "minLength": 8, "maxLength": 9 },
                "deep": {
                    "type": "object",
                    "properties": { "inner": { "type": "boolean" } },
                    "additionalProperties": false,
                },
            },
            "required": ["outlet"],
            "additionalProperties": false,
        });
        let schema = Schema::build(&schema).unwrap();
        let told = |with: Value| {
            let mut parameters = json!({ "outlet": 1 });
            for (key, value) in with.as_object().unwrap() {
                parameters[key] = value.clone();
            }
            schema.check(&parameters).unwrap_err().to_string()
        };
        for (with, expect) in [
            (
                json!({ "oulet": 3 }), // typos: on purpose
                "there is no parameter \"oulet\": did you mean \"outlet\"?", // typos: on purpose
            ),
            (
                json!({ "deep": { "iner": true } }), // typos: on purpose
                "there is no parameter \"deep.iner\": did you mean \"inner\"?", // typos: on purpose
            ),
            (
                json!({ "type": "strng" }), // typos: on purpose
                "type: \"strng\" cannot be chosen: did you mean \"string\"?", // typos: on purpose
            ),
            (
                json!({ "type": "blue" }),
                "type: \"blue\" cannot be chosen: known are: integer, unsigned, string, oid, ip",
            ),
            (
                json!({ "oids": "1.3.6.1" }),
                "oids: \"1.3.6.1\" is not a list: write [\"1.3.6.1\"]",
            ),
            (json!({ "oids": [1] }), "oids.0: 1 is not a text"),
            (
                json!({ "outlet": "nine" }),
                "outlet: \"nine\" is not a whole number",
            ),
            (
                json!({ "value": true }),
                "value: true is not a number or a text",
            ),
            (
                json!({ "auth_password": "short" }),
                "auth_password: it has 5 characters, and needs 8 at the least",
            ),
            (
                json!({ "auth_password": "ten letters" }),
                "auth_password: it has 11 characters, and may have 9 at the most",
            ),
        ] {
            assert_eq!(told(with), expect);
        }
        let secret = json!({ "type": "strng", "auth_password": "short", "outlet": true, "usr": 1 }); // typos: on purpose
        let secret = schema.check_secret(&secret).unwrap_err().to_string();
        for part in [
            "type: it can only be one of: integer, unsigned, string, oid, ip",
            "auth_password: it has 5 characters, and needs 8 at the least",
            "outlet: it is not a whole number",
            "there is no key \"usr\"",
        ] {
            assert!(secret.contains(part), "{secret}");
        }
        assert!(
            !secret.contains("strng") && !secret.contains("short"),
            "{secret}"
        ); // typos: on purpose
        let missing = schema.check(&json!({})).unwrap_err();
        assert_eq!(missing.to_string(), "the parameter \"outlet\" is missing");
    }
}
