//! Policies whose inputs and hands are servers of others: a PDU's agent (net-snmp), a PDU that feeds
//! virtual machines (virtualpdu over libvirt), the BMC of one (virtualbmc), a cooler (pymodbus).

use serde_json::{Value, json};
use utakata_tests::servers::{Modbus, Snmpd, World};
use utakata_tests::wait::wait_for;

use super::place::Place;

/// The load of the agent's PDU, in tenths of an ampere.
const LOAD: &str = "1.3.6.1.4.1.318.1.1.12.2.3.1.1.2.1";

const COOLER: &str = r#"
kind = "cooler"
version = "1.0.0"
protocol = 2
run.program = "utakata-worker-modbus"
settings.profiles = ["cooler"]

[[action]]
name = "read"
class = "observe"
parameters = { type = "object" }

[[action]]
name = "set-setpoint"
class = "control"
repeat = "repeatable"
parameters = { type = "object", required = ["celsius"], properties.celsius = { type = "number" } }
verify = { action = "read", metric = "hvac.setpoint", value = "$celsius", tolerance = "0.05" }
undo = { action = "set-setpoint", parameters = { celsius = "$prior" } }
"#;
const COOLER_PROFILE: &str = r#"
description = "A cooler"

[[point]]
metric = "hvac.setpoint"
at = 10
factor = 0.1
unit = "Cel"

[control.set-setpoint]
at = 10
factor = 0.1
value = "{celsius}"
"#;

/// Spares a machine, and has cooler air, while a feed carries too much; resets a BMC that hangs.
const POLICIES: &str = r#"---
type: policy
name: shed
watch:
  load: { metric: hw.current, selector: name=feed, aggregate: max, fresh: 10s }
when: load > 5.0
until: load < 4.0
act:
  - { action: outlet-off, on: { relation: feeds, selector: name=spare }, parameters: { outlet: $outlet }, settle: 1s }
back: { when: load < 4.0, hold: 1s, settle: 1s }
envelope:
  only: { selector: name=rack, actions: [outlet-off, outlet-on] }
  at_most: ["2 in 1h per target"]
---
type: policy
name: cool
watch:
  load: { metric: hw.current, selector: name=feed, aggregate: max, fresh: 10s }
when: load > 5.0
until: load < 4.0
act:
  - { action: set-setpoint, on: { selector: kind=cooler }, parameters: { celsius: 18.5 }, settle: 1s }
back: { when: load < 4.0, hold: 1s, settle: 1s }
envelope:
  only: { selector: kind=cooler, actions: [set-setpoint] }
  at_most: ["2 in 1h per target"]
---
type: policy
name: hung
for_each: name=board
watch:
  silent: { silence: true, fresh: 1m }
when: silent > duration('6s')
hold: 1s
act:
  - { action: outlet-cycle, on: { relation: feeds }, parameters: { outlet: $outlet }, settle: 5s, approval: true }
back: { when: silent < duration('3s') }
envelope:
  only: { selector: name=rack, actions: [outlet-cycle] }
  at_most: ["1 in 1h per target"]
"#;

fn arm(place: &Place, policy: &str) {
    let decided = |view: &Value| view["instances"][0]["at"].is_string().then_some(());
    place.until(&["policy", "show", policy], decided);
    let tested = place.json(&["policy", "test", policy, "--since", "1h"]);
    let token = tested["token"].as_str().unwrap();
    place.json(&["policy", "arm", policy, "--token", token, "--for", "1h"]);
}

#[test]
fn policies_act_on_devices_of_others_and_hand_back() {
    let agent = Snmpd::start().unwrap();
    let world = World::start(2).unwrap();
    let cooler = json!({ "uint16": [{ "addr": 10, "value": 220 }], "write": [10] });
    let cooler = Modbus::start(&cooler).unwrap();
    let place = Place::new();
    place.release("cooler/profiles/cooler.toml", COOLER_PROFILE);
    place.release("cooler/worker.toml", COOLER);
    let _up = place.up();
    let site = format!(
        "type: credential\nname: admin\nvalues: {{ user: {user}, password: {password} }}\n---\n\
         type: credential\nname: pdu\nvalues: {{ community: {community} }}\n---\n\
         type: target\nname: feed\nkind: apc-pdu\naddress: {}\ncredential: pdu\n---\n\
         type: target\nname: rack\nkind: apc-pdu\naddress: {}\ncredential: pdu\n---\n\
         type: target\nname: board\nkind: ipmi\naddress: {}\ncredential: admin\n---\n\
         type: target\nname: spare\nkind: redfish\naddress: {}/{}\ncredential: admin\n---\n\
         type: target\nname: cooler\nkind: cooler\naddress: {}\n---\n\
         type: relation\nrelation: feeds\nfrom: {{ target: rack, outlet: 1 }}\nto: board\n---\n\
         type: relation\nrelation: feeds\nfrom: {{ target: rack, outlet: 2 }}\nto: spare\n---\n\
         type: schedule\nname: often\nselector: \"name in (feed,board,cooler)\"\ninterval: 1s\n",
        agent.address(),
        world.pdu.address(),
        world.bmc.address(),
        world.redfish.address(),
        World::system(2),
        cooler.address(),
        user = World::USER,
        password = World::PASSWORD,
        community = World::COMMUNITY,
    );
    place.apply(&(site + POLICIES));
    for kind in ["apc-pdu", "ipmi", "redfish", "cooler"] {
        place.until_served(kind);
    }
    for policy in ["shed", "cool", "hung"] {
        arm(&place, policy);
    }
    let machine = |name: &str, state: &str| {
        let told = || world.machines.virsh(&["domstate", name]).unwrap();
        let is_so = wait_for(|| (told().trim() == state).then_some(()));
        let shown = || place.run(&["operation", "list"]).out;
        assert!(is_so.is_some(), "{name}: {}{}", told(), shown());
    };
    let setpoint = |celsius: f64| {
        place.until(&["read", "cooler"], |read| {
            let found = &read["tasks"][0]["readings"][0]["value"];
            (found.as_f64()? == celsius).then_some(())
        });
    };
    let load = |tenths: &str| {
        let client = agent.client().unwrap();
        client.set(&[(LOAD, 'u', tenths)]).unwrap();
    };
    machine("vm2", "running");
    load("62");
    machine("vm2", "shut off");
    setpoint(18.5);
    machine("vm1", "running");
    load("31");
    machine("vm2", "running");
    setpoint(22.0);

    // A BMC that hangs: a person says so, and its machine is cycled once.
    let life = || world.machines.virsh(&["domid", "vm1"]).unwrap();
    let before = life();
    world.bmc.pause().unwrap();
    let waits = place.until(&["operation", "list"], |all| {
        let mut all = all.as_array()?.iter();
        let found = all.find(|one| one["policy"] == "hung" && one["state"] == "awaiting");
        found.map(|one| one["id"].as_str().unwrap().to_owned())
    });
    assert_eq!(life(), before, "a person has to say so");
    world.bmc.resume().unwrap();
    place.json(&["operation", "approve", &waits]);
    // This PDU shows an outlet as on all the while, so nothing it says can prove the cycle.
    place.until(&["operation", "show", &waits], |operation| {
        (operation["counts"]["unsettled"] == 1).then_some(())
    });
    machine("vm1", "running");
    assert_ne!(life(), before, "it was cycled");
    for policy in ["shed", "cool", "hung"] {
        let shown = place.json(&["policy", "show", policy]);
        assert!(shown["stopped"].is_null(), "{shown}");
    }
}
