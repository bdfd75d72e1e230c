//! JSON Schemas, compiled once and used for every task.

mod words;

use std::{fmt, sync::Arc};

use serde_json::Value;

use self::words::Subject;
use crate::secret;

/// A compiled schema to check parameters against. Cheap to clone.
#[derive(Clone)]
pub struct Schema(Arc<Checked>);

struct Checked {
    validator: jsonschema::Validator,
    /// The schema as written, for the names that are known in it.
    text: Value,
}

/// A schema that is itself invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON Schema: {problem}")]
pub struct SchemaError {
    /// The message of the schema compiler.
    pub problem: String,
}

/// The objections of a schema to a document, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", problems.join("; "))]
pub struct Refused {
    /// One sentence for each objection, with its place.
    pub problems: Vec<String>,
}

impl Schema {
    /// Compiles a schema (draft 2020-12 unless it declares another). References to other
    /// documents are refused: a manifest is complete in itself.
    pub fn build(schema: &Value) -> Result<Self, SchemaError> {
        jsonschema::validator_for(schema)
            .map(|validator| {
                let text = schema.clone();
                Self(Arc::new(Checked { validator, text }))
            })
            .map_err(|error| SchemaError {
                problem: error.to_string(),
            })
    }

    /// Checks parameters. Errors: every problem, each with its place.
    pub fn check(&self, document: &Value) -> Result<(), Refused> {
        self.check_as(document, Subject::Parameters, &[])
    }

    /// Checks the values of a credential. Errors: every problem, and nothing of any value.
    pub fn check_secret(&self, document: &Value) -> Result<(), Refused> {
        self.check_secret_but(document, &[])
    }

    /// Checks the values of a credential but these fields, whose values are not known yet. Errors:
    /// every problem, and nothing of any value.
    pub fn check_secret_but(&self, document: &Value, unknown: &[&str]) -> Result<(), Refused> {
        self.check_as(document, Subject::Secret, unknown)
    }

    fn check_as(
        &self,
        document: &Value,
        subject: Subject,
        unknown: &[&str],
    ) -> Result<(), Refused> {
        let Checked { validator, text } = &*self.0;
        if validator.is_valid(document) {
            return Ok(());
        }
        let problems = validator.iter_errors(document).filter_map(|error| {
            let place = error.instance_path().to_string();
            let place = place.trim_start_matches('/').replace('/', ".");
            if unknown.contains(&place.as_str()) {
                return None;
            }
            let subject = match is_of_secret(&place, text) {
                true => Subject::SecretParameter,
                false => subject,
            };
            Some(words::of(&error, &place, text, subject))
        });
        let problems: Vec<_> = problems.collect();
        match problems.is_empty() {
            true => Ok(()),
            false => Err(Refused { problems }),
        }
    }
}

/// Returns true if the place is, or is in, a parameter that is secret.
fn is_of_secret(place: &str, schema: &Value) -> bool {
    let name = place.split('.').next();
    secret::names(schema).any(|secret| Some(secret) == name)
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Schema")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Schema;

    #[test]
    fn every_problem_is_reported_with_its_place() {
        let schema = json!({
            "type": "object",
            "properties": { "outlet": { "type": "integer", "minimum": 1 } },
            "required": ["outlet"],
            "additionalProperties": false
        });
        let schema = Schema::build(&schema).unwrap();
        assert!(schema.check(&json!({ "outlet": 3 })).is_ok());
        let refused = schema.check(&json!({ "outlet": 0, "x": 1 })).unwrap_err();
        assert_eq!(refused.problems.len(), 2, "{refused}");
        assert!(
            refused
                .to_string()
                .contains("outlet: 0 is less than the minimum of 1"),
            "{refused}"
        );
        assert!(Schema::build(&json!({ "type": "objekt" })).is_err());
    }

    #[test]
    fn objections_to_a_secret_parameter_have_nothing_of_it() {
        let schema = json!({
            "type": "object",
            "properties": {
                "password": { "type": "string", "writeOnly": true, "pattern": "^[a-z]+$",
                    "minLength": 9, "enum": ["one"] },
                "user": { "type": "string", "pattern": "^[a-z]+$" },
            },
        });
        let schema = Schema::build(&schema).unwrap();
        let told = |document| schema.check(&document).unwrap_err().to_string();
        let secret = told(json!({ "password": "S3cret" }));
        assert!(!secret.contains("S3cret"), "{secret}");
        assert!(secret.contains("password: it has 6 characters"), "{secret}");
        let number = told(json!({ "password": 4711 }));
        assert!(!number.contains("4711"), "{number}");
        assert!(told(json!({ "user": "R00t" })).contains("R00t"));
    }
}
