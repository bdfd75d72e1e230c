//! The values that a device allows for an action. Pure.

use serde_json::Value as Json;

use crate::document;

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
