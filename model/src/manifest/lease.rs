//! Leases: changes that a target takes back by itself, unless it is told again.

use serde_json::Value;

use super::ManifestError;
use crate::{
    action::{Action, Class, Repeat},
    suggest,
};

/// Refuses a lease that names no number that may be left out, or that cannot be renewed.
pub(super) fn check(action: &Action) -> Result<(), ManifestError> {
    let Some(lease) = &action.lease else {
        return Ok(());
    };
    let wrong = |problem: String| {
        Err(ManifestError::Lease {
            action: action.name.clone(),
            problem,
        })
    };
    if action.class != Class::Control {
        return wrong("the action changes nothing that could be taken back".into());
    }
    if action.repeat != Repeat::Repeatable {
        return wrong("whoever renews it does it again: repeat must be \"repeatable\"".into());
    }
    let properties = action.parameters.get("properties");
    let properties = properties.and_then(Value::as_object);
    let Some(found) = properties.and_then(|properties| properties.get(lease)) else {
        let known = properties.into_iter().flat_map(|one| one.keys());
        let hint = suggest::hint(lease, known.map(String::as_str));
        return wrong(format!("there is no parameter \"{lease}\": {hint}"));
    };
    let of = found.get("type").and_then(Value::as_str);
    if !matches!(of, Some("integer" | "number")) {
        return wrong(format!("\"{lease}\" is seconds, and its type is no number"));
    }
    let required = action.parameters.get("required").and_then(Value::as_array);
    let mut required = required.into_iter().flatten();
    if required.any(|name| name.as_str() == Some(lease)) {
        return wrong(format!(
            "\"{lease}\" is required: what has no lease leaves it out, and holds"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::Manifest;

    /// Checks a manifest whose action has this lease and these lines besides.
    #[track_caller]
    fn check(lease: &str, repeat: &str, of: &str, required: &str) -> Result<(), String> {
        let text = format!(
            r#"
            kind = "x"
            version = "1.0.0"
            protocol = 2
            run = {{ program = "x" }}
            [[action]]
            name = "set"
            class = "control"
            repeat = "{repeat}"
            lease = "{lease}"
            [action.parameters]
            type = "object"
            required = [{required}]
            [action.parameters.properties.hold]
            type = "{of}"
            "#
        );
        let parsed = Manifest::parse(&text);
        parsed.map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn a_lease_is_a_number_of_seconds_that_may_be_left_out_and_renewed() {
        assert_eq!(check("hold", "repeatable", "integer", ""), Ok(()));
        for (found, words) in [
            (
                check("hodl", "repeatable", "integer", ""),
                "did you mean \"hold\"",
            ),
            (check("hold", "once", "integer", ""), "repeatable"),
            (check("hold", "repeatable", "string", ""), "no number"),
            (
                check("hold", "repeatable", "number", "\"hold\""),
                "is required",
            ),
        ] {
            let found = found.unwrap_err();
            assert!(found.contains(words), "{found}");
        }
    }
}
