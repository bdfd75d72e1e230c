//! Readings for any client: with Mosquitto's own tools.

use std::process::Command;

use serde_json::Value;

use super::{
    place::{Done, Place},
    room::Room,
};

const VERSIONS: [&str; 2] = ["mqttv311", "mqttv5"];
const ALL: &str = "utakata/v1/reading/#";

fn client(program: &str, address: &str, arguments: &[&str]) -> Done {
    let (host, port) = address.rsplit_once(':').unwrap();
    let output = Command::new(program)
        .args(["-h", host, "-p", port])
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; tests/servers/install.sh mqtt"));
    Done::new(&output)
}

/// Messages of a topic: retain flag, topic and payload.
fn messages(
    address: &str,
    version: &str,
    topic: &str,
    more: &[&str],
) -> Vec<(bool, String, Value)> {
    let arguments = [&["-V", version, "-t", topic, "-F", "%r %t %p"], more].concat();
    let done = client("mosquitto_sub", address, &arguments);
    // 27: it has waited for the time given.
    assert!([0, 27].contains(&done.code), "{}{}", done.out, done.err);
    let message = |line: &str| {
        let mut parts = line.splitn(3, ' ');
        let retained = parts.next()? == "1";
        let topic = parts.next()?.to_owned();
        Some((retained, topic, serde_json::from_str(parts.next()?).ok()?))
    };
    let lines = done.out.lines();
    let lines = lines.map(|line| message(line).unwrap_or_else(|| panic!("{line}")));
    lines.collect()
}

#[test]
fn readings_are_retained_and_come_in_both_versions_of_mqtt() {
    let (room, place) = (Room::start(), Place::new());
    let up = place.up();
    room.observed_by(&place);
    let address = up.ready["mqtt"].as_str().unwrap();
    for version in VERSIONS {
        // A late subscriber immediately gets the latest readings of every device.
        let retained = messages(address, version, ALL, &["--retained-only", "-W", "5"]);
        let mut topics: Vec<&str> = retained.iter().map(|(_, topic, _)| &**topic).collect();
        topics.sort_unstable();
        topics.dedup();
        assert_eq!(topics.len(), 10, "{version}: {topics:?}");
        assert!(topics.contains(&"utakata/v1/reading/pdu-a1-a/read"));
        for (_, topic, payload) in &retained {
            assert_eq!(payload["version"], 1, "{topic}");
            let readings = payload["readings"].as_array().unwrap();
            assert!(readings.len() > 10, "{topic}: {payload}");
            assert!(readings.iter().all(|one| one["metric"].is_string()));
        }
        // And then new ones: the third message of a topic is newer than the second.
        let topic = "utakata/v1/reading/ups-a/+";
        let live = messages(address, version, topic, &["-C", "3", "-W", "40"]);
        assert_eq!(live.len(), 3, "{version}: {live:?}");
        assert!(live[0].0 && !live[1].0 && !live[2].0, "{version}: {live:?}");
        let time = |at: usize| live[at].2["time"].as_str().unwrap();
        assert!(time(1) < time(2), "{version}: {live:?}");
    }
}

#[test]
fn nobody_else_can_publish() {
    let place = Place::new();
    let up = place.up();
    let address = up.ready["mqtt"].as_str().unwrap();
    for version in VERSIONS {
        for topic in ["utakata/v1/reading/pdu-a1-a/read", "utakata/v1/task/x", "x"] {
            let message = ["-V", version, "-t", topic, "-m", "{}", "-r", "-q", "1"];
            let done = client("mosquitto_pub", address, &message);
            if version == "mqttv5" {
                let told = format!("{}{}", done.out, done.err);
                assert!(told.contains("Not authorized"), "{topic}: {told}");
            }
        }
        // Version 3.1.1 cannot express this: it is discarded.
        assert_eq!(messages(address, version, ALL, &["-W", "1"]).len(), 0);
    }
}
