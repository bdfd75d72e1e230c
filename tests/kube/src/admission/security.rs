//! PodSecurity: the rules of `restricted` and of `baseline` that a worker could break.

use serde_json::Value;

/// Says what a namespace's level does not allow.
pub fn violation(labels: &Value, spec: &Value) -> Option<String> {
    let level = labels["pod-security.kubernetes.io/enforce"].as_str()?;
    let version = labels["pod-security.kubernetes.io/enforce-version"].as_str();
    let found = match level {
        "restricted" => restricted(spec),
        "baseline" => baseline(spec),
        _ => return None,
    };
    let version = version.unwrap_or("latest");
    let told = found.join(", ");
    (!found.is_empty()).then(|| format!("violates PodSecurity \"{level}:{version}\": {told}"))
}

fn baseline(spec: &Value) -> Vec<String> {
    let mut found = shared(spec);
    let paths = volumes(spec).filter(|volume| !volume["hostPath"].is_null());
    let names: Vec<String> = paths.map(|volume| quoted(&volume["name"])).collect();
    if !names.is_empty() {
        found.push(format!(
            "hostPath volumes ({} {})",
            plural("volume", names.len()),
            names.join(", ")
        ));
    }
    found
}

/// Returns the violations that both levels forbid.
fn shared(spec: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let namespaces = ["hostNetwork", "hostPID", "hostIPC"];
    let used = namespaces.iter().filter(|name| spec[**name] == true);
    let used: Vec<String> = used.map(|name| format!("{name}=true")).collect();
    if !used.is_empty() {
        found.push(format!("host namespaces ({})", used.join(", ")));
    }
    let privileged = |one: &Value| one["securityContext"]["privileged"] == true;
    if let Some(who) = offenders(spec, privileged) {
        found.push(format!(
            "privileged ({who} must not set securityContext.privileged=true)"
        ));
    }
    let has_port = |one: &Value| {
        let mut ports = one["ports"].as_array().into_iter().flatten();
        ports.any(|port| port["hostPort"].as_i64().unwrap_or_default() != 0)
    };
    if let Some(who) = offenders(spec, has_port) {
        found.push(format!("hostPort ({who} uses hostPorts)"));
    }
    found
}

fn restricted(spec: &Value) -> Vec<String> {
    let mut found = shared(spec);
    let pod = &spec["securityContext"];
    let escalates = |one: &Value| one["securityContext"]["allowPrivilegeEscalation"] != false;
    if let Some(who) = offenders(spec, escalates) {
        found.push(format!(
            "allowPrivilegeEscalation != false ({who} must set \
             securityContext.allowPrivilegeEscalation=false)"
        ));
    }
    let keeps = |one: &Value| {
        let mut dropped = one["securityContext"]["capabilities"]["drop"]
            .as_array()
            .into_iter()
            .flatten();
        !dropped.any(|one| one == "ALL")
    };
    if let Some(who) = offenders(spec, keeps) {
        found.push(format!(
            "unrestricted capabilities ({who} must set securityContext.capabilities.drop=[\"ALL\"])"
        ));
    }
    found.extend(restricted_volumes(spec));
    let is_root = |one: &Value| {
        let own = &one["securityContext"]["runAsNonRoot"];
        *own == false || own.is_null() && pod["runAsNonRoot"] != true
    };
    if let Some(who) = offenders(spec, is_root) {
        found.push(format!(
            "runAsNonRoot != true (pod or {who} must set securityContext.runAsNonRoot=true)"
        ));
    }
    if pod["runAsUser"] == 0 {
        found.push("runAsUser=0 (pod must not set runAsUser=0)".into());
    } else if let Some(who) = offenders(spec, |one| one["securityContext"]["runAsUser"] == 0) {
        found.push(format!("runAsUser=0 ({who} must not set runAsUser=0)"));
    }
    let is_good = |profile: &Value| profile == "RuntimeDefault" || profile == "Localhost";
    let lacks = |one: &Value| {
        let own = &one["securityContext"]["seccompProfile"]["type"];
        !(is_good(own) || own.is_null() && is_good(&pod["seccompProfile"]["type"]))
    };
    if let Some(who) = offenders(spec, lacks) {
        found.push(format!(
            "seccompProfile (pod or {who} must set securityContext.seccompProfile.type to \
             \"RuntimeDefault\" or \"Localhost\")"
        ));
    }
    found
}

fn restricted_volumes(spec: &Value) -> Option<String> {
    const ALLOWED: [&str; 8] = [
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    ];
    let kind = |volume: &Value| {
        let fields = volume.as_object()?;
        let kind = fields.keys().find(|name| *name != "name")?;
        (!ALLOWED.contains(&kind.as_str())).then(|| kind.clone())
    };
    let bad: Vec<(String, String)> = volumes(spec)
        .filter_map(|volume| Some((quoted(&volume["name"]), kind(volume)?)))
        .collect();
    let names: Vec<&str> = bad.iter().map(|(name, _)| name.as_str()).collect();
    let mut kinds: Vec<String> = bad.iter().map(|(_, kind)| format!("\"{kind}\"")).collect();
    kinds.sort();
    kinds.dedup();
    let (verb, word) = if names.len() == 1 {
        ("uses", "type")
    } else {
        ("use", "types")
    };
    let word = if kinds.len() == 1 { "type" } else { word };
    (!bad.is_empty()).then(|| {
        format!(
            "restricted volume types ({} {} {verb} restricted volume {word} {})",
            plural("volume", names.len()),
            names.join(", "),
            kinds.join(", ")
        )
    })
}

fn volumes(spec: &Value) -> impl Iterator<Item = &Value> {
    spec["volumes"].as_array().into_iter().flatten()
}

/// `container "a"`, `containers "a", "b"`.
fn offenders(spec: &Value, offends: impl Fn(&Value) -> bool) -> Option<String> {
    let lists = ["initContainers", "containers"];
    let all = lists
        .iter()
        .flat_map(|list| spec[*list].as_array().into_iter().flatten());
    let names: Vec<String> = all
        .filter(|one| offends(one))
        .map(|one| quoted(&one["name"]))
        .collect();
    (!names.is_empty())
        .then(|| format!("{} {}", plural("container", names.len()), names.join(", ")))
}

fn quoted(name: &Value) -> String {
    format!("\"{}\"", name.as_str().unwrap_or_default())
}

fn plural(word: &str, count: usize) -> String {
    if count == 1 {
        word.to_owned()
    } else {
        format!("{word}s")
    }
}
