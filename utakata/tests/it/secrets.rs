//! A planted secret: the worker gets it, and it is nowhere else, whatever is looked at.

use std::{
    fs,
    io::ErrorKind,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::program::{Place, Up};

pub const PLANTED: &str = "pl4nted-s3cret";

const MANIFEST: &str = r#"
kind = "keeper"
version = "1.0.0"
protocol = 2
description = "Tells the length of a secret"

[run]
program = "utakata-worker-exec"

[settings]
command = ["./keeper.sh"]

[credential]
type = "object"
required = ["password"]
properties = { password = { type = "string" } }

[[action]]
name = "look"
class = "observe"
description = "Looks"
timeout = "10s"

[[action]]
name = "shut"
class = "control"
description = "Shuts"
timeout = "10s"

[[action]]
name = "set"
class = "control"
description = "Sets a code"
timeout = "10s"

[action.parameters]
type = "object"
required = ["code"]
additionalProperties = false
properties.code = { type = "string", writeOnly = true, maxLength = 40 }
"#;

/// Tells a digest of the secret, which shows that it has arrived; and repeats a secret parameter, as
/// no program should.
const PROGRAM: &str = r#"#!/bin/bash
read -r line
secret=${line#*\"password\":\"}
repeated=
case $line in
*\"code\":\"*) secret=${line#*\"code\":\"}; repeated=${secret%%\"*} ;;
esac
digest=$(printf %s "${secret%%\"*}" | sha256sum)
printf '{"status": "succeeded", "result": {"digest": "%s", "repeated": "%s"}}\n' "${digest%% *}" "$repeated"
"#;

/// The SHA-256 of the secret.
const DIGEST: &str = "0fdc9dcc6888a37de54ad652b73ff0ba63decf93b02fb14fca71677f93665177";

/// Writes the release into a data directory.
pub fn release(data: &Path) {
    let release = data.join("releases/keeper");
    fs::create_dir_all(&release).unwrap();
    fs::write(release.join("keeper.sh"), PROGRAM).unwrap();
    fs::set_permissions(release.join("keeper.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(release.join("worker.toml"), MANIFEST).unwrap();
}

fn serve<'a>(place: &'a Place) -> Up<'a> {
    let up = place.up();
    release(&place.data());
    place.until_served("keeper");
    up
}

pub fn look(place: &Place) {
    let read = place.json(&["read", "x", "--action", "look"]);
    let digest = &read["tasks"][0]["outcome"]["result"]["digest"];
    assert_eq!(digest, DIGEST, "{read}");
}

/// Gives the worker the secret as a parameter, by standard input.
pub fn set(place: &Place) {
    let arguments = ["control", "x", "set", "-p", "code=-", "--yes", "-o", "json"];
    let done = place.run_with(&arguments, &format!("{PLANTED}\n"));
    assert_eq!(done.code, 0, "{}{}{}", done.out, done.err, place.told());
    let told = format!("{}{}", done.out, done.err);
    assert!(!told.contains(PLANTED), "{told}");
    let shown = place.json(&["operation", "show", "last"]);
    assert_eq!(shown["parameters"]["code"], "***", "{shown}");
    let result = &shown["tasks"][0]["outcome"]["result"];
    assert_eq!(result["digest"], DIGEST, "{shown}");
    assert_eq!(result["repeated"], "***", "{shown}");
}

/// Returns the files below a folder that have the secret in them.
pub fn with_secret(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let Ok(kind) = fs::symlink_metadata(&path).map(|metadata| metadata.file_type()) else {
            continue;
        };
        if kind.is_dir() {
            found.extend(with_secret(&path));
        } else if kind.is_file() {
            let bytes = match fs::read(&path) {
                Ok(bytes) => bytes,
                // It went away meanwhile; one that cannot be read is not one without it.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => panic!("{}: {error}", path.display()),
            };
            let mut parts = bytes.windows(PLANTED.len());
            if parts.any(|part| part == PLANTED.as_bytes()) {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn a_planted_secret_is_with_the_worker_and_in_no_file_log_or_answer() {
    let place = Place::new();
    let up = serve(&place);
    let documents = format!(
        "type: credential\nname: safe\nvalues: {{ password: {PLANTED} }}\n---\n\
         type: target\nname: x\nkind: keeper\naddress: 127.0.0.1:9\ncredential: safe\n"
    );
    let applied = place.run_with(&["apply", "-f", "-"], &documents);
    assert_eq!(applied.code, 0, "{}", applied.err);
    look(&place);
    let before = place.json(&["secret", "show"]);
    let rotated = place.run(&["secret", "rotate"]);
    assert_eq!(rotated.code, 0, "{}", rotated.err);
    let after = place.json(&["secret", "show"]);
    assert_ne!(before["key"], after["key"]);
    assert_eq!(after["credentials"], 1, "{after}");
    look(&place);
    set(&place);
    let shown = place.run(&[
        "control",
        "x",
        "set",
        "-p",
        &format!("code={PLANTED}"),
        "--yes",
    ]);
    assert_eq!(shown.code, 2, "{}{}", shown.out, shown.err);
    assert!(shown.err.contains("-p code=-"), "{}", shown.err);
    let long = place.run_with(
        &["control", "x", "set", "-p", "code=-", "--yes"],
        &PLANTED.repeat(4),
    );
    assert!(long.err.contains("56 characters"), "{}", long.err);
    assert!(!long.err.contains(PLANTED), "{}", long.err);

    let backup = place.beside("backup.db");
    for command in [
        &["get", "credentials", "-o", "yaml"][..],
        &["get", "targets", "-o", "yaml"],
        &["get", "readings", "-o", "json"],
        &["task", "list", "-o", "json"],
        &["task", "show", "last", "-o", "json"],
        &["operation", "list", "-o", "json"],
        &["operation", "explain", "last"],
        &["operation", "undo", "last", "--dry-run"],
        &["audit", "list"],
        &["audit", "export"],
        &["status", "-o", "json"],
        &["doctor", "-o", "json"],
        &["secret", "show"],
        &["store", "backup", &backup],
    ] {
        let done = place.run(command);
        let told = format!("{}{}", done.out, done.err);
        assert!(!told.contains(PLANTED), "{command:?}: {told}");
    }
    let folder = place.data().parent().unwrap().to_owned();
    assert!(Path::new(&backup).exists());
    // The store with its log, the history, the log of the process, the sockets' folder, the backup.
    assert_eq!(with_secret(&folder), [] as [PathBuf; 0]);
    assert_eq!(up.stop(), 0);
    assert_eq!(with_secret(&folder), [] as [PathBuf; 0]);
}

#[test]
fn a_store_without_its_key_does_not_start_and_starts_again_with_it() {
    let place = Place::new();
    let up = serve(&place);
    let documents = format!(
        "type: credential\nname: safe\nvalues: {{ password: {PLANTED} }}\n---\n\
         type: target\nname: x\nkind: keeper\naddress: 127.0.0.1:9\ncredential: safe\n"
    );
    place.run_with(&["apply", "-f", "-"], &documents);
    assert_eq!(up.stop(), 0);
    let key = place.data().join("site.key");
    let mode = fs::metadata(&key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let aside = PathBuf::from(place.beside("aside"));
    fs::rename(&key, &aside).unwrap();
    let ports = ["--listen", "127.0.0.1:0", "--mqtt", "off"];
    let refused = place.run(&[&["up"], &ports[..]].concat());
    assert_eq!(refused.code, 1, "{}", refused.err);
    let told = refused.err;
    assert!(told.contains("there is no file"), "{told}");
    assert!(told.contains("cure: put the file with the key"), "{told}");
    let made = place.run(&["secret", "key", &key.display().to_string()]);
    assert_eq!(made.code, 0, "{}", made.err);
    let refused = place.run(&[&["up"], &ports[..]].concat());
    assert!(refused.err.contains("has another one"), "{}", refused.err);

    fs::rename(&aside, &key).unwrap();
    let _up = serve(&place);
    look(&place);
}

#[test]
fn the_log_has_heads_that_a_rewritten_store_does_not_fit() {
    let place = Place::new();
    let up = place.up();
    place.serve_echo(&["a"]);
    let lock = ["target", "lock", "a", "--why", "maintenance", "--for", "1h"];
    let locked = place.run(&lock);
    assert_eq!(locked.code, 0, "{}", locked.err);
    // The head is published at the latest when it ends.
    assert_eq!(up.stop(), 0);
    let log = place.file("log", &place.told());
    let log = log.display().to_string();
    let store = place.data().join("store.db").display().to_string();
    let verify = |store: &str| place.run(&["audit", "verify", "--heads", &log, "--store", store]);
    let whole = verify(&store);
    assert_eq!(whole.code, 0, "{}{}", whole.out, whole.err);

    let emptied = Place::new();
    assert_eq!(emptied.up().stop(), 0);
    let its_own = emptied.data().join("store.db");
    // Nobody has kept a log: the data directory remembers what was there.
    let early = place.file("store.early", "");
    fs::copy(&store, &early).unwrap();
    let up = place.up();
    let unlocked = place.run(&["target", "unlock", "a"]);
    assert_eq!(unlocked.code, 0, "{}", unlocked.err);
    let whole = place.run(&["audit", "verify"]);
    assert_eq!(whole.code, 0, "{}{}", whole.out, whole.err);
    assert_eq!(up.stop(), 0);
    fs::copy(&early, &store).unwrap();
    let up = place.up();
    let found = place.run(&["audit", "verify"]);
    assert_eq!(found.code, 1, "{}{}", found.out, found.err);
    assert!(found.out.contains("published"), "{}", found.out);
    assert_eq!(up.stop(), 0);
    // What is restored on purpose is no finding.
    let early = early.display().to_string();
    let restored = place.run(&["store", "restore", &early, "--replace"]);
    assert_eq!(restored.code, 0, "{}", restored.err);
    let up = place.up();
    let whole = place.run(&["audit", "verify"]);
    assert_eq!(whole.code, 0, "{}{}", whole.out, whole.err);
    assert_eq!(up.stop(), 0);
    let other = its_own.display().to_string();
    let found = verify(&other);
    assert_eq!(found.code, 1, "{}{}", found.out, found.err);
    assert!(found.out.contains("published"), "{}", found.out);
    let signed = place.run(&[
        "audit",
        "verify",
        "--heads",
        &log,
        "--store",
        &store,
        "--signed-by",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ]);
    assert_ne!(signed.code, 0, "another site's key");
}
