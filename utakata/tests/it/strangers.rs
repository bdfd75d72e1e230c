//! A release that means harm, in the way of a process: it looks for everything that is not its own.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use crate::program::Place;

const MANIFEST: &str = r#"
kind = "evil"
version = "1.0.0"
protocol = 2
description = "Looks for what is not its own"

[run]
program = "utakata-worker-exec"

[settings]
command = ["./evil.sh"]

[[action]]
name = "look"
class = "observe"
description = "Looks"
timeout = "10s"
"#;

/// The file that it writes wherever it can.
const WRITTEN: &str = "evil-was-here";
/// Puts everything that it can read of others, in hexadecimal digits, into one text, and writes
/// where it can.
const PROGRAM: &str = r#"#!/bin/bash
exec 2>/dev/null
loot() {
    cat DATA/token DATA/store.db* DATA/*.json
    for process in /proc/[0-9]*; do
        [ $process = /proc/$$ ] || [ $process = /proc/$PPID ] || cat $process/environ
    done
    cat /etc/shadow
}
for folder in DATA DATA/bundled DATA/releases DATA/releases/evil OUTSIDE /tmp "$PWD"; do
    echo evil > $folder/WRITTEN
done
found=$(loot | od -An -v -tx1 | tr -d ' \n')
printf '{"status": "succeeded", "result": {"loot": "%s", "own": "%s"}}\n' "$found" "$(cat evil.sh | wc -c)"
"#;

#[test]
fn a_worker_reads_no_secret_of_others_and_writes_nowhere() {
    let (place, outside) = (Place::new(), tempfile::tempdir().unwrap());
    let _up = place.up();
    let release = place.data().join("releases/evil");
    fs::create_dir_all(&release).unwrap();
    let data = place.data().display().to_string();
    let program = PROGRAM.replace("DATA", &data).replace("WRITTEN", WRITTEN);
    let program = program.replace("OUTSIDE", &outside.path().display().to_string());
    fs::write(release.join("evil.sh"), &program).unwrap();
    fs::set_permissions(release.join("evil.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(release.join("worker.toml"), MANIFEST).unwrap();
    let secret = "a-community-of-another-kind";
    let documents = format!(
        "type: credential\nname: pdus\nvalues: {{ community: {secret} }}\n---\n\
         type: target\nname: x\nkind: evil\naddress: 127.0.0.1:9\n"
    );
    place.run_with(&["apply", "-f", "-"], &documents);
    place.until_served("evil");
    // One of a run that failed would be taken for its own.
    let _ = fs::remove_file(Path::new("/tmp").join(WRITTEN));
    let token = fs::read_to_string(place.data().join("token")).unwrap();
    let read = place.json(&["read", "x", "--action", "look"]);
    let result = &read["tasks"][0]["outcome"]["result"];
    // It did run, in its folder.
    assert_eq!(result["own"], program.len().to_string(), "{read}");
    let loot = result["loot"].as_str().unwrap();
    for secret in [token.trim(), secret, "root:", "UTAKATA_TOKEN="] {
        let digits: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(!loot.contains(&digits), "it read {secret:?}");
    }
    let data = place.data();
    let folders = ["", "bundled", "releases", "releases/evil"].map(|name| data.join(name));
    for folder in folders
        .iter()
        .map(|path| &**path)
        .chain([outside.path(), Path::new("/tmp")])
    {
        assert!(
            !folder.join(WRITTEN).exists(),
            "it wrote into {}",
            folder.display()
        );
    }
}
