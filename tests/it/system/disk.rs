//! A disk that fills up while control is requested: on a small file system of its own.

use std::{collections::BTreeMap, process::Command};

use serde_json::{Value, json};
use utakata_tests::{
    disk::{SmallDisk, fail_sync},
    wait::eventually,
};

use super::{place::Place, room::Room};

/// Mounts a small disk at the place's data directory.
fn small_disk(place: &Place) -> Option<SmallDisk> {
    let disk = SmallDisk::mount(&place.data(), 12).unwrap();
    if disk.is_none() {
        eprintln!("not run: only root can mount a small file system");
    }
    disk
}

fn set(place: &Place) -> (i32, Value, String) {
    let done = place.run(&["control", "kind=echo", "set", "-o", "json"]);
    let answer = serde_json::from_str(&done.out).unwrap_or_default();
    (done.code, answer, done.err)
}

#[test]
fn a_disk_that_fills_up_refuses_what_is_new_loses_nothing_and_recovers() {
    let place = Place::new();
    let Some(disk) = small_disk(&place) else {
        return;
    };
    let _up = place.up();
    place.release_echo();
    let one = |n: usize| format!("type: target\nname: e{n}\nkind: echo\naddress: e{n}\n");
    let all: Vec<String> = (0..50).map(one).collect();
    place.apply(&all.join("---\n"));
    place.until_served("echo");
    let (code, before, err) = set(&place);
    assert_eq!(
        (code, &before["counts"]["succeeded"]),
        (0, &50.into()),
        "{err}"
    );

    disk.fill().unwrap();
    let (mut accepted, mut refused) = (50, false);
    // There may be some room left in the log of the store.
    for _ in 0..200 {
        let (_, answer, err) = set(&place);
        if let Some(tasks) = answer["tasks"].as_array() {
            accepted += tasks.len();
            continue;
        }
        assert!(err.contains("the disk is full"), "{err}{answer}");
        refused = true;
        break;
    }
    assert!(refused, "the disk never was full");
    disk.clear().unwrap();
    let (code, after, err) = set(&place);
    assert_eq!(
        (code, &after["counts"]["succeeded"]),
        (0, &50.into()),
        "{err}"
    );
    // What was refused never existed, and what was accepted is complete and done.
    let arguments = ["task", "list", "--class", "control", "--limit=1000"];
    let tasks = place.until(&arguments, |tasks| {
        let tasks = tasks.as_array()?;
        let is_done = |task: &&Value| task["state"] == "succeeded";
        (tasks.iter().filter(is_done).count() == tasks.len()).then_some(tasks.len())
    });
    assert_eq!(tasks, accepted + 50);
}

#[test]
fn history_yields_on_a_full_disk_tells_it_and_goes_on() {
    let place = Place::new();
    let Some(disk) = small_disk(&place) else {
        return;
    };
    let _up = place.up();
    place.release_echo();
    let target = "type: target\nname: e1\nkind: echo\naddress: e1\n";
    let schedule = "type: schedule\nname: often\nselector: kind=echo\ninterval: 1s\n";
    place.apply(&format!("{target}---\n{schedule}"));
    place.until_served("echo");
    let look_back = ["history", "e1", "--since", "10m"];
    // Until something was seen, the command says so and ends with an error.
    eventually("something of e1 is in history", || {
        (place.run(&look_back).code == 0).then_some(())
    });
    let is_told = |status: &Value| status.to_string().contains("readings are not kept");
    disk.fill().unwrap();
    place.until(&["status"], |status| is_told(status).then_some(()));
    disk.clear().unwrap();
    place.until(&["status"], |status| (!is_told(status)).then_some(()));
    let reasons = place.until(&look_back, |view| {
        let gaps = view["series"][0]["gaps"].as_array()?;
        let reasons: Vec<String> = gaps.iter().map(|gap| gap["reason"].to_string()).collect();
        reasons
            .iter()
            .any(|reason| reason.contains("history-disk-full"))
            .then_some(reasons)
    });
    assert!(!reasons.is_empty());
}

#[test]
fn a_push_leaves_control_its_room_on_a_small_disk() {
    let place = Place::new();
    let Some(_disk) = small_disk(&place) else {
        return;
    };
    let _up = place.up();
    place.release_echo();
    place.apply("type: target\nname: e1\nkind: echo\naddress: e1\n");
    place.until_served("echo");
    let release = place.data().join("releases/echo");
    let pushed = place.run(&["worker", "push", release.to_str().unwrap()]);
    assert_eq!(pushed.code, 1, "{}", pushed.out);
    // It is not full to the last byte: the message says how much would suffice.
    for says in ["the disk is full for this file", "must be free", "MiB are"] {
        assert!(pushed.err.contains(says), "{}", pushed.err);
    }
    let (code, after, err) = set(&place);
    assert_eq!(
        (code, &after["counts"]["succeeded"]),
        (0, &1.into()),
        "{err}"
    );
}

#[test]
fn a_data_directory_on_a_disk_that_is_read_only_is_refused_with_what_to_do() {
    let place = Place::new();
    let Some(disk) = small_disk(&place) else {
        return;
    };
    let remounted = Command::new("mount")
        .args(["-o", "remount,ro"])
        .arg(disk.path())
        .status();
    assert!(remounted.unwrap().success());
    let done = place.run(&["up", "--listen", "127.0.0.1:0", "--mqtt", "off"]);
    assert_ne!(done.code, 0);
    for says in ["Read-only file system", "--data"] {
        assert!(done.err.contains(says), "{}", done.err);
    }
}

const DEVICE: &str = "drill-0001";

/// Marks the device; a refused mark has no answer.
fn mark(place: &Place, token: &str, timeout: &str) -> Value {
    let parameter = format!("token={token}");
    let arguments = [
        "control",
        DEVICE,
        "mark",
        "-p",
        &parameter,
        "--timeout",
        timeout,
        "--yes",
    ];
    let done = place.run(&[&arguments[..], &["-o", "json"]].concat());
    serde_json::from_str(&done.out).unwrap_or_default()
}

/// The tokens in the ledger, each once, and their states.
fn tokens(place: &Place) -> BTreeMap<String, String> {
    let tasks = place.json(&["task", "list", "--class", "control", "--limit=1000"]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let tasks = tasks.as_array().unwrap().iter();
    tasks
        .map(|task| (text(&task["parameters"]["token"]), text(&task["state"])))
        .collect()
}

fn is_told_full(place: &Place) -> bool {
    place
        .ask(&["doctor"])
        .1
        .to_string()
        .contains("disk is full")
}

/// Requests control until the disk is full, since there may be some room left in the log of the
/// store. Returns the tokens.
fn until_full(place: &Place, round: usize) -> Vec<String> {
    let mut asked = Vec::new();
    eventually(
        "control was asked for when the disk was told to be full",
        || {
            let is_full = is_told_full(place);
            let token = format!("full-{round}-{}", asked.len());
            mark(place, &token, "2s");
            asked.push(token);
            is_full.then_some(())
        },
    );
    asked
}

#[test]
fn what_is_done_after_a_disk_was_full_stands_in_the_ledger_and_stays_there() {
    let (counters, place) = (Room::counters(1), Place::new());
    let Some(disk) = small_disk(&place) else {
        return;
    };
    place.release_drill();
    let up = place.up();
    counters.observed_by(&place);
    // Readings are written all the time, and meet the full disk, too.
    place.apply("type: schedule\nname: all\nselector: kind=drill\ninterval: 1s\n");
    assert_eq!(mark(&place, "before", "30s")["counts"]["succeeded"], 1);
    let mut asked = Vec::new();
    for round in 0..3 {
        disk.fill().unwrap();
        asked.extend(until_full(&place, round));
        disk.clear().unwrap();
        eventually("there is room again", || {
            (!is_told_full(&place)).then_some(())
        });
        let answer = mark(&place, &format!("after-{round}"), "30s");
        assert_eq!(answer["counts"]["succeeded"], 1, "{answer}");
    }
    let before = place.until(&["target", "locks"], |_| {
        let tokens = tokens(&place);
        tokens
            .values()
            .all(|state| state == "succeeded")
            .then_some(tokens)
    });
    drop(up);
    let _up = place.up();
    assert_eq!(tokens(&place), before);
    for full in asked {
        let expect = json!(u64::from(before.contains_key(&full)));
        let done = counters.token(DEVICE, &full)["done"].clone();
        assert_eq!(done.as_u64().unwrap_or(0), expect, "{full}");
    }
    for round in 0..3 {
        let after = format!("after-{round}");
        assert_eq!(counters.token(DEVICE, &after)["done"], 1, "{after}");
        assert!(before.contains_key(&after), "{after}: {before:?}");
    }
    let verified = place.json(&["audit", "verify"]);
    assert_eq!(verified["whole"], true, "{verified}");
}

#[test]
fn a_disk_that_fails_once_loses_nothing_and_nothing_is_there_twice() {
    let (counters, place) = (Room::counters(1), Place::new());
    place.release_drill();
    let library = fail_sync(&place.data()).unwrap();
    let flag = place.data().join("fail");
    let up = place.up_in(&[("LD_PRELOAD", &library), ("FAIL_SYNC", &flag)]);
    counters.observed_by(&place);
    let mut expect = BTreeMap::new();
    for round in 0..5 {
        // Whichever write fails: what is requested is done, once, and recorded.
        std::fs::write(&flag, "").unwrap();
        let token = format!("t{round}");
        let answer = mark(&place, &token, "30s");
        assert_eq!(answer["counts"]["succeeded"], 1, "{answer}");
        assert!(!flag.exists(), "nothing failed");
        assert_eq!(counters.token(DEVICE, &token)["done"], 1, "{token}");
        expect.insert(token, "succeeded".to_owned());
    }
    assert_eq!(tokens(&place), expect);
    up.kill();
    let _up = place.up();
    assert_eq!(tokens(&place), expect);
    let verified = place.json(&["audit", "verify"]);
    assert_eq!(verified["whole"], true, "{verified}");
}
