//! Policies and their traces: a cooling unit that goes back by itself when nobody is left, and a BMC that
//! hangs, with a person who has the last word.

use std::{fmt::Write as _, fs, path::Path};

use serde_json::{Value, json};

use crate::{
    orders::Counters,
    program::{Place, wait_for},
};

/// The devices of a room as targets with these labels, which are read every second.
fn targets(room: &Counters, labels: &str) -> String {
    let mut text = "type: credential\nname: room\n\
         values: { version: \"2c\", community: public, community_write: private }\n---\n\
         type: credential\nname: bmcs\n\
         values: { user: demo, password: demo-bmc-pass }\n---\n\
         type: schedule\nname: often\nselector: kind in (apc-pdu,crac)\ninterval: 1s\n"
        .to_owned();
    for device in &room.devices {
        let (name, kind, address) = (&device["name"], &device["kind"], &device["address"]);
        let is_bmc = kind == "redfish";
        let (credential, labels) = if is_bmc {
            ("bmcs", labels)
        } else {
            ("room", "")
        };
        let _ = write!(
            text,
            "---\ntype: target\nname: {name}\nkind: {kind}\naddress: {address}\n\
             credential: {credential}\nlabels: {{ {labels} }}\n"
        );
        for outlet in device["outlets"].as_array().into_iter().flatten() {
            let (pdu, outlet) = outlet.as_str().unwrap().split_once(':').unwrap();
            let _ = write!(
                text,
                "---\ntype: relation\nrelation: feeds\nto: {name}\n\
                 from: {{ target: {pdu}, outlet: {outlet} }}\n"
            );
        }
    }
    text
}

fn apply(place: &Place, text: &str) {
    let file = place.file("site.yaml", text);
    let applied = place.run(&["apply", "-f", file.to_str().unwrap()]);
    assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
}

fn arm(place: &Place, policy: &str) {
    let decided = |view: &Value| view["instances"][0]["at"].is_string().then_some(());
    place.until(&["policy", "show", policy], decided);
    let tested = place.json(&["policy", "test", policy, "--since", "1h"]);
    let token = tested["token"].as_str().unwrap();
    let armed = place.run(&["policy", "arm", policy, "--token", token, "--for", "1h"]);
    assert_eq!(armed.code, 0, "{}{}", armed.out, armed.err);
}

/// Waits until the simulator tells something of a device.
#[track_caller]
fn until_true(
    place: &Place,
    room: &Counters,
    device: &str,
    is_it: impl Fn(&Value) -> bool,
) -> Value {
    let truth = || room.tell(&["show", device])[0].clone();
    let found = wait_for(|| Some(truth()).filter(&is_it));
    found.unwrap_or_else(|| panic!("{}\n{}", truth(), place.told()))
}

const AISLE: &str = r#"
name = "aisle"

[[ups]]
name = "ups-a"
feed = "A"
rated_watts = 5000
battery_watt_hours = 1000

[[cooling]]
name = "crac-1"
zone = "east"
capacity_watts = 9000
setpoint = 20.0

[[row]]
name = "R"
racks = 1
pdu = "apc-pdu"
feeds = ["A"]
outlets = 4

[[row.server]]
name = "web"
count = 1
idle_watts = 250
peak_watts = 250
"#;

/// Makes the air warmer, once: what it tells again counts for no limit.
const WARM: &str = "---
type: policy
name: warm
watch:
  air: { metric: hw.temperature, selector: name=crac-1, where: { hw.sensor_location: return }, fresh: 10s }
when: air > 0.0
act:
  - { action: set-setpoint, on: { selector: name=crac-1 }, parameters: { celsius: 22 }, settle: 1s }
dead_man: { lease: 10s, renew: 1s }
envelope:
  at_most: [\"1 in 1h per target\"]
";

#[test]
fn a_change_with_a_lease_stays_while_it_is_renewed_and_goes_when_nobody_is_left() {
    let place = Place::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../simulator/releases");
    for file in ["crac/profiles/crac.toml", "crac/worker.toml"] {
        let to = place.data().join("releases").join(file);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(root.join(file), to).unwrap();
    }
    let file = place.file("room.toml", AISLE);
    let room = Counters::of(&["room", "--room", file.to_str().unwrap()]);
    let up = place.up();
    place.until_served("crac");
    place.until_served("apc-pdu");
    // A PDU never takes back what it was told.
    let refused = WARM.replace("name: warm", "name: refused");
    let refused = refused.replace("set-setpoint", "outlet-off");
    let refused = refused.replace(
        "on: { selector: name=crac-1 }",
        "on: { selector: kind=apc-pdu }",
    );
    let refused = targets(&room, "") + &refused.replace("celsius: 22", "outlet: 1");
    let refused = place.file("refused.yaml", &refused);
    let refused = place.run(&["apply", "-f", refused.to_str().unwrap()]);
    assert_ne!(refused.code, 0, "{}", refused.out);
    assert!(
        refused.err.contains("does not take outlet-off back"),
        "{}",
        refused.err
    );

    apply(&place, &(targets(&room, "") + WARM));
    arm(&place, "warm");
    let warmer = until_true(&place, &room, "crac-1", |truth| {
        truth["cooling"]["done"].as_u64() > Some(4)
    });
    assert_eq!(warmer["cooling"]["setpoint"], 22.0, "{warmer}");
    assert_eq!(warmer["cooling"]["let_go"], 0, "{warmer}");
    let policy = place.json(&["policy", "show", "warm"]);
    assert_eq!(policy["uses"][0]["used"], 1, "{policy}");
    assert!(
        policy["instances"][0]["changes"][0]["lets_go"].is_string(),
        "{policy}"
    );
    up.kill();
    let left = until_true(&place, &room, "crac-1", |truth| {
        truth["cooling"]["let_go"] == 1
    });
    assert_eq!(left["cooling"]["setpoint"], 20.0, "{left}");

    // Whoever comes next sees that it is gone, and may not do it a second time within the hour.
    let up = place.up();
    place.until(&["policy", "show", "warm"], |policy| {
        let changes = &policy["instances"][0]["changes"];
        (changes[0]["stage"] == "asked").then_some(())
    });
    let after = until_true(&place, &room, "crac-1", |_| true);
    assert_eq!(after["cooling"]["done"], left["cooling"]["done"], "{after}");
    assert_eq!(up.stop(), 0, "{}", place.told());
}

const SERVERS: &str = r#"
name = "servers"

[[ups]]
name = "ups-a"
feed = "A"
rated_watts = 5000
battery_watt_hours = 1000

[[rack]]
name = "R1"

[[pdu]]
name = "pdu-1"
kind = "apc-pdu"
rack = "R1"
feed = "A"
outlets = 8
cycle_delay = "5s"

[[server]]
name = "web"
rack = "R1"
count = 3
idle_watts = 150
peak_watts = 150
cords = ["pdu-1:1"]

[[bmc]]
name = "bmc-1"
server = "web-01"
start = "1s"

[[bmc]]
name = "bmc-2"
server = "web-02"
start = "1s"

[[bmc]]
name = "bmc-3"
server = "web-03"
start = "1s"
"#;

/// The example, with other times, for three BMCs.
fn hung() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/policies");
    let mut text = fs::read_to_string(root.join("hung-bmc.yaml")).unwrap();
    for (before, after) in [
        ("every: 10s", "every: 1s"),
        ("aggregate: p95", "aggregate: p50"),
        (
            "when: silent > duration('10m')",
            "when: silent > duration('3s')",
        ),
        (
            "unless: others > duration('10m')",
            "unless: others > duration('3s')",
        ),
        ("hold: 1m", "hold: 1s"),
        ("settle: 6m", "settle: 5s"),
        ("by: 300.0, within: 6m", "by: 2.0, within: 1m"),
        ("silent < duration('1m')", "silent < duration('2s')"),
    ] {
        assert!(text.contains(before), "{before}");
        text = text.replacen(before, after, 1);
    }
    format!("---\n{text}")
}

/// The operations of the policy.
fn operations(place: &Place) -> Vec<Value> {
    let all = place.json(&["operation", "list"]);
    let all = all.as_array().unwrap().iter();
    all.filter(|one| one["policy"] == "hung-bmc")
        .cloned()
        .collect()
}

#[test]
fn a_bmc_that_hangs_is_reset_once_a_person_says_so_and_one_that_nobody_asked_is_not() {
    let place = Place::new();
    let file = place.file("room.toml", SERVERS);
    let room = Counters::of(&["room", "--room", file.to_str().unwrap()]);
    let up = place.up();
    place.until_served("redfish");
    place.until_served("apc-pdu");
    let site = targets(&room, "drained: \"yes\"");
    let read =
        |which: &str| format!("---\ntype: schedule\nname: bmcs\nselector: {which}\ninterval: 1s\n");
    // Nobody reads one of them: it seems silent, and is asked before anything is done.
    apply(
        &place,
        &(site.clone() + &read("name in (bmc-1,bmc-3)") + &hung()),
    );
    assert_eq!(place.run(&["read", "kind=redfish"]).code, 0);
    arm(&place, "hung-bmc");
    let requests = |truth: &Value| truth["requests"].as_u64();
    let before = requests(&room.tell(&["show", "bmc-2"])[0]);
    let asked = until_true(&place, &room, "bmc-2", |truth| requests(truth) > before);
    assert_eq!(asked["lockouts"], 0, "{asked}");
    assert_eq!(operations(&place), Vec::<Value>::new());

    apply(&place, &(site + &read("kind=redfish") + &hung()));
    room.tell(&["fault", "bmc-2", "hung"]);
    let waits = wait_for(|| {
        let found = operations(&place);
        found.into_iter().find(|one| one["state"] == "awaiting")
    });
    let shown = || place.run(&["policy", "show", "hung-bmc"]).out;
    let waits = waits.unwrap_or_else(|| panic!("{}", shown()));
    let outlet = || room.tell(&["show", "pdu-1"])[0]["outlets"][1].clone();
    assert_eq!(outlet()["received"], 0, "a person has to say so");
    assert_eq!(waits["parameters"], json!({ "outlet": 2 }), "{waits}");
    let id = waits["id"].as_str().unwrap();
    let approved = place.run(&["operation", "approve", id]);
    assert_eq!(approved.code, 0, "{}{}", approved.out, approved.err);
    let back = until_true(&place, &room, "bmc-2", |truth| {
        truth["faults"] == json!([]) && truth["powered"] == true
    });
    assert_eq!(back["lockouts"], 0, "{back}");
    // It is seen to answer, and the episode is over: there is nothing to hand back.
    let is_over = wait_for(|| {
        let policy = place.json(&["policy", "show", "hung-bmc"]);
        let mut instances = policy["instances"].as_array().unwrap().iter();
        let its = instances.find(|one| one["target"] == "bmc-2").unwrap();
        let is_calm = its["conditions"]["when"] == false && its["changes"].as_array().is_none();
        (is_calm && policy["stopped"].is_null()).then_some(())
    });
    assert!(is_over.is_some(), "{}", shown());
    assert_eq!(outlet()["received"], 1, "{}", outlet());
    assert_eq!(operations(&place).len(), 1);

    // All at once are not BMCs that hang.
    for bmc in ["bmc-1", "bmc-2", "bmc-3"] {
        room.tell(&["fault", bmc, "hung"]);
    }
    place.until(&["policy", "show", "hung-bmc"], |policy| {
        let instances = policy["instances"].as_array().unwrap();
        let is_held = |one: &Value| one["conditions"]["unless"] == true;
        instances.iter().all(is_held).then_some(())
    });
    assert_eq!(operations(&place).len(), 1, "{}", shown());
    assert_eq!(up.stop(), 0, "{}", place.told());
}
