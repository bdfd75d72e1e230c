//! A BMC by IPMI, asked with ipmitool.

use crate::snmp::{Simulator, run, wait_until};

/// The output of ipmitool, by one of the suites.
fn ask(room: &Simulator, suite: &str, password: &str, arguments: &[&str]) -> Option<String> {
    let (host, port) = room.address("bmc-a2-01-ipmi").rsplit_once(':').unwrap();
    let who = [
        "-I", "lanplus", "-H", host, "-p", port, "-U", "demo", "-P", password,
    ];
    // One second, once: nothing is lost here.
    let how = ["-C", suite, "-N", "1", "-R", "1"];
    let output = run("ipmitool", &[&who[..], &how, arguments].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    output.status.success().then(|| text.trim().to_owned())
}

#[test]
fn ipmitool_reads_and_switches_by_both_suites_what_redfish_tells() {
    let room = Simulator::room();
    for (suite, other) in [("3", "17"), ("17", "3")] {
        let ipmi = |arguments: &[&str]| ask(&room, suite, "demo-bmc-pass", arguments).unwrap();
        assert_eq!(ipmi(&["chassis", "power", "status"]), "Chassis Power is on");
        let sensors = ipmi(&["-c", "sdr", "list", "full"]);
        assert_eq!(sensors.lines().count(), 35, "{sensors}");
        let value = |name: &str| -> f64 {
            let mut lines = sensors
                .lines()
                .map(|line| line.split(',').collect::<Vec<_>>());
            let found = lines.find(|words| words[0] == name).unwrap();
            found[1].parse().unwrap()
        };
        let truth = room.truth("bmc-a2-01");
        let inlet = truth["inlet"].as_f64().unwrap();
        assert!((value("Inlet") - inlet).abs() <= 1.0, "{sensors}");
        // In steps of four watts; the load goes on changing.
        let watts = truth["inputs"][0]["watts"].as_f64().unwrap();
        assert!((value("Supply 1 input") - watts).abs() <= 20.0, "{sensors}");
        assert!(value("Fan 1") > 1000.0);
        let states = ipmi(&["sdr", "list", "compact"]);
        assert!(states.contains("Supply 1 status"), "{states}");
        ipmi(&["chassis", "power", "off"]);
        wait_until("the machine to be off", || {
            ask(
                &room,
                other,
                "demo-bmc-pass",
                &["chassis", "power", "status"],
            )
            .as_deref()
                == Some("Chassis Power is off")
        });
        assert_eq!(room.truth("bmc-a2-01")["host"], "Off");
        wait_until("the event", || {
            ipmi(&["sel", "elist"]).contains("Power off/down | Asserted")
        });
        ipmi(&["sel", "clear"]);
        ipmi(&["chassis", "power", "on"]);
        wait_until("the machine to be on", || {
            room.truth("bmc-a2-01")["host"] == "On"
        });
        assert_eq!(
            ask(&room, suite, "wrong", &["chassis", "power", "status"]),
            None
        );
    }
    let truth = room.truth("bmc-a2-01");
    assert_eq!(truth["ipmi"]["sessions"], 0, "{truth}");
    assert_eq!(truth["ipmi"]["sessions_max"], 1, "{truth}");
    assert_eq!(truth["actions"]["ForceOff"]["done"], 2, "{truth}");
}
