//! The real `kubectl`, where `tests/servers/install.sh kubernetes` has put it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::json;
use utakata_kube_for_tests::Cluster;
use utakata_tests::repository;
use utakata_tests::wait::eventually;

use crate::site::cluster;

/// Runs it; returns what it printed, on both ways, and whether it went well.
fn kubectl(cluster: &Cluster, words: &[&str], input: &str) -> Option<(bool, String)> {
    let program = repository::tool("kubernetes", "kubectl");
    if !program.exists() {
        return None;
    }
    let mut child = Command::new(program)
        .args(words)
        .env("KUBECONFIG", cluster.kubeconfig())
        .env("HOME", cluster.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let told = [output.stdout, output.stderr].concat();
    Some((
        output.status.success(),
        String::from_utf8_lossy(&told).into_owned(),
    ))
}

#[test]
fn kubectl_creates_watches_drains_and_deletes() {
    let cluster = cluster();
    let run = |words: &[&str], input: &str| {
        let (is_well, told) = kubectl(&cluster, words, input)?;
        assert!(is_well, "kubectl {words:?}: {told}");
        Some(told)
    };
    let Some(version) = run(&["version"], "") else {
        eprintln!("no kubectl here: tests/servers/install.sh kubernetes");
        return;
    };
    assert!(version.contains("Server Version: v1.36.2"), "{version}");
    let nodes = run(&["get", "nodes"], "").unwrap();
    assert!(nodes.contains("node-1"), "{nodes}");

    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "east"},
    });
    run(&["create", "-f", "-"], &lease.to_string());
    let lease = cluster.object("leases", "default", "east").unwrap();
    let pod = |name: &str| {
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "ownerReferences": [{
                "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "name": "east",
                "uid": lease["metadata"]["uid"], "controller": true, "blockOwnerDeletion": false,
            }]},
            "spec": {"restartPolicy": "Never", "containers": [{
                "name": "worker", "image": "registry.example/shell@sha256:aaaa",
                "command": ["/bin/sh", "-c", "echo hello; trap 'exit 0' TERM; while :; do sleep 0.05; done"],
            }]},
        })
        .to_string()
    };
    run(&["create", "-f", "-"], &pod("a"));
    run(&["apply", "-f", "-"], &pod("b"));
    run(
        &[
            "wait",
            "pod/a",
            "pod/b",
            "--for=condition=Ready",
            "--timeout=60s",
        ],
        "",
    );
    eventually("its log", || {
        (run(&["logs", "a"], "")? == "hello\n").then_some(())
    });
    let list = run(&["get", "pods", "-o", "name", "--watch-only=false"], "").unwrap();
    assert_eq!(list, "pod/a\npod/b\n");
    let misspelt = pod("c").replace("restartPolicy", "restartPolice");
    let (is_well, told) = kubectl(&cluster, &["create", "-f", "-"], &misspelt).unwrap();
    assert!(
        !is_well && told.contains("unknown field \"spec.restartPolice\""),
        "{told}"
    );

    run(&["delete", "pod", "a", "--grace-period=1"], "");
    let told = run(&["drain", "node-1", "--timeout=60s"], "").unwrap();
    assert!(
        told.contains("pod/b evicted") && told.contains("node/node-1 drained"),
        "{told}"
    );
    assert!(cluster.objects("pods", "default").is_empty());
    run(&["uncordon", "node-1"], "");
    // These send protobuf.
    run(&["create", "namespace", "x"], "");
    run(&["create", "serviceaccount", "y", "-n", "x"], "");
    let token = run(&["create", "token", "y", "-n", "x"], "").unwrap();
    assert_eq!(token.split('.').count(), 3);
    run(&["delete", "namespace", "x", "--timeout=60s"], "");
    assert!(cluster.object("serviceaccounts", "x", "y").is_none());
}
