//! The rendered documents are valid in Kubernetes, and as secure as `restricted` requires.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::{CASES, FOREIGN, case, chart, list, name, of_kind, pods, rendered, text, tool};

/// The oldest version that the chart supports, and all later ones.
const VERSIONS: [&str; 5] = ["1.33", "1.34", "1.35", "1.36", "1.37"];

#[test]
fn the_chart_has_nothing_that_helm_would_warn_of() {
    let Some(helm) = tool("helm") else { return };
    for one in CASES {
        let linted = Command::new(&helm)
            .args(["lint", "--strict", "--values"])
            .args([case(one), chart()])
            .output()
            .unwrap();
        assert!(linted.status.success(), "{one}: {}", text(&linted));
    }
}

#[test]
fn every_document_is_one_of_each_version_of_kubernetes() {
    let (Some(helm), Some(validate)) = (tool("helm"), tool("kubernetes-validate")) else {
        return;
    };
    let place = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for one in CASES {
        for document in rendered(&helm, one) {
            let is_foreign = FOREIGN.iter().any(|kind| document["kind"] == *kind);
            if is_foreign {
                continue;
            }
            let file = place.path().join(format!("{one}-{}.yaml", name(&document)));
            fs::write(&file, document.to_string()).unwrap();
            files.push(file);
        }
    }
    assert!(files.len() > 60, "{}", files.len());
    for version in VERSIONS {
        let validated = Command::new(&validate)
            .args(["--strict", "-k", version])
            .args(&files)
            .output()
            .unwrap();
        let told = text(&validated);
        assert!(validated.status.success(), "{version}: {told}");
    }
    // An invalid document would have been reported.
    let file = place.path().join("wrong.yaml");
    let wrong = r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"},"dato":{}}"#;
    fs::write(&file, wrong).unwrap();
    let validated = Command::new(&validate)
        .args(["--strict", "-k", VERSIONS[0]])
        .arg(&file)
        .output()
        .unwrap();
    assert!(!validated.status.success(), "{}", text(&validated));
}

#[test]
fn every_pod_is_one_of_the_standard_restricted() {
    let Some(helm) = tool("helm") else { return };
    for one in CASES {
        let documents = rendered(&helm, one);
        let pods = pods(&documents);
        assert!(!pods.is_empty(), "{one}");
        for (pod, spec) in pods {
            let offences = unrestricted(spec);
            // A zone whose equipment cannot be reached from pods uses the network of its nodes.
            let expect: &[&str] = match spec["hostNetwork"].as_bool() {
                Some(true) if pod.ends_with("hall-2") => &["the network of the node"],
                _ => &[],
            };
            assert_eq!(offences, expect, "{one}: {pod}");
        }
    }
}

/// Violations of the pod security standard, and of our own rules.
fn unrestricted(spec: &Value) -> Vec<&'static str> {
    let mut offences = Vec::new();
    let mut check = |is_right: bool, offence| {
        if !is_right {
            offences.push(offence);
        }
    };
    let pod = &spec["securityContext"];
    check(pod["runAsNonRoot"] == true, "may be root");
    check(
        pod["seccompProfile"]["type"] == "RuntimeDefault",
        "no seccomp profile",
    );
    check(spec["hostNetwork"] != true, "the network of the node");
    check(
        spec["hostPID"] != true && spec["hostIPC"] != true,
        "the node",
    );
    check(spec["enableServiceLinks"] == false, "variables of services");
    check(
        spec["automountServiceAccountToken"].is_boolean(),
        "an account by default",
    );
    let volumes = list(&spec["volumes"]).iter();
    let mut volumes = volumes
        .filter_map(Value::as_object)
        .flat_map(|one| one.keys());
    check(volumes.all(|key| key != "hostPath"), "a folder of the node");
    let containers = ["containers", "initContainers"];
    for one in containers.iter().flat_map(|key| list(&spec[*key])) {
        let own = &one["securityContext"];
        check(own["allowPrivilegeEscalation"] == false, "may gain rights");
        check(own["capabilities"]["drop"][0] == "ALL", "capabilities");
        check(own["privileged"] != true, "privileged");
        check(
            one["resources"]["limits"]["memory"].is_string(),
            "no limit of memory",
        );
        check(
            one["resources"]["requests"]["cpu"].is_string(),
            "no request of processors",
        );
        let is_ours = list(&one["args"])
            .iter()
            .any(|word| ["le", "wee", "apply"].iter().any(|role| word == *role));
        check(
            !is_ours || own["readOnlyRootFilesystem"] == true,
            "writes its image",
        );
    }
    offences
}

#[test]
fn no_secret_is_in_a_variable_or_a_config_map() {
    let Some(helm) = tool("helm") else { return };
    for one in CASES {
        let documents = rendered(&helm, one);
        for (pod, spec) in pods(&documents) {
            let containers = list(&spec["containers"]).iter();
            for variable in containers.flat_map(|container| list(&container["env"])) {
                let from = &variable["valueFrom"];
                assert!(from["secretKeyRef"].is_null(), "{one}: {pod}: {variable}");
            }
        }
        for map in of_kind(&documents, "ConfigMap") {
            let text = map.to_string();
            assert!(!text.contains("://"), "{one}: {}: a URL", name(map));
        }
    }
}

#[test]
fn a_pod_has_the_time_that_its_configuration_needs_to_end() {
    let Some(helm) = tool("helm") else { return };
    let documents = rendered(&helm, "process");
    let mut found = Vec::new();
    for (pod, spec) in pods(&documents) {
        if let Some(grace) = spec["terminationGracePeriodSeconds"].as_u64() {
            found.push((pod, grace));
        }
    }
    found.sort();
    // Those of `stop.within`, 20 s for the end itself, and a margin.
    let found: Vec<_> = found
        .iter()
        .map(|(pod, grace)| (pod.as_str(), *grace))
        .collect();
    assert_eq!(
        found,
        [
            ("StatefulSet utakata-hall-1", 150),
            ("StatefulSet utakata-hall-2", 150),
            ("StatefulSet utakata-logic", 45),
        ]
    );
    for map in of_kind(&documents, "ConfigMap") {
        let text = map["data"]["utakata.toml"].as_str().unwrap_or_default();
        let expect = match map["metadata"]["name"].as_str() {
            Some("utakata-logic") => "stop.within = \"10s\"",
            Some("utakata-hall-1" | "utakata-hall-2") => "stop.within = \"120s\"",
            _ => continue,
        };
        assert!(text.contains(expect), "{text}");
    }
}
