//! The fields in which two documents differ.

use serde_json::Value;
use utakata_api::apply::{Difference, Document};
use utakata_invariant as invariant;

/// Returns the fields that differ, by name. Secrets are shown as `***`.
pub fn between(before: &Document, after: &Document) -> Vec<Difference> {
    if let (Document::Credential(before), Document::Credential(after)) = (before, after) {
        let hide = |there: bool| there.then(|| Value::from("***"));
        let keys = before.values.keys().chain(after.values.keys());
        let mut keys: Vec<&String> = keys
            .filter(|key| before.values.get(*key) != after.values.get(*key))
            .collect();
        keys.sort_unstable();
        keys.dedup();
        let difference = |key: &String| Difference {
            field: format!("values.{key}"),
            before: hide(before.values.contains_key(key)),
            after: hide(after.values.contains_key(key)),
        };
        return keys.into_iter().map(difference).collect();
    }
    let json = |document| {
        serde_json::to_value(document).unwrap_or_else(|error| {
            invariant::broken("a document that is no JSON", &error);
            Value::Null
        })
    };
    let mut found = Vec::new();
    compare("", &json(before), &json(after), &mut found);
    found
}

fn compare(field: &str, before: &Value, after: &Value, found: &mut Vec<Difference>) {
    if before == after {
        return;
    }
    let (Value::Object(left), Value::Object(right)) = (before, after) else {
        found.push(Difference {
            field: field.to_owned(),
            before: present(before),
            after: present(after),
        });
        return;
    };
    let mut keys: Vec<&String> = left.keys().chain(right.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let absent = Value::Null;
    for key in keys {
        let inner = match field {
            "" => key.clone(),
            field => format!("{field}.{key}"),
        };
        let left = left.get(key).unwrap_or(&absent);
        compare(&inner, left, right.get(key).unwrap_or(&absent), found);
    }
}

fn present(value: &Value) -> Option<Value> {
    (!value.is_null()).then(|| value.clone())
}
