//! The room, queried with net-snmp.

use crate::snmp::{Simulator, lines, run, value, wait_until};

const APC_COMMAND: &str = "1.3.6.1.4.1.318.1.1.12.3.3.1.1.4";
const APC_STATE: &str = "1.3.6.1.4.1.318.1.1.12.3.5.1.1.4";
const APC_LOAD: &str = "1.3.6.1.4.1.318.1.1.12.2.3.1.1.2.1";
const PX_OPERATION: &str = "1.3.6.1.4.1.13742.6.4.1.2.1.2.1";
const PX_STATE: &str = "1.3.6.1.4.1.13742.6.4.1.2.1.3.1";

#[test]
fn every_device_of_the_default_room_introduces_itself() {
    let room = Simulator::room();
    assert_eq!(room.places.len(), 19);
    let of_snmp = room.places.iter();
    for (name, place) in of_snmp.filter(|(_, place)| place["community_read"].is_string()) {
        assert_eq!(room.get(name, "1.3.6.1.2.1.1.5.0"), *name);
        let object = room.get(name, "1.3.6.1.2.1.1.2.0");
        let expect = match place["kind"].as_str().unwrap() {
            "apc-pdu" => ".1.3.6.1.4.1.318.1.3.4.6",
            "raritan-pdu" => ".1.3.6.1.4.1.13742.6",
            "crac" => ".1.3.6.1.4.1.8072.9999.9999.8",
            _ => ".1.3.6.1.2.1.33",
        };
        assert_eq!(object, expect, "{name}");
        assert_eq!(place["room"], "demo");
    }
    assert_eq!(room.places["pdu-a1-b2"]["rack"], "A1");
    assert_eq!(room.places["pdu-a1-b2"]["feed"], "B");
    assert!(room.places["ups-a"].get("rack").is_none());
    for (part, whole) in [
        ("cu-1", "crac-1"),
        ("nut-1-ups-b", "ups-b"),
        ("bmc-a2-01-ipmi", "bmc-a2-01"),
    ] {
        assert_eq!(room.places[part]["part_of"], whole);
    }
    let bmc = &room.places["bmc-a2-01"];
    assert_eq!(bmc["server"], "a2-compute-01");
    assert_eq!(
        bmc["outlets"],
        serde_json::json!(["pdu-a2-a:1", "pdu-a2-b:1"])
    );
}

#[test]
fn an_outlet_switched_by_snmp_is_off_for_every_reader_and_counted_once() {
    let room = Simulator::room();
    let check = |device: &str,
                 command: &str,
                 state: &str,
                 (off, is_off, on, is_on): (&str, i64, &str, i64)| {
        assert_eq!(room.number(device, &format!("{state}.2")), is_on);
        room.set(device, &format!("{command}.2"), "i", off).unwrap();
        assert_eq!(room.number(device, &format!("{state}.2")), is_off);
        assert_eq!(room.outlet(device, 2)["on"], false);
        room.set(device, &format!("{command}.2"), "i", on).unwrap();
        assert_eq!(room.number(device, &format!("{state}.2")), is_on);
        let outlet = room.outlet(device, 2);
        assert_eq!(
            (&outlet["received"], &outlet["done"]),
            (&2.into(), &2.into())
        );
        assert_eq!(room.outlet(device, 1)["received"], 0);
    };
    check("pdu-a1-a", APC_COMMAND, APC_STATE, ("2", 2, "1", 1));
    check("pdu-a1-a2", PX_OPERATION, PX_STATE, ("0", 8, "1", 7));
}

#[test]
fn a_cycled_outlet_goes_off_and_comes_back_by_itself() {
    let room = Simulator::room();
    let delay = "1.3.6.1.4.1.318.1.1.12.3.4.1.1.6.4";
    assert_eq!(room.number("pdu-a2-a", delay), 5);
    room.set("pdu-a2-a", &format!("{APC_COMMAND}.4"), "i", "3")
        .unwrap();
    assert_eq!(room.number("pdu-a2-a", &format!("{APC_STATE}.4")), 2);
    assert_eq!(
        room.number("pdu-a2-a", "1.3.6.1.4.1.318.1.1.12.3.5.1.1.5.4"),
        1
    );
    wait_until("the outlet to come back", || {
        room.number("pdu-a2-a", &format!("{APC_STATE}.4")) == 1
    });
    assert_eq!(room.outlet("pdu-a2-a", 4)["last"], "cycle");
}

#[test]
fn the_load_of_an_outlet_moves_to_the_other_feed() {
    let room = Simulator::room();
    let before = (
        room.number("pdu-a1-a", APC_LOAD),
        room.number("pdu-a1-b", APC_LOAD),
    );
    for outlet in 1..=8 {
        room.set("pdu-a1-a", &format!("{APC_COMMAND}.{outlet}"), "i", "2")
            .unwrap();
    }
    assert!(room.number("pdu-a1-a", APC_LOAD) < before.0 / 4);
    assert!(room.number("pdu-a1-b", APC_LOAD) > before.1 * 3 / 2);
}

#[test]
fn only_who_may_write_writes_and_only_what_can_be_written() {
    let room = Simulator::room();
    let refused = room.ask(
        "snmpset",
        "public",
        "pdu-a1-a",
        &[&format!("{APC_COMMAND}.1"), "i", "2"],
    );
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("noAccess"),
        "{refused:?}"
    );
    let name = ["1.3.6.1.2.1.1.5.0"];
    let stranger = room.ask_within("0.5", "snmpget", "secret", "pdu-a1-a", &name);
    assert!(!stranger.status.success());
    let check = |oid: &str, kind: &str, value: &str, expect: &str| {
        let error = room.set("pdu-a1-a", oid, kind, value).unwrap_err();
        assert!(error.contains(expect), "{oid}: {error}");
    };
    check(&format!("{APC_COMMAND}.1"), "i", "77", "wrongValue");
    check(&format!("{APC_COMMAND}.1"), "s", "off", "wrongType");
    check(&format!("{APC_COMMAND}.99"), "i", "2", "noCreation");
    check("1.3.6.1.4.1.318.1.1.12.1.5.0", "s", "AP1", "notWritable");
    assert_eq!(room.truth("pdu-a1-a")["sets"], 0);
    room.set("pdu-a1-a", "1.3.6.1.2.1.1.5.0", "s", "renamed")
        .unwrap();
    assert_eq!(room.get("pdu-a1-a", "1.3.6.1.2.1.1.5.0"), "renamed");
}

#[test]
fn an_snmp_version_3_user_reads_and_writes() {
    let room = Simulator::room();
    let address = room.address("pdu-a1-b").to_owned();
    let ask = |tool: &str, password: &str, rest: &[&str]| {
        let user = [
            "-v3",
            "-u",
            "demo",
            "-l",
            "authPriv",
            "-a",
            "SHA-256",
            "-A",
            password,
            "-x",
            "AES",
            "-X",
            "demo-priv-pass",
            "-t",
            "2",
            "-r",
            "0",
            &address,
        ];
        run(tool, &[&user[..], rest].concat())
    };
    let name = ask("snmpget", "demo-auth-pass", &["1.3.6.1.2.1.1.5.0"]);
    assert_eq!(value(&name).unwrap(), "pdu-a1-b");
    let set = ask(
        "snmpset",
        "demo-auth-pass",
        &[&format!("{APC_COMMAND}.1"), "i", "2"],
    );
    assert!(set.status.success(), "{set:?}");
    assert_eq!(room.outlet("pdu-a1-b", 1)["on"], false);
    assert!(
        !ask("snmpget", "wrong-password", &["1.3.6.1.2.1.1.5.0"])
            .status
            .success()
    );
}

#[test]
fn walks_step_by_step_and_in_bulk_see_the_same_objects() {
    let room = Simulator::room();
    for device in ["pdu-a1-a", "pdu-a1-a2", "ups-a"] {
        let names = |tool: &str| -> Vec<String> {
            let walk = room.walk(tool, device, "1.3.6.1");
            walk.iter()
                .map(|line| line.split(' ').next().unwrap().to_owned())
                .collect()
        };
        let bulk = names("snmpbulkwalk");
        assert!(bulk.len() > 40, "{device}: {}", bulk.len());
        assert_eq!(bulk, names("snmpwalk"), "{device}");
    }
}

#[test]
fn a_version_1_manager_is_served_too() {
    let room = Simulator::room();
    let address = room.address("ups-b").to_owned();
    let name = run(
        "snmpget",
        &["-v1", "-c", "public", &address, "1.3.6.1.2.1.1.5.0"],
    );
    assert_eq!(lines(&name), [".1.3.6.1.2.1.1.5.0 \"ups-b\""]);
}

#[test]
fn time_passes_in_the_room() {
    let room = Simulator::room();
    let uptime = || room.number("ups-a", "1.3.6.1.2.1.1.3.0");
    let before = uptime();
    wait_until("the uptime to grow", || uptime() > before + 50);
}

#[test]
fn a_battery_test_requested_by_snmp_is_seen_and_can_be_stopped() {
    let room = Simulator::room();
    let read = |object: &str| room.number("ups-a", &format!("1.3.6.1.2.1.33.1.{object}"));
    let test = |number: &str| {
        let known = format!("1.3.6.1.2.1.33.1.7.7.{number}");
        room.set("ups-a", "1.3.6.1.2.1.33.1.7.1.0", "o", &known)
    };
    assert_eq!((read("7.3.0"), read("4.1.0")), (6, 3));
    test("4").unwrap();
    assert_eq!((read("7.3.0"), read("4.1.0")), (5, 5));
    test("2").unwrap();
    assert_eq!((read("7.3.0"), read("4.1.0")), (4, 3));
    assert!(test("5").unwrap_err().contains("wrongValue"));
}

#[test]
fn a_cooling_unit_is_told_its_setpoint_and_shows_what_fails() {
    const UNIT: &str = "1.3.6.1.4.1.8072.9999.9999.8";
    let room = Simulator::room();
    let setpoint = format!("{UNIT}.2.1.0");
    assert_eq!(room.get("crac-1", &setpoint), "20.0");
    room.set("crac-1", &setpoint, "s", "22.5").unwrap();
    assert_eq!(room.get("crac-1", &setpoint), "22.5");
    for wrong in ["warm", "50"] {
        assert!(
            room.set("crac-1", &setpoint, "s", wrong).is_err(),
            "{wrong}"
        );
    }
    let status = format!("{UNIT}.1.1.0");
    assert_eq!(room.number("crac-1", &status), 1);
    room.fault("crac-1", "compressor-failed");
    assert_eq!(room.number("crac-1", &status), 2);
    // What fails in one place belongs together: the unit and the UPS of a utility feed.
    room.fault("crac-2", "utility-lost");
    assert_eq!(room.number("crac-2", &format!("{UNIT}.1.2.0")), 2);
    let source = "1.3.6.1.2.1.33.1.4.1.0";
    wait_until("the battery of UPS-B", || room.number("ups-b", source) == 5);
    assert_eq!(room.number("ups-a", source), 3);
    room.fault("ups-b", "none");
    wait_until("the mains of UPS-B", || room.number("ups-b", source) == 3);
}
