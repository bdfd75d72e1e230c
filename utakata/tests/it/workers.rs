//! A worker without a manager.

use std::{fs, path::Path};

use crate::program::{Place, beside};

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
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("dely"), "{}", wrong.err); // typos: on purpose
}

#[test]
fn a_release_that_cannot_be_used_is_reported_by_the_doctor() {
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

/// A release of the echo worker of this version in a folder, without its program.
fn echo_of(place: &Place, name: &str, version: &str) -> String {
    let folder = place.beside(name);
    fs::create_dir_all(&folder).unwrap();
    let text = echo().replace("version = \"0.1.0\"", &format!("version = \"{version}\""));
    fs::write(Path::new(&folder).join("worker.toml"), text).unwrap();
    folder
}

#[test]
fn a_release_is_pushed_listed_compared_and_deleted() {
    let place = Place::new();
    let folder = echo_of(&place, "echo", "0.2.0");
    let early = place.run(&["worker", "push", &folder]);
    assert!(early.err.contains("no utakata is running"), "{}", early.err);
    let _up = place.up();
    let pushed = place.json(&["worker", "push", &folder]);
    let digest = pushed["digest"].as_str().unwrap();
    assert_eq!(pushed["version"], "0.2.0");
    let files = pushed["content"]["files"].as_array().unwrap();
    let paths: Vec<&str> = files.iter().map(|f| f["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["utakata-worker-echo", "worker.toml"]);
    assert_eq!(files[0]["executable"], true);
    let size = fs::metadata(beside("utakata-worker-echo")).unwrap().len();
    assert_eq!(files[0]["size"], size);

    let text = fs::read_to_string(Path::new(&folder).join("worker.toml")).unwrap();
    let next = echo_of(&place, "next", "0.3.0");
    let manifest = Path::new(&next).join("worker.toml");
    let text = text
        .replace("0.2.0", "0.3.0")
        .replace("name = \"hang\"", "name = \"sleep\"");
    fs::write(manifest, text).unwrap();
    let told = place.run(&["worker", "push", &next]);
    assert_eq!(told.code, 0, "{}", told.err);
    // The program exists already.
    for says in [
        "echo@0.3.0",
        "KiB sent",
        "it serves no targets yet: `utakata worker roll echo --to 0.3.0`",
    ] {
        assert!(told.out.contains(says), "{says}: {}", told.out);
    }
    let again = place.run(&["worker", "push", &next]);
    assert!(again.out.contains("; 0 B sent"), "{}", again.out);

    let listed = place.json(&["worker", "list"]);
    let versions: Vec<&str> = listed["releases"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["kind"] == "echo")
        .map(|one| one["version"].as_str().unwrap())
        .collect();
    assert_eq!(versions, ["0.2.0", "0.3.0"]);
    let table = place.run(&["worker", "list"]).out;
    assert!(
        table.contains("In the catalogue:") && table.contains(&digest[..12]),
        "{table}"
    );
    let shown = place.run(&["worker", "show", &digest[..8]]).out;
    assert!(
        shown.contains("echo@0.2.0") && shown.contains("hang"),
        "{shown}"
    );
    let diff = place.run(&["worker", "diff", "echo@0.2.0", "echo@0.3.0"]);
    assert_eq!(diff.code, 0, "{}", diff.err);
    let lines: Vec<&str> = diff.out.lines().collect();
    assert!(lines[3].starts_with("yes     action hang"), "{}", diff.out);
    assert!(lines[4].starts_with("no      action sleep"), "{}", diff.out);
    assert!(diff.out.contains("worker.toml"), "{}", diff.out);
    assert!(!diff.out.contains("utakata-worker-echo"), "{}", diff.out);

    // The first one of a kind serves it.
    let serves = place.run(&["worker", "delete", "echo@0.2.0"]);
    assert!(serves.err.contains("it is to serve echo"), "{}", serves.err);
    assert_eq!(place.run(&["worker", "delete", "echo@0.3.0"]).code, 0);
    let gone = place.run(&["worker", "show", "echo@0.3.0"]);
    assert_eq!(gone.code, 1);
    assert!(gone.err.contains("did you mean \"0.2.0\"?"), "{}", gone.err);
    place.until_served("echo");
}

/// The value of a line of `worker show`.
fn value<'t>(shown: &'t str, name: &str) -> &'t str {
    let of = |line: &'t str| Some(line.strip_prefix(name)?.trim());
    shown.lines().find_map(of).unwrap_or_default()
}

#[test]
fn releases_that_were_not_pushed_are_shown_and_compared_as_well() {
    let place = Place::new();
    let _up = place.up();
    drop_in(&place, "echo", &echo());
    place.until_served("echo");
    place.until_served("snmp");
    let listed = place.json(&["worker", "list"]);
    let releases = listed["releases"].as_array().unwrap().iter();
    let shipped = releases.clone().find(|one| one["kind"] == "snmp").unwrap();
    let shipped = format!("snmp@{}", shipped["version"].as_str().unwrap());

    let shown = place.run(&["worker", "show", &shipped]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert_eq!(value(&shown.out, "source"), "shipped with utakata");
    assert!(
        value(&shown.out, "files").ends_with("and its program"),
        "{}",
        shown.out
    );
    assert!(value(&shown.out, "digest").len() > 8, "{}", shown.out);
    assert_ne!(value(&shown.out, "runs in"), "nowhere", "{}", shown.out);

    let shown = place.run(&["worker", "show", "echo@0.1.0"]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert_eq!(value(&shown.out, "source"), "the folders of this machine");
    assert_ne!(value(&shown.out, "runs in"), "nowhere", "{}", shown.out);
    assert!(shown.out.contains("hang"), "{}", shown.out);

    // One in a folder and one that is pushed.
    let next = echo_of(&place, "next", "0.2.0");
    let manifest = Path::new(&next).join("worker.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(
        &manifest,
        text.replace("name = \"hang\"", "name = \"sleep\""),
    )
    .unwrap();
    let pushed = place.run(&["worker", "push", &next]);
    assert_eq!(pushed.code, 0, "{}", pushed.err);
    for (from, to) in [("echo@0.1.0", "echo@0.2.0"), ("echo@0.2.0", "echo@0.1.0")] {
        let diff = place.run(&["worker", "diff", from, to]);
        assert_eq!(diff.code, 0, "{}", diff.err);
        for says in ["action hang", "action sleep"] {
            assert!(diff.out.contains(says), "{says}: {}", diff.out);
        }
    }
    let same = place.run(&["worker", "diff", &shipped, &shipped]);
    assert_eq!(same.code, 0, "{}", same.err);
    assert!(!same.out.contains("action"), "{}", same.out);
}

#[test]
fn what_cannot_be_pushed_is_refused_with_the_reason_and_nothing_is_added() {
    let place = Place::new();
    let _up = place.up();
    let folder = echo_of(&place, "echo", "0.2.0");
    assert_eq!(place.run(&["worker", "push", &folder]).code, 0);
    let more = Path::new(&folder).join("more");
    fs::write(more, "more").unwrap();
    let empty = place.beside("empty");
    fs::create_dir_all(&empty).unwrap();
    for (arguments, code, says) in [
        (["worker", "push", &folder], 1, "give it another version"),
        (["worker", "push", &empty], 2, "no worker.toml in it"),
        (["worker", "push", "/nowhere"], 2, "there is no folder"),
        (["worker", "show", "echo"], 2, "KIND@VERSION"),
        (
            ["worker", "delete", "ecko@0.2.0"],
            1,
            "did you mean \"echo\"?",
        ),
    ] {
        let done = place.run(&arguments);
        assert_eq!(done.code, code, "{arguments:?}: {}", done.err);
        assert!(done.err.contains(says), "{says}: {}", done.err);
    }
    let listed = place.json(&["worker", "list"]);
    let all = listed["releases"].as_array().unwrap();
    let of_echo = all.iter().filter(|one| one["kind"] == "echo");
    assert_eq!(of_echo.count(), 1, "{listed}");
}

#[test]
fn with_keys_only_releases_that_are_signed_are_served_next_to_those_of_utakata() {
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
        // What is shipped with utakata needs none.
        (refused.len() == 1 && is_unsigned(&refused[0])).then_some(())
    });
    let folder = folder.to_str().unwrap();
    let signed = place.json(&["worker", "sign", folder, "--key", &key]);
    assert_eq!(signed["release"]["kind"], "echo", "{signed}");
    place.until_served("echo");
    // A pushed release contains its program, and has another signature.
    let text = fs::read_to_string(Path::new(folder).join("signatures.toml")).unwrap();
    assert_eq!(text.matches("[[signature]]").count(), 2, "{text}");
    let manifest = echo().replace("kind = \"echo\"", "kind = \"pushed\"");
    let apart = place.beside("pushed");
    fs::create_dir_all(&apart).unwrap();
    fs::write(Path::new(&apart).join("worker.toml"), manifest).unwrap();
    let signed = place.run(&["worker", "sign", &apart, "--key", &key]);
    assert_eq!(signed.code, 0, "{}", signed.err);
    let pushed = place.run(&["worker", "push", &apart]);
    assert_eq!(pushed.code, 0, "{}", pushed.err);
    place.until_served("pushed");
    let wrong = place.run(&["worker", "sign", folder, "--key", &public]);
    assert_eq!(wrong.code, 1);
    assert!(wrong.err.contains("BEGIN PRIVATE KEY"), "{}", wrong.err);
}

#[test]
fn a_kind_of_ones_own_begins_as_a_shipped_one() {
    let place = Place::new();
    let _up = place.up();
    for (kind, from) in [
        ("acme-bmc", "redfish"),
        ("acme-pdu", "http-json"),
        ("acme-ats", "snmp"),
    ] {
        let folder = place.data().join("releases").join(kind);
        let folder = folder.to_str().unwrap();
        let made = place.run(&["worker", "new", kind, "--from", from, "--folder", folder]);
        assert_eq!(made.code, 0, "{}", made.err);
        place.until_served(kind);
        // What is there is not written over.
        let again = place.run(&["worker", "new", kind, "--from", from, "--folder", folder]);
        assert_eq!(again.code, 2, "{}", again.err);
    }
    let wrong = place.run(&["worker", "new", "acme", "--from", "redfsh"]); // typos: on purpose
    assert_eq!(wrong.code, 2);
    assert!(
        wrong.err.contains("did you mean \"redfish\""),
        "{}",
        wrong.err
    );
}
