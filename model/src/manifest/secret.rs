//! Secret parameters: what a manifest may do with them so that they stay secret.

use serde_json::Value;

use super::{Manifest, ManifestError, placeholder};
use crate::{
    action::{Action, Class},
    secret::{is_secret, names},
};

/// Refuses secret parameters whose value would be kept, or shown.
pub(super) fn check(action: &Action, manifest: &Manifest) -> Result<(), ManifestError> {
    let properties = action.parameters.get("properties");
    for (name, property) in properties.and_then(Value::as_object).into_iter().flatten() {
        if let Some(problem) = wrong(action, name, property) {
            return Err(refused(action, name, problem));
        }
    }
    let Some(undo) = &action.undo else {
        return Ok(());
    };
    // Whoever undoes it could only repeat what nobody has kept.
    let Some(undoing) = manifest.action(&undo.action) else {
        return Ok(());
    };
    match names(&undoing.parameters).find(|name| undo.parameters.contains_key(*name)) {
        Some(name) => Err(refused(
            undoing,
            name,
            "given by the undo of another action: a manifest has no secrets",
        )),
        None => Ok(()),
    }
}

fn wrong(action: &Action, name: &str, property: &Value) -> Option<&'static str> {
    if !is_secret(property) {
        return has_secrets(property)
            .then_some("within another parameter: only parameters themselves can be secret");
    }
    if action.class != Class::Control {
        return Some("one of an action that only observes: what it reads would be kept");
    }
    if name.is_empty() {
        return Some("without a name");
    }
    if property.get("type").and_then(Value::as_str) != Some("string") {
        return Some("anything but a text: its type must be \"string\"");
    }
    if property.get("default").is_some() {
        return Some("one with a default: it would be in the manifest");
    }
    placeholder::uses(action, name)
        .then_some("used by verify or undo: its value is not kept, and readings are not secret")
}

/// Returns true if something within a schema is declared secret.
fn has_secrets(schema: &Value) -> bool {
    match schema {
        Value::Object(fields) => fields
            .values()
            .any(|inner| is_secret(inner) || has_secrets(inner)),
        Value::Array(items) => items
            .iter()
            .any(|inner| is_secret(inner) || has_secrets(inner)),
        _ => false,
    }
}

fn refused(action: &Action, name: &str, problem: &str) -> ManifestError {
    ManifestError::Secret {
        action: action.name.clone(),
        name: name.into(),
        problem: problem.into(),
    }
}

#[cfg(test)]
mod tests {
    use crate::Manifest;

    /// Checks a manifest with an action of this class, these lines, and this secret parameter.
    fn check(class: &str, lines: &str, password: &str) -> Result<(), String> {
        let text = format!(
            r#"
            kind = "x"
            version = "1.0.0"
            protocol = 2
            run = {{ program = "x" }}
            [[action]]
            name = "status"
            class = "observe"
            parameters = {{ type = "object" }}
            [[action]]
            name = "set"
            class = "{class}"
            {lines}
            [action.parameters]
            type = "object"
            [action.parameters.properties]
            password = {password}
            "#
        );
        let parsed = Manifest::parse(&text);
        parsed.map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn a_secret_parameter_is_a_text_of_control_that_nothing_else_uses() {
        let plain = r#"{ type = "string", writeOnly = true, minLength = 8 }"#;
        assert_eq!(check("control", "", plain), Ok(()));
        assert_eq!(
            check("control", "", r#"{ type = "string", format = "password" }"#),
            Ok(())
        );
        let verify = r#"verify = { action = "status", metric = "m", value = "$password" }"#;
        let undo = r#"undo = { action = "set", parameters = { password = "x" } }"#;
        for (found, words) in [
            (check("observe", "", plain), "only observes"),
            (check("control", verify, plain), "verify or undo"),
            (check("control", undo, plain), "the undo of another action"),
            (
                check("control", "", r#"{ type = "integer", writeOnly = true }"#),
                "\"string\"",
            ),
            (
                check(
                    "control",
                    "",
                    r#"{ type = "string", writeOnly = true, default = "x" }"#,
                ),
                "default",
            ),
            (
                check(
                    "control",
                    "",
                    r#"{ type = "object", properties.a = { type = "string", writeOnly = true } }"#,
                ),
                "within another",
            ),
        ] {
            let found = found.unwrap_err();
            assert!(found.contains(words), "{found}");
        }
    }
}
