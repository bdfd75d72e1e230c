//! Documents of other projects' kinds (KEDA, the operator of Prometheus) fit their schemas.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use utakata_tests::repository;

use super::{CASES, FOREIGN, rendered, text, tool};

/// Returns the mistakes in documents; `None` if the tool is not installed.
fn mistakes(documents: &[Value]) -> Option<String> {
    let python = tool("python")?;
    let mut check = Command::new(python)
        .arg(repository::root().join("tests/it/chart/foreign.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let input = Value::from(documents.to_vec()).to_string();
    let mut stdin = check.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let checked = check.wait_with_output().unwrap();
    assert!(checked.status.success(), "{}", text(&checked));
    Some(text(&checked))
}

#[test]
fn documents_for_keda_and_prometheus_fit_their_schemas() {
    let Some(helm) = tool("helm") else { return };
    let is_foreign = |document: &Value| FOREIGN.iter().any(|kind| document["kind"] == *kind);
    let all = CASES.iter().flat_map(|one| rendered(&helm, one));
    let foreign: Vec<Value> = all.filter(is_foreign).collect();
    for kind in FOREIGN {
        assert!(foreign.iter().any(|one| one["kind"] == kind), "no {kind}");
    }
    let Some(found) = mistakes(&foreign) else {
        return;
    };
    assert_eq!(found, "");
    // A mistake would have been found, in a key and in a value.
    let wrong = json!({
        "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "a"},
        "spec": {"scaleTargetRef": {"name": "x"}, "minReplicas": 2, "triggers": []},
    });
    let mut worse = wrong.clone();
    worse["spec"] = json!({"scaleTargetRef": {"name": "x"}, "minReplicaCount": "two"});
    let found = mistakes(&[wrong, worse]).unwrap();
    assert!(
        found.contains("spec.minReplicas: there is no such key"),
        "{found}"
    );
    assert!(found.contains("minReplicaCount"), "{found}");
}
