//! A release that means harm, in the way of a process: it looks for everything that is not its own.

use std::{
    fs,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            fs::PermissionsExt,
            net::{SocketAddr, UnixListener},
        },
    },
    path::Path,
    process::Command,
};

use serde_json::Value;

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

/// Puts the release into the data directory.
fn drop_in(place: &Place, program: &str) {
    let release = place.data().join("releases/evil");
    fs::create_dir_all(&release).unwrap();
    fs::write(release.join("evil.sh"), program).unwrap();
    fs::set_permissions(release.join("evil.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(release.join("worker.toml"), MANIFEST).unwrap();
}

#[test]
fn a_worker_reads_no_secret_of_others_and_writes_nowhere() {
    let (place, outside) = (Place::new(), tempfile::tempdir().unwrap());
    let _up = place.up();
    let data = place.data().display().to_string();
    let program = PROGRAM.replace("DATA", &data).replace("WRITTEN", WRITTEN);
    let program = program.replace("OUTSIDE", &outside.path().display().to_string());
    drop_in(&place, &program);
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

/// Tries everything on this machine that would let it be somebody else, and says what came of each.
const ATTEMPTS: &str = r#"#!/usr/bin/python3 -I
import http.client, json, socket, sys

tried = {}

def attempt(what, act):
    try:
        tried[what] = str(act())
    except Exception as error:
        tried[what] = type(error).__name__ + ": " + str(error)

def unix(path, kind=socket.SOCK_STREAM):
    made = socket.socket(socket.AF_UNIX, kind)
    made.connect(path)
    return made

def api(made, headers):
    connection = http.client.HTTPConnection("localhost", timeout=5)
    connection.sock = made
    connection.request("PUT", "/v1/people/mallory", "{}", {"content-type": "application/json", **headers})
    return connection.getresponse().status

def pair():
    made = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0]
    made.sendto(b"x", "DATA/notify.sock")
    return "sent"

loopback = ("127.0.0.1", PORT)
attempt("api.sock", lambda: api(unix("DATA/api.sock"), {}))
attempt("api.sock, a guess", lambda: api(unix("DATA/api.sock"), {"utakata-local-key": "0" * 64}))
attempt("docker.sock", lambda: "connected" if unix("DATA/docker.sock") else "")
attempt("bus", lambda: "connected" if unix("DATA/bus") else "")
attempt("abstract", lambda: "connected" if unix("\0ABSTRACT") else "")
attempt("datagrams", lambda: "connected" if unix("DATA/notify.sock", socket.SOCK_DGRAM) else "")
attempt("a pair", pair)
attempt("api", lambda: api(socket.create_connection(loopback), {}))
attempt("api, a guess", lambda: api(socket.create_connection(loopback), {"authorization": "Bearer " + "0" * 64}))
attempt("api, a key", lambda: api(socket.create_connection(loopback), {"utakata-local-key": "0" * 64}))
for name in ("api.key", "token", "environment.key", "site.key", "of-another/worker.toml"):
    attempt(name, lambda: open("DATA/" + name).read())
attempt("its own", lambda: len(open(sys.argv[0]).read()))
print(json.dumps({"status": "succeeded", "result": tried}))
"#;

/// Makes a key that signs releases, and the one that admits them.
fn make_keys(place: &Place) {
    let (key, public) = (place.beside("key.pem"), place.beside("key.pub.pem"));
    for arguments in [
        &["genpkey", "-algorithm", "ed25519", "-out", &key][..],
        &["pkey", "-in", &key, "-pubout", "-out", &public],
    ] {
        let done = Command::new("openssl").args(arguments).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    }
}

/// Has the release try everything in a site with these settings. The site has no `mallory` then.
fn attempts(settings: &str, sign: impl FnOnce(&Place)) -> Value {
    let place = Place::new();
    let settings = settings.replace("PLACE/", &place.beside(""));
    let config = place.file("evil.toml", &settings);
    make_keys(&place);
    let up = place.up_with(&["--config", config.to_str().unwrap()]);
    let data = place.data();
    // Those of others, which are there and let this user in.
    let abstract_name = format!("utakata-evil-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&abstract_name).unwrap();
    let _abstract = UnixListener::bind_addr(&address).unwrap();
    let _others = ["docker.sock", "bus"].map(|name| UnixListener::bind(data.join(name)).unwrap());
    let _notify = std::os::unix::net::UnixDatagram::bind(data.join("notify.sock")).unwrap();
    let other = data.join("of-another");
    fs::create_dir_all(&other).unwrap();
    fs::write(other.join("worker.toml"), "of-another").unwrap();
    let url = up.ready["url"].as_str().unwrap();
    let port = url.rsplit_once(':').unwrap().1.trim_end_matches('/');
    let program = ATTEMPTS.replace("DATA", &data.display().to_string());
    let program = program.replace("PORT", port);
    let program = program.replace("ABSTRACT", &abstract_name);
    drop_in(&place, &program);
    sign(&place);
    let target = "type: target\nname: x\nkind: evil\naddress: 127.0.0.1:9\n";
    let applied = place.run_with(&["apply", "-f", "-"], target);
    assert_eq!(applied.code, 0, "{}", applied.err);
    place.until_served("evil");
    let read = place.json(&["read", "x", "--action", "look"]);
    let result = read["tasks"][0]["outcome"]["result"].clone();
    // It did run, in its folder.
    assert_eq!(result["its own"], program.len().to_string(), "{read}");
    let people = place.json(&["person", "list"]).to_string();
    assert!(!people.contains("mallory"), "{people}");
    result
}

/// Checks that it was refused everywhere where a worker with sockets of the machine is refused, too.
fn expect_refused(tried: &Value) {
    for by_network in ["api", "api, a guess", "api, a key"] {
        assert_eq!(tried[by_network], "401", "{by_network}: {tried}");
    }
    for file in [
        "api.key",
        "token",
        "environment.key",
        "site.key",
        "of-another/worker.toml",
    ] {
        let told = tried[file].as_str().unwrap();
        assert!(told.starts_with("PermissionError"), "{file}: {told}");
    }
}

#[test]
fn a_worker_gets_nowhere_by_the_sockets_of_its_machine() {
    let unsigned = attempts("", |_| {});
    let signed = attempts(
        "[execution.trust]\nkeys = [\"PLACE/key.pub.pem\"]\n",
        |place| {
            let folder = place.data().join("releases/evil").display().to_string();
            let done = place.run(&["worker", "sign", &folder, "--key", &place.beside("key.pem")]);
            assert_eq!(done.code, 0, "{}", done.err);
        },
    );
    for tried in [&unsigned, &signed] {
        expect_refused(tried);
        for socket in [
            "api.sock",
            "api.sock, a guess",
            "docker.sock",
            "bus",
            "abstract",
            "datagrams",
            "a pair",
        ] {
            let told = tried[socket].as_str().unwrap();
            assert!(told.contains("not supported"), "{socket}: {told}");
        }
    }
}

#[test]
fn a_worker_that_may_make_unix_sockets_is_not_admin_by_the_local_one() {
    let settings = "[execution.confinement]\nunix_sockets = [\"evil\"]\n";
    let tried = attempts(settings, |_| {});
    expect_refused(&tried);
    for local in ["api.sock", "api.sock, a guess"] {
        assert_eq!(tried[local], "401", "{local}: {tried}");
    }
    // What the setting permits, and why it is a setting: the attempts are real ones.
    assert_eq!(tried["docker.sock"], "connected", "{tried}");
}
