//! The admission policy of the workers' namespace, evaluated for pods: a worker is admitted, and
//! anything that could read a secret or borrow an account is not.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use utakata_tests::repository;

use super::{of_kind, rendered, text, tool};

const DIGEST: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const OURS: &str = "registry.example.net/utakata/worker-snmp";

/// A part of a message.
type Denial = &'static str;

const BY_DIGEST: Denial = "named by its digest";
const REGISTRY: Denial = "workers.registries";
const ACCOUNT: Denial = "the account of workers";
const VOLUME: Denial = "no volume but empty folders";
const VARIABLE: Denial = "no secret and no config map in its variables";
const PULL_SECRET: Denial = "workers.pullSecrets";
const ADDED: Denial = "added to a worker that runs";

/// A worker as created by an environment.
fn worker() -> Value {
    let token = json!({ "audience": "utakata/utakata-hall-1-0", "path": "token" });
    json!({
        "serviceAccountName": "utakata-worker",
        "automountServiceAccountToken": false,
        "imagePullSecrets": [{ "name": "registry" }],
        "containers": [{
            "name": "worker",
            "image": format!("{OURS}@sha256:{DIGEST}"),
            "env": [
                { "name": "UTAKATA_ENDPOINT", "value": "https://10.0.0.7:7733" },
                { "name": "NODE", "valueFrom": { "fieldRef": { "fieldPath": "spec.nodeName" } } },
            ],
        }],
        "volumes": [
            { "name": "token", "projected": { "sources": [{ "serviceAccountToken": token }] } },
            { "name": "scratch", "emptyDir": {} },
        ],
    })
}

/// A worker with one more volume.
fn with_volume(volume: Value) -> Value {
    let mut spec = worker();
    spec["volumes"].as_array_mut().unwrap().push(volume);
    spec
}

/// A worker with another value at a JSON pointer.
fn with(pointer: &str, value: Value) -> Value {
    let mut spec = worker();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    spec.pointer_mut(parent).unwrap()[key] = value;
    spec
}

fn cases() -> Vec<(&'static str, Value, Vec<Denial>)> {
    let image = |image: String| with("/containers/0/image", json!(image));
    let projected = |source: Value| {
        with_volume(json!({ "name": "more", "projected": { "sources": [source] } }))
    };
    let from = |from: Value| {
        with(
            "/containers/0/env",
            json!([{ "name": "WORD", "valueFrom": from }]),
        )
    };
    let init = json!([{ "name": "first", "image": "evil.example/first:1" }]);
    let added = json!([{ "name": "debug", "image": format!("{OURS}@sha256:{DIGEST}") }]);
    let mut plain = worker();
    plain.as_object_mut().unwrap().remove("volumes");
    let mut unsaid = worker();
    unsaid
        .as_object_mut()
        .unwrap()
        .remove("automountServiceAccountToken");
    vec![
        ("a worker", worker(), vec![]),
        ("no volumes", plain, vec![]),
        (
            "a tag beside the digest",
            image(format!("{OURS}:1@sha256:{DIGEST}")),
            vec![],
        ),
        ("a tag", image(format!("{OURS}:1")), vec![BY_DIGEST]),
        (
            "a registry",
            image(format!("evil.example/w@sha256:{DIGEST}")),
            vec![REGISTRY],
        ),
        (
            "a first container",
            with("/initContainers", init),
            vec![BY_DIGEST, REGISTRY],
        ),
        (
            "a later container",
            with("/ephemeralContainers", added),
            vec![ADDED],
        ),
        (
            "a folder of the node",
            with_volume(json!({ "name": "host", "hostPath": { "path": "/" } })),
            vec![VOLUME],
        ),
        (
            "a secret",
            with_volume(json!({ "name": "word", "secret": { "secretName": "registry" } })),
            vec![VOLUME],
        ),
        (
            "a claim",
            with_volume(json!({ "name": "disk", "persistentVolumeClaim": { "claimName": "a" } })),
            vec![VOLUME],
        ),
        (
            "a secret within others",
            projected(json!({ "secret": { "name": "a" } })),
            vec![VOLUME],
        ),
        (
            "a token for the API server",
            projected(json!({ "serviceAccountToken": { "path": "token" } })),
            vec![VOLUME],
        ),
        (
            "a token for somebody else",
            projected(json!({ "serviceAccountToken": { "audience": "vault", "path": "token" } })),
            vec![VOLUME],
        ),
        (
            "an account",
            with("/serviceAccountName", json!("default")),
            vec![ACCOUNT],
        ),
        (
            "its token",
            with("/automountServiceAccountToken", json!(true)),
            vec![ACCOUNT],
        ),
        ("its token by default", unsaid, vec![ACCOUNT]),
        (
            "a variable",
            from(json!({ "secretKeyRef": { "name": "a", "key": "b" } })),
            vec![VARIABLE],
        ),
        (
            "many variables",
            with(
                "/containers/0/envFrom",
                json!([{ "secretRef": { "name": "a" } }]),
            ),
            vec![VARIABLE],
        ),
        (
            "a pull secret",
            with("/imagePullSecrets/0/name", json!("other")),
            vec![PULL_SECRET],
        ),
    ]
}

#[test]
fn a_pod_that_could_read_a_secret_is_not_admitted_and_a_worker_is() {
    let (Some(helm), Some(python)) = (tool("helm"), tool("python")) else {
        return;
    };
    let documents = rendered(&helm, "kubernetes");
    let policies = of_kind(&documents, "ValidatingAdmissionPolicy");
    assert_eq!(policies.len(), 1);
    assert_eq!(policies[0]["spec"]["failurePolicy"], "Fail");
    let cases = cases();
    let pods = cases.iter().map(|(_, spec, _)| json!({ "spec": spec }));
    let asked = json!({ "policy": policies[0], "pods": pods.collect::<Vec<_>>() });
    let mut evaluating = Command::new(python)
        .arg(repository::root().join("tests/it/chart/admission.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = evaluating.stdin.take().unwrap();
    input.write_all(asked.to_string().as_bytes()).unwrap();
    drop(input);
    let evaluated = evaluating.wait_with_output().unwrap();
    assert!(evaluated.status.success(), "{}", text(&evaluated));
    let answers: Vec<Vec<String>> = serde_json::from_slice(&evaluated.stdout).unwrap();
    assert_eq!(answers.len(), cases.len());
    for ((what, _, expect), told) in cases.iter().zip(answers) {
        let is_as_expected = told.len() == expect.len()
            && told
                .iter()
                .zip(expect)
                .all(|(told, part)| told.contains(part));
        assert!(is_as_expected, "{what}: {told:?}, and not {expect:?}");
    }
}

#[test]
fn the_policy_is_bound_to_the_namespace_of_the_workers_alone() {
    let Some(helm) = tool("helm") else { return };
    let documents = rendered(&helm, "kubernetes");
    let bindings = of_kind(&documents, "ValidatingAdmissionPolicyBinding");
    assert_eq!(bindings.len(), 1);
    let spec = &bindings[0]["spec"];
    assert_eq!(spec["validationActions"], json!(["Deny", "Audit"]));
    let selected = &spec["matchResources"]["namespaceSelector"]["matchLabels"];
    assert_eq!(
        *selected,
        json!({ "kubernetes.io/metadata.name": "site-workers" })
    );
    let policy = of_kind(&documents, "ValidatingAdmissionPolicy")[0];
    assert_eq!(spec["policyName"], policy["metadata"]["name"]);
}
