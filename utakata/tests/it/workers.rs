//! Releases that are dropped in place while everything runs.

use std::{fs, path::Path};

use crate::program::Place;

const TARGETS: &str = "type: target\nname: a\nkind: echo\naddress: a\n---\n\
                       type: target\nname: b\nkind: echo\naddress: b\n";

fn drop_in(place: &Place, name: &str, text: &str) {
    let folder = place.data().join("releases").join(name);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("worker.toml"), text).unwrap();
}

fn echo() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join("workers/echo/releases/echo/worker.toml")).unwrap()
}

#[test]
fn a_kind_that_is_dropped_in_place_is_served_without_a_restart() {
    let place = Place::new();
    let _up = place.up();
    assert_eq!(place.run_with(&["apply", "-f", "-"], TARGETS).code, 0);
    let early = place.run(&["read", "a"]);
    assert_ne!(early.code, 0, "nobody serves it yet");
    drop_in(&place, "echo", &echo());
    place.until_served("echo");
    let read = place.json(&["read", "kind=echo", "--action", "echo", "-p", "payload=7"]);
    assert_eq!(read["counts"]["succeeded"], 2, "{read}");
    assert!(
        read["tasks"][0]["outcome"]["result"]
            .to_string()
            .contains('7'),
        "{read}"
    );
    let set = place.json(&["control", "kind=echo", "set"]);
    assert_eq!(set["counts"]["succeeded"], 2, "{set}");
    let tasks = place.json(&["task", "list", "--class", "control", "--target", "a"]);
    assert_eq!(tasks[0]["state"], "succeeded", "{tasks}");
    // Parameters are checked before anything is sent.
    let wrong = place.run(&["control", "kind=echo", "set", "-p", "dely=1s"]); // typos: on purpose
    assert_eq!(wrong.code, 1);
    assert!(wrong.err.contains("dely"), "{}", wrong.err); // typos: on purpose
}

#[test]
fn a_release_that_cannot_be_used_is_told_by_the_doctor() {
    let place = Place::new();
    let _up = place.up();
    drop_in(&place, "broken", "kind = \"broken\"\nversion = 1\n");
    place.until(&["environment", "list"], |environments| {
        let refused = environments[0]["refused"].as_array()?;
        (!refused.is_empty()).then_some(())
    });
    let doctor = place.run(&["doctor"]);
    assert_eq!(doctor.code, 1);
    assert!(doctor.out.contains("refused"), "{}", doctor.out);
}

#[test]
fn a_worker_can_be_tried_before_it_is_used() {
    let place = Place::new();
    let folder = place.file("worker.toml", &echo());
    let folder = folder.parent().unwrap().to_str().unwrap();
    let tried = place.run(&["worker", "test", folder]);
    assert_eq!(tried.code, 0, "{}{}", tried.out, tried.err);
    assert!(tried.out.contains("passed"), "{}", tried.out);
    fs::write(Path::new(folder).join("worker.toml"), "kind = 1").unwrap();
    assert_eq!(place.run(&["worker", "test", folder]).code, 1);
}

#[test]
fn with_keys_only_releases_that_are_signed_are_served_beside_those_of_utakata() {
    let place = Place::new();
    let (key, public) = (place.beside("key.pem"), place.beside("key.pub.pem"));
    let openssl = |arguments: &[&str]| {
        let done = std::process::Command::new("openssl")
            .args(arguments)
            .output();
        assert!(done.as_ref().unwrap().status.success(), "{done:?}");
    };
    openssl(&["genpkey", "-algorithm", "ed25519", "-out", &key]);
    openssl(&["pkey", "-in", &key, "-pubout", "-out", &public]);
    drop_in(&place, "echo", &echo());
    let folder = place.data().join("releases/echo");
    let trust = format!("[execution.trust]\nkeys = [\"{public}\"]\n");
    let config = place.file("trust.toml", &trust);
    let _up = place.up_with(&["--config", config.to_str().unwrap()]);
    place.until(&["environment", "list"], |environments| {
        let refused = environments[0]["refused"].as_array()?;
        let is_unsigned = |one: &serde_json::Value| one["problem"]["code"] == "release-unsigned";
        // What comes with utakata needs none.
        (refused.len() == 1 && is_unsigned(&refused[0])).then_some(())
    });
    let folder = folder.to_str().unwrap();
    let signed = place.json(&["worker", "sign", folder, "--key", &key]);
    assert_eq!(signed["release"]["kind"], "echo", "{signed}");
    place.until_served("echo");
    let wrong = place.run(&["worker", "sign", folder, "--key", &public]);
    assert_eq!(wrong.code, 1);
    assert!(wrong.err.contains("BEGIN PRIVATE KEY"), "{}", wrong.err);
}
