//! Processes that are killed: observation resumes, control is reported truthfully and done once.

use std::process::Stdio;

use rustix::process::{Signal, kill_process};
use serde_json::Value;
use utakata_tests::wait::wait_for;

use super::{pdus::state, place::Place, room::Room};

const ENDED: [&str; 6] = [
    "succeeded",
    "failed",
    "unknown",
    "unsettled",
    "expired",
    "cancelled",
];
const TASKS: [&str; 5] = ["task", "list", "--class", "control", "--limit=500"];

fn echoes(targets: usize) -> String {
    let one = |n: usize| format!("type: target\nname: e{n}\nkind: echo\naddress: e{n}\n");
    let all: Vec<String> = (0..targets).map(one).collect();
    all.join("---\n")
}

/// Starts a control command and leaves it alone; it ends with `up`, or with its outcomes.
fn begin(place: &Place, arguments: &[&str]) -> std::process::Child {
    let mut command = place.command(&[&["control"], arguments, &["-o", "json"]].concat());
    let command = command.stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().unwrap()
}

fn with_state<'a>(tasks: &'a Value, states: &[&str]) -> Vec<&'a Value> {
    let tasks = tasks.as_array().unwrap().iter();
    let is_so = |task: &&Value| states.iter().any(|state| task["state"] == **state);
    tasks.filter(is_so).collect()
}

/// Waits until a pool has this many attempts in progress.
fn until_running(place: &Place, kind: &str, attempts: u64) {
    place.until(&["worker", "list"], |listed| {
        let mut pools = listed["pools"].as_array()?.iter();
        pools.find_map(|pool| {
            let is_so = pool["release"]["kind"] == *kind && pool["running"] == attempts;
            is_so.then_some(())
        })
    });
}

fn kill_workers(place: &Place, kind: &str) {
    let workers = place.workers(kind);
    assert!(!workers.is_empty(), "{kind}");
    for worker in workers {
        kill_process(worker, Signal::KILL).unwrap();
    }
}

#[test]
fn a_worker_killed_while_it_observes_is_replaced_and_readings_come_again() {
    let (room, place) = (Room::start(), Place::new());
    let _up = place.up();
    room.observed_by(&place);
    for _ in 0..2 {
        let before = place.workers("apc-pdu");
        kill_workers(&place, "apc-pdu");
        wait_for(|| {
            let after = place.workers("apc-pdu");
            let is_new = after.iter().any(|worker| !before.contains(worker));
            is_new.then_some(())
        })
        .unwrap_or_else(|| panic!("{}", place.told()));
        let newest = |readings: &Value| {
            let readings = readings.as_array()?.iter();
            let times = readings.filter_map(|one| one["time"].as_str());
            times.max().map(str::to_owned)
        };
        let arguments = ["get", "readings", "pdu-a1-a"];
        let last = newest(&place.json(&arguments)).unwrap();
        place.until(&arguments, |readings| {
            newest(readings).filter(|time| *time > last)
        });
    }
    place.until(&["target", "show", "pdu-a1-a"], |shown| {
        (shown["health"] == "answering").then_some(())
    });
    assert_eq!(state(&place, "pdu-a1-a", 1), "on");
}

#[test]
fn control_by_a_worker_that_is_killed_is_unknown_and_reported_once() {
    let place = Place::new();
    let _up = place.up();
    place.release_echo();
    place.apply(&echoes(20));
    place.until_served("echo");
    let doing = begin(&place, &["kind=echo", "set", "-p", "delay=50s"]);
    until_running(&place, "echo", 20);
    kill_workers(&place, "echo");
    let unknown = place.until(&TASKS, |tasks| {
        let unknown = with_state(tasks, &["unknown"]);
        (unknown.len() == 20).then(|| tasks.clone())
    });
    let problem = &unknown[0]["outcome"]["problem"];
    assert!(!problem["message"].as_str().unwrap().is_empty());
    // The next worker does not repeat them: their outcomes are unknown, so a person has to decide.
    place.until_served("echo");
    let done = doing.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(3), "unknown");
    let operation: Value = serde_json::from_slice(&done.stdout).unwrap();
    let count = |state| operation["counts"][state].as_u64().unwrap();
    assert_eq!(count("unknown") + count("unsettled"), 20, "{operation}");
    let set = place.json(&["control", "e0", "set"]);
    let count = set["tasks"][0]["outcome"]["result"].to_string();
    assert!(count.contains('1'), "{set}");
    let tasks = place.json(&TASKS);
    assert_eq!(with_state(&tasks, &["succeeded"]).len(), 1, "{tasks}");
}

#[test]
fn control_under_way_when_everything_is_killed_is_unknown_after_and_none_is_lost() {
    let (room, place) = (Room::start(), Place::new());
    let up = place.up();
    place.release_echo();
    room.observed_by(&place);
    place.apply(&echoes(20));
    place.until_served("echo");
    let ended = place.json(&["control", "kind=echo", "set"]);
    assert_eq!(ended["counts"]["succeeded"], 20, "{ended}");
    room.fault("pdu-a1-a2", "slow=1500ms");
    let mut doing = [
        begin(&place, &["kind=echo", "set", "-p", "delay=50s"]),
        begin(
            &place,
            &["pdu-a1-a2", "outlet-cycle", "-p", "outlet=3", "--yes"],
        ),
    ];
    until_running(&place, "echo", 20);
    place.until(&TASKS, |tasks| {
        (tasks.as_array()?.len() == 41).then_some(())
    });
    room.until("pdu-a1-a2", 3, |truth| truth["received"] == 1);
    up.kill();
    let [echoes, device] = &mut doing;
    assert!(!echoes.wait().unwrap().success());
    device.wait().unwrap();
    let _up = place.up();
    let tasks = place.until(&TASKS, |tasks| {
        let all = tasks.as_array()?.len();
        (with_state(tasks, &ENDED).len() == all).then(|| tasks.clone())
    });
    assert_eq!(tasks.as_array().unwrap().len(), 41, "none is lost");
    let count = |state| with_state(&tasks, &[state]).len();
    // Those seen to have ended are left to a person at once; their outcomes are unknown, too.
    let counts = (count("succeeded"), count("unknown") + count("unsettled"));
    // On a busy machine the device may have answered before the kill.
    assert!(matches!(counts, (20, 21) | (21, 20)), "{tasks}");
    // It works again, and did nothing twice.
    room.fault("pdu-a1-a2", "none");
    place.until(&["target", "show", "pdu-a1-a2"], |shown| {
        (shown["health"] == "answering").then_some(())
    });
    let truth = room.until("pdu-a1-a2", 3, |truth| truth["on"] == true);
    assert_eq!(truth["received"], 1, "{truth}");
    assert_eq!(room.truth("pdu-a1-a2")["sets"], 1);
}
