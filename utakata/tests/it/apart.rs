//! The boxes as separate processes over a hub, each of them killed while the others continue.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::program::{Done, Place, Role, beside, drill, wait_for};

pub const PDU: &str = "pdu-a1-a";

/// Simulated devices. Closing their standard input ends them.
pub struct Room {
    child: Child,
    devices: Vec<Value>,
    control: String,
}

impl Room {
    pub fn start() -> Self {
        let child = Command::new(beside("utakata-simulator"))
            .args(["room", "--base-port", "0", "--exit-with-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut room = Self {
            child,
            devices: Vec::new(),
            control: String::new(),
        };
        let stdout = room.child.stdout.take().unwrap();
        for line in BufReader::new(stdout).lines() {
            let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
            if line["ready"] == true {
                room.control = line["control"].as_str().unwrap().into();
                return room;
            }
            room.devices.push(line);
        }
        panic!("the simulator did not become ready");
    }

    /// Returns the true state of an outlet of the PDU.
    pub fn outlet(&self, outlet: usize) -> Value {
        self.truth(PDU)["outlets"][outlet - 1].clone()
    }

    /// Returns the true state of a device.
    pub fn truth(&self, device: &str) -> Value {
        let shown = self.ask(&["show", "--control", &self.control, device]);
        let shown: Value = serde_json::from_str(&shown).unwrap();
        shown[0].clone()
    }

    /// Makes the PDU misbehave; `none` ends that.
    pub fn fault(&self, fault: &str) {
        self.fault_of(PDU, fault);
    }

    /// Makes a device misbehave; `none` ends that.
    pub fn fault_of(&self, device: &str, fault: &str) {
        self.ask(&["fault", "--control", &self.control, device, fault]);
    }

    /// Returns the address of a device.
    pub fn address(&self, name: &str) -> &str {
        let device = self.devices.iter().find(|device| device["name"] == name);
        device.unwrap()["address"].as_str().unwrap()
    }

    fn ask(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(beside("utakata-simulator"));
        let done = command.args(arguments).output().unwrap();
        assert!(done.status.success(), "{arguments:?}");
        String::from_utf8(done.stdout).unwrap()
    }

    /// A PDU as a target, with its credential.
    fn site(&self) -> String {
        let pdu = self.devices.iter().find(|device| device["name"] == PDU);
        format!(
            "type: credential\nname: room\n\
             values: {{ version: \"2c\", community: public, community_write: private }}\n---\n\
             type: target\nname: {PDU}\nkind: apc-pdu\naddress: {}\ncredential: room\n\
             zone: hall-1\n",
            pdu.unwrap()["address"]
        )
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

pub fn hub<'a>(place: &'a Place, faults: &[&str]) -> Role<'a> {
    let socket = place.beside("hub.sock");
    let hub = ["hub", "--socket", &socket];
    match faults {
        [] => place.role(&hub),
        // Only the drill has faults.
        _ => place.role_of(&drill(), &[&hub, faults].concat()),
    }
}

pub fn le(place: &Place) -> Role<'_> {
    let socket = place.beside("hub.sock");
    let role = place.role(&[
        "le",
        "--hub",
        &socket,
        "--listen",
        "127.0.0.1:0",
        "--mqtt",
        "127.0.0.1:0",
    ]);
    let answers = wait_for(|| (place.run(&["get", "targets"]).code == 0).then_some(()));
    assert!(answers.is_some(), "{}", place.told());
    role
}

pub fn wee(place: &Place) -> Role<'_> {
    let (socket, data) = (place.beside("hub.sock"), place.beside("wee"));
    place.role(&[
        "wee", "--hub", &socket, "--data", &data, "--id", "wee-1", "--zone", "hall-1",
    ])
}

pub fn applied(place: &Place, room: &Room) {
    let applied = place.run_with(&["apply", "-f", "-"], &room.site());
    assert_eq!(applied.code, 0, "{}", applied.err);
}

/// Waits until the device can be read. Reads in progress when something died are lost, so the first
/// attempts may fail.
fn until_it_reads(place: &Place) {
    let read = ["read", PDU, "--timeout", "10s"];
    let done = wait_for(|| Some(place.run(&read)).filter(|done| done.code == 0));
    assert!(done.is_some(), "{}{}", place.run(&read).err, place.told());
}

fn state(place: &Place, outlet: &str) -> Value {
    let read = place.json(&["read", PDU, "--metric", "utakata.outlet.state"]);
    let readings = read["tasks"][0]["readings"].as_array().unwrap();
    let mut found = readings
        .iter()
        .filter(|reading| reading["attributes"]["outlet"] == outlet);
    found.next().map_or(Value::Null, |one| one["value"].clone())
}

fn switch(place: &Place, action: &str, outlet: &str) -> Done {
    let outlet = format!("outlet={outlet}");
    place.run(&["control", PDU, action, "-p", &outlet, "--yes"])
}

/// Checks reading and control, from end to end.
fn expect_that_it_works(place: &Place) {
    until_it_reads(place);
    for (action, expect) in [("outlet-off", "off"), ("outlet-on", "on")] {
        let done = switch(place, action, "3");
        assert_eq!(done.code, 0, "{}{}{}", done.out, done.err, place.told());
        assert_eq!(state(place, "3"), expect);
    }
}

#[test]
fn each_box_can_be_killed_and_started_again_while_the_others_continue() {
    let (place, room) = (Place::new(), Room::start());
    let hub_role = hub(&place, &[]);
    let (le_role, wee_role) = (le(&place), wee(&place));
    applied(&place, &room);
    place.until_served("apc-pdu");
    expect_that_it_works(&place);

    wee_role.kill();
    // The hub announces it, because nobody else can.
    place.until(&["environment", "list"], |environments| {
        (environments[0]["state"] == "gone").then_some(())
    });
    let wee_role = wee(&place);
    place.until_served("apc-pdu");
    expect_that_it_works(&place);

    le_role.kill();
    let le_role = le(&place);
    place.until_served("apc-pdu");
    expect_that_it_works(&place);

    // It forgets everything, and is told again.
    hub_role.kill();
    let hub_role = hub(&place, &[]);
    expect_that_it_works(&place);

    wee_role.stop();
    le_role.stop();
    hub_role.stop();
    place.expect_nobody();
}

#[test]
fn a_device_is_read_and_controlled_over_a_hub_that_doubles_delays_and_reorders() {
    let (place, room) = (Place::new(), Room::start());
    let faults = "double=0.1,delay=0.1,late=0.1,max-delay=50ms,reorder=0.2";
    let _hub = hub(&place, &["--faults", faults, "--seed", "7"]);
    let (_le, _wee) = (le(&place), wee(&place));
    applied(&place, &room);
    place.until_served("apc-pdu");
    for _ in 0..10 {
        until_it_reads(&place);
    }
    for action in ["outlet-off", "outlet-on"] {
        let done = switch(&place, action, "3");
        assert_eq!(done.code, 0, "{}{}{}", done.out, done.err, place.told());
    }
}

#[test]
fn boxes_end_with_their_parent_and_say_what_is_wrong() {
    let place = Place::new();
    let socket = place.beside("hub.sock");
    let first = hub(&place, &[]);
    let le_role = le(&place);
    let second = place.run(&["hub", "--socket", &socket]);
    assert_eq!(second.code, 1);
    assert!(
        second.err.contains("another hub listens on"),
        "{}",
        second.err
    );
    assert_eq!(le_role.abandon(), Some(0), "{}", place.told());
    assert_eq!(first.abandon(), Some(0), "{}", place.told());
    assert!(!std::path::Path::new(&socket).exists());
    let alone = place.run(&["wee", "--hub", &socket]);
    assert_eq!(alone.code, 1);
    assert!(alone.err.contains("no hub answers on"), "{}", alone.err);
    let wrong = place.run(&["hub", "--socket", &socket, "--faults", "lose=1"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("'--faults'"), "{}", wrong.err);
    place.expect_nobody();
}
