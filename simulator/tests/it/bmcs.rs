//! BMCs, asked with curl.

use serde_json::{Value, json};

use crate::snmp::{Simulator, run, wait_until};

const SYSTEM: &str = "/redfish/v1/Systems/1";
const APC_COMMAND: &str = "1.3.6.1.4.1.318.1.1.12.3.3.1.1.4";

/// Asks a BMC as its user. `None` if there is no answer.
fn ask(base: &str, method: &str, path: &str, body: &Value) -> Option<(u16, Value)> {
    let url = format!("{base}{path}");
    let body = body.to_string();
    let user = "demo:demo-bmc-pass";
    let told = "\n%{http_code}";
    let mut arguments = vec![
        "-sk",
        "--max-time",
        "2",
        "-u",
        user,
        "-X",
        method,
        "-w",
        told,
    ];
    if body != "null" {
        arguments.extend(["-d", &body]);
    }
    arguments.push(&url);
    let output = String::from_utf8(run("curl", &arguments).stdout).unwrap();
    let (document, status) = output.rsplit_once('\n')?;
    let status: u16 = status.parse().unwrap();
    let document = serde_json::from_str(document).unwrap_or_default();
    (status > 0).then_some((status, document))
}

fn base(room: &Simulator, bmc: &str) -> String {
    format!("https://{}", room.address(bmc))
}

/// The certificate that a BMC shows.
fn certificate(room: &Simulator, bmc: &str) -> String {
    let connect = format!(
        "openssl s_client -connect {} </dev/null 2>/dev/null | openssl x509 -noout -fingerprint",
        room.address(bmc)
    );
    String::from_utf8(run("sh", &["-c", &connect]).stdout).unwrap()
}

#[test]
fn a_bmc_is_read_and_switched_and_its_room_feels_it() {
    let room = Simulator::room();
    let base = base(&room, "bmc-a1-01");
    let (status, system) = ask(&base, "GET", SYSTEM, &Value::Null).unwrap();
    assert_eq!((status, &system["PowerState"]), (200, &json!("On")));
    let watts = || room.truth("pdu-a1-a")["outlets"][0]["watts"].as_f64();
    assert!(watts() > Some(50.0));
    let reset = format!("{SYSTEM}/Actions/ComputerSystem.Reset");
    let off = json!({ "ResetType": "ForceOff" });
    assert_eq!(ask(&base, "POST", &reset, &off).unwrap().0, 204);
    // By the clock of the room, whether anybody asks or not.
    wait_until("the load to be gone", || watts() < Some(20.0));
    let truth = room.truth("bmc-a1-01");
    assert_eq!(truth["host"], "Off");
    assert_eq!(
        truth["actions"]["ForceOff"],
        json!({ "received": 1, "done": 1 })
    );
}

#[test]
fn an_outlet_that_is_switched_off_by_snmp_is_seen_by_redfish() {
    let room = Simulator::room();
    let base = base(&room, "bmc-a1-01");
    let outlet = format!("{APC_COMMAND}.1");
    room.set("pdu-a1-a", &outlet, "i", "2").unwrap();
    let power = ask(&base, "GET", "/redfish/v1/Chassis/1/Power", &Value::Null);
    let (_, power) = power.unwrap();
    assert_eq!(power["PowerSupplies"][0]["PowerInputWatts"], 0);
    assert_eq!(power["PowerSupplies"][1]["Status"]["Health"], "OK");
    room.set("pdu-a1-b", &outlet, "i", "2").unwrap();
    wait_until("the BMC to be away", || {
        room.truth("bmc-a1-01")["powered"] == false
    });
    assert!(ask(&base, "GET", SYSTEM, &Value::Null).is_none());
}

#[test]
fn another_certificate_is_shown_until_the_fault_ends() {
    let room = Simulator::room();
    let first = certificate(&room, "bmc-a1-01");
    assert!(first.contains("Fingerprint"), "{first}");
    assert_ne!(first, certificate(&room, "bmc-a2-01"));
    room.fault("bmc-a1-01", "certificate-changed");
    assert_ne!(certificate(&room, "bmc-a1-01"), first);
    room.fault("bmc-a1-01", "none");
    assert_eq!(certificate(&room, "bmc-a1-01"), first);
}

#[test]
fn many_bmcs_answer_behind_one_listener_each_at_its_address() {
    let many = Simulator::start(&[
        "bmcs",
        "--count",
        "100",
        "--port",
        "0",
        "--control-port",
        "0",
        "--plain",
        "--modern",
        "--first-address",
        "127.61.0.1",
        "--dead",
        "5",
        "--slow",
        "5",
        "--slow-by",
        "60s",
    ]);
    assert_eq!(many.places.len(), 100);
    let with = |fault: &str| {
        let all = many.places.values();
        let has = |one: &&Value| one["faults"].to_string().contains(fault);
        all.filter(has).count()
    };
    assert_eq!((with("silent"), with("slow")), (5, 5));
    let sound = many
        .places
        .iter()
        .filter(|(_, one)| one["faults"] == json!([]));
    for (name, place) in sound.take(3) {
        let base = place["address"].as_str().unwrap();
        let (status, system) = ask(base, "GET", SYSTEM, &Value::Null).unwrap();
        assert_eq!((status, &system["HostName"]), (200, &json!(name)));
        assert_eq!(many.truth(name)["requests"], 1);
    }
    let dead = many
        .places
        .values()
        .find(|one| one["faults"] == json!(["silent"]));
    let base = dead.unwrap()["address"].as_str().unwrap();
    assert!(ask(base, "GET", SYSTEM, &Value::Null).is_none());
}
