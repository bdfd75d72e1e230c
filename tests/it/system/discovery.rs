//! From addresses to targets: real devices on the loopback, found by the built workers, accepted,
//! and read.

use serde_json::{Value, json};
use utakata_tests::servers::{Ipmi, Modbus, Nut, Snmpd, Sushy};

use super::place::Place;

const UPS: &str = "battery.charge: 64\ndevice.mfr: Example Power\ndevice.model: EP 6000\n\
                   device.serial: EP0001\nups.status: OL\n";

/// Discovers a kind at a port, and returns what was found.
fn discover(place: &Place, kind: &str, port: u16, credential: Option<&str>) -> Value {
    let port = port.to_string();
    // Nobody is at most of them.
    let mut arguments = vec!["discover", "127.0.0.1-3", "--kind", kind, "--port", &port];
    if let Some(credential) = credential {
        arguments.extend(["--credential", credential]);
    }
    place.json(&arguments)
}

fn accept(place: &Place, proposal: &Value, more: &[&str]) {
    let id = proposal["id"].as_str().unwrap();
    let arguments = [&["discovery", "accept", id][..], more].concat();
    let done = place.run(&arguments);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
}

fn has_reading(place: &Place, target: &str, metric: &str) -> bool {
    let read = place.json(&["read", target]);
    let readings = read["tasks"][0]["readings"].as_array();
    readings.is_some_and(|all| all.iter().any(|one| one["metric"] == metric))
}

#[test]
fn devices_are_found_at_their_addresses_accepted_and_read() {
    let bmc = Sushy::emulator(1).unwrap();
    let board = Ipmi::sha1().unwrap();
    let nut = Nut::start(&[("ups1", UPS)]).unwrap();
    let agent = Snmpd::start().unwrap();
    let place = Place::new();
    let _up = place.up();
    place.apply(
        "type: credential\nname: admin\nvalues: { user: admin, password: secret }\n---\n\
         type: credential\nname: monitor\nvalues: { community: public }\n",
    );
    for kind in ["redfish", "ipmi", "nut", "snmp"] {
        place.until_served(kind);
    }
    // A machine that speaks two protocols is one thing with two ways in.
    let found = discover(&place, "redfish", bmc.address().port(), Some("admin"));
    assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
    assert_eq!(found[0]["state"], "new", "{found}");
    let found = discover(&place, "ipmi", board.address().port(), Some("admin"));
    let [one] = found.as_array().unwrap().as_slice() else {
        panic!("{found}")
    };
    let ways: Vec<&Value> = one["ways"].as_array().unwrap().iter().collect();
    let kinds: Vec<&Value> = ways.iter().map(|way| &way["kind"]).collect();
    assert_eq!(kinds, ["redfish", "ipmi"], "{one}");
    let uuid = json!(format!("uuid:{}", Sushy::system(1)));
    let identifiers = one["identifiers"].as_array().unwrap();
    assert!(identifiers.contains(&uuid), "{one}");
    accept(&place, one, &["--name", "server-a1", "--label", "rack=A1"]);
    let ipmi = ["--kind", "ipmi", "--name", "server-a1-ipmi"];
    accept(&place, one, &ipmi);
    assert!(has_reading(&place, "server-a1", "utakata.power.state"));
    assert!(has_reading(&place, "server-a1-ipmi", "hw.fan.speed"));
    let target = place.json(&["target", "show", "server-a1"]);
    assert_eq!(target["labels"]["rack"], "A1", "{target}");
    assert_eq!(target["credential"], "admin", "{target}");

    // Nobody logs in to these.
    let found = discover(&place, "nut", nut.address().port(), None);
    assert_eq!(found[0]["serial"], "EP0001", "{found}");
    accept(&place, &found[0], &["--name", "ups"]);
    assert!(has_reading(&place, "ups", "hw.battery.charge"));
    let profile = place.json(&["get", "readings", "ups", "--metric", "utakata.profile"]);
    assert_eq!(profile[0]["value"], "nut", "{profile}");

    let found = discover(&place, "snmp", agent.address().port(), Some("monitor"));
    let profiles = found[0]["ways"][0]["profiles"].as_array().unwrap();
    assert!(!profiles.is_empty(), "{found}");
    accept(&place, &found[0], &["--name", "agent"]);
    assert!(has_reading(&place, "agent", "system.uptime"));

    // All of them are known now, and nothing is left to be decided.
    assert_eq!(place.json(&["discovery", "list"]), json!([]));
    let known = place.json(&["discovery", "list", "--all"]);
    let known = known.as_array().unwrap().iter();
    assert!(known.clone().all(|one| one["state"] == "known"));
    assert_eq!(known.count(), 3);
    let trail = place.run(&["audit", "list"]).out;
    for line in ["/v1/discoveries", "target server-a1"] {
        assert!(trail.contains(line), "{line}: {trail}");
    }
}

#[test]
fn a_device_that_left_its_address_is_followed_and_another_in_its_place_is_told() {
    let unit = json!({ "uint16": [{ "addr": 0, "value": 1 }] });
    let cooler = Modbus::start(&unit).unwrap();
    let first = Nut::start(&[("ups1", UPS)]).unwrap();
    let second = Nut::start(&[("ups1", UPS)]).unwrap();
    let place = Place::new();
    let _up = place.up();
    for kind in ["nut", "modbus"] {
        place.until_served(kind);
    }
    let found = discover(&place, "modbus", cooler.address().port(), None);
    assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
    let id = found[0]["id"].as_str().unwrap();
    assert_eq!(place.run(&["discovery", "dismiss", id]).code, 0);

    let found = discover(&place, "nut", first.address().port(), None);
    accept(&place, &found[0], &["--name", "ups"]);
    let before = first.address().to_string();
    drop(first);
    let found = discover(&place, "nut", second.address().port(), None);
    assert_eq!(found[0]["state"], "moved", "{found}");
    assert_eq!(found[0]["was"], format!("ups1@{before}"), "{found}");
    accept(&place, &found[0], &[]);
    assert!(has_reading(&place, "ups", "hw.battery.charge"));
    // The dismissed cooler is not proposed again.
    assert_eq!(place.json(&["discovery", "list"]), json!([]));
}
