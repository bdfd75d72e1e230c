//! An environment of one hall, and the tasks of another.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    apart::{PDU, Room, applied, hub, le, wee},
    program::{Place, Role},
};

/// `apc-pdu` in a folder, said to be newer than any, and harmless whatever it does.
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

/// What does not count of the other hall's environment.
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

    // It waits for somebody else, and is written down as what must not be done twice.
    let asked = place.run(&["control", PDU, "outlet-cycle", "-p", "outlet=3", "--yes"]);
    let trail = place.run(&["audit", "export"]).out;
    let planned = trail.lines().find(|line| line.contains("task.planned"));
    let planned = planned.unwrap_or_else(|| panic!("{}{}{trail}", asked.out, asked.err));
    assert!(!planned.contains("\"repeat\":\"repeatable\""), "{planned}");
    assert!(planned.contains("utakata.outlet.state"), "{planned}");
    let listed = place.run(&["doctor"]);
    assert!(listed.out.contains("999.0.0"), "{}", listed.out);

    // Nor does it come into the other hall by saying so, until it is forgotten.
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
    assert!(there.err.contains("is there"), "{}", there.err);

    // A restart of the logic environment brings nothing of it back.
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
