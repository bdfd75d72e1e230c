//! Fields of a pod, as the downward API names them.

use serde_json::Value;

/// Returns the value that a `fieldRef` names.
pub fn field(pod: &Value, reference: &Value) -> String {
    let path = reference["fieldPath"].as_str().unwrap_or_default();
    let keyed = path
        .strip_suffix("']")
        .and_then(|path| path.split_once("['"));
    let found = match (path, keyed) {
        (_, Some((list, key))) => {
            let list = list.split('.').fold(pod, |value, name| &value[name]);
            &list[key]
        }
        ("status.podIP" | "status.podIPs" | "status.hostIP" | "status.hostIPs", _) => {
            return "127.0.0.1".into();
        }
        _ => path.split('.').fold(pod, |value, name| &value[name]),
    };
    match found {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_pod_are_found() {
        let pod = serde_json::json!({"metadata": {"name": "p", "labels": {"a/b": "c"}}});
        for (path, expect) in [
            ("metadata.name", "p"),
            ("metadata.labels['a/b']", "c"),
            ("status.podIP", "127.0.0.1"),
            ("metadata.uid", ""),
        ] {
            assert_eq!(
                field(&pod, &serde_json::json!({"fieldPath": path})),
                expect,
                "{path}"
            );
        }
    }
}
