//! The configuration in the chart is one that utakata accepts: every key exists.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{CASES, list, of_kind, pods, rendered, text, tool};
use crate::system::place::program;

/// The contents of the files of secrets.
const SECRETS: [(&str, &str); 3] = [
    (
        "store-url",
        "postgres://me:word@postgresql:5432/utakata?sslmode=require",
    ),
    ("amqp-url", "amqps://me:word@rabbitmq:5671/utakata"),
    ("mqtt-url", "mqtts://me:word@mosquitto:8883"),
];

#[test]
fn every_configuration_is_right() {
    let Some(helm) = tool("helm") else { return };
    let reference = reference();
    for one in CASES {
        let documents = rendered(&helm, one);
        let mut checked = 0;
        for (pod, spec) in pods(&documents) {
            let maps = list(&spec["volumes"]).iter();
            let maps = maps.filter_map(|volume| volume["configMap"]["name"].as_str());
            for map in maps {
                let found = of_kind(&documents, "ConfigMap");
                let found = found.iter().find(|one| one["metadata"]["name"] == map);
                let Some(toml) = found.and_then(|one| one["data"]["utakata.toml"].as_str()) else {
                    continue;
                };
                if let Some(key) = unknown_yet(toml, &reference) {
                    eprintln!("left out: {one}: {pod}: this build has no {key}");
                    continue;
                }
                check(one, &pod, toml, &list(&spec["containers"])[0]);
                checked += 1;
            }
        }
        assert!(checked >= 1, "{one}");
    }
}

/// All keys of this build.
fn reference() -> Vec<String> {
    let output = Command::new(program("utakata"))
        .args(["config", "reference", "-o", "json"])
        .output()
        .unwrap();
    let keys: Value = serde_json::from_slice(&output.stdout).unwrap();
    let keys = list(&keys).iter();
    keys.filter_map(|key| key["key"].as_str().map(str::to_owned))
        .collect()
}

/// The key of a runtime that this build lacks, because it is a cargo feature.
fn unknown_yet<'a>(toml: &'a str, reference: &[String]) -> Option<&'a str> {
    let has_runtime = reference
        .iter()
        .any(|key| key.starts_with("execution.kubernetes."));
    let mut keys = toml.lines().filter_map(|line| line.split(" = ").next());
    keys.find(|key| !has_runtime && key.starts_with("execution.kubernetes."))
}

/// Checks a configuration with the variables of its container.
fn check(case: &str, pod: &str, toml: &str, container: &Value) {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("utakata.toml");
    fs::write(&file, toml).unwrap();
    for (name, text) in SECRETS {
        // Plain only where the chart says so.
        let is_plain = |table: &str| toml.contains(&format!("{table}.insecure = true"));
        let text = match name {
            "store-url" if is_plain("logic.store") => text.replace("?sslmode=require", ""),
            "amqp-url" if is_plain("interconnect.amqp") => text.replace("amqps:", "amqp:"),
            "mqtt-url" if is_plain("interconnect.mqtt") => text.replace("mqtts:", "mqtt:"),
            _ => text.to_owned(),
        };
        fs::write(place.path().join(name), text).unwrap();
    }
    let mut command = Command::new(program("utakata"));
    command.args(["config", "check"]).env_clear();
    command.env("UTAKATA_DATA", place.path());
    for variable in list(&container["env"]) {
        let name = variable["name"].as_str().unwrap();
        if let Some(value) = variable["value"].as_str() {
            command.env(name, within(value, place.path()));
        }
    }
    command.env("UTAKATA_CONFIG", &file);
    let checked = command.output().unwrap();
    let told = text(&checked);
    assert!(checked.status.success(), "{case}: {pod}: {told}\n{toml}");
    assert!(told.contains(&file.display().to_string()), "{told}");
}

/// Converts a value of a container to this machine.
fn within(value: &str, place: &Path) -> String {
    let folder = place.display().to_string();
    value
        .replace("/etc/utakata-secrets", &folder)
        .replace("$(POD_NAME)", "utakata-hall-1-0")
}

#[test]
fn what_a_configuration_names_is_mounted() {
    let Some(helm) = tool("helm") else { return };
    for one in CASES {
        let documents = rendered(&helm, one);
        for (pod, spec) in pods(&documents) {
            let container = &list(&spec["containers"])[0];
            let mounts = list(&container["volumeMounts"]).iter();
            let mounts: Vec<&str> = mounts.filter_map(|one| one["mountPath"].as_str()).collect();
            let mut paths: Vec<String> = Vec::new();
            for variable in list(&container["env"]) {
                let value = variable["value"].as_str().unwrap_or_default();
                paths.extend(value.starts_with("/etc/").then(|| value.to_owned()));
            }
            for map in of_kind(&documents, "ConfigMap") {
                let is_its = list(&spec["volumes"])
                    .iter()
                    .any(|volume| volume["configMap"]["name"] == map["metadata"]["name"]);
                let toml = map["data"]["utakata.toml"].as_str().unwrap_or_default();
                let words = toml.split('"').filter(|word| word.starts_with("/etc/"));
                paths.extend(words.filter(|_| is_its).map(str::to_owned));
            }
            for path in paths {
                let is_mounted = mounts
                    .iter()
                    .any(|mount| Path::new(&path).starts_with(mount));
                assert!(is_mounted, "{one}: {pod}: {path} is in none of {mounts:?}");
            }
        }
    }
}

#[test]
fn every_volume_is_mounted_and_every_mount_has_its_volume() {
    let Some(helm) = tool("helm") else { return };
    for one in CASES {
        let documents = rendered(&helm, one);
        for document in &documents {
            let Some((pod, spec)) = pods(std::slice::from_ref(document)).pop() else {
                continue;
            };
            let named = |values: &[Value], key: &str| {
                let mut names: Vec<String> = values
                    .iter()
                    .filter_map(|value| value[key].as_str().map(str::to_owned))
                    .collect();
                names.sort();
                names.dedup();
                names
            };
            let mut volumes = named(list(&spec["volumes"]), "name");
            let claims = list(&document["spec"]["volumeClaimTemplates"]).iter();
            volumes.extend(claims.map(|claim| claim["metadata"]["name"].as_str().unwrap().into()));
            volumes.sort();
            let mounts = list(&list(&spec["containers"])[0]["volumeMounts"]);
            assert_eq!(named(mounts, "name"), volumes, "{one}: {pod}");
        }
    }
}
