//! Releases on their way, from `push` to the devices and back.

use std::{fs, path::Path};

use serde_json::Value;

use crate::program::{Done, Place, Up};

/// The echo worker as a kind whose devices are files: what is written is read back.
const FILES: &str = r#"
kind = "files"
version = "1.0"
protocol = 1

[run]
program = "utakata-worker-echo"

[[action]]
name = "look"
class = "observe"

[[action]]
name = "write"
class = "control"
repeat = "repeatable"

[action.parameters]
type = "object"
required = ["payload"]
properties = { payload = { type = "string" } }

[action.verify]
action = "look"
metric = "utakata.echo.text"
value = "$payload"
proves = "both"
within = "100ms"
grace = "100ms"
"#;
/// Nothing on this machine needs time to show an effect.
const SETTINGS: &str = "[logic.control]\nsettling = \"50ms\"\n";
const DEVICES: usize = 8;

/// Pushes the release with this addition.
fn push(place: &Place, version: &str, more: &str) -> Done {
    let folder = place.beside(&format!("files-{version}"));
    fs::create_dir_all(&folder).unwrap();
    let text = FILES.replace("version = \"1.0\"", &format!("version = \"{version}\""));
    fs::write(Path::new(&folder).join("worker.toml"), text + more).unwrap();
    place.run(&["worker", "push", &folder])
}

/// The devices as targets, read all the time.
fn site(place: &Place) -> String {
    let mut site = String::from("type: schedule\nname: all\nselector: kind=files\ninterval: 1s\n");
    for number in 0..DEVICES {
        let device = place.file(&format!("device-{number}"), "new");
        site.push_str(&format!(
            "---\ntype: target\nname: device-{number}\nkind: files\naddress: {}\n",
            device.display()
        ));
    }
    site
}

fn device(place: &Place, name: &Value) -> String {
    fs::read_to_string(place.beside(name.as_str().unwrap())).unwrap()
}

/// Writes to all devices; checks that exactly the tasks reported as done are done.
fn write(place: &Place, text: &str) -> Value {
    let payload = format!("payload={text}");
    let arguments = ["control", "kind=files", "write", "-p", &payload, "--yes"];
    let done = place.run(&[&arguments[..], &["-o", "json"]].concat());
    let told: Value = serde_json::from_str(&done.out).unwrap();
    let tasks = told["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), DEVICES, "{told}");
    for task in tasks {
        let is_done = device(place, &task["target"]) == text;
        let expect = if is_done { "succeeded" } else { "failed" };
        assert_eq!(task["state"], expect, "{task}");
    }
    told
}

/// Starts `up` with workers that may write into the folder of the devices.
fn up<'p>(place: &'p Place, more: &str) -> Up<'p> {
    let folder = place.beside("");
    let settings = format!("{more}\n[execution.confinement]\nwrite = [{folder:?}]\n");
    let settings = place.file("settings.toml", &settings);
    place.up_with(&["--config", settings.to_str().unwrap()])
}

fn rollout(place: &Place) -> Value {
    place.json(&["rollout", "show", "last"])
}

#[test]
fn a_release_that_says_it_has_done_what_it_has_not_is_found_by_reading_back() {
    let place = Place::new();
    let _up = up(&place, SETTINGS);
    assert_eq!(push(&place, "1.0", "").code, 0);
    place.until_served("files");
    let applied = place.run_with(&["apply", "-f", "-"], &site(&place));
    assert_eq!(applied.code, 0, "{}", applied.err);
    let good = write(&place, "first");
    assert_eq!(good["counts"]["succeeded"], DEVICES, "{good}");
    let lazy = push(&place, "1.1", "\n[settings.faults]\nlazy = true\n");
    assert_eq!(lazy.code, 0, "{}", lazy.err);
    let roll = [
        "worker",
        "roll",
        "files",
        "--to",
        "1.1",
        "--shadow",
        "5",
        "--canary",
        "50",
        "--canary-tasks",
        "1000",
        "--detach",
    ];
    assert_eq!(place.run(&roll).code, 0);
    let ended = (0..50).find_map(|number| {
        write(&place, &format!("text-{number}"));
        let rollout = rollout(&place);
        (rollout["state"] != "running").then_some(rollout)
    });
    let ended = ended.expect("it is found out");
    assert_eq!(ended["problem"]["code"], "rollout-lies", "{ended}");
    assert!(
        ended["read_back"]["not_shown"].as_u64() >= Some(2),
        "{ended}"
    );
    place.until(&["rollout", "show", "last"], |rollout| {
        (rollout["state"] == "failed").then_some(())
    });
    let good = write(&place, "last");
    assert_eq!(good["counts"]["succeeded"], DEVICES, "{good}");
}

#[test]
fn a_good_release_takes_over_and_what_would_break_is_refused_with_its_name() {
    let place = Place::new();
    let _up = up(&place, "");
    assert_eq!(push(&place, "1.0", "").code, 0);
    place.until_served("files");
    assert_eq!(place.run_with(&["apply", "-f", "-"], &site(&place)).code, 0);
    assert_eq!(push(&place, "1.1", "").code, 0);
    let pinned = place.run(&["kind", "pin", "files", "name=device-0", "1.0"]);
    assert_eq!(pinned.code, 0, "{}", pinned.err);
    let roll = [
        "worker", "roll", "files", "--to", "1.1", "--shadow", "3", "--canary",
    ];
    let quick = ["50", "--canary-tasks", "2", "--watch", "100ms"];
    let rolled = place.run(&[&roll[..], &quick].concat());
    assert_eq!(
        rolled.code,
        0,
        "{}{}{}",
        rolled.out,
        rolled.err,
        rollout(&place)
    );
    // Pinned targets keep the old one, all others have the new one.
    let read = place.json(&["read", "kind=files"]);
    for task in read["tasks"].as_array().unwrap() {
        let is_pinned = task["target"] == "device-0";
        let expect = if is_pinned { "1.0" } else { "1.1" };
        let ran_by = &task["outcome"]["ran_by"];
        assert_eq!(ran_by["release"]["version"], expect, "{task}");
    }
    let folder = place.beside("files-1.2");
    fs::create_dir_all(&folder).unwrap();
    let other = FILES
        .replace("version = \"1.0\"", "version = \"1.2\"")
        .replace("\"look\"", "\"gaze\"");
    fs::write(Path::new(&folder).join("worker.toml"), other).unwrap();
    let look = "type: schedule\nname: look\nselector: kind=files\ninterval: 1h\naction: look\n";
    assert_eq!(place.run_with(&["apply", "-f", "-"], look).code, 0);
    let pushed = place.run(&["worker", "push", &folder]);
    assert!(pushed.out.contains("schedule  look"), "{}", pushed.out);
    let refused = place.run(&["worker", "roll", "files", "--to", "1.2"]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("schedule look"), "{}", refused.err);
}
