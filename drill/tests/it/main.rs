//! The roles of the drill, started as it starts them.

#![cfg(test)]

use std::process::{Command, Stdio};

use utakata_tests::wait::eventually;

const DRILL: &str = env!("CARGO_BIN_EXE_utakata-drill");

#[test]
fn a_fault_that_there_is_not_is_refused() {
    let hub = ["hub", "--socket", "hub.sock", "--faults", "burn=1"];
    let settings = serde_json::json!({
        "time": { "secs": 1, "nanos": 0 }, "devices": 1, "seed": 1,
        "kill_every": { "secs": 1, "nanos": 0 }, "faults": "burn=1", "in_flight": 1,
        "permits": "asked", "rolls": false,
    });
    let request = serde_json::json!({ "settings": settings, "format": "json", "colours": false });
    for arguments in [&hub[..], &["run", &request.to_string()]] {
        let done = Command::new(DRILL).args(arguments).output().unwrap();
        let told = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{told}");
        assert!(told.contains("there is no fault \"burn\""), "{told}");
    }
}

#[test]
fn a_hub_with_faults_serves_until_its_parent_has_gone() {
    let place = tempfile::tempdir().unwrap();
    let socket = place.path().join("hub.sock");
    let mut hub = Command::new(DRILL)
        .args([
            "hub",
            "--exit-with-stdin",
            "--faults",
            "lose=0.1",
            "--seed",
            "7",
        ])
        .arg("--socket")
        .arg(&socket)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("the hub listens", || socket.exists().then_some(()));
    drop(hub.stdin.take());
    assert!(hub.wait().unwrap().success());
    assert!(!socket.exists());
}
