//! A host that freezes in the middle of control, and resumes when everybody else has moved on.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{
    apart::hub,
    program::{Place, Role, beside, wait_for},
};

const DEVICES: usize = 10;

/// Long enough to look, and short enough to wait: an attempt may act for 14 s.
const TIMES: &str = "[mqtt]\nenabled = false\n[logic.control]\nwindow = \"10s\"\ngrace = \"2s\"\n\
                     settling = \"1s\"\npublish_again = \"1s\"\n";

/// Devices that count what they do. Closing their standard input ends them.
struct Counters {
    child: Child,
    control: String,
    addresses: Vec<String>,
}

impl Counters {
    fn start() -> Self {
        let mut child = Command::new(beside("utakata-simulator"))
            .args(["counters", "--devices", &DEVICES.to_string()])
            .args(["--base-port", "0", "--exit-with-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut addresses, mut control) = (Vec::new(), String::new());
        for line in lines {
            let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
            if line["ready"] == true {
                line["control"].as_str().unwrap().clone_into(&mut control);
                break;
            }
            addresses.push(line["address"].as_str().unwrap().to_owned());
        }
        Self {
            child,
            control,
            addresses,
        }
    }

    fn site(&self) -> String {
        let mut site = "type: credential\nname: c\nvalues: { version: \"2c\", \
                        community: public, community_write: private }\n"
            .to_owned();
        for (at, address) in self.addresses.iter().enumerate() {
            site.push_str(&format!(
                "---\ntype: target\nname: d{at}\nkind: drill\naddress: {address}\ncredential: c\n"
            ));
        }
        site
    }

    fn ask(&self, request: &Value) -> Value {
        let mut stream = TcpStream::connect(&self.control).unwrap();
        writeln!(stream, "{request}").unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert!(answer["error"].is_null(), "{answer}");
        answer
    }

    /// Gives a fault to each device, or takes all from it.
    fn order(&self, fault: &str) {
        let truth = self.ask(&json!({ "command": "truth" }));
        for device in truth["devices"].as_array().unwrap() {
            let device = &device["name"];
            self.ask(&json!({ "command": "fault", "device": device, "fault": fault }));
        }
    }

    /// Returns the number of times that each device acted.
    fn done(&self) -> Vec<u64> {
        let truth = self.ask(&json!({ "command": "truth" }));
        let devices = truth["devices"].as_array().unwrap().iter();
        let done = |device: &Value| -> u64 {
            let tokens = device["tokens"].as_array().into_iter().flatten();
            tokens.filter_map(|token| token["done"].as_u64()).sum()
        };
        devices.map(done).collect()
    }
}

impl Drop for Counters {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

/// Stopped processes, which continue at the end whatever happens.
struct Stopped(Vec<Pid>);

impl Stopped {
    fn stop(processes: impl IntoIterator<Item = Pid>) -> Self {
        let processes: Vec<Pid> = processes.into_iter().collect();
        for process in &processes {
            kill_process(*process, Signal::STOP).unwrap();
        }
        Self(processes)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        for process in &self.0 {
            // It may have been killed meanwhile.
            let _ = kill_process(*process, Signal::CONT);
        }
    }
}

/// An environment with workers of the drilled kind.
fn wee<'a>(place: &'a Place, name: &str) -> Role<'a> {
    let (socket, data) = (place.beside("hub.sock"), place.beside(name));
    let releases = std::path::Path::new(&data).join("releases/drill");
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = source.join("../workers/snmp/releases/drill");
    for folder in ["", "profiles"] {
        fs::create_dir_all(releases.join(folder)).unwrap();
        for file in fs::read_dir(source.join(folder)).unwrap().flatten() {
            if file.path().is_file() {
                let to = releases.join(folder).join(file.file_name());
                fs::copy(file.path(), to).unwrap();
            }
        }
    }
    place.role(&["wee", "--hub", &socket, "--data", &data, "--id", name])
}

fn pid(process: u32) -> Pid {
    Pid::from_raw(i32::try_from(process).unwrap()).unwrap()
}

/// Returns the workers of an environment.
fn workers(environment: &Role<'_>) -> Vec<Pid> {
    let parent = environment.process().to_string();
    let is_child = |stat: &str| {
        let rest = stat.rsplit_once(')').map(|(_, rest)| rest);
        rest.and_then(|rest| rest.split_whitespace().nth(1)) == Some(&parent)
    };
    let all = fs::read_dir("/proc").unwrap().flatten();
    let children = all.filter_map(|entry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        is_child(&stat).then(|| pid(id))
    });
    children.collect()
}

fn in_state(operation: &Value, state: &str) -> usize {
    let tasks = operation["tasks"].as_array().into_iter().flatten();
    tasks.filter(|task| task["state"] == state).count()
}

/// Waits until all tasks of the last operation are in a state.
fn until_all_are(place: &Place, state: &str) {
    place.until(&["operation", "show", "last"], |shown| {
        (in_state(shown, state) == DEVICES).then_some(())
    });
}

/// A logic environment with these times.
fn le<'a>(place: &'a Place, times: &str, read_back_within: &str) -> Role<'a> {
    fs::create_dir_all(place.data()).unwrap();
    let times = format!("{times}read_back_within = \"{read_back_within}\"\n");
    fs::write(place.data().join("utakata.toml"), times).unwrap();
    let socket = place.beside("hub.sock");
    let le = place.role(&["le", "--hub", &socket, "--listen", "127.0.0.1:0"]);
    let answers = wait_for(|| (place.run(&["get", "targets"]).code == 0).then_some(()));
    assert!(answers.is_some(), "{}", place.told());
    le
}

/// Everything needed, and one environment that serves the devices. What became of a task is looked at
/// for `read_back_within`.
fn site<'a>(place: &'a Place, devices: &Counters, read_back_within: &str) -> [Role<'a>; 3] {
    let hub = hub(place, &[]);
    let le = le(place, TIMES, read_back_within);
    let wee = wee(place, "wee-1");
    let applied = place.run_with(&["apply", "-f", "-"], &devices.site());
    assert_eq!(applied.code, 0, "{}", applied.err);
    place.until_served("drill");
    [hub, le, wee]
}

/// Requests control of which nobody answers.
fn ask(place: &Place, token: &str) {
    let asked = format!(
        "control kind=drill mark -p token={token} --expect {DEVICES} --yes --timeout 1s --within 5m"
    );
    let asked = place.run(&asked.split(' ').collect::<Vec<_>>());
    assert_eq!(asked.code, 3, "{}{}", asked.out, asked.err);
}

/// Requests control that is permitted, and that nobody can begin.
fn ask_in_vain(place: &Place) {
    ask(place, "t");
    until_all_are(place, "permitted");
}

#[test]
fn a_host_that_freezes_in_the_middle_of_control_does_nothing_twice() {
    let (place, devices) = (Place::new(), Counters::start());
    let [_hub, _le, first] = site(&place, &devices, "4s");

    // Tasks sent to its workers are unread in their sockets when the environment stops, too.
    let mut its_workers = Stopped::stop(workers(&first));
    assert!(!its_workers.0.is_empty());
    ask_in_vain(&place);
    let itself = Stopped::stop([pid(first.process())]);

    // Another host sees that nothing was done. That does not prove that nothing will be.
    let _second = wee(&place, "wee-2");
    until_all_are(&place, "unsettled");
    let task = place.json(&["operation", "show", "last"])["tasks"][0]["id"].clone();
    let explained = place.run(&["task", "explain", task.as_str().unwrap()]);
    assert!(explained.out.contains("may still act"), "{}", explained.out);
    assert_eq!(devices.done(), [0; DEVICES]);

    // The workers resume before their environment, and find what was sent to them.
    its_workers.0.drain(..).for_each(|worker| {
        kill_process(worker, Signal::CONT).unwrap();
    });
    drop(itself);
    // The environment itself reports that nothing was begun; so it is done, once.
    until_all_are(&place, "succeeded");
    assert_eq!(devices.done(), [1; DEVICES], "{}", place.told());
}

#[test]
fn what_a_killed_environment_had_begun_is_settled_when_its_next_life_has_seen_the_end_of_it() {
    let (place, devices) = (Place::new(), Counters::start());
    let [_hub, of_first, first] = site(&place, &devices, "3m");
    let its_workers = Stopped::stop(workers(&first));
    ask_in_vain(&place);
    // Its workers outlive it, stopped.
    first.kill();
    let again = wee(&place, "wee-1");
    until_all_are(&place, "succeeded");
    assert_eq!(devices.done(), [1; DEVICES], "{}", place.told());
    drop(its_workers);
    assert_eq!(devices.done(), [1; DEVICES], "{}", place.told());

    of_first.kill();
    it_comes_back_late(&place, &devices, again);
}

/// The devices act without an answer, and are out of reach for longer than they are read back in time.
fn it_comes_back_late(place: &Place, devices: &Counters, environment: Role<'_>) {
    let times = TIMES.replace("\"10s\"", "\"2s\"");
    let first = le(place, &times, "1s");
    place.until_served("drill");
    devices.order("mute-sets");
    ask(place, "u");
    assert!(wait_for(|| (devices.done() == [2; DEVICES]).then_some(())).is_some());
    environment.kill();
    until_all_are(place, "unsettled");
    let task = place.json(&["operation", "show", "last"])["tasks"][0]["id"].clone();
    let explained = place.run(&["task", "explain", task.as_str().unwrap()]);
    assert!(
        explained.out.contains("could not be read back in time"),
        "{}",
        explained.out
    );

    // Also a logic environment that was killed meanwhile knows what it may still believe.
    first.kill();
    let _le = le(place, &times, "1s");
    devices.order("none");
    let _again = wee(place, "wee-1");
    until_all_are(place, "succeeded");
    assert_eq!(devices.done(), [2; DEVICES], "{}", place.told());
}
