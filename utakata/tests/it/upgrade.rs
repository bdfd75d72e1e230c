//! The program of a running environment is replaced under load, and its workers keep running.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use serde_json::Value;

use crate::{
    apart::{hub, le},
    program::{Place, Role, UTAKATA, beside, wait_for},
};

const TARGETS: usize = 6;
const ID: &str = "wee-1";
/// The number of replacements under load.
const TIMES: usize = 4;
/// The timeout of an action. Nobody may act on an attempt after it, so reaching a state that
/// requires the attempt to be dead takes longer than this.
const TIMEOUT: &str = "20s";
/// Claims that it can take over, and is killed when it should.
const KILLED: &str = "#!/bin/sh\ncase \"$*\" in *--takes-over*) exit 0;; esac\nkill -9 $$\n";
/// Like a program that is older than this feature.
const OLDER: &str =
    "#!/bin/sh\necho \"error: unexpected argument '--takes-over' found\" >&2\nexit 2\n";
/// Like one that crashes at once.
const CRASHING: &str = "#!/bin/sh\nkill -SEGV $$\n";

/// An environment with its own copy of the program, and its surroundings.
struct House<'a> {
    place: &'a Place,
    program: String,
    data: String,
    _hub: Role<'a>,
    _le: Role<'a>,
}

impl<'a> House<'a> {
    fn build(place: &'a Place) -> Self {
        let data = place.beside("wee");
        release(&data);
        let snmp = "utakata-worker-snmp";
        symlink(beside(snmp), place.beside(snmp)).unwrap();
        let house = Self {
            program: place.beside("utakata"),
            data,
            _hub: hub(place, &[]),
            _le: le(place),
            place,
        };
        house.install();
        house
    }

    /// Replaces the program with a copy, atomically. Returns its inode.
    fn install(&self) -> u64 {
        let new = format!("{}.new", self.program);
        fs::copy(UTAKATA, &new).unwrap();
        fs::rename(&new, &self.program).unwrap();
        fs::metadata(&self.program).unwrap().ino()
    }

    /// Replaces it with something else.
    fn install_text(&self, text: &str) {
        let new = format!("{}.new", self.program);
        fs::write(&new, text).unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(&new, &self.program).unwrap();
    }

    fn environment(&self) -> Role<'a> {
        let socket = self.place.beside("hub.sock");
        let arguments = [
            "wee", "--hub", &socket, "--data", &self.data, "--id", ID, "--zone", "hall-1",
        ];
        self.place.role_of(&self.program, &arguments)
    }

    /// Starts it with targets, once it serves.
    fn served(&self) -> Role<'a> {
        let wee = self.environment();
        for n in 0..TARGETS {
            self.add(&format!("t-{n}"));
        }
        self.place.until_served("echo");
        self.place.until_served("apc-pdu");
        wee
    }

    fn add(&self, target: &str) {
        let site =
            format!("type: target\nname: {target}\nkind: echo\naddress: none\nzone: hall-1\n");
        let applied = self.place.run_with(&["apply", "-f", "-"], &site);
        assert_eq!(applied.code, 0, "{}", applied.err);
    }

    fn workers(&self) -> Vec<String> {
        let mut all = self.place.processes();
        all.retain(|one| one.contains(" utakata-worker-"));
        all.sort();
        all
    }

    /// Returns the number of times that this was logged.
    fn count(&self, text: &str) -> usize {
        self.place.told().matches(text).count()
    }

    fn until_told(&self, text: &str, times: usize) {
        let is_reported = || (self.count(text) >= times).then_some(());
        assert!(
            wait_for(is_reported).is_some(),
            "{text}: {}",
            self.place.told()
        );
    }

    fn control(&self) -> Vec<Value> {
        let listed = self.place.json(&["task", "list", "--class", "control"]);
        let tasks = listed.as_array().or_else(|| listed["tasks"].as_array());
        tasks.unwrap().clone()
    }
}

/// Creates a release with one worker, which counts.
fn release(data: &str) {
    let folder = Path::new(data).join("releases/echo");
    fs::create_dir_all(&folder).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../workers/echo/releases");
    let own = fs::read_dir(root).unwrap().next().unwrap().unwrap().path();
    let manifest = fs::read_to_string(own.join("worker.toml")).unwrap();
    let one = "protocol = 1\npool = { min = 1, max = 1 }\n";
    let manifest = manifest.replacen("protocol = 1\n", one, 1);
    let manifest = manifest.replace("timeout = \"1m\"", &format!("timeout = \"{TIMEOUT}\""));
    fs::write(folder.join("worker.toml"), manifest).unwrap();
    let program = "utakata-worker-echo";
    fs::copy(beside(program), folder.join(program)).unwrap();
}

/// Waits until the environment runs the program with this inode.
fn until_replaced(house: &House, wee: &Role, inode: u64) {
    wee.hang_up();
    let exe = format!("/proc/{}/exe", wee.process());
    let is_new = || (fs::metadata(&exe).ok()?.ino() == inode).then_some(());
    assert!(wait_for(is_new).is_some(), "{}", house.place.told());
}

/// Operations that go on while something else happens.
#[derive(Default)]
struct Load {
    is_over: AtomicBool,
    sets: AtomicU64,
    reads: AtomicU64,
}

impl Load {
    /// Runs one command after another on this target, each of which must succeed.
    fn run(&self, place: &Place, n: usize) {
        let target = format!("t-{n}");
        let set = ["control", &target, "set", "-p", "delay=1500ms"];
        let read = ["read", &target, "--timeout", "30s"];
        let (command, count): (&[&str], _) = match n % 3 {
            0 => (&read, &self.reads),
            _ => (&set, &self.sets),
        };
        while !self.is_over.load(Ordering::SeqCst) {
            let done = place.run(command);
            if done.code != 0 {
                self.is_over.store(true, Ordering::SeqCst);
                let tasks = place.run(&["task", "list", "--target", &target, "-o", "yaml"]);
                let (tasks, told) = (tasks.out, place.told());
                panic!("{command:?}: {}{}{tasks}{told}", done.out, done.err);
            }
            count.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Waits until this many more have ended.
    fn more(&self, more: u64) {
        let than = self.sets.load(Ordering::SeqCst) + more;
        let is_more =
            || self.sets.load(Ordering::SeqCst) >= than || self.is_over.load(Ordering::SeqCst);
        assert!(wait_for(|| is_more().then_some(())).is_some());
    }

    /// Runs the load while `other` runs.
    fn during(&self, place: &Place, other: impl FnOnce()) {
        thread::scope(|scope| {
            for n in 0..TARGETS {
                scope.spawn(move || self.run(place, n));
            }
            let ends = Ends(&self.is_over);
            self.more(2);
            other();
            self.more(4);
            drop(ends);
        });
    }
}

/// Ends the load, even if a test fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Checks that everything requested was done once, by the same workers as before.
fn expect_nothing_lost(house: &House, load: &Load, before: &[String]) {
    let place = house.place;
    assert_eq!(house.workers(), before, "{}", place.told());
    place.until(&["environment", "list"], |all| {
        (all[0]["id"] == ID && all[0]["state"] == "running").then_some(())
    });
    let read = place.json(&["read", "t-1", "--metric", "utakata.echo.count"]);
    let count = read["tasks"][0]["readings"][0]["value"].as_f64().unwrap();
    let sets = load.sets.load(Ordering::SeqCst);
    assert_eq!(count, sets as f64, "{}", place.told());
    assert!(load.reads.load(Ordering::SeqCst) > 0);
    let control = house.control();
    let is_done = |task: &Value| task["state"] == "succeeded";
    assert!(control.iter().all(is_done), "{control:?}");
    assert!(!Path::new(&house.data).join("takeover.json").exists());
}

#[test]
fn an_environment_is_replaced_under_load_and_no_task_fails_and_no_worker_ends() {
    let place = Place::new();
    // Its workers are confined, as those of a site are.
    let confine = "utakata-confine";
    symlink(beside(confine), place.beside(confine)).unwrap();
    let house = House::build(&place);
    let wee = house.served();
    let (load, before) = (Load::default(), house.workers());
    assert!(before.len() >= 2, "{before:?}");
    load.during(&place, || {
        for _ in 0..TIMES {
            until_replaced(&house, &wee, house.install());
            load.more(4);
        }
        // Repeated requests replace it once more, or just once; nothing is lost.
        let inode = house.install();
        for _ in 0..20 {
            wee.hang_up();
        }
        until_replaced(&house, &wee, inode);
    });
    expect_nothing_lost(&house, &load, &before);
    assert!(house.count("taken over from the previous program") > TIMES);
    assert!(
        house.count("taken over from the previous program workers=6 attempts=0") <= TIMES,
        "some attempts ran meanwhile: {}",
        place.told()
    );
    wee.stop();
}

#[test]
fn a_program_that_cannot_take_over_changes_nothing() {
    let place = Place::new();
    let house = House::build(&place);
    let wee = house.served();
    let (load, before) = (Load::default(), house.workers());
    load.during(&place, || {
        for (n, text) in ["no program", OLDER, CRASHING].into_iter().enumerate() {
            house.install_text(text);
            wee.hang_up();
            house.until_told("not replaced by the program", n + 1);
        }
        load.more(2);
    });
    expect_nothing_lost(&house, &load, &before);
    assert_eq!(house.count("taken over from the previous program"), 0);
    assert!(house.count("unexpected argument '--takes-over'") > 0);
    // And once there is a good one, it is used.
    until_replaced(&house, &wee, house.install());
    house.until_told("taken over from the previous program", 1);
    assert_eq!(house.workers(), before, "{}", place.told());
    wee.stop();
}

#[test]
fn what_is_killed_on_the_way_is_recovered_as_after_any_kill() {
    let place = Place::new();
    let house = House::build(&place);
    let wee = house.served();
    let before = house.workers();
    // None ends by itself, however long it takes to see that all are in progress.
    let all = ["control", "kind=echo", "set", "-p", "delay=1m", "-y"];
    thread::scope(|scope| {
        let asked = scope.spawn(|| place.run(&all));
        let runs = || {
            let listed = place.json(&["worker", "list"]);
            let pools = listed["pools"].as_array()?.clone();
            let mut echo = pools
                .iter()
                .filter(|pool| pool["release"]["kind"] == "echo");
            (echo.next()?["running"].as_u64()? == TARGETS as u64).then_some(())
        };
        assert!(wait_for(runs).is_some(), "{}", place.told());
        house.install_text(KILLED);
        wee.hang_up();
        wee.until_dead();
        assert!(Path::new(&house.data).join("takeover.json").exists());
        house.install();
        let wee = house.environment();
        // Tasks in progress are reported truthfully, and nothing is lost.
        let asked = asked.join().unwrap();
        assert_ne!(asked.code, 0, "nobody knows of these: {}", asked.out);
        let control = wait_for(|| {
            let control = house.control();
            let is_settled = |task: &Value| task["state"] == "unsettled";
            control.iter().all(is_settled).then_some(control)
        });
        let control = control.unwrap_or_else(|| panic!("{:?}", house.control()));
        assert_eq!(control.len(), TARGETS);
        // Everything continues with workers of the new life; the earlier ones have ended.
        house.add("t-new");
        let done = place.run(&["control", "t-new", "set"]);
        assert_eq!(done.code, 0, "{}{}", done.err, place.told());
        let ended = || {
            let now = house.workers();
            let is_any = before.iter().any(|one| now.contains(one));
            (!is_any).then_some(())
        };
        assert!(
            wait_for(ended).is_some(),
            "{before:?} {:?}",
            house.workers()
        );
        assert!(!Path::new(&house.data).join("takeover.json").exists());
        house.until_told("ended during the replacement", 1);
        wee.stop();
    });
}

/// A Python worker that takes its time, and logs what it does.
const SLOW: &str = r#"#!/usr/bin/python3
import asyncio, sys
sys.path.insert(0, "SDK")
from utakata_worker import Worker

worker = Worker()


@worker.action("set")
async def set_to(task):
    for word in ("begun", "done"):
        with open(task.address, "a") as file:
            file.write(word + "\n")
        if word == "begun":
            await asyncio.sleep(3)


worker.main()
"#;
const SLOW_MANIFEST: &str = r#"
kind = "slow"
version = "1.0"
protocol = 2
pool = { min = 1, max = 1 }

[run]
program = "worker.py"

[[action]]
name = "set"
class = "control"
repeat = "once"
timeout = "30s"
"#;

#[test]
fn a_worker_in_python_is_handed_over_with_its_tasks() {
    let place = Place::new();
    let house = House::build(&place);
    let release = Path::new(&house.data).join("releases/slow");
    fs::create_dir_all(&release).unwrap();
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk/python");
    let program = release.join("worker.py");
    fs::write(&program, SLOW.replace("SDK", sdk.to_str().unwrap())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(release.join("worker.toml"), SLOW_MANIFEST).unwrap();
    let wee = house.served();
    place.until_served("slow");
    let device = place.beside("device");
    let site = format!("type: target\nname: slow\nkind: slow\naddress: {device}\nzone: hall-1\n");
    let applied = place.run_with(&["apply", "-f", "-"], &site);
    assert_eq!(applied.code, 0, "{}", applied.err);
    let written = || fs::read_to_string(&device).unwrap_or_default();
    let workers = || {
        let mut all = place.processes();
        all.retain(|one| one.contains("worker.py"));
        all
    };
    let before = workers();
    assert_eq!(before.len(), 1, "{:?}", place.processes());
    thread::scope(|scope| {
        let asked = scope.spawn(|| place.run(&["control", "slow", "set", "--yes"]));
        let begun = wait_for(|| (written() == "begun\n").then_some(()));
        assert!(begun.is_some(), "{}", place.told());
        until_replaced(&house, &wee, house.install());
        let asked = asked.join().unwrap();
        assert_eq!(asked.code, 0, "{}{}", asked.err, place.told());
    });
    assert_eq!(written(), "begun\ndone\n");
    assert_eq!(workers(), before, "{}", place.told());
    // And it takes more.
    let done = place.run(&["control", "slow", "set", "--yes"]);
    assert_eq!(done.code, 0, "{}{}", done.err, place.told());
    wee.stop();
}
