//! Pods: defaults, what is valid, what may change.

use serde_json::{Map, Value, json};

use crate::validate::{Causes, is_label};

const QUANTITY: &str = "quantities must match the regular expression \
    '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/// Fills in what a real API server fills in.
pub fn set_defaults(pod: &mut Value) {
    pod["status"] = json!({"phase": "Pending", "qosClass": qos(&pod["spec"])});
    pod["metadata"]["generation"] = json!(1);
    let Some(spec) = pod["spec"].as_object_mut() else {
        return;
    };
    let account = spec.get("serviceAccountName").and_then(Value::as_str);
    let account = json!(account.filter(|name| !name.is_empty()).unwrap_or("default"));
    spec.insert("serviceAccountName".into(), account.clone());
    spec.insert("serviceAccount".into(), account);
    for (name, value) in [
        ("restartPolicy", json!("Always")),
        ("terminationGracePeriodSeconds", json!(30)),
        ("dnsPolicy", json!("ClusterFirst")),
        ("securityContext", json!({})),
        ("schedulerName", json!("default-scheduler")),
        ("enableServiceLinks", json!(true)),
        ("preemptionPolicy", json!("PreemptLowerPriority")),
        ("priority", json!(0)),
    ] {
        spec.entry(name).or_insert(value);
    }
    set_tolerations(spec);
    for list in ["containers", "initContainers"] {
        for container in spec
            .get_mut(list)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            set_container(container);
        }
    }
    let volumes = spec.get_mut("volumes").and_then(Value::as_array_mut);
    for volume in volumes.into_iter().flatten() {
        set_volume(volume);
    }
}

fn set_container(container: &mut Value) {
    let image = container["image"].as_str().unwrap_or_default();
    let last = image.rsplit('/').next().unwrap_or_default();
    let is_latest = !image.contains('@') && (!last.contains(':') || last.ends_with(":latest"));
    let policy = if is_latest { "Always" } else { "IfNotPresent" };
    let Some(fields) = container.as_object_mut() else {
        return;
    };
    for (name, value) in [
        ("imagePullPolicy", json!(policy)),
        ("terminationMessagePath", json!("/dev/termination-log")),
        ("terminationMessagePolicy", json!("File")),
        ("resources", json!({})),
    ] {
        fields.entry(name).or_insert(value);
    }
    // What only has a limit asks for as much.
    let limits = fields["resources"]["limits"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    for (name, limit) in limits {
        if fields["resources"]["requests"][&name].is_null() {
            fields["resources"]["requests"][&name] = limit;
        }
    }
}

fn set_volume(volume: &mut Value) {
    if let Some(projected) = volume.get_mut("projected").and_then(Value::as_object_mut) {
        projected.entry("defaultMode").or_insert(json!(0o644));
        for source in projected
            .get_mut("sources")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            let token = source
                .get_mut("serviceAccountToken")
                .and_then(Value::as_object_mut);
            if let Some(token) = token {
                token.entry("expirationSeconds").or_insert(json!(3600));
            }
        }
    }
}

fn set_tolerations(spec: &mut Map<String, Value>) {
    let tolerations = spec.entry("tolerations").or_insert(json!([]));
    let Some(tolerations) = tolerations.as_array_mut() else {
        return;
    };
    for key in [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ] {
        let is_there = tolerations.iter().any(|one| {
            let is_key = one["key"] == key || one["key"].is_null() && one["operator"] == "Exists";
            is_key && (one["effect"].is_null() || one["effect"] == "NoExecute")
        });
        if !is_there {
            tolerations.push(json!({
                "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300,
            }));
        }
    }
}

fn qos(spec: &Value) -> &'static str {
    let containers = spec["containers"].as_array().cloned().unwrap_or_default();
    let has = |container: &Value, list: &str| {
        container["resources"][list]
            .as_object()
            .is_some_and(|list| !list.is_empty())
    };
    let is_full = |container: &Value| {
        let limits = &container["resources"]["limits"];
        let requests = &container["resources"]["requests"];
        let both = !limits["cpu"].is_null() && !limits["memory"].is_null();
        both && (requests.is_null() || requests == limits)
    };
    if !containers
        .iter()
        .any(|one| has(one, "limits") || has(one, "requests"))
    {
        "BestEffort"
    } else if containers.iter().all(is_full) {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

/// Returns the mistakes in a new pod.
pub fn check(pod: &Value) -> Causes {
    let spec = &pod["spec"];
    let mut causes = Causes::new();
    let containers = spec["containers"].as_array().cloned().unwrap_or_default();
    if containers.is_empty() {
        causes.push(("spec.containers".into(), "Required value".into()));
    }
    let volumes = spec["volumes"].as_array().into_iter().flatten();
    let volumes: Vec<&str> = volumes
        .filter_map(|volume| volume["name"].as_str())
        .collect();
    for (number, container) in containers.iter().enumerate() {
        let at = format!("spec.containers[{number}]");
        check_container(&at, container, &volumes, &mut causes);
    }
    let policy = spec["restartPolicy"].as_str().unwrap_or_default();
    if !["Always", "OnFailure", "Never"].contains(&policy) {
        let why = format!(
            "Unsupported value: \"{policy}\": supported values: \"Always\", \"OnFailure\", \"Never\""
        );
        causes.push(("spec.restartPolicy".into(), why));
    }
    if spec["activeDeadlineSeconds"]
        .as_i64()
        .is_some_and(|seconds| seconds < 1)
    {
        let why = "Invalid value: must be between 1 and 2147483647, inclusive".to_owned();
        causes.push(("spec.activeDeadlineSeconds".into(), why));
    }
    check_volumes(spec, &mut causes);
    causes
}

fn check_container(at: &str, container: &Value, volumes: &[&str], causes: &mut Causes) {
    let name = container["name"].as_str().unwrap_or_default();
    if name.is_empty() {
        causes.push((format!("{at}.name"), "Required value".into()));
    } else if !is_label(name) || name.len() > 63 {
        let why = format!(
            "Invalid value: \"{name}\": a lowercase RFC 1123 label must consist of \
            lower case alphanumeric characters or '-', and must start and end with an \
            alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
            '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
        );
        causes.push((format!("{at}.name"), why));
    }
    if container["image"].as_str().unwrap_or_default().is_empty() {
        causes.push((format!("{at}.image"), "Required value".into()));
    }
    for (number, mount) in container["volumeMounts"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let name = mount["name"].as_str().unwrap_or_default();
        if !volumes.contains(&name) {
            let at = format!("{at}.volumeMounts[{number}].name");
            causes.push((at, format!("Not found: \"{name}\"")));
        }
    }
    let context = &container["securityContext"];
    if context["privileged"] == true && context["allowPrivilegeEscalation"] == false {
        let why = "Invalid value: cannot set `allowPrivilegeEscalation` to false and \
            `privileged` to true";
        causes.push((format!("{at}.securityContext"), why.into()));
    }
    check_resources(at, &container["resources"], causes);
}

fn check_resources(at: &str, resources: &Value, causes: &mut Causes) {
    for list in ["limits", "requests"] {
        for (name, value) in resources[list].as_object().into_iter().flatten() {
            if amount(value).is_none() {
                let at = format!("{at}.resources.{list}[{name}]");
                causes.push((at, format!("Invalid value: {value}: {QUANTITY}")));
            }
        }
    }
    for (name, request) in resources["requests"].as_object().into_iter().flatten() {
        let limit = &resources["limits"][name];
        let is_more = amount(request)
            .zip(amount(limit))
            .is_some_and(|(ask, most)| ask > most);
        if is_more {
            let (ask, most) = (request.as_str(), limit.as_str());
            let (ask, most) = (ask.unwrap_or_default(), most.unwrap_or_default());
            let why = format!(
                "Invalid value: \"{ask}\": must be less than or equal to {name} limit of {most}"
            );
            causes.push((format!("{at}.resources.requests"), why));
        }
    }
}

fn check_volumes(spec: &Value, causes: &mut Causes) {
    for (number, volume) in spec["volumes"].as_array().into_iter().flatten().enumerate() {
        let sources = volume["projected"]["sources"]
            .as_array()
            .into_iter()
            .flatten();
        for (source_number, source) in sources.enumerate() {
            let token = &source["serviceAccountToken"];
            if token["expirationSeconds"]
                .as_i64()
                .is_some_and(|seconds| seconds < 600)
            {
                let at = format!(
                    "spec.volumes[{number}].projected.sources[{source_number}].\
                     serviceAccountToken.expirationSeconds"
                );
                let seconds = &token["expirationSeconds"];
                let why = format!(
                    "Invalid value: {seconds}: may not specify a duration less \
                    than 10 minutes"
                );
                causes.push((at, why));
            }
        }
    }
}

/// A quantity in thousandths of its unit.
pub fn amount(quantity: &Value) -> Option<i128> {
    let text = match quantity {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let factor: i128 = match &text[digits.len()..] {
        "m" => 1,
        "" => 1_000,
        "k" => 1_000_000,
        "M" => 1_000_000_000,
        "G" => 1_000_000_000_000,
        "T" => 1_000_000_000_000_000,
        "Ki" => 1_000 << 10,
        "Mi" => 1_000 << 20,
        "Gi" => 1_000 << 30,
        "Ti" => 1_000 << 40,
        _ => return None,
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let unit = 10_i128.checked_pow(u32::try_from(part.len()).ok()?)?;
    let number: i128 = format!("{whole}{part}").parse().ok()?;
    Some(number * factor / unit)
}

/// Returns the mistakes in a change of a pod's spec.
pub fn check_change(before: &Value, after: &Value) -> Causes {
    let fixed = |spec: &Value| {
        let mut spec = spec.clone();
        for list in ["containers", "initContainers"] {
            for container in spec[list].as_array_mut().into_iter().flatten() {
                container["image"] = Value::Null;
            }
        }
        spec["activeDeadlineSeconds"] = Value::Null;
        spec["tolerations"] = Value::Null;
        if spec["initContainers"].is_null() {
            spec["initContainers"] = Value::Null;
        }
        spec
    };
    let mut causes = Causes::new();
    if fixed(before) != fixed(after) {
        let why = "Forbidden: pod updates may not change fields other than \
            `spec.containers[*].image`,`spec.initContainers[*].image`,\
            `spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
            tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was \
            previously negative)";
        causes.push(("spec".into(), why.into()));
    }
    let deadline = |spec: &Value| spec["activeDeadlineSeconds"].as_i64();
    let is_later = match (deadline(before), deadline(after)) {
        (Some(before), Some(after)) => after > before,
        (Some(_), None) => true,
        _ => false,
    };
    if is_later {
        let why = "Invalid value: must be less than or equal to previous value";
        causes.push(("spec.activeDeadlineSeconds".into(), why.into()));
    }
    causes
}

/// Sets a condition: its place in the list stays, the time of its change is that of its status.
pub fn set_condition(pod: &mut Value, kind: &str, status: &str, why: Option<(&str, &str)>) {
    let now = crate::moment::now();
    let mut condition = json!({"type": kind, "status": status, "lastProbeTime": null});
    if let Some((reason, message)) = why {
        condition["reason"] = json!(reason);
        condition["message"] = json!(message);
    }
    condition["lastTransitionTime"] = json!(now);
    if pod["status"]["conditions"].is_null() {
        pod["status"]["conditions"] = json!([]);
    }
    let Some(list) = pod["status"]["conditions"].as_array_mut() else {
        return;
    };
    match list.iter_mut().find(|one| one["type"] == kind) {
        Some(one) => {
            if one["status"] == status {
                condition["lastTransitionTime"] = one["lastTransitionTime"].clone();
            }
            *one = condition;
        }
        None => list.push(condition),
    }
}

pub fn is_ready(pod: &Value) -> bool {
    let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    conditions.any(|one| one["type"] == "Ready" && one["status"] == "True")
}

pub fn is_over(pod: &Value) -> bool {
    matches!(
        pod["status"]["phase"].as_str(),
        Some("Succeeded" | "Failed")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_thousandths() {
        for (text, expect) in [
            ("1", Some(1_000)),
            ("250m", Some(250)),
            ("0.5", Some(500)),
            ("64Mi", Some(64 * 1024 * 1024 * 1_000)),
            ("1G", Some(1_000_000_000_000)),
            ("much", None),
            ("1X", None),
        ] {
            assert_eq!(amount(&json!(text)), expect, "{text}");
        }
    }
}
