//! Rotations of passwords, as far as a manifest can be wrong about them.

use serde_json::Value;

use super::{Manifest, ManifestError};
use crate::{
    action::{Action, Class, Repeat},
    secret,
};

/// The numbers of characters of a new password.
const LENGTHS: std::ops::RangeInclusive<usize> = 8..=128;
/// The least number of different characters of new passwords.
const DIFFERENT: usize = 10;

/// Refuses a rotation that could lose a password, or whose passwords could be guessed.
pub(super) fn check(action: &Action, manifest: &Manifest) -> Result<(), ManifestError> {
    match action.rotates.is_some().then(|| wrong(action, manifest)) {
        Some(Some(problem)) => Err(ManifestError::Rotates {
            action: action.name.clone(),
            problem,
        }),
        _ => Ok(()),
    }
}

fn wrong(action: &Action, manifest: &Manifest) -> Option<String> {
    let rotates = action.rotates.as_ref()?;
    if action.class != Class::Control || action.repeat != Repeat::Once {
        // A second attempt would log in with a password that the first may have replaced.
        return Some("it is a control action whose repeat is \"once\"".into());
    }
    let is_parameter = |name: &str| name == rotates.parameter;
    if !secret::names(&action.parameters).any(is_parameter) {
        let name = &rotates.parameter;
        return Some(format!("\"{name}\" is no secret parameter of the action"));
    }
    let fields = manifest.credential.as_ref();
    let fields = fields.and_then(|schema| schema.get("properties"));
    if fields
        .and_then(|fields| fields.get(&rotates.field))
        .is_none()
    {
        let field = &rotates.field;
        return Some(format!("the credential has no field \"{field}\""));
    }
    let login = manifest.action(&rotates.login);
    let Some(login) = login.filter(|login| login.class == Class::Observe) else {
        let login = &rotates.login;
        return Some(format!("\"{login}\" is not an action that observes"));
    };
    let known = login.parameters.get("properties");
    let is_unknown = |name: &&String| known.and_then(|all| all.get(name.as_str())).is_none();
    if let Some(name) = rotates.login_parameters.keys().find(is_unknown) {
        let login = &login.name;
        return Some(format!("\"{login}\" has no parameter \"{name}\""));
    }
    let given = Value::Object(rotates.login_parameters.clone().into_iter().collect());
    if let Some(Err(refused)) = login.schema().ok().map(|schema| schema.check(&given)) {
        return Some(format!("the parameters of \"{}\": {refused}", login.name));
    }
    let others = manifest.actions.iter();
    let mut others = others.filter(|other| other.rotates.is_some() && other.name != action.name);
    if let Some(other) = others.next() {
        return Some(format!("\"{}\" is another one: a kind has one", other.name));
    }
    let mut characters: Vec<char> = rotates.characters.chars().collect();
    characters.sort_unstable();
    characters.dedup();
    if characters.len() < DIFFERENT || !rotates.characters.bytes().all(|c| c.is_ascii_graphic()) {
        return Some(format!(
            "characters are {DIFFERENT} different ones of ASCII at the least, without spaces"
        ));
    }
    (!LENGTHS.contains(&rotates.length)).then(|| {
        let (min, max) = (LENGTHS.start(), LENGTHS.end());
        format!("length is {min} to {max}")
    })
}

#[cfg(test)]
mod tests {
    use crate::Manifest;

    fn check(repeat: &str, rotates: &str) -> Result<(), String> {
        let text = format!(
            r#"
            kind = "x"
            version = "1.0.0"
            protocol = 2
            run = {{ program = "x" }}
            [credential]
            type = "object"
            properties.password = {{ type = "string" }}
            [[action]]
            name = "status"
            class = "observe"
            [[action]]
            name = "set"
            class = "control"
            repeat = "{repeat}"
            rotates = {{ {rotates} }}
            [action.parameters]
            type = "object"
            properties.new = {{ type = "string", writeOnly = true }}
            properties.user = {{ type = "string" }}
            "#
        );
        let parsed = Manifest::parse(&text);
        parsed.map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn a_rotation_sets_a_field_of_the_credential_and_logs_in() {
        let right = r#"field = "password", parameter = "new", login = "status""#;
        assert_eq!(check("once", right), Ok(()));
        for (repeat, rotates, words) in [
            ("repeatable", right.to_owned(), "\"once\""),
            (
                "once",
                right.replace("\"new\"", "\"user\""),
                "no secret parameter",
            ),
            (
                "once",
                right.replace("\"password\"", "\"pass\""),
                "no field \"pass\"",
            ),
            (
                "once",
                right.replace("\"status\"", "\"set\""),
                "not an action that observes",
            ),
            (
                "once",
                format!("{right}, login_parameters = {{ a = 1 }}"),
                "no parameter \"a\"",
            ),
            ("once", format!("{right}, length = 4"), "8 to 128"),
            ("once", format!("{right}, characters = \"abc\""), "ASCII"),
        ] {
            let found = check(repeat, &rotates).unwrap_err();
            assert!(found.contains(words), "{found}");
        }
    }
}
