//! The servers of the demo: read, switched and lied to by their BMCs, in one room with what feeds them.

use std::process::Command;

use serde_json::{Value, json};

use crate::program::{Done, Place, Up, beside, wait_for};

const BMC: &str = "bmc-a1-01";

/// A running demo, and what its BMCs know themselves.
struct Demo<'p> {
    place: &'p Place,
    up: Up<'p>,
}

impl<'p> Demo<'p> {
    fn start(place: &'p Place) -> Self {
        let up = place.up_with(&["--demo"]);
        place.until_served("redfish");
        place.until_served("apc-pdu");
        Self { place, up }
    }

    fn simulator(&self, arguments: &[&str]) -> Value {
        let control = self.up.ready["simulator"].as_str().unwrap();
        let (command, rest) = arguments.split_first().unwrap();
        let mut simulator = Command::new(beside("utakata-simulator"));
        let simulator = simulator.args([command, "--control", control]).args(rest);
        let done = simulator.output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {done:?}");
        serde_json::from_slice(&done.stdout).unwrap_or_default()
    }

    fn truth(&self, device: &str) -> Value {
        self.simulator(&["show", device])[0].clone()
    }

    fn fault(&self, device: &str, fault: &str) {
        self.simulator(&["fault", device, fault]);
    }

    fn run(&self, line: &str) -> Done {
        self.place.run(&line.split(' ').collect::<Vec<_>>())
    }

    fn control(&self, line: &str) {
        let done = self.run(&format!("control {line} --yes"));
        assert_eq!(done.code, 0, "{line}: {}{}", done.out, done.err);
    }

    /// The values of a metric that a BMC tells now.
    fn read(&self, device: &str, metric: &str, circuit: &str) -> Vec<f64> {
        let read = self.place.json(&["read", device, "--metric", metric]);
        let readings = read["tasks"][0]["readings"].as_array().unwrap();
        let is_it = |one: &&Value| one["attributes"]["circuit"] == circuit;
        let found = readings.iter().filter(is_it);
        found.filter_map(|one| one["value"].as_f64()).collect()
    }
}

#[test]
fn the_servers_of_the_demo_are_read_and_switched_by_their_bmcs() {
    let place = Place::new();
    let demo = Demo::start(&place);
    for bmc in [BMC, "bmc-a2-01"] {
        let read = place.json(&["read", bmc]);
        let count = read["tasks"][0]["readings"].as_array().map_or(0, Vec::len);
        assert!(count >= 70, "{count}: {read}");
        let inputs = demo.read(bmc, "hw.power", "input");
        assert!(inputs.len() == 2 && inputs.iter().all(|watts| *watts > 50.0));
    }
    demo.control(&format!("{BMC} indicator -p state=on"));
    assert_eq!(demo.truth(BMC)["indicator"], true);
    demo.control(&format!("{BMC} power-limit -p watts=200"));
    assert_eq!(demo.truth(BMC)["power_limit"], 200.0);
    demo.control(&format!("{BMC} power-off"));
    let truth = demo.truth(BMC);
    assert_eq!(truth["host"], "Off");
    assert_eq!(
        truth["actions"]["ForceOff"],
        json!({ "received": 1, "done": 1 })
    );
    // Its PDU feels it.
    let outlet = || demo.truth("pdu-a1-a")["outlets"][0]["watts"].as_f64();
    assert!(outlet() < Some(20.0), "{:?}", outlet());
    demo.control(&format!("{BMC} power-on"));
    assert_eq!(demo.truth(BMC)["host"], "On");
    the_other_face(&demo);
    for bmc in [BMC, "bmc-a2-01"] {
        let truth = demo.truth(bmc);
        for (count, expect) in [
            ("sessions_max", 1),
            ("conversations_max", 1),
            ("connections_max", 1),
            ("wrong_logins", 0),
            ("lockouts", 0),
        ] {
            assert_eq!(truth[count], expect, "{count}: {truth}");
        }
    }
    assert_eq!(demo.up.stop(), 0, "{}", place.told());
}

/// The same BMC by IPMI, with each cipher suite.
fn the_other_face(demo: &Demo<'_>) {
    let place = demo.place;
    place.until_served("ipmi");
    let (bmc, face) = ("bmc-a2-01", "bmc-a2-01-ipmi");
    let targets = place.json(&["get", "targets"]);
    let mut targets = targets.as_array().unwrap().iter();
    let found = targets.find(|one| one["name"] == face).unwrap();
    let address = found["address"].as_str().unwrap();
    let older = format!(
        "type: credential\nname: older\n\
         values: {{ user: demo, password: demo-bmc-pass, suite: \"3\" }}\n---\n\
         type: target\nname: {face}-3\nkind: ipmi\naddress: {address}\ncredential: older\n"
    );
    let file = place.file("older.yaml", &older);
    let applied = place.run(&["apply", "-f", file.to_str().unwrap()]);
    assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
    for face in [face, "bmc-a2-01-ipmi-3"] {
        let readings = |target: &str| {
            let read = place.json(&["read", target]);
            read["tasks"][0]["readings"].as_array().unwrap().clone()
        };
        let (ipmi, redfish) = (readings(face), readings(bmc));
        assert!(ipmi.len() >= 60, "{ipmi:?}");
        let celsius = |all: &[Value]| {
            let is_it = |one: &&Value| {
                let attributes = one["attributes"].to_string();
                one["metric"] == "hw.temperature" && attributes.contains("Inlet")
            };
            all.iter().find(is_it).and_then(|one| one["value"].as_f64())
        };
        let (one, other) = (celsius(&ipmi).unwrap(), celsius(&redfish).unwrap());
        assert!((one - other).abs() <= 1.0, "{one} {other}");
        demo.control(&format!("{face} power-off"));
        assert_eq!(demo.truth(bmc)["host"], "Off");
        let state = place.json(&["read", bmc, "--metric", "utakata.power.state"]);
        assert!(state.to_string().contains("\"off\""), "{state}");
        demo.control(&format!("{face} power-on"));
        assert_eq!(demo.truth(bmc)["host"], "On");
    }
    let truth = demo.truth(bmc);
    let ipmi = &truth["ipmi"];
    // One session at a time, which is closed: also by what failed.
    assert_eq!(
        (&ipmi["sessions"], &ipmi["sessions_max"]),
        (&json!(0), &json!(1)),
        "{truth}"
    );
    assert_eq!(ipmi["sessions_refused"], 0, "{truth}");
    // Two units of a line are one conversation with its gateway.
    let line = demo.truth("line-1");
    assert_eq!(
        (&line["connections_max"], &line["requests_max"]),
        (&json!(1), &json!(1)),
        "{line}"
    );
    assert_eq!(truth["actions"]["ForceOff"]["done"], 2, "{truth}");
    assert!(truth["ipmi"]["log_entries"].as_u64() >= Some(4), "{truth}");
}

#[test]
fn an_outlet_that_goes_off_is_a_failed_supply_of_the_server_that_hangs_on_it() {
    let place = Place::new();
    let demo = Demo::start(&place);
    place.json(&["read", BMC]);
    let why = place.run(&["why", BMC]);
    assert!(why.out.contains("pdu-a1-a"), "{}", why.out);
    assert!(why.out.contains("pdu-a1-b"), "{}", why.out);
    // Both at once would take the server away.
    let both = demo.run("control rack=A1,kind=apc-pdu outlet-off -p outlet=1 --yes");
    assert_ne!(both.code, 0, "{}{}", both.out, both.err);
    assert!(both.err.contains(BMC), "{}", both.err);
    demo.control("pdu-a1-a outlet-off -p outlet=1");
    let inputs = demo.read(BMC, "hw.power", "input");
    assert!(inputs[0] < 0.5 && inputs[1] > 100.0, "{inputs:?}");
    // The list of alarms ends with 1 while there are any.
    let raised = wait_for(|| {
        let listed = place.run(&["alarm", "list", "-o", "json"]).out;
        (listed.contains("supply-failed") && listed.contains(BMC)).then_some(())
    });
    assert!(raised.is_some(), "{}", place.run(&["alarm", "list"]).out);
    demo.control("pdu-a1-a outlet-on -p outlet=1");
    let inputs = demo.read(BMC, "hw.power", "input");
    assert!(inputs.iter().all(|watts| *watts > 50.0), "{inputs:?}");
    assert_eq!(demo.up.stop(), 0, "{}", place.told());
}

#[test]
fn faults_of_bmcs_are_told_for_what_they_are() {
    let place = Place::new();
    let demo = Demo::start(&place);
    place.json(&["read", BMC]);
    let code = |line: &str| {
        let done = demo.run(&format!("{line} -o json"));
        format!("{}{}", done.out, done.err)
    };
    demo.fault(BMC, "certificate-changed");
    let told = code(&format!("read {BMC}"));
    assert!(told.contains("another-certificate"), "{told}");
    demo.fault(BMC, "none");
    demo.fault(BMC, "truncated");
    let told = code(&format!("read {BMC}"));
    assert!(told.contains("undecodable"), "{told}");
    demo.fault(BMC, "none");
    demo.fault(BMC, "refusing");
    let refused = demo.run(&format!("control {BMC} indicator -p state=on --yes"));
    assert_eq!(refused.code, 1, "{}{}", refused.out, refused.err);
    assert!(refused.err.contains("409") || refused.out.contains("409"));
    demo.fault(BMC, "none");
    demo.fault(BMC, "lying");
    let lied = demo.run(&format!("control {BMC} indicator -p state=on --yes"));
    assert_ne!(lied.code, 0, "{}{}", lied.out, lied.err);
    assert_eq!(demo.truth(BMC)["indicator"], false);
    demo.fault(BMC, "none");
    // Its sessions are gone, and others take all that there are: it is read all the same.
    demo.fault(BMC, "sessions-full");
    demo.fault(BMC, "restart=1s");
    let read = wait_for(|| {
        let done = place.run(&["read", BMC, "--metric", "utakata.power.state"]);
        (done.code == 0).then_some(())
    });
    assert!(read.is_some(), "{}", demo.truth(BMC));
    let truth = demo.truth(BMC);
    assert!(truth["sessions_refused"].as_u64() >= Some(1), "{truth}");
    assert_eq!(
        (&truth["sessions"], &truth["lockouts"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(demo.up.stop(), 0, "{}", place.told());
}
