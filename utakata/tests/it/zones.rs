//! An environment of one hall, and the tasks of another.

use std::{fs, path::Path};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use utakata_tests::servers::{Mosquitto, Rabbitmq};

use crate::{
    apart::{PDU, Room, applied, hub, le, wee},
    program::{Place, Role, wait_for},
};

/// `apc-pdu` in a folder, declared newer than any, and harmless whatever it does.
fn harmless(bundled: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(bundled).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
    let manifest = fs::read_to_string(to.join("worker.toml")).unwrap();
    let verify = manifest.find("[action.verify]").unwrap();
    assert!(manifest[verify..].contains("outlet-cycle"));
    let manifest = manifest
        .replace("version = \"1.0.0\"", "version = \"999.0.0\"")
        .replace("risk = \"high\"", "risk = \"low\"")
        .replace("repeat = \"once\"", "repeat = \"repeatable\"");
    let (before, cycle) = manifest.split_once("name = \"outlet-cycle\"").unwrap();
    let cycle = cycle.split("[action.verify]").next().unwrap();
    let manifest = format!("{before}name = \"outlet-cycle\"{cycle}");
    fs::write(to.join("worker.toml"), manifest).unwrap();
}

/// An environment of the other hall, with that in its folder.
fn rogue<'p>(place: &'p Place, zone: &str) -> Role<'p> {
    let (socket, data) = (place.beside("hub.sock"), place.beside("rogue"));
    place.role(&[
        "wee", "--hub", &socket, "--data", &data, "--id", "hall-2-a", "--zone", zone,
    ])
}

fn plan(place: &Place) -> Value {
    place.json(&[
        "control",
        PDU,
        "outlet-cycle",
        "-p",
        "outlet=3",
        "--dry-run",
    ])
}

/// Returns the ignored parts of the other hall's environment.
fn ignored(place: &Place, code: &str) -> Value {
    place.until(&["environment", "list"], |environments| {
        let mut environments = environments.as_array()?.iter();
        let other = environments.find(|one| one["id"] == "hall-2-a")?;
        let claims = other["ignored"].as_array()?;
        claims
            .iter()
            .find(|claim| claim["problem"]["code"] == code)
            .cloned()
    })
}

#[test]
fn an_environment_of_another_hall_does_not_change_what_is_dangerous() {
    let (place, room) = (Place::new(), Room::start());
    fs::create_dir_all(place.data()).unwrap();
    let approval = "[logic.control]\napproval = \"high\"\n";
    fs::write(place.data().join("utakata.toml"), approval).unwrap();
    let hub_role = hub(&place, &[]);
    let (le_role, wee_role) = (le(&place), wee(&place));
    applied(&place, &room);
    place.until_served("apc-pdu");
    let before = plan(&place);
    assert_eq!(before["needs_approval"], true, "{before}");

    let data = place.beside("rogue");
    let data = Path::new(&data);
    let bundled = place.beside("wee");
    harmless(
        &Path::new(&bundled).join("bundled/apc-pdu"),
        &data.join("releases/harmless"),
    );
    let rogue_role = rogue(&place, "hall-2");
    let claim = ignored(&place, "release-unknown");
    assert_eq!(claim["release"]["version"], "999.0.0", "{claim}");
    let after = plan(&place);
    assert_eq!(
        after["targets"][0]["release"],
        before["targets"][0]["release"]
    );
    assert_eq!(after["needs_approval"], true, "{after}");

    // It waits for approval by somebody else, and is recorded as not repeatable.
    let asked = place.run(&["control", PDU, "outlet-cycle", "-p", "outlet=3", "--yes"]);
    let trail = place.run(&["audit", "export"]).out;
    let planned = trail.lines().find(|line| line.contains("task.planned"));
    let planned = planned.unwrap_or_else(|| panic!("{}{}{trail}", asked.out, asked.err));
    assert!(!planned.contains("\"repeat\":\"repeatable\""), "{planned}");
    assert!(planned.contains("utakata.outlet.state"), "{planned}");
    let listed = place.run(&["doctor"]);
    assert!(listed.out.contains("999.0.0"), "{}", listed.out);

    // Nor can it move to the other hall by claiming so, until it is forgotten.
    rogue_role.stop();
    let rogue_role = rogue(&place, "hall-1");
    ignored(&place, "zone-not-its-own");
    assert_eq!(plan(&place)["needs_approval"], true);
    rogue_role.stop();
    let forgotten = place.run(&["environment", "forget", "hall-2-a"]);
    assert_eq!(forgotten.code, 0, "{}", forgotten.err);
    let environments = place.json(&["environment", "list"]);
    let ids: Vec<&Value> = environments
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["id"])
        .collect();
    assert_eq!(ids, ["wee-1"]);
    let there = place.run(&["environment", "forget", "wee-1"]);
    assert!(there.err.contains("is running"), "{}", there.err);

    // A restart of the logic environment does not bring it back.
    le_role.kill();
    let le_role = le(&place);
    place.until_served("apc-pdu");
    assert_eq!(plan(&place)["needs_approval"], true);
    assert_eq!(
        place
            .json(&["environment", "list"])
            .as_array()
            .unwrap()
            .len(),
        1
    );
    for role in [wee_role, le_role, hub_role] {
        role.stop();
    }
}

/// The settings of a process with brokers on which each environment may write only under its own
/// name.
fn settings(rabbitmq: &Rabbitmq, mosquitto: &Mosquitto, user: &str) -> String {
    let (tasks, password) = (rabbitmq.address(), Rabbitmq::PASSWORD);
    format!(
        "[interconnect.amqp]\nurl = \"amqp://{}:{password}@{tasks}/%2F\"\n\
         [interconnect.mqtt]\nurl = \"{}\"\n[mqtt]\nenabled = false\n\
         [logic.control]\napproval = \"high\"\nwindow = \"2s\"\nsettling = \"1s\"\n",
        Rabbitmq::USER,
        mosquitto.url_as(user),
    )
}

fn environment<'p>(place: &'p Place, id: &str, zone: &str, settings: &str) -> Role<'p> {
    let data = place.beside(id);
    fs::create_dir_all(&data).unwrap();
    fs::write(Path::new(&data).join("utakata.toml"), settings).unwrap();
    place.role(&["wee", "--data", &data, "--id", id, "--zone", zone])
}

/// Ends every worker of this place as a crash would.
fn crash_workers(place: &Place) {
    for process in place.processes() {
        let (number, name) = process.split_once(' ').unwrap();
        if name.starts_with("utakata-worker") {
            let number = Pid::from_raw(number.parse().unwrap()).unwrap();
            // Something else may have ended it meanwhile.
            let _ = kill_process(number, Signal::KILL);
        }
    }
}

#[test]
fn a_status_of_another_hall_lets_nobody_pass_four_eyes_nor_cycle_an_outlet_twice() {
    let acl = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/mosquitto/acl.example");
    let users = ["utakata-le", "wee-1", "wee-2"];
    let mosquitto = Mosquitto::start_with_rights(&acl, &users).unwrap();
    let rabbitmq = Rabbitmq::start().unwrap();
    let (place, room) = (Place::new(), Room::start());
    let of = |user| settings(&rabbitmq, &mosquitto, user);
    fs::create_dir_all(place.data()).unwrap();
    fs::write(place.data().join("utakata.toml"), of("utakata-le")).unwrap();
    let le_role = place.role(&["le", "--listen", "127.0.0.1:0"]);
    let answers = wait_for(|| (place.run(&["get", "targets"]).code == 0).then_some(()));
    assert!(answers.is_some(), "{}", place.told());
    let wee_role = environment(&place, "wee-1", "hall-1", &of("wee-1"));
    applied(&place, &room);
    place.until_served("apc-pdu");

    // The other hall declares cycling an outlet harmless, repeatable, and impossible to verify.
    let bundled = Path::new(&place.beside("wee-1")).join("bundled/apc-pdu");
    let releases = Path::new(&place.beside("wee-2")).join("releases/harmless");
    harmless(&bundled, &releases);
    let rogue_role = environment(&place, "wee-2", "hall-2", &of("wee-2"));
    let ignored = place.until(&["environment", "list"], |environments| {
        let mut environments = environments.as_array()?.iter();
        let other = environments.find(|one| one["id"] == "wee-2")?;
        other["ignored"].as_array()?.first().cloned()
    });
    assert_eq!(ignored["release"]["version"], "999.0.0", "{ignored}");

    let sec = place
        .run(&["person", "add", "sec", "--role", "security"])
        .out;
    let ana = ["person", "add", "ana", "--role", "approver"];
    let ana = place.run_as(sec.trim(), &ana).out;
    let confirmed = place.run(&["token", "confirm", "ana", "first"]);
    assert_eq!(confirmed.code, 0, "{}", confirmed.err);
    let cycle = ["control", PDU, "outlet-cycle", "-p", "outlet=3", "--yes"];
    let asked = place.run(&cycle);
    assert_eq!(asked.code, 3, "it waits: {}{}", asked.out, asked.err);
    let operation = place.json(&["operation", "show", "last"]);
    assert_eq!(operation["state"], "awaiting", "{operation}");
    assert_eq!(room.outlet(3)["received"], 0);
    let own = place.run(&["operation", "approve", "last"]);
    assert_ne!(own.code, 0, "nobody approves what they asked for");

    // Its worker dies when the device has received the command, before anybody knows.
    room.fault("slow=1500ms");
    let id = operation["id"].as_str().unwrap();
    let approved = place.run_as(ana.trim(), &["operation", "approve", id]);
    assert_eq!(approved.code, 0, "{}", approved.err);
    let told = wait_for(|| (room.outlet(3)["received"] == 1).then_some(()));
    assert!(told.is_some(), "{}{}", room.outlet(3), place.told());
    crash_workers(&place);
    room.fault("none");
    let task = place.until(&["task", "list", "--operation", id], |tasks| {
        let mut tasks = tasks.as_array()?.iter();
        tasks.find(|one| one["state"] == "unsettled").cloned()
    });
    // The outcome is unknown, so a person has to decide; and nobody has tried again.
    let truth = room.outlet(3);
    assert_eq!(truth["received"], 1, "{truth} {task}");
    assert_eq!(truth["done"], 1, "{truth} {task}");
    for role in [rogue_role, wee_role, le_role] {
        role.stop();
    }
}
