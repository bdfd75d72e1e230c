//! The request that an action becomes: the body with its parameters and with the values that the
//! device allows. Pure.

use serde_json::{Map, Value as Json};

use crate::document;

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

/// The target of an action of a resource, and the action info that tells what it takes.
pub fn target(document: &Json, action: &str) -> Option<(String, Option<String>)> {
    let action = document.get("Actions")?.get(action)?;
    let target = document::path(action.get("target")?.as_str()?)?;
    let info = action.get("@Redfish.ActionInfo").and_then(document::link);
    Some((target, info))
}

/// The values that an action takes for a parameter, according to the resource.
pub fn allowed_by_action(document: &Json, action: &str, name: &str) -> Option<Vec<String>> {
    let action = document.get("Actions")?.get(action)?;
    texts(action.get(format!("{name}@Redfish.AllowableValues"))?)
}

/// The same according to its action info.
pub fn allowed_by_info(info: &Json, name: &str) -> Option<Vec<String>> {
    let parameters = info.get("Parameters")?.as_array()?;
    let is_it = |one: &&Json| one.get("Name").and_then(Json::as_str) == Some(name);
    texts(parameters.iter().find(is_it)?.get("AllowableValues")?)
}

/// The texts in a list.
pub fn texts(list: &Json) -> Option<Vec<String>> {
    let list = list.as_array()?.iter();
    Some(
        list.filter_map(|one| Some(one.as_str()?.to_owned()))
            .collect(),
    )
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

    #[test]
    fn the_values_of_an_action_are_told_by_the_resource_or_its_info() {
        let system = json!({ "Actions": { "#ComputerSystem.Reset": {
            "target": "https://bmc/redfish/v1/Systems/1/Actions/Reset",
            "@Redfish.ActionInfo": "/redfish/v1/Systems/1/ResetInfo",
            "ResetType@Redfish.AllowableValues": ["On"] } } });
        let name = "#ComputerSystem.Reset";
        let (target, info) = target(&system, name).unwrap();
        assert_eq!(target, "/redfish/v1/Systems/1/Actions/Reset");
        assert_eq!(info.as_deref(), Some("/redfish/v1/Systems/1/ResetInfo"));
        assert_eq!(
            allowed_by_action(&system, name, "ResetType").unwrap(),
            ["On"]
        );
        let info = json!({ "Parameters": [{ "Name": "ResetType", "AllowableValues": ["Off"] }] });
        assert_eq!(allowed_by_info(&info, "ResetType").unwrap(), ["Off"]);
        assert_eq!(allowed_by_info(&info, "Other"), None);
    }
}
