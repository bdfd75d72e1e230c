//! Impossible values are refused with a message that says what to do.

use std::fs;

use super::{case, chart, render, tool};
use utakata_tests::repository;

#[test]
fn values_that_cannot_be_are_refused_with_what_is_wrong() {
    let Some(helm) = tool("helm") else { return };
    for (value, expect) in [
        (
            "logic.replicas=0",
            "at '/logic/replicas': minimum: got 0, want 1",
        ),
        (
            "logic.replica=2",
            "additional properties 'replica' not allowed",
        ),
        (
            "workers.runtime=docker",
            "value must be one of 'process', 'kubernetes'",
        ),
        ("zones[0].name=-", "at '/zones/0/name'"),
        ("zones[0].nam=x", "additional properties 'nam' not allowed"), // typos: on purpose
        ("image.digest=latest", "at '/image/digest'"),
        // Another registry could begin with it: registry.example.network.
        (
            "workers.registries={registry.example.net}",
            "at '/workers/registries/0'",
        ),
        (
            "workers.registries=null",
            "workers.registries is empty: name the prefixes",
        ),
        ("workers.quota.pods=3", "at '/workers/quota/pods'"),
        ("probes.port=70000", "at '/probes/port'"),
        (
            "store.secretName=",
            "store.secretName is not set: name a secret that has the URL",
        ),
        (
            "interconnect.amqp.secretName=",
            "amqp.secretName is not set",
        ),
        (
            "zones[1].name=Hall-1",
            "the zones hall-1 and Hall-1 would both be named",
        ),
        ("single.enabled=true", "so workers.runtime must be process"),
        (
            "apply.enabled=true",
            "there is nothing to apply: set apply.documents",
        ),
    ] {
        let told = render(&helm, &[&case("kubernetes")], &["--set", value]).unwrap_err();
        assert!(told.contains(expect), "{value}: {told}");
    }
}

#[test]
fn the_chart_has_the_version_of_the_program() {
    let read = |path: &str| fs::read_to_string(repository::root().join(path)).unwrap();
    let workspace: toml::Table = toml::from_str(&read("Cargo.toml")).unwrap();
    let version = workspace["workspace"]["package"]["version"]
        .as_str()
        .unwrap()
        .to_owned();
    let text = fs::read_to_string(chart().join("Chart.yaml")).unwrap();
    for line in [
        format!("version: {version}"),
        format!("appVersion: \"{version}\""),
    ] {
        assert!(text.lines().any(|found| found == line), "{line}");
    }
}

#[test]
fn the_readme_names_every_value() {
    let text = fs::read_to_string(chart().join("README.md")).unwrap();
    let values = fs::read_to_string(chart().join("values.yaml")).unwrap();
    for line in values.lines() {
        let Some((key, _)) = line.split_once(':') else {
            continue;
        };
        if key.starts_with([' ', '#']) {
            continue;
        }
        assert!(
            text.contains(&format!("`{key}")),
            "README.md says nothing of {key}"
        );
    }
}
