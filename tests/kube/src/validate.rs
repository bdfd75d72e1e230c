//! Objects as the API takes them: their fields, their names.

use std::fmt::Display;

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{
    ConfigMap, Event, Namespace, Node, PersistentVolumeClaim, Pod, ResourceQuota, Secret, Service,
    ServiceAccount,
};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use serde_json::Value;

use crate::refusal::Refusal;
use crate::resource::Resource;

/// Mistakes, as (field, message).
pub type Causes = Vec<(String, String)>;

/// Reads an object as its type: what is no field of it is left out, or refused if `is_strict`.
pub fn typed(resource: &Resource, object: &Value, is_strict: bool) -> Result<Value, Refusal> {
    let read = match resource.plural {
        "namespaces" => through::<Namespace>(object),
        "nodes" => through::<Node>(object),
        "pods" => through::<Pod>(object),
        "events" => through::<Event>(object),
        "serviceaccounts" => through::<ServiceAccount>(object),
        "secrets" => through::<Secret>(object),
        "configmaps" => through::<ConfigMap>(object),
        "services" => through::<Service>(object),
        "resourcequotas" => through::<ResourceQuota>(object),
        "persistentvolumeclaims" => through::<PersistentVolumeClaim>(object),
        "leases" => through::<Lease>(object),
        "networkpolicies" => through::<NetworkPolicy>(object),
        "poddisruptionbudgets" => through::<PodDisruptionBudget>(object),
        "roles" => through::<Role>(object),
        "rolebindings" => through::<RoleBinding>(object),
        "clusterroles" => through::<ClusterRole>(object),
        "clusterrolebindings" => through::<ClusterRoleBinding>(object),
        "statefulsets" => through::<StatefulSet>(object),
        "deployments" => through::<Deployment>(object),
        "jobs" => through::<Job>(object),
        "cronjobs" => through::<CronJob>(object),
        "validatingadmissionpolicies" => through::<ValidatingAdmissionPolicy>(object),
        "validatingadmissionpolicybindings" => through::<ValidatingAdmissionPolicyBinding>(object),
        _ => Ok(object.clone()),
    };
    let Resource { kind, version, .. } = resource;
    let read = read.map_err(|why| {
        Refusal::bad(format!(
            "{kind} in version \"{version}\" cannot be handled as a {kind}: {why}"
        ))
    })?;
    let mut unknown = Vec::new();
    if is_strict {
        missing("", object, &read, &mut unknown);
    }
    if unknown.is_empty() {
        return Ok(read);
    }
    let told: Vec<String> = unknown
        .iter()
        .map(|at| format!("unknown field \"{at}\""))
        .collect();
    Err(Refusal::bad(format!(
        "{kind} in version \"{version}\" cannot be handled as a {kind}: strict decoding error: {}",
        told.join(", ")
    )))
}

fn through<T: serde::Serialize + serde::de::DeserializeOwned>(
    object: &Value,
) -> Result<Value, String> {
    let told = |error: &dyn Display| error.to_string();
    let typed: T = serde_json::from_value(object.clone()).map_err(|error| told(&error))?;
    serde_json::to_value(typed).map_err(|error| told(&error))
}

/// Paths that were in what was sent, and are not in what was read.
fn missing(at: &str, sent: &Value, read: &Value, found: &mut Vec<String>) {
    match (sent, read) {
        (Value::Object(sent), read) => {
            for (name, value) in sent {
                let at = if at.is_empty() {
                    name.clone()
                } else {
                    format!("{at}.{name}")
                };
                if is_nothing(value) {
                    continue;
                }
                match read.get(name) {
                    Some(read) => missing(&at, value, read, found),
                    None => found.push(at),
                }
            }
        }
        (Value::Array(sent), Value::Array(read)) => {
            for (number, (sent, read)) in sent.iter().zip(read).enumerate() {
                missing(&format!("{at}[{number}]"), sent, read, found);
            }
        }
        _ => {}
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.values().all(is_nothing),
        _ => false,
    }
}

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
    characters, '-' or '.', and must start and end with an alphanumeric character (e.g. \
    'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/// Name and labels.
pub fn metadata(resource: &Resource, object: &Value) -> Causes {
    let mut causes = Causes::new();
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let most = if resource.plural == "namespaces" {
        63
    } else {
        253
    };
    let is_role = resource.group == "rbac.authorization.k8s.io";
    if name.len() > most {
        let why = format!("Invalid value: \"{name}\": must be no more than {most} bytes");
        causes.push(("metadata.name".into(), why));
    } else if !is_role && !is_subdomain(name) {
        let why = format!("Invalid value: \"{name}\": {SUBDOMAIN}");
        causes.push(("metadata.name".into(), why));
    }
    for (name, value) in object["metadata"]["labels"]
        .as_object()
        .into_iter()
        .flatten()
    {
        causes.extend(label(name, value.as_str().unwrap_or_default()));
    }
    causes.extend(owners(object));
    causes
}

pub fn is_subdomain(name: &str) -> bool {
    !name.is_empty() && name.split('.').all(is_label)
}

pub fn is_label(part: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    !part.is_empty()
        && part.chars().all(|letter| is_plain(letter) || letter == '-')
        && part.starts_with(is_plain)
        && part.ends_with(is_plain)
}

fn label(name: &str, value: &str) -> Causes {
    let mut causes = Causes::new();
    let is_word = |word: &str| {
        let is_end = |letter: char| letter.is_ascii_alphanumeric();
        word.len() <= 63
            && word.starts_with(is_end)
            && word.ends_with(is_end)
            && word
                .chars()
                .all(|letter| is_end(letter) || "-_.".contains(letter))
    };
    let (prefix, bare) = name.split_once('/').unwrap_or(("a", name));
    if !is_word(bare) || !is_subdomain(prefix) {
        let why = format!(
            "Invalid value: \"{name}\": name part must consist of alphanumeric \
            characters, '-', '_' or '.', and must start and end with an alphanumeric character"
        );
        causes.push(("metadata.labels".into(), why));
    }
    if value.len() > 63 {
        let why = format!("Invalid value: \"{value}\": must be no more than 63 bytes");
        causes.push(("metadata.labels".into(), why));
    } else if !value.is_empty() && !is_word(value) {
        let why = format!(
            "Invalid value: \"{value}\": a valid label must be an empty string or \
            consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
            alphanumeric character"
        );
        causes.push(("metadata.labels".into(), why));
    }
    causes
}

fn owners(object: &Value) -> Causes {
    let owners = object["metadata"]["ownerReferences"]
        .as_array()
        .into_iter()
        .flatten();
    let mut causes = Causes::new();
    let mut controllers = 0;
    for (number, owner) in owners.enumerate() {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if owner[field].as_str().unwrap_or_default().is_empty() {
                let at = format!("metadata.ownerReferences[{number}].{field}");
                causes.push((at, "Invalid value: \"\": must not be empty".into()));
            }
        }
        controllers += usize::from(owner["controller"] == true);
    }
    if controllers > 1 {
        let why = "Invalid value: Only one reference can have Controller set to true";
        causes.push(("metadata.ownerReferences".into(), why.into()));
    }
    causes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::named;

    #[test]
    fn misspelt_fields_are_refused_if_strict_and_left_out_otherwise() {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
            "spec": {"containers": [{"name": "a", "image": "b", "imagePulPolicy": "Always"}]},
        });
        let refused = typed(named("pods"), &pod, true).unwrap_err();
        let told = "unknown field \"spec.containers[0].imagePulPolicy\"";
        assert!(refused.message.contains(told), "{}", refused.message);
        let read = typed(named("pods"), &pod, false).unwrap();
        assert_eq!(
            read["spec"]["containers"][0],
            json!({"name": "a", "image": "b"})
        );
    }

    #[test]
    fn names_are_subdomains() {
        for (name, expect) in [
            ("a", true),
            ("a-b.c1", true),
            ("A", false),
            ("-a", false),
            ("", false),
        ] {
            assert_eq!(is_subdomain(name), expect, "{name}");
        }
    }
}
