//! The rights of a container, as Docker's own tool shows them.

use serde_json::{Value, json};

use super::Port;

#[tokio::test]
async fn docker_itself_says_that_a_worker_can_do_no_more_than_it_needs() {
    let port = Port::open();
    let site = port.site(|_| {}).await;
    site.ready("echo").await;
    let id = port.one().await;
    let shown = port.engine.docker(&["inspect", &id]).unwrap();
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let (config, host) = (&shown[0]["Config"], &shown[0]["HostConfig"]);
    assert_eq!(config["User"], "65532:65532");
    for (key, expect) in [
        ("CapAdd", json!(null)),
        ("CapDrop", json!(["ALL"])),
        ("SecurityOpt", json!(["no-new-privileges"])),
        ("Privileged", json!(false)),
        ("ReadonlyRootfs", json!(true)),
        ("NetworkMode", json!("none")),
        ("Memory", json!(256 << 20)),
        ("NanoCpus", json!(1_000_000_000)),
        ("PidsLimit", json!(64)),
    ] {
        assert_eq!(host[key], expect, "{key}");
    }
    let mounts = shown[0]["Mounts"].as_array().unwrap();
    let seen = |mount: &Value| (mount["Destination"].clone(), mount["RW"].clone());
    let seen: Vec<_> = mounts.iter().map(seen).collect();
    assert_eq!(seen, [(json!("/run/utakata"), json!(false))]);
    let labels = config["Labels"].as_object().unwrap();
    for label in ["environment", "incarnation", "release", "worker"] {
        let label = format!("utakata.{label}");
        assert!(labels[&label].as_str().is_some_and(|text| !text.is_empty()));
    }
    site.end().await;
}
