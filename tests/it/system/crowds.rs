//! More connections than allowed, on every listening socket, and no open file left: no worker ends,
//! and authorized clients are answered.

use std::{
    fs,
    io::Write,
    net::{SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    time::Duration,
};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};
use serde_json::Value;

use utakata_tests::wait::wait_for;

use super::place::{Place, Up};

/// The limit that a plain shell gives a program.
const OPEN_FILES: usize = 1024;
const CROWD: usize = 1100;
/// The number of lines that a crowd may cause in the log. It was once tens of thousands a second.
const MAX_LINES: usize = 40;

/// Raises this test's own limit: it opens as many files as it makes others refuse.
fn raise_own_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
}

/// One target that can be controlled, and its worker.
fn furnished(place: &Place) -> Vec<Pid> {
    place.release_echo();
    place.apply("type: target\nname: e1\nkind: echo\naddress: e1\n");
    place.until_served("echo");
    place.until_served("apc-pdu");
    workers(place)
}

fn workers(place: &Place) -> Vec<Pid> {
    [place.workers("echo"), place.workers("apc-pdu")].concat()
}

#[track_caller]
fn controls(place: &Place) {
    let done = place.run(&["control", "kind=echo", "set", "--yes", "-o", "json"]);
    let answer: Value = serde_json::from_str(&done.out).unwrap_or_default();
    let succeeded = &answer["counts"]["succeeded"];
    assert_eq!(
        (done.code, succeeded),
        (0, &1.into()),
        "{}{}",
        done.err,
        place.told()
    );
}

fn address(up: &Up<'_>, of: &str) -> SocketAddr {
    let text = up.ready[of].as_str().unwrap();
    text.trim_start_matches("http://").parse().unwrap()
}

/// Opens connections that send this and no more.
fn crowd_at(address: SocketAddr, says: &[u8]) -> Vec<TcpStream> {
    let connect = |_| {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(10)).ok()?;
        // It may have been closed already.
        let _ = stream.write_all(says);
        Some(stream)
    };
    (0..CROWD).filter_map(connect).collect()
}

/// Returns the address to which a worker connected, unless it went through the socket.
fn loopback(worker: Pid) -> Option<SocketAddr> {
    let environment = fs::read(format!("/proc/{}/environ", worker.as_raw_nonzero())).unwrap();
    let environment = String::from_utf8_lossy(&environment).into_owned();
    let mut variables = environment.split('\0');
    let endpoint = variables.find_map(|one| one.strip_prefix("UTAKATA_ENDPOINT="));
    let address = endpoint.unwrap().strip_prefix("http://")?;
    Some(address.parse().unwrap())
}

#[test]
fn a_crowd_at_any_door_ends_no_worker_and_keeps_nobody_out_who_has_a_token() {
    raise_own_limit();
    let place = Place::new();
    let run = place.data().join("run");
    fs::create_dir_all(place.data()).unwrap();
    let config = format!("[execution]\nrun_folder = {run:?}\n");
    fs::write(place.data().join("utakata.toml"), config).unwrap();
    let socket = run.join("door/workers.sock");
    let up = place.up_with_open_files(OPEN_FILES);
    let before = furnished(&place);
    let lines = || place.told().lines().count();
    let lines_before = lines();

    let http = crowd_at(address(&up, "url"), b"GET /v1/status HTTP/1.1\r\nX-a: ");
    assert_eq!(http.len(), CROWD);
    controls(&place);
    let mqtt = crowd_at(address(&up, "mqtt"), b"\x10");
    assert_eq!(mqtt.len(), CROWD);
    controls(&place);
    let connect = |_| UnixStream::connect(&socket).ok();
    let of_workers: Vec<_> = (0..CROWD).filter_map(connect).collect();
    assert_eq!(of_workers.len(), CROWD);
    // Only where workers cannot be confined do they all come through the socket.
    let on_loopback = loopback(before[0]).map(|address| crowd_at(address, b"PRI"));
    assert!(on_loopback.iter().all(|crowd| crowd.len() == CROWD));
    // A worker started now gets in nevertheless.
    rustix::process::kill_process(before[0], rustix::process::Signal::KILL).unwrap();
    let is_replaced = || {
        let now = workers(&place);
        (now.len() == before.len() && now != before).then_some(())
    };
    assert!(wait_for(is_replaced).is_some(), "{}", place.told());
    place.until_served("echo");
    controls(&place);

    let told = place.told();
    assert!(!told.contains("release was removed"), "{told}");
    assert!(lines() - lines_before < MAX_LINES, "{told}");
    let after = workers(&place);
    let goes_on = |worker: &Pid| after.contains(worker);
    assert!(before[1..].iter().all(goes_on), "{told}");
    drop((http, mqtt, of_workers, on_loopback));
}

#[test]
fn where_no_file_can_be_opened_for_a_while_no_worker_ends() {
    let place = Place::new();
    let up = place.up();
    let before = furnished(&place);
    let limit = getrlimit(Resource::Nofile);
    let none = Rlimit {
        current: Some(8),
        maximum: limit.maximum,
    };
    let lines_before = place.told().lines().count();
    let was = prlimit(Some(up.pid()), Resource::Nofile, none).unwrap();
    let is_reported = || place.told().contains("cannot access").then_some(());
    let told = wait_for(is_reported);
    prlimit(Some(up.pid()), Resource::Nofile, was).unwrap();
    let log = place.told();
    assert!(told.is_some(), "{log}");
    assert!(!log.contains("release was removed"), "{log}");
    assert!(log.lines().count() - lines_before < MAX_LINES, "{log}");
    controls(&place);
    assert_eq!(workers(&place), before);
    // Once something is readable again, it is no longer reported.
    place.until(&["environment", "list"], |listed| {
        let is_reported = listed.to_string().contains("release-unreadable");
        (!is_reported).then_some(())
    });
}
