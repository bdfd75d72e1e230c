//! The simulator's default room or its counters as a process, with faults and truth.

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use utakata_tests::wait::wait_for;

use super::place::{Done, Place, program};

/// A room of ten devices, or counters. Closing its standard input ends it.
pub struct Room {
    child: Child,
    devices: Vec<Value>,
    control: String,
}

impl Room {
    pub fn start() -> Self {
        Self::of(&["room"])
    }

    /// Devices that count the commands they receive.
    pub fn counters(count: u32) -> Self {
        Self::of(&["counters", "--devices", &count.to_string()])
    }

    /// Cooling units behind a gateway.
    pub fn line() -> Self {
        let file = utakata_tests::repository::root().join("room/rooms/line.toml");
        Self::of(&["room", "--room", file.to_str().unwrap()])
    }

    fn of(arguments: &[&str]) -> Self {
        let mut child = Command::new(program("utakata-simulator"))
            .args(arguments)
            .args(["--base-port", "0", "--exit-with-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut devices = Vec::new();
        let mut control = None;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
            if line["ready"] == true {
                control = line["control"].as_str().map(str::to_owned);
                break;
            }
            devices.push(line);
        }
        Self {
            child,
            devices,
            control: control.unwrap(),
        }
    }

    /// Its devices as targets, observed once a second, with a credential that can write.
    pub fn documents(&self) -> String {
        let mut text = "type: credential\nname: room\n\
             values: { version: \"2c\", community: public, community_write: private }\n---\n\
             type: schedule\nname: room\nselector: room=demo\ninterval: 1s\n"
            .to_owned();
        // Nothing here serves the kind of its cooling units, and others have another credential.
        let is_other = |one: &&Value| one["kind"] == "crac" || one["community_read"].is_null();
        let devices = self.devices.iter().filter(|one| !is_other(one));
        for device in devices {
            let word = |key: &str| device[key].as_str().unwrap_or("none").to_owned();
            let (name, kind, address) = (word("name"), word("kind"), word("address"));
            let (rack, feed) = (word("rack"), word("feed"));
            let _ = write!(
                text,
                "---\ntype: target\nname: {name}\nkind: {kind}\naddress: {address}\n\
                 credential: room\nlabels: {{ room: demo, rack: {rack}, feed: {feed} }}\n"
            );
        }
        text
    }

    /// Has the room observed, and waits until every device has been read.
    pub fn observed_by(&self, place: &Place) {
        place.apply(&self.documents());
        place.until(&["get", "targets"], |targets| {
            let mut targets = targets.as_array()?.iter();
            let all = targets.all(|target| target["health"] == "answering");
            all.then_some(())
        });
    }

    /// Returns the address of a device.
    pub fn address(&self, device: &str) -> &str {
        let mut devices = self.devices.iter();
        let found = devices.find(|one| one["name"] == device);
        found.and_then(|one| one["address"].as_str()).unwrap()
    }

    /// Makes a device misbehave; `none` ends that.
    pub fn fault(&self, device: &str, fault: &str) {
        let done = self.run(&["fault", "--control", &self.control, device, fault]);
        assert_eq!(done.code, 0, "{}", done.err);
    }

    /// Returns the true state of a device.
    pub fn truth(&self, device: &str) -> Value {
        self.tell("show", device)
    }

    /// Returns the true counts of a token that was sent to a counter.
    pub fn token(&self, device: &str, token: &str) -> Value {
        let truth = self.tell("truth", device);
        let mut tokens = truth["tokens"].as_array().unwrap().iter();
        let found = tokens.find(|one| one["token"] == token);
        found.cloned().unwrap_or_default()
    }

    fn tell(&self, command: &str, device: &str) -> Value {
        let done = self.run(&[command, "--control", &self.control, device]);
        let shown: Value = serde_json::from_str(&done.out).unwrap();
        shown[0].clone()
    }

    /// Returns the true state of an outlet.
    pub fn outlet(&self, device: &str, outlet: usize) -> Value {
        self.truth(device)["outlets"][outlet - 1].clone()
    }

    /// Waits until an outlet satisfies a condition.
    pub fn until(&self, device: &str, outlet: usize, is: impl Fn(&Value) -> bool) -> Value {
        let found = wait_for(|| Some(self.outlet(device, outlet)).filter(|one| is(one)));
        found.unwrap_or_else(|| panic!("{device}: {}", self.outlet(device, outlet)))
    }

    fn run(&self, arguments: &[&str]) -> Done {
        let output = Command::new(program("utakata-simulator"))
            .args(arguments)
            .output();
        Done::new(&output.unwrap())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let ended = wait_for(|| self.child.try_wait().unwrap());
        if ended.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
