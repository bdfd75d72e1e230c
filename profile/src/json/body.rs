//! The body of a request: with its parameters, and with the values that the device allows.

use serde_json::{Map, Value as Json};

/// Collects the names of the parameters in a body.
pub fn parameters<'a>(body: &'a Json, into: &mut Vec<&'a str>) {
    match body {
        Json::String(text) => into.extend(parameter(text)),
        Json::Array(list) => list.iter().for_each(|one| parameters(one, into)),
        Json::Object(object) => object.values().for_each(|one| parameters(one, into)),
        _ => {}
    }
}

/// The name in `{name}`.
fn parameter(text: &str) -> Option<&str> {
    text.strip_prefix('{')?.strip_suffix('}')
}

/// Fills a body. `allowed` are the values that the device takes for a property, if it says so.
///
/// ```text
/// "{watts}"                                 the parameter, as it is
/// { first = ["On", "ForceOn"] }             the first of them that the device allows
/// { if = "{state}", then = "Lit", else = "Off" }      if it is "on", or true
/// ```
///
/// # Errors
/// A sentence about what the device does not allow.
pub fn fill(
    body: &Json,
    given: &Json,
    allowed: &impl Fn(&str) -> Option<Vec<String>>,
) -> Result<Json, String> {
    value("", body, given, allowed)
}

fn value(
    name: &str,
    form: &Json,
    given: &Json,
    allowed: &impl Fn(&str) -> Option<Vec<String>>,
) -> Result<Json, String> {
    match form {
        Json::String(text) => match parameter(text) {
            None => Ok(form.clone()),
            Some(key) => {
                let found = given.get(key).cloned();
                found.ok_or_else(|| format!("the parameter {key} is not given"))
            }
        },
        Json::Array(list) => {
            let filled = list.iter().map(|one| value(name, one, given, allowed));
            filled.collect::<Result<_, _>>().map(Json::Array)
        }
        Json::Object(object) => {
            if let Some(Json::Array(first)) = object.get("first") {
                return choice(name, first, allowed(name));
            }
            if let Some(condition) = object.get("if") {
                let condition = value(name, condition, given, allowed)?;
                let holds = condition == Json::Bool(true) || condition == "on";
                let key = if holds { "then" } else { "else" };
                let chosen = object.get(key).unwrap_or(&Json::Null);
                return value(name, chosen, given, allowed);
            }
            let filled = object
                .iter()
                .map(|(key, form)| Ok((key.clone(), value(key, form, given, allowed)?)));
            filled
                .collect::<Result<Map<_, _>, String>>()
                .map(Json::Object)
        }
        other => Ok(other.clone()),
    }
}

/// The first value that the device allows. One that says nothing is given the first.
fn choice(name: &str, first: &[Json], allowed: Option<Vec<String>>) -> Result<Json, String> {
    let Some(allowed) = allowed.filter(|list| !list.is_empty()) else {
        return first
            .first()
            .cloned()
            .ok_or_else(|| format!("{name} has no value"));
    };
    let is_allowed = |one: &&Json| {
        one.as_str()
            .is_some_and(|one| allowed.iter().any(|a| a == one))
    };
    first.iter().find(is_allowed).cloned().ok_or_else(|| {
        let wanted: Vec<&str> = first.iter().filter_map(Json::as_str).collect();
        format!(
            "{name} may be {}, and not {}",
            allowed.join(", "),
            wanted.join(", nor ")
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_is_filled_with_parameters_and_allowed_values() {
        let allowed = |name: &str| {
            (name == "ResetType").then(|| vec!["ForceOn".to_owned(), "ForceOff".to_owned()])
        };
        let given = json!({ "watts": 400, "state": "on", "device": "Pxe" });
        for (body, expect) in [
            (
                json!({ "ResetType": { "first": ["On", "ForceOn"] } }),
                Ok(json!({ "ResetType": "ForceOn" })),
            ),
            (
                json!({ "ResetType": { "first": ["GracefulShutdown"] } }),
                Err("ResetType may be ForceOn, ForceOff, and not GracefulShutdown"),
            ),
            // A device that says nothing about what it takes.
            (
                json!({ "Other": { "first": ["A", "B"] } }),
                Ok(json!({ "Other": "A" })),
            ),
            (
                json!({ "PowerControl": [{ "PowerLimit": { "LimitInWatts": "{watts}" } }] }),
                Ok(json!({ "PowerControl": [{ "PowerLimit": { "LimitInWatts": 400 } }] })),
            ),
            (
                json!({ "IndicatorLED": { "if": "{state}", "then": "Lit", "else": "Off" } }),
                Ok(json!({ "IndicatorLED": "Lit" })),
            ),
            (
                json!("{nothing}"),
                Err("the parameter nothing is not given"),
            ),
        ] {
            let filled = fill(&body, &given, &allowed);
            assert_eq!(filled, expect.map_err(String::from), "{body}");
        }
    }
}
