//! An unknown kind of equipment, added while everything runs: two text files.

use serde_json::Value;

use super::{place::Place, room::Room};

const MANIFEST: &str = r#"
kind = "greeter"
version = "1.0.0"
protocol = 1
description = "Anything that has a name"

[run]
program = "utakata-worker-snmp"

[settings]
profiles = ["greeter"]

[[action]]
name = "read"
class = "observe"
timeout = "10s"
"#;

fn profile(metric: &str) -> String {
    format!(
        "description = \"What it is called\"\n[[scalar]]\nmetric = \"{metric}\"\n\
         oid = \"1.3.6.1.2.1.1.5.0\"\ntext = true\n"
    )
}

/// Waits for a reading of a metric that is newer than this.
fn until_read(place: &Place, metric: &str, after: &str) -> Value {
    let arguments = ["get", "readings", "stranger", "--metric", metric];
    place.until(&arguments, |readings| {
        let mut readings = readings.as_array()?.iter();
        let newer = |one: &&Value| one["time"].as_str().is_some_and(|time| time > after);
        readings.find(newer).cloned()
    })
}

#[test]
fn a_new_kind_is_read_after_its_files_are_there_and_survives_a_broken_change() {
    let (room, place) = (Room::start(), Place::new());
    let _up = place.up();
    let documents = room.documents();
    let address = documents.lines().find(|line| line.starts_with("address:"));
    place.apply(&format!(
        "type: target\nname: stranger\nkind: greeter\n{}\n---\n\
         type: schedule\nname: often\nselector: name=stranger\ninterval: 1s\n",
        address.unwrap()
    ));
    place.release("greeter/profiles/greeter.toml", &profile("greeter.name"));
    place.release("greeter/worker.toml", MANIFEST);
    let first = until_read(&place, "greeter.name", "");
    assert_eq!(first["value"], "pdu-a1-a", "{first}");

    // An invalid change: its place is reported, and the last valid version stays in use.
    place.release(
        "greeter/profiles/greeter.toml",
        &profile("greeter.name").replace("oid", "iod"), // typos: on purpose
    );
    let told = place.until(&["environment", "list"], |environments| {
        let text = environments.to_string();
        text.contains("iod").then_some(text) // typos: on purpose
    });
    assert!(told.contains("greeter.toml"), "{told}");
    assert_eq!(place.run(&["doctor"]).code, 1);
    let last = until_read(&place, "greeter.name", "");
    until_read(&place, "greeter.name", last["time"].as_str().unwrap());

    // Corrected.
    place.release("greeter/profiles/greeter.toml", &profile("greeter.called"));
    let mended = until_read(&place, "greeter.called", "");
    assert_eq!(mended["value"], "pdu-a1-a", "{mended}");
    place.until(&["environment", "list"], |environments| {
        let is_well = !environments.to_string().contains("iod"); // typos: on purpose
        is_well.then_some(())
    });
}
