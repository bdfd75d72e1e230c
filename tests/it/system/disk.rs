//! A disk that fills up while control is asked for: a small file system of its own.

use std::{fs, path::PathBuf, process::Command};

use serde_json::Value;

use super::place::Place;

/// A file system of a few megabytes at the place's data directory; gone with the value.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Only root can mount: `None` for everybody else.
    fn mount(place: &Place) -> Option<Self> {
        let at = place.data();
        fs::create_dir_all(&at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=12m,mode=700", "tmpfs"])
            .arg(&at)
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(Self(at))
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Leaves no room at all.
    fn fill(&self) {
        let full = Command::new("dd")
            .arg("if=/dev/zero")
            .arg(format!("of={}", self.filler().display()))
            .args(["bs=4096", "status=none"])
            .stderr(std::process::Stdio::null())
            .status();
        assert!(!full.unwrap().success(), "it should have run out of space");
    }

    fn clear(&self) {
        fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn set(place: &Place) -> (i32, Value, String) {
    let done = place.run(&["control", "kind=echo", "set", "-o", "json"]);
    let answer = serde_json::from_str(&done.out).unwrap_or_default();
    (done.code, answer, done.err)
}

#[test]
fn a_disk_that_fills_up_refuses_what_is_new_loses_nothing_and_recovers() {
    let place = Place::new();
    let Some(disk) = SmallDisk::mount(&place) else {
        eprintln!("not run: only root can mount a small file system");
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

    disk.fill();
    let (mut accepted, mut refused) = (50, false);
    // What is left in the log of the store may still take some.
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
    disk.clear();
    let (code, after, err) = set(&place);
    assert_eq!(
        (code, &after["counts"]["succeeded"]),
        (0, &50.into()),
        "{err}"
    );
    // What was refused was never there, and what was accepted is all there and done.
    let arguments = ["task", "list", "--class", "control", "--limit=1000"];
    let tasks = place.until(&arguments, |tasks| {
        let tasks = tasks.as_array()?;
        let is_done = |task: &&Value| task["state"] == "succeeded";
        (tasks.iter().filter(is_done).count() == tasks.len()).then_some(tasks.len())
    });
    assert_eq!(tasks, accepted + 50);
}

#[test]
fn a_push_leaves_control_its_room_on_a_small_disk() {
    let place = Place::new();
    let Some(_disk) = SmallDisk::mount(&place) else {
        eprintln!("not run: only root can mount a small file system");
        return;
    };
    let _up = place.up();
    place.release_echo();
    place.apply("type: target\nname: e1\nkind: echo\naddress: e1\n");
    place.until_served("echo");
    let release = place.data().join("releases/echo");
    let pushed = place.run(&["worker", "push", release.to_str().unwrap()]);
    assert_eq!(pushed.code, 1, "{}", pushed.out);
    assert!(pushed.err.contains("the disk is full"), "{}", pushed.err);
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
    let Some(disk) = SmallDisk::mount(&place) else {
        eprintln!("not run: only root can mount a small file system");
        return;
    };
    let remounted = Command::new("mount")
        .args(["-o", "remount,ro"])
        .arg(&disk.0)
        .status();
    assert!(remounted.unwrap().success());
    let done = place.run(&["up", "--listen", "127.0.0.1:0", "--mqtt", "off"]);
    assert_ne!(done.code, 0);
    for says in ["Read-only file system", "--data"] {
        assert!(done.err.contains(says), "{}", done.err);
    }
}
