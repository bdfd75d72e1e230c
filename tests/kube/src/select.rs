//! Selectors of labels and of fields.

use serde_json::Value;

use crate::refusal::Refusal;
use crate::resource::Resource;

/// The objects that a list or a watch is about.
#[derive(Debug, Clone, Default)]
pub struct Selector {
    labels: Vec<Requirement>,
    /// (path, value, is equal)
    fields: Vec<(String, String, bool)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Lacks(String),
}

impl Selector {
    pub fn parse(resource: &Resource, labels: &str, fields: &str) -> Result<Self, Refusal> {
        let labels = split(labels)
            .into_iter()
            .map(|text| requirement(&text))
            .collect::<Result<_, _>>()?;
        let fields = split(fields)
            .into_iter()
            .map(|text| field(resource, &text))
            .collect::<Result<_, _>>()?;
        Ok(Self { labels, fields })
    }

    pub fn matches(&self, object: &Value) -> bool {
        self.labels
            .iter()
            .all(|one| one.matches(&object["metadata"]["labels"]))
            && self
                .fields
                .iter()
                .all(|(path, value, is_equal)| (at_path(object, path) == *value) == *is_equal)
    }
}

/// Says if the labels fit a `LabelSelector` object.
pub fn matches_object(selector: &Value, labels: &Value) -> bool {
    let plain = selector["matchLabels"].as_object().into_iter().flatten();
    let plain = plain.map(|(name, value)| {
        Requirement::In(
            name.clone(),
            vec![value.as_str().unwrap_or_default().to_owned()],
        )
    });
    let long = selector["matchExpressions"]
        .as_array()
        .into_iter()
        .flatten();
    let long = long.map(|one| {
        let name = one["key"].as_str().unwrap_or_default().to_owned();
        let values = one["values"].as_array().into_iter().flatten();
        let values = values
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        match one["operator"].as_str() {
            Some("In") => Requirement::In(name, values),
            Some("NotIn") => Requirement::NotIn(name, values),
            Some("DoesNotExist") => Requirement::Lacks(name),
            _ => Requirement::Exists(name),
        }
    });
    plain.chain(long).all(|one| one.matches(labels))
}

impl Requirement {
    fn matches(&self, labels: &Value) -> bool {
        let value = |name: &String| labels[name.as_str()].as_str().map(str::to_owned);
        match self {
            Self::In(name, values) => value(name).is_some_and(|value| values.contains(&value)),
            Self::NotIn(name, values) => !value(name).is_some_and(|value| values.contains(&value)),
            Self::Exists(name) => value(name).is_some(),
            Self::Lacks(name) => value(name).is_none(),
        }
    }
}

/// At commas that are not within brackets.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_i32;
    for letter in text.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(letter);
        }
    }
    parts.retain(|part| !part.trim().is_empty());
    parts
}

fn requirement(text: &str) -> Result<Requirement, Refusal> {
    let text = text.trim();
    let owned = |text: &str| text.trim().to_owned();
    let among = |rest: &str| {
        let inner = rest
            .trim()
            .strip_prefix('(')
            .and_then(|rest| rest.strip_suffix(')'));
        inner.map(|inner| inner.split(',').map(owned).collect::<Vec<_>>())
    };
    if let Some((name, rest)) = text.split_once(" notin ") {
        if let Some(values) = among(rest) {
            return Ok(Requirement::NotIn(owned(name), values));
        }
    } else if let Some((name, rest)) = text.split_once(" in ") {
        if let Some(values) = among(rest) {
            return Ok(Requirement::In(owned(name), values));
        }
    } else if let Some((name, value)) = text.split_once("!=") {
        return Ok(Requirement::NotIn(owned(name), vec![owned(value)]));
    } else if let Some((name, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return Ok(Requirement::In(owned(name), vec![owned(value)]));
    } else if let Some(name) = text.strip_prefix('!') {
        return Ok(Requirement::Lacks(owned(name)));
    } else if !text.contains([' ', '(', ')']) {
        return Ok(Requirement::Exists(owned(text)));
    }
    let message = format!("unable to parse requirement: found '{text}'");
    Err(Refusal::bad(message))
}

fn field(resource: &Resource, text: &str) -> Result<(String, String, bool), Refusal> {
    let (path, value, is_equal) = match text.split_once("!=") {
        Some((path, value)) => (path, value, false),
        None => {
            let halves = text.split_once("==").or_else(|| text.split_once('='));
            let Some((path, value)) = halves else {
                let message = format!("invalid selector: '{text}'; can't understand '{text}'");
                return Err(Refusal::bad(message));
            };
            (path, value, true)
        }
    };
    let path = path.trim();
    if !fields_of(resource.plural).contains(&path) {
        let message = format!("field label not supported: {path}");
        return Err(Refusal::bad(message));
    }
    Ok((path.to_owned(), value.trim().to_owned(), is_equal))
}

fn fields_of(plural: &str) -> &'static [&'static str] {
    match plural {
        "pods" => &[
            "metadata.name",
            "metadata.namespace",
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        "events" => &[
            "metadata.name",
            "metadata.namespace",
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        "nodes" => &["metadata.name", "spec.unschedulable"],
        "namespaces" => &["metadata.name", "status.phase"],
        "secrets" => &["metadata.name", "metadata.namespace", "type"],
        _ => &["metadata.name", "metadata.namespace"],
    }
}

fn at_path(object: &Value, path: &str) -> String {
    let found = path.split('.').fold(object, |value, name| &value[name]);
    match found {
        Value::String(text) => text.clone(),
        Value::Null if path == "spec.unschedulable" || path == "spec.hostNetwork" => "false".into(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::named;

    #[test]
    fn labels_and_fields_select() {
        let pod = json!({
            "metadata": {"name": "a", "labels": {"kind": "snmp", "zone": "z1"}},
            "status": {"phase": "Running"},
        });
        for (labels, fields, expect) in [
            ("", "", true),
            ("kind=snmp", "", true),
            ("kind==snmp,zone!=z2", "", true),
            ("kind in (snmp, ups),zone", "", true),
            ("kind notin (snmp, ups)", "", false),
            ("!kind", "", false),
            ("!other", "metadata.name=a,status.phase!=Failed", true),
            ("", "status.phase=Pending", false),
        ] {
            let selector = Selector::parse(named("pods"), labels, fields).unwrap();
            assert_eq!(selector.matches(&pod), expect, "{labels} {fields}");
        }
        assert!(Selector::parse(named("pods"), "", "spec.image=a").is_err());
        assert!(Selector::parse(named("pods"), "a in b", "").is_err());
    }
}
