//! The images of the kinds shipped with utakata: the program, and the same manifest inside and
//! outside.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use utakata_model::Manifest;
use utakata_tests::repository;

use crate::system::place::program;

/// A file of an archive.
fn content(archive: &Path, name: &str) -> Vec<u8> {
    let read = Command::new("tar")
        .arg("--extract")
        .arg("--to-stdout")
        .arg("--file")
        .args([archive, Path::new(name)])
        .output()
        .unwrap();
    assert!(read.status.success(), "{read:?}");
    read.stdout
}

#[test]
fn an_image_of_a_kind_has_its_program_and_a_manifest_of_its_own_version() {
    let place = tempfile::tempdir().unwrap();
    let archive = place.path().join("image.tar");
    let built = Command::new(repository::root().join("deploy/image/worker.sh"))
        .args(["apc-pdu", "--tag", "registry.example/worker:1", "--archive"])
        .arg(&archive)
        .env("PROGRAM", program("utakata-worker-snmp"))
        .output()
        .unwrap();
    assert!(built.status.success(), "{built:?}");
    let json = |name: &str| -> Value { serde_json::from_slice(&content(&archive, name)).unwrap() };
    let listed = json("manifest.json");
    assert_eq!(listed[0]["RepoTags"][0], "registry.example/worker:1");
    let configuration = json(listed[0]["Config"].as_str().unwrap());
    let label = &configuration["config"]["Labels"]["org.utakata.manifest"];
    let layer = place.path().join("layer.tar");
    let name = listed[0]["Layers"][0].as_str().unwrap();
    std::fs::write(&layer, content(&archive, name)).unwrap();
    let inside = String::from_utf8(content(&layer, "./worker.toml")).unwrap();
    assert_eq!(label, inside.as_str());
    let manifest = Manifest::parse(&inside).unwrap();
    assert_eq!(manifest.kind.as_str(), "apc-pdu");
    // A version identifies one release, and the program's release is another.
    assert_eq!(manifest.version, "1.0.0.1");
    assert!(!content(&layer, &format!("./{}", manifest.run.program)).is_empty());
    assert_eq!(configuration["config"]["User"], "65532:65532");
}
