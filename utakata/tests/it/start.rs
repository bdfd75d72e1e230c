//! Starting, ending, and starting again.

use std::{
    fs,
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
    thread,
};

use serde_json::Value;

use crate::program::{Place, UTAKATA, wait_for};

const TARGET: &str = "type: target\nname: one\nkind: snmp\naddress: 127.0.0.1:9\n";

#[test]
fn it_starts_tells_where_it_is_and_leaves_nothing_behind() {
    let place = Place::new();
    let up = place.up();
    let url = up.ready["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    let endpoint = fs::read_to_string(place.data().join("endpoint.json")).unwrap();
    assert!(endpoint.contains(&url), "{endpoint}");
    assert_eq!(up.stop(), 0, "{}", place.told());
    assert!(!place.data().join("endpoint.json").exists());
    let after = place.run(&["get", "targets"]);
    assert_eq!(after.code, 1);
    assert!(
        after.err.contains("no utakata is running here"),
        "{}",
        after.err
    );
}

#[test]
fn the_address_is_withdrawn_before_the_api_closes() {
    let place = Place::new();
    let up = place.up();
    assert_eq!(place.run_with(&["apply", "-f", "-"], TARGET).code, 0);
    place.until_served("snmp");
    let environment = place.json(&["environment", "list"])[0]["id"].to_string();
    let paused = ["environment", "pause", environment.trim_matches('"')];
    assert_eq!(place.run(&paused).code, 0, "{}", place.told());
    // A waiting command keeps the process alive for a while after it has closed its port.
    let mut waits = place.command(&["read", "one", "--timeout", "60s"]);
    let mut waits = waits
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    place.until(&["task", "list"], |tasks| {
        tasks[0]["target"].as_str().map(drop)
    });
    let file = place.data().join("endpoint.json");
    let endpoint: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let address = endpoint["url"]
        .as_str()
        .unwrap()
        .trim_start_matches("http://")
        .to_owned();
    thread::scope(|scope| {
        let ended = scope.spawn(|| up.stop());
        let closed = wait_for(|| TcpStream::connect(&address).is_err().then_some(()));
        assert!(closed.is_some(), "{}", place.told());
        assert!(!file.exists(), "its port may be another server's by now");
        assert_eq!(ended.join().unwrap(), 0, "{}", place.told());
    });
    waits.wait().unwrap();
}

#[test]
fn a_data_directory_that_is_closed_to_this_user_is_not_called_idle() {
    let place = Place::new();
    let _up = place.up();
    let arguments = ["target", "list"];
    // Root may look into everything, unless it gives that up.
    let mut command = match rustix::process::getuid().is_root() {
        true => {
            let mut command = Command::new("setpriv");
            command.args(["--inh-caps=-all", "--bounding-set=-all", UTAKATA]);
            command.arg("--data").arg(place.data()).args(arguments);
            command
        }
        false => place.command(&arguments),
    };
    let closed =
        |mode| fs::set_permissions(place.data(), fs::Permissions::from_mode(mode)).unwrap();
    closed(0o000);
    let output = command.output().unwrap();
    closed(0o700);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("is closed to this user"), "{told}");
}

#[test]
fn nothing_that_was_applied_is_lost_when_it_is_killed() {
    let place = Place::new();
    let up = place.up();
    assert_eq!(place.run_with(&["apply", "-f", "-"], TARGET).code, 0);
    let token = fs::read_to_string(place.data().join("token")).unwrap();
    up.kill();
    let _up = place.up();
    assert_eq!(place.json(&["get", "targets"])[0]["name"], "one");
    assert_eq!(
        fs::read_to_string(place.data().join("token")).unwrap(),
        token
    );
}

#[test]
fn paths_are_relative_to_where_a_command_is_typed() {
    let place = Place::relative();
    {
        let _up = place.up_with(&["--data", "data"]);
        place.until_served("snmp");
        assert_eq!(place.run(&["worker", "list"]).code, 0);
    }
    let _hub = place.role(&["hub", "--socket", "hub.sock"]);
    let both = ["--hub", "hub.sock", "--data"];
    let of = |role, data| [&[role], &both[..], &[data]].concat();
    let socket = place.beside("hub.sock");
    wait_for(|| fs::exists(&socket).unwrap().then_some(())).unwrap();
    let listen = ["--listen", "127.0.0.1:0", "--mqtt", "off"];
    let _le = place.role(&[of("le", "data"), listen.to_vec()].concat());
    wait_for(|| place.data().join("endpoint.json").exists().then_some(())).unwrap();
    let _wee = place.role(&[of("wee", "wee-1"), vec!["--id", "wee-1"]].concat());
    place.until_served("snmp");
}

#[test]
fn an_environment_of_which_no_worker_starts_says_so_with_the_reason_and_a_cure() {
    let place = Place::new();
    // The programs next to this copy exist, and end at once.
    let program = place.beside("utakata");
    if fs::hard_link(UTAKATA, &program).is_err() {
        fs::copy(UTAKATA, &program).unwrap();
    }
    let worker = place.file(
        "utakata-worker-snmp",
        "#!/bin/sh\necho 'no libx' >&2\nexit 1\n",
    );
    fs::set_permissions(worker, fs::Permissions::from_mode(0o755)).unwrap();
    let arguments = ["up", "--listen", "127.0.0.1:0", "--mqtt", "off"];
    let _up = place.role_of(&program, &arguments);
    let says = "no worker starts, so nothing can be read or controlled: ";
    let told = wait_for(|| Some(place.told()).filter(|told| told.contains(says)));
    let told = told.unwrap_or_else(|| panic!("{}", place.told()));
    assert_eq!(told.matches(says).count(), 1, "once: {told}");
    assert!(told.contains("no libx"), "{told}");
    let doctor = place.run(&["doctor"]);
    assert_eq!(doctor.code, 1);
    for seen in ["no worker starts", "no libx", "correct the problem"] {
        assert!(doctor.out.contains(seen), "{seen}: {}", doctor.out);
    }
    assert!(!doctor.out.contains("report it"), "{}", doctor.out);
}

#[test]
fn a_second_one_on_the_same_directory_is_told_who_has_it() {
    let place = Place::new();
    let _up = place.up();
    let second = place.run(&["up", "--listen", "127.0.0.1:0", "--mqtt", "off"]);
    assert_eq!(second.code, 1);
    assert!(
        second.err.contains("another `utakata` (process "),
        "{}",
        second.err
    );
    assert_eq!(place.run(&["get", "targets"]).code, 0);
}

#[test]
fn a_port_in_use_and_a_wrong_configuration_are_reported_with_a_cure() {
    let place = Place::new();
    let up = place.up();
    let url = up.ready["url"].as_str().unwrap();
    let address = url.trim_start_matches("http://");
    let other = Place::new();
    let taken = other.run(&["up", "--listen", address, "--mqtt", "off"]);
    assert_eq!(taken.code, 1);
    assert!(taken.err.contains(address), "{}", taken.err);
    let config = other.file("utakata.toml", "[logic.http]\nlisen = \"127.0.0.1:1\"\n"); // typos: on purpose
    let config = config.to_str().unwrap();
    for command in [
        &["config", "check", config][..],
        &["up", "--config", config],
    ] {
        let wrong = other.run(command);
        assert_eq!(wrong.code, 1);
        let told = "utakata.toml:2:1: there is no key \"lisen\": did you mean \"listen\"?"; // typos: on purpose
        assert!(wrong.err.contains(told), "{}", wrong.err);
    }
}

#[test]
fn a_wrong_value_is_refused_alike_by_the_check_and_by_whatever_would_run_with_it() {
    let place = Place::new();
    for (text, told) in [
        (
            "execution.heartbeat = \"0s\"",
            "execution.heartbeat must be more than 0",
        ),
        (
            "logic.control.attempts = 0",
            "logic.control.attempts must be more than 0",
        ),
        (
            "execution.without_permits = true",
            "there is no key \"without_permits\"",
        ),
        (
            "interconnect.faults = \"lose=1\"",
            "there is no key \"faults\"",
        ),
    ] {
        let config = place.file("utakata.toml", text);
        let config = config.to_str().unwrap();
        for command in [
            &["config", "check", config][..],
            &["up", "--config", config],
            &["le", "--hub", "hub.sock", "--config", config],
            &["wee", "--hub", "hub.sock", "--config", config],
        ] {
            let wrong = place.run(command);
            assert_eq!(wrong.code, 1, "{command:?}: {}", wrong.err);
            assert!(wrong.err.contains(told), "{command:?}: {}", wrong.err);
        }
    }
}

#[test]
fn a_store_that_is_torn_is_reported_with_its_name_and_a_cure() {
    let place = Place::new();
    place.up().stop();
    let store = place.data().join("store.db");
    fs::write(
        &store,
        "this is no database, but long enough to be taken for one ".repeat(100),
    )
    .unwrap();
    for file in ["store.db-wal", "store.db-shm"] {
        let _ = fs::remove_file(place.data().join(file));
    }
    let torn = place.run(&["up", "--listen", "127.0.0.1:0", "--mqtt", "off"]);
    assert_eq!(torn.code, 1);
    assert!(torn.err.contains("store.db"), "{}", torn.err);
    assert!(torn.err.contains("cure:"), "{}", torn.err);
}

#[test]
fn somebody_gets_a_token_of_their_own_and_loses_it() {
    let place = Place::new();
    let up = place.up();
    let added = place.run(&["person", "add", "ana", "--role", "viewer"]);
    assert_eq!(added.code, 0, "{}", added.err);
    let token = added.out.trim().to_owned();
    let url = up.ready["url"].as_str().unwrap();
    assert!(
        added
            .err
            .contains(&format!("UTAKATA_URL={url} UTAKATA_TOKEN={token}"))
    );
    let as_ana = |arguments: &[&str]| {
        let elsewhere = place
            .command(&[&["--url", url], arguments].concat())
            .env("UTAKATA_DATA", "/nonexistent")
            .env("UTAKATA_TOKEN", &token)
            .output()
            .unwrap();
        elsewhere.status.code()
    };
    assert_eq!(as_ana(&["get", "targets"]), Some(0));
    let again = place.run(&["person", "add", "ana"]);
    assert_eq!(again.code, 2, "{}", again.out);
    assert!(again.err.contains("--new-token"), "{}", again.err);
    assert_eq!(as_ana(&["get", "targets"]), Some(0));
    let people = place.run(&["person", "list"]);
    assert!(
        people.out.contains("admin") && people.out.contains("ana"),
        "{}",
        people.out
    );
    assert!(!people.out.contains(&token));
    assert_eq!(place.run(&["person", "remove", "ana"]).code, 0);
    assert_eq!(as_ana(&["get", "targets"]), Some(1));
    let admin = place.run(&["person", "add", "admin"]);
    assert_eq!(admin.code, 1);
    assert!(admin.err.contains("file"), "{}", admin.err);
}

#[test]
fn a_wrong_token_is_refused_and_the_right_one_works_from_anywhere() {
    let place = Place::new();
    let up = place.up();
    let url = up.ready["url"].as_str().unwrap();
    let wrong = place.file("wrong", "0123456789abcdef0123456789abcdef");
    let refused = place.run(&[
        "--url",
        url,
        "--token-file",
        wrong.to_str().unwrap(),
        "get",
        "targets",
    ]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("token"), "{}", refused.err);
    let token = fs::read_to_string(place.data().join("token")).unwrap();
    let elsewhere = place
        .command(&["--url", url, "get", "targets", "-o", "json"])
        .env("UTAKATA_DATA", "/nonexistent")
        .env("UTAKATA_TOKEN", token.trim())
        .output()
        .unwrap();
    assert!(
        elsewhere.status.success(),
        "{}",
        String::from_utf8_lossy(&elsewhere.stderr)
    );
}
