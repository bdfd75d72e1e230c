//! The kinds beyond SNMP, from documents to devices and back: real servers, read and controlled
//! through the whole system.

use serde_json::{Value, json};
use utakata_tests::servers::{Ipmi, Modbus, NodeExporter, Nut, Openssl, Sshd, Sushy, World};

use super::{place::Place, room::Room};

const UPS: &str =
    "battery.charge: 64\ninput.voltage: 229.7\nups.delay.shutdown: 20\nups.status: OL\n";

/// The value of a metric in the answer of `read`.
fn value<'a>(read: &'a Value, metric: &str) -> Option<&'a Value> {
    let readings = read["tasks"][0]["readings"].as_array()?;
    readings
        .iter()
        .find(|one| one["metric"] == metric)
        .map(|one| &one["value"])
}

#[test]
fn every_kind_is_read_and_what_is_switched_is_read_back() {
    let nut = Nut::start(&[("ups1", UPS)]).unwrap();
    let bmc = Sushy::emulator(1).unwrap();
    let page = Openssl::start(30).unwrap();
    let cooler = json!({ "uint16": [{ "addr": 5, "value": 421 }], "write": [5] });
    let cooler = Modbus::start(&cooler).unwrap();
    let room = Room::line();
    let place = Place::new();
    place.release_modbus_crac();
    let _up = place.up();
    place.apply(&format!(
        "type: credential\nname: admin\nvalues: {{ user: admin, password: secret }}\n---\n\
         type: target\nname: bmc\nkind: redfish\naddress: {}/{}\ncredential: admin\n---\n\
         type: target\nname: ups\nkind: nut\naddress: ups1@{}\ncredential: admin\n---\n\
         type: target\nname: page\nkind: probe\naddress: https://{}/\n---\n\
         type: target\nname: cooler\nkind: modbus\naddress: {}\n---\n\
         type: target\nname: cu-1\nkind: modbus-crac\naddress: {}\n---\n\
         type: target\nname: cu-2\nkind: modbus-crac\naddress: {}\n---\n\
         type: target\nname: liar\nkind: nut\naddress: {}\n",
        bmc.address(),
        Sushy::system(1),
        nut.address(),
        page.address(),
        cooler.address(),
        room.address("cu-1"),
        room.address("cu-2"),
        room.address("nut-1-ups-a"),
    ));
    for kind in ["redfish", "nut", "probe", "modbus", "modbus-crac"] {
        place.until_served(kind);
    }
    for (target, metric, expect) in [
        ("bmc", "utakata.power.state", json!("on")),
        ("ups", "hw.battery.charge", json!(0.64)),
        ("ups", "hw.voltage", json!(229.7)),
        ("page", "utakata.reachable", json!("yes")),
        ("page", "utakata.http.status", json!("200")),
        ("cu-2", "hw.status", json!("ok")),
    ] {
        let read = place.json(&["read", target]);
        assert_eq!(value(&read, metric), Some(&expect), "{target}: {read}");
    }
    // The emulator switches seconds after it has said yes: the read-back waits for it.
    let off = place.json(&["control", "bmc", "power-off", "--yes"]);
    assert_eq!(off["counts"]["succeeded"], 1, "{off}");
    let read = place.json(&["read", "bmc"]);
    assert_eq!(
        value(&read, "utakata.power.state"),
        Some(&json!("off")),
        "{read}"
    );
    let set = place.json(&[
        "control",
        "ups",
        "shutdown-delay",
        "-p",
        "seconds=90",
        "--yes",
    ]);
    assert_eq!(set["counts"]["succeeded"], 1, "{set}");
    assert_eq!(nut.upsc("ups1", "ups.delay.shutdown").unwrap(), "90");
    // The driver does not know the command that it lists: upsd says OK, and nothing was done.
    let (_, failed) = place.ask(&["control", "ups", "load-off", "--yes"]);
    assert_eq!(failed["counts"]["failed"], 1, "{failed}");
    let (_, set) = place.ask(&[
        "control",
        "cooler",
        "set",
        "-p",
        "at=5",
        "-p",
        "value=430",
        "--yes",
    ]);
    assert_eq!(set["counts"]["succeeded"], 1, "{set}");
    let read = place.json(&["read", "cooler", "--action", "get", "-p", "at=5"]);
    assert_eq!(
        read["tasks"][0]["outcome"]["result"]["values"],
        json!([430]),
        "{read}"
    );
    // The battery runs empty, whatever the server says of the mains; words are no numbers.
    let charge = |read: &Value| value(read, "hw.battery.charge").and_then(Value::as_f64);
    assert_eq!(charge(&place.json(&["read", "liar"])), Some(1.0));
    room.fault("nut-1-ups-a", "stuck-status");
    room.fault("ups-a", "battery-drained");
    place.until(&["read", "liar"], |read| {
        (charge(read)? < 0.2).then_some(())
    });
    room.fault("nut-1-ups-a", "no-numbers");
    let (_, read) = place.ask(&["read", "liar"]);
    assert_eq!(charge(&read), None, "{read}");
    room.fault("nut-1-ups-a", "stale");
    let (code, read) = place.ask(&["read", "liar"]);
    assert!(
        code != 0 && read.to_string().contains("DATA-STALE"),
        "{read}"
    );
    // One unit of a line is silent: the other one is read and set all the same, in one conversation.
    room.fault("cu-2", "silent");
    let (_, read) = place.ask(&["read", "name in (cu-1,cu-2)"]);
    assert_eq!(read["counts"]["succeeded"], 1, "{read}");
    let told = read.to_string();
    assert!(told.contains("the unit behind it does not"), "{read}");
    let set = place.json(&[
        "control",
        "cu-1",
        "set-setpoint",
        "-p",
        "celsius=23.5",
        "--yes",
    ]);
    assert_eq!(set["counts"]["succeeded"], 1, "{set}");
    assert_eq!(room.truth("crac-1")["cooling"]["setpoint"], 23.5);
    // A connection that was given up counts until the gateway has done with what came over it.
    let line = room.truth("line-1");
    assert_eq!(
        (&line["connections_refused"], &line["requests_max"]),
        (&json!(0), &json!(1)),
        "{line}"
    );
}

#[test]
fn hosts_and_their_boards_are_read_and_switched() {
    let bmc = Ipmi::sha1().unwrap();
    let sshd = Sshd::start().unwrap();
    let exporter = NodeExporter::start("").unwrap();
    let place = Place::new();
    let _up = place.up();
    let key = sshd.private_key().unwrap().replace('\n', "\\n");
    place.apply(&format!(
        "type: credential\nname: admin\nvalues: {{ user: admin, password: secret }}\n---\n\
         type: credential\nname: me\nvalues: {{ user: {}, private_key: \"{key}\", host_key: \
         \"{}\" }}\n---\n\
         type: target\nname: board\nkind: ipmi\naddress: {}\ncredential: admin\n---\n\
         type: target\nname: host\nkind: ssh\naddress: {}\ncredential: me\n---\n\
         type: target\nname: exporter\nkind: scrape\naddress: {}\n",
        sshd.user().unwrap(),
        sshd.fingerprint().unwrap(),
        bmc.address(),
        sshd.address(),
        exporter.address(),
    ));
    for kind in ["ipmi", "ssh", "scrape", "http-json"] {
        place.until_served(kind);
    }
    for (target, metric) in [
        ("board", "hw.fan.speed"),
        ("host", "system.load_average"),
        ("exporter", "system.load_average"),
    ] {
        let read = place.json(&["read", target]);
        assert!(value(&read, metric).is_some(), "{target}: {read}");
    }
    // What is switched is read back before it counts as done.
    let off = place.json(&["control", "board", "power-off", "--yes"]);
    assert_eq!(off["counts"]["succeeded"], 1, "{off}");
    let told = bmc.ipmitool(&["chassis", "power", "status"]).unwrap();
    assert!(told.contains("is off"), "{told}");
    // What the list in the signed release does not have is refused before anything is run.
    let (_, refused) = place.ask(&[
        "control",
        "host",
        "service-restart",
        "-p",
        "service=sshd.service",
        "--yes",
    ]);
    assert_eq!(refused["counts"]["failed"], 1, "{refused}");
}

/// Waits until every way in to the first machine tells this of its power.
fn until_all_agree(place: &Place, state: &str) {
    let of_machine = if state == "on" { "running" } else { "off" };
    for (target, metric, expect) in [
        ("host", "utakata.vm.state", of_machine),
        ("board", "utakata.power.state", state),
        ("server", "utakata.power.state", state),
    ] {
        place.until(&["read", target], |read| {
            let readings = read["tasks"][0]["readings"].as_array()?;
            let mut of_metric = readings.iter().filter(|one| one["metric"] == metric);
            let is_first = |one: &&Value| {
                one["attributes"]["vm"]
                    .as_str()
                    .is_none_or(|vm| vm == "vm1")
            };
            (of_metric.find(is_first)?["value"] == expect).then_some(())
        });
    }
}

#[test]
fn one_machine_is_the_same_by_every_way_in() {
    let world = World::start(2).unwrap();
    let place = Place::new();
    let _up = place.up();
    place.apply(&format!(
        "type: credential\nname: admin\nvalues: {{ user: {user}, password: {password} }}\n---\n\
         type: credential\nname: pdu\nvalues: {{ community: {community} }}\n---\n\
         type: target\nname: pdu\nkind: apc-pdu\naddress: {}\ncredential: pdu\n---\n\
         type: target\nname: host\nkind: libvirt\naddress: {}\n---\n\
         type: target\nname: board\nkind: ipmi\naddress: {}\ncredential: admin\n---\n\
         type: target\nname: server\nkind: redfish\naddress: {}/{}\ncredential: admin\n",
        world.pdu.address(),
        world.machines.uri(),
        world.bmc.address(),
        world.redfish.address(),
        World::system(1),
        user = World::USER,
        password = World::PASSWORD,
        community = World::COMMUNITY,
    ));
    for kind in ["apc-pdu", "libvirt", "ipmi", "redfish"] {
        place.until_served(kind);
    }
    until_all_agree(&place, "on");
    // An outlet takes its machine along. The PDU does not know what becomes of the machine then.
    let outlet_off: &[&str] = &["pdu", "outlet-off", "-p", "outlet=1"];
    for (order, state) in [
        (outlet_off, "off"),
        (&["server", "power-on"], "on"),
        (&["board", "power-off"], "off"),
        (&["host", "vm-start", "-p", "vm=vm1"], "on"),
        (&["host", "vm-stop", "-p", "vm=vm1"], "off"),
        (&["pdu", "outlet-on", "-p", "outlet=1"], "on"),
    ] {
        let done = place.json(&[&["control"], order, &["--yes"]].concat());
        assert_eq!(done["counts"]["succeeded"], 1, "{order:?}: {done}");
        until_all_agree(&place, state);
    }
    for machine in ["vm1", "vm2"] {
        let told = world.machines.virsh(&["domstate", machine]).unwrap();
        assert_eq!(told.trim(), "running", "{machine}");
    }
}
