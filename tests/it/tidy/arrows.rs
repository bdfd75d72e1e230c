//! The permitted dependencies between crates, and the one crate that owns each heavy library.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use utakata_tests::repository;

use super::{Offence, expect_none};

/// A crate, and the crates of ours that it may use. Crates not listed have no arrow.
const ARROWS: &[(&str, &[&str])] = &[
    ("invariant", &[]),
    ("confine", &[]),
    ("model", &[]),
    ("settings", &[]),
    ("seal", &["model"]),
    ("profile", &["model"]),
    ("expression", &["model"]),
    ("alarm", &["expression", "profile", "model"]),
    ("protocol", &["model"]),
    ("api", &["model"]),
    ("envelope", &["model"]),
    ("policy", &["alarm", "envelope", "expression", "model"]),
    (
        "documents",
        &["alarm", "api", "envelope", "policy", "model"],
    ),
    ("permit", &["model"]),
    ("interconnect", &["permit", "settings", "model"]),
    (
        "interconnect-amqp",
        &["invariant", "interconnect", "settings", "model"],
    ),
    (
        "interconnect-mqtt",
        &["interconnect", "permit", "settings", "model"],
    ),
    (
        "interconnect-conformance",
        &["interconnect", "permit", "model"],
    ),
    ("rollout", &["api", "model"]),
    ("web", &[]),
    ("openid", &["model"]),
    ("vault", &["model"]),
    ("history", &["model"]),
    ("history-prometheus", &["history", "model"]),
    ("history-conformance", &["history", "model"]),
    (
        "logic",
        &[
            "invariant",
            "history",
            "interconnect",
            "permit",
            "rollout",
            "seal",
            "protocol",
            "alarm",
            "envelope",
            "policy",
            "api",
            "web",
            "openid",
            "vault",
            "settings",
            "model",
        ],
    ),
    (
        "execution",
        &[
            "confine",
            "invariant",
            "interconnect",
            "permit",
            "rollout",
            "seal",
            "protocol",
            "settings",
            "model",
        ],
    ),
    ("execution-docker", &["execution", "protocol", "model"]),
    ("execution-kubernetes", &["execution", "protocol", "model"]),
    ("worker-sdk", &["invariant", "protocol", "model"]),
    // It tries profiles on the worker itself.
    ("workbench", &["worker-snmp", "worker-sdk"]),
    // The physics: of the simulator, which speaks for them, and of trials, in which they answer.
    ("room", &[]),
    ("simulator", &["room"]),
    ("trial", &["envelope", "policy", "room", "model"]),
    ("tests", &[]),
    ("kube-for-tests", &[]),
    // It throws bytes at whatever reads those of strangers.
    (
        "fuzz",
        &[
            "alarm",
            "documents",
            "history",
            "interconnect",
            "permit",
            "protocol",
            "worker-sdk",
            "worker-snmp",
            "model",
        ],
    ),
    (
        "benches",
        &[
            "api",
            "expression",
            "history",
            "kube-for-tests",
            "model",
            "policy",
            "room",
            "tests",
            "trial",
        ],
    ),
    (
        "up",
        &[
            "confine",
            "logic",
            "execution",
            "execution-docker",
            "execution-kubernetes",
            "history",
            "history-prometheus",
            "interconnect",
            "interconnect-amqp",
            "interconnect-mqtt",
            "seal",
            "api",
            "settings",
            "model",
        ],
    ),
    // It starts the roles of `up`, with faults in them.
    (
        "drill",
        &[
            "invariant",
            "up",
            "logic",
            "execution",
            "interconnect-conformance",
            "kube-for-tests",
            "documents",
            "api",
            "model",
        ],
    ),
    (
        "",
        &[
            "up",
            "seal",
            "logic",
            "execution",
            "execution-docker",
            "documents",
            "api",
            "model",
            "room",
            "trial",
            "worker-sdk",
        ],
    ),
];
/// The crates that any worker may use.
const ARROWS_OF_WORKERS: &[&str] = &["worker-sdk", "worker-http", "profile"];
/// The further crates that any crate's tests may use. Those of `tests` may use all.
const FOR_TESTS: [&str; 4] = [
    "tests",
    "kube-for-tests",
    "interconnect-conformance",
    "history-conformance",
];
/// Crates whose tests use something built on them.
const TRIED_WITH: &[(&str, &str)] = &[
    ("execution", "execution-docker"),
    ("execution", "execution-kubernetes"),
];

/// A heavy library, and the crates that may use it; others use its owner's types.
const OWNERS: &[(&str, &[&str])] = &[
    ("amq-protocol-tcp", &["interconnect-amqp"]),
    (
        "async-snmp",
        &["worker-snmp", "workbench", "simulator", "fuzz"],
    ),
    (
        "aws-lc-rs",
        &[
            "execution",
            "execution-kubernetes",
            "kube-for-tests",
            "seal",
        ],
    ),
    ("axum", &["logic"]),
    ("bollard", &["execution-docker"]),
    ("cel", &["expression"]),
    ("clap", &["", "up", "drill", "simulator", "benches"]),
    ("comfy-table", &[""]),
    (
        "hyper",
        &["logic", "up", "kube-for-tests", "worker-http", "simulator"],
    ),
    (
        "hyper-util",
        &["logic", "up", "kube-for-tests", "worker-http", "simulator"],
    ),
    ("crc32fast", &["history"]),
    ("indicatif", &[""]),
    ("jsonschema", &["model"]),
    ("jsonwebtoken", &["openid"]),
    ("k8s-openapi", &["execution-kubernetes", "kube-for-tests"]),
    ("kube", &["execution-kubernetes", "kube-for-tests"]),
    ("landlock", &["confine"]),
    ("lapin", &["interconnect-amqp", "benches"]),
    ("lettre", &["logic"]),
    ("mqtt5", &["interconnect-mqtt"]),
    ("pco", &["history"]),
    // The SDK writes readings to the wire without a copy.
    ("prometheus-client", &["logic"]),
    (
        "prost",
        &["protocol", "worker-sdk", "history-prometheus", "fuzz"],
    ),
    ("rcgen", &["execution", "kube-for-tests", "up", "simulator"]),
    ("regex", &["profile"]),
    ("reqwest", &["api", "history-prometheus", "openid", "vault"]),
    ("rumqttc", &["interconnect-mqtt"]),
    ("rusqlite", &["history"]),
    ("russh", &["worker-ssh"]),
    (
        "rustls",
        &[
            "interconnect-mqtt",
            "execution-kubernetes",
            "kube-for-tests",
            "logic",
            "worker-http",
            "simulator",
        ],
    ),
    ("seccompiler", &["confine"]),
    ("serde-saphyr", &["documents"]),
    ("snap", &["history-prometheus"]),
    ("sqlx", &["logic"]),
    (
        "tokio-rustls",
        &[
            "execution",
            "interconnect-mqtt",
            "kube-for-tests",
            "logic",
            "worker-http",
            "simulator",
        ],
    ),
    ("tonic", &["protocol", "execution", "worker-sdk"]),
    ("tonic-prost", &["protocol", "worker-sdk"]),
    ("utoipa-axum", &["logic"]),
];

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `dev`, `build`, or nothing for a normal dependency.
    kind: Option<String>,
}

impl Dependency {
    fn is_for_tests(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }
}

#[test]
fn dependencies_follow_the_arrows() {
    let offences = packages().iter().flat_map(astray).collect();
    expect_none("these arrows are not in the architecture:", offences);
}

#[test]
fn each_heavy_library_has_one_owner() {
    let offences = packages().iter().flat_map(disowned).collect();
    expect_none("these libraries belong to another crate:", offences);
}

fn packages() -> Vec<Package> {
    super::packages("--no-deps")
}

/// The box of a crate of ours: `utakata-model` is `model`, `utakata` is the empty name.
fn box_of(name: &str) -> Option<&str> {
    if name == "utakata" {
        Some("")
    } else {
        name.strip_prefix("utakata-")
    }
}

fn astray(package: &Package) -> Vec<Offence> {
    let file = manifest(package);
    let Some(from) = box_of(&package.name) else {
        return vec![Offence::new(&file, 0, "is not called utakata-<folder>")];
    };
    let row = ARROWS
        .iter()
        .find(|(name, _)| *name == from)
        .map(|(_, to)| *to);
    let is_worker = from.starts_with("worker-") && from != "worker-sdk";
    let Some(allowed) = row.or(is_worker.then_some(ARROWS_OF_WORKERS)) else {
        return vec![Offence::new(&file, 0, "has no row in the table of arrows")];
    };
    let ours = package
        .dependencies
        .iter()
        .filter_map(|one| Some((one, box_of(&one.name)?)));
    let wrong = ours.filter(|(one, to)| {
        let is_met_in_tests = from == "tests"
            || FOR_TESTS.contains(to)
            || *to == from
            || TRIED_WITH.contains(&(from, to));
        let is_for_tests = one.is_for_tests() && is_met_in_tests;
        !allowed.contains(to) && !is_for_tests
    });
    let offence = |(one, _): (&Dependency, _)| {
        Offence::new(&file, 0, format!("{} -> {}", package.name, one.name))
    };
    wrong.map(offence).collect()
}

fn disowned(package: &Package) -> Vec<Offence> {
    let from = box_of(&package.name).unwrap_or_default();
    let mut offences = Vec::new();
    for one in package
        .dependencies
        .iter()
        .filter(|one| !one.is_for_tests())
    {
        let Some((_, owners)) = OWNERS.iter().find(|(name, _)| *name == one.name) else {
            continue;
        };
        if !owners.contains(&from) {
            offences.push(Offence::new(
                &manifest(package),
                0,
                format!("has {}", one.name),
            ));
        }
    }
    offences
}

fn manifest(package: &Package) -> PathBuf {
    let root: &Path = repository::root();
    package
        .manifest_path
        .strip_prefix(root)
        .unwrap_or(&package.manifest_path)
        .to_owned()
}

#[test]
fn each_rule_of_arrows_finds_its_offender() {
    let package = |name: &str, dependency: &str, kind: Option<&str>| Package {
        name: name.to_owned(),
        manifest_path: PathBuf::from("Cargo.toml"),
        dependencies: vec![Dependency {
            name: dependency.to_owned(),
            kind: kind.map(str::to_owned),
        }],
    };
    let strays = |name, dependency, kind| astray(&package(name, dependency, kind)).len();
    assert_eq!(strays("utakata-logic", "utakata-execution", None), 1);
    assert_eq!(strays("utakata-logic", "utakata-execution", Some("dev")), 1);
    assert_eq!(strays("utakata-logic", "utakata-tests", Some("dev")), 0);
    assert_eq!(strays("utakata-logic", "utakata-tests", None), 1);
    let docker = "utakata-execution-docker";
    assert_eq!(strays("utakata-execution", docker, Some("dev")), 0);
    assert_eq!(strays("utakata-execution", docker, None), 1);
    assert_eq!(strays("utakata-tests", "utakata-logic", Some("dev")), 0);
    assert_eq!(strays("utakata-tests", "utakata-logic", None), 1);
    assert_eq!(strays("utakata-worker-snmp", "utakata-worker-sdk", None), 0);
    assert_eq!(strays("utakata-worker-snmp", "utakata-model", None), 1);
    assert_eq!(strays("utakata-simulator", "utakata-model", None), 1);
    assert_eq!(strays("utakata-model", "utakata", None), 1);
    assert_eq!(strays("utakata-kitchen", "serde", None), 1);
    assert_eq!(strays("utakata", "utakata-simulator", None), 1);
    let disowns = |name, dependency, kind| disowned(&package(name, dependency, kind)).len();
    assert_eq!(disowns("utakata-model", "sqlx", None), 1);
    assert_eq!(disowns("utakata-model", "sqlx", Some("dev")), 0);
    assert_eq!(disowns("utakata-logic", "sqlx", None), 0);
}
