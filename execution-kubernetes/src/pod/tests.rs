use std::{fs, path::Path, time::Duration};

use utakata_execution::{Artifact, artifact::Image, runtime::Life};
use utakata_model::{
    EnvironmentId, Incarnation, ReleaseDigest, ReleaseId, WorkerId,
    manifest::{
        Run,
        limits::{Cpus, Memory},
    },
};

use super::*;

const DIGEST: &str = "sha256:00000000000000000000000000000000000000000000000000000000000000aa";

fn reference() -> Reference {
    Reference::parse(&format!("registry.example/echo@{DIGEST}")).unwrap()
}

fn spec() -> Spec {
    Spec {
        worker: WorkerId::new("echo-1").unwrap(),
        life: Life {
            environment: EnvironmentId::new("lab").unwrap(),
            incarnation: Incarnation::from_bytes([7; 16]),
        },
        release: ReleaseId {
            kind: "echo".parse().unwrap(),
            version: "1.0".into(),
            digest: ReleaseDigest("0123456789abcdef0123".into()),
        }
        .into(),
        folder: "/releases/echo".into(),
        artifact: Artifact::Image(Image::Pinned(reference())),
        run: Run {
            arguments: vec!["-v".into()],
            memory: Some(Memory::mebibytes(64)),
            ..Run::program("bin/echo")
        },
        socket: "/run/user/1/door/workers.sock".into(),
        loopback: None,
        door: None,
        is_trial: false,
        control_within: Duration::from_secs(30),
        token: "secret".into(),
        variables: vec![
            ("PATH".into(), "/usr/bin".into()),
            ("RUST_LOG".into(), "debug".into()),
            ("PRICE".into(), "$(HOME)".into()),
        ],
    }
}

fn asked(spec: &Spec, config: &config::Kubernetes) -> Pod {
    let door = Door {
        endpoint: "https://10.0.0.1:7733".into(),
        authority: "-----BEGIN CERTIFICATE-----\n".into(),
    };
    let image = reference();
    pod(&Request {
        spec,
        image: &image,
        door: &door,
        config,
        owner: ("lab", "owner-uid"),
        start: 10,
    })
}

/// `UPDATE=1` writes the file.
#[test]
fn a_pod_is_as_the_golden_file_says() {
    let config = config::Kubernetes {
        pull_secrets: vec!["registry".into()],
        ..config::Kubernetes::default()
    };
    let mut text = serde_json::to_string_pretty(&asked(&spec(), &config)).unwrap();
    text.push('\n');
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/pod/golden.json");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, &text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(&file).unwrap());
}

#[test]
fn no_secret_and_no_place_of_this_machine_is_in_a_pod() {
    let pod = serde_json::to_string(&asked(&spec(), &config::Kubernetes::default())).unwrap();
    for text in ["secret\"", "UTAKATA_TOKEN\"", "/usr/bin", "/run/user"] {
        assert!(!pod.contains(text), "{text} is in {pod}");
    }
}

#[test]
fn a_pod_has_what_its_manifest_asks_for_and_the_time_of_its_longest_control_task() {
    let mut spec = spec();
    spec.run.cpus = serde_json::from_value(serde_json::json!(0.5)).ok();
    spec.is_trial = true;
    let pod = asked(&spec, &config::Kubernetes::default()).spec.unwrap();
    assert_eq!(pod.termination_grace_period_seconds, Some(40));
    // More than a start and a hello may take.
    assert_eq!(pod.active_deadline_seconds, Some(600));
    let resources = pod.containers[0].resources.clone().unwrap();
    let limits = resources.limits.unwrap();
    assert_eq!(limits["cpu"], Quantity("500m".into()));
    assert_eq!(limits["memory"], Quantity("67108864".into()));
    spec.run.cpus = None;
    spec.run.memory = None;
    let pod = asked(&spec, &config::Kubernetes::default()).spec.unwrap();
    let resources = pod.containers[0].resources.clone().unwrap();
    assert!(!resources.limits.unwrap().contains_key("cpu"));
    assert_eq!(resources.requests.unwrap()["cpu"], Quantity("1000m".into()));
    assert_eq!(Cpus::ONE.billionths(), 1_000_000_000);
}

#[test]
fn two_lives_give_their_pods_different_names() {
    let first = spec();
    let mut second = spec();
    second.life.incarnation = Incarnation::from_bytes([8; 16]);
    let names = [&first, &second].map(|spec| labels::pod_name(spec, 1));
    assert_ne!(names[0], names[1]);
    assert!(names[0].starts_with("lab-echo-1-"), "{names:?}");
}
