//! Patches: merge, strategic merge for the lists that are met here, JSON.

use serde_json::{Value, json};

use crate::refusal::Refusal;

/// Changes an object as a body of the given content type says.
pub fn apply(kind: &str, object: &mut Value, patch: &Value) -> Result<(), Refusal> {
    match kind {
        "application/merge-patch+json" => merge(object, patch),
        "application/strategic-merge-patch+json" | "application/apply-patch+yaml" => {
            strategic(object, patch);
        }
        "application/json-patch+json" => steps(object, patch)?,
        other => return Err(Refusal::unsupported(other)),
    }
    Ok(())
}

/// RFC 7386.
fn merge(object: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = json!({});
    }
    for (name, value) in fields {
        if value.is_null() {
            if let Some(object) = object.as_object_mut() {
                object.remove(name);
            }
        } else {
            merge(&mut object[name], value);
        }
    }
}

/// By what the items of a list are told apart; other lists are replaced.
fn key_of(list: &str) -> Option<&'static str> {
    match list {
        "conditions" => Some("type"),
        "containers" | "initContainers" | "env" | "volumes" | "imagePullSecrets" => Some("name"),
        "volumeMounts" => Some("mountPath"),
        "taints" => Some("key"),
        "ownerReferences" => Some("uid"),
        _ => None,
    }
}

fn strategic(object: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = json!({});
    }
    for (name, value) in fields.iter().filter(|(name, _)| !name.starts_with('$')) {
        match (value, key_of(name)) {
            (Value::Null, _) => {
                if let Some(object) = object.as_object_mut() {
                    object.remove(name);
                }
            }
            (Value::Array(items), Some(key)) => merge_list(&mut object[name], items, key),
            _ => strategic(&mut object[name], value),
        }
    }
}

fn merge_list(list: &mut Value, items: &[Value], key: &str) {
    if items.iter().any(|item| item["$patch"] == "replace") {
        *list = json!([]);
    }
    if !list.is_array() {
        *list = json!([]);
    }
    let Some(list) = list.as_array_mut() else {
        return;
    };
    for item in items.iter().filter(|item| item["$patch"] != "replace") {
        let at = list.iter().position(|one| one[key] == item[key]);
        match (at, item["$patch"] == "delete") {
            (Some(at), true) => drop(list.remove(at)),
            (Some(at), false) => strategic(&mut list[at], item),
            (None, true) => {}
            (None, false) => list.push(item.clone()),
        }
    }
}

/// RFC 6902: add, replace, remove, test.
fn steps(object: &mut Value, patch: &Value) -> Result<(), Refusal> {
    for step in patch.as_array().into_iter().flatten() {
        let path = step["path"].as_str().unwrap_or_default();
        let value = &step["value"];
        let done = match step["op"].as_str() {
            Some("test") => (object.pointer(path).unwrap_or(&Value::Null) == value).then_some(()),
            Some("replace") => object.pointer_mut(path).map(|at| *at = value.clone()),
            Some("add") => add(object, path, value),
            Some("remove") => remove(object, path),
            _ => None,
        };
        if done.is_none() {
            let message =
                format!("the server rejected our request due to an error in our request: {step}");
            return Err(Refusal::new(422, "Invalid", message));
        }
    }
    Ok(())
}

fn add(object: &mut Value, path: &str, value: &Value) -> Option<()> {
    let (parent, last) = path.rsplit_once('/')?;
    let last = last.replace("~1", "/").replace("~0", "~");
    match object.pointer_mut(parent)? {
        Value::Object(fields) => drop(fields.insert(last, value.clone())),
        Value::Array(list) if last == "-" => list.push(value.clone()),
        Value::Array(list) => {
            let at: usize = last.parse().ok()?;
            (at <= list.len()).then(|| list.insert(at, value.clone()))?;
        }
        _ => return None,
    }
    Some(())
}

fn remove(object: &mut Value, path: &str) -> Option<()> {
    let (parent, last) = path.rsplit_once('/')?;
    let last = last.replace("~1", "/").replace("~0", "~");
    match object.pointer_mut(parent)? {
        Value::Object(fields) => fields.remove(&last).map(drop),
        Value::Array(list) => {
            let at: usize = last.parse().ok()?;
            (at < list.len()).then(|| drop(list.remove(at)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_change_what_they_name() {
        let mut object =
            json!({"a": {"b": 1, "c": 2}, "conditions": [{"type": "X", "status": "True"}]});
        for (kind, patch, expect) in [
            (
                "application/merge-patch+json",
                json!({"a": {"b": null, "d": 3}, "conditions": [{"type": "Y"}]}),
                json!({"a": {"c": 2, "d": 3}, "conditions": [{"type": "Y"}]}),
            ),
            (
                "application/strategic-merge-patch+json",
                json!({"conditions": [{"type": "Y"}, {"type": "X", "status": "False"}]}),
                json!({"a": {"b": 1, "c": 2}, "conditions": [{"type": "X", "status": "False"}, {"type": "Y"}]}),
            ),
            (
                "application/json-patch+json",
                json!([{"op": "test", "path": "/a/b", "value": 1}, {"op": "remove", "path": "/a"}, {"op": "add", "path": "/conditions/-", "value": 1}]),
                json!({"conditions": [{"type": "X", "status": "True"}, 1]}),
            ),
        ] {
            let mut changed = object.clone();
            apply(kind, &mut changed, &patch).unwrap();
            assert_eq!(changed, expect, "{kind}");
        }
        let wrong = json!([{"op": "test", "path": "/a/b", "value": 2}]);
        assert!(apply("application/json-patch+json", &mut object, &wrong).is_err());
    }
}
