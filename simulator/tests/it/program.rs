//! The program: its output, its control port, its end.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};

use serde_json::Value;

use crate::snmp::{BINARY, Simulator, run};

#[test]
fn it_ends_when_its_standard_input_is_closed() {
    let mut room = Simulator::room();
    room.close_stdin();
    assert!(room.wait().success());
}

#[test]
fn it_ends_well_on_sigterm_and_sigint() {
    for signal in ["-TERM", "-INT"] {
        for arguments in [
            &["room", "--base-port", "0"][..],
            &["agents", "--count", "2", "--port", "0"],
            &["bmcs", "--count", "2", "--port", "0", "--control-port", "0"],
            &["counters", "--devices", "2", "--base-port", "0"],
        ] {
            let mut simulator = Simulator::start(arguments);
            assert!(
                run("kill", &[signal, &simulator.id().to_string()])
                    .status
                    .success()
            );
            assert!(simulator.wait().success(), "{signal} {arguments:?}");
        }
    }
}

#[test]
fn a_port_in_use_is_named_with_its_cure() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let base = (taken.local_addr().unwrap().port() - 1).to_string();
    let refused = run(
        BINARY,
        &["room", "--base-port", &base, "--control-port", "0"],
    );
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success());
    assert!(
        error.contains("pdu-a1-a") && error.contains("--base-port"),
        "{error}"
    );

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let refused = run(
        BINARY,
        &["room", "--base-port", "0", "--control-port", &port],
    );
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(error.contains("--control-port"), "{error}");
}

#[test]
fn a_room_file_with_a_mistake_is_refused_with_the_mistake() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let check = |text: &str, expect: &str| {
        std::fs::write(file.path(), text).unwrap();
        let refused = run(BINARY, &["room", "--room", file.path().to_str().unwrap()]);
        let error = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(
            !refused.status.success() && error.contains(expect),
            "{error}"
        );
    };
    check("colour = 1", "colour");
    check(
        "name = \"x\"\n[[ups]]\nname = \"u\"\nfeed = \"A\"\nrated_watts = 0\nbattery_watt_hours = 1",
        "`u` has a power",
    );
    let missing = run(BINARY, &["room", "--room", "/nowhere/room.toml"]);
    assert!(String::from_utf8_lossy(&missing.stderr).contains("/nowhere/room.toml"));
}

#[test]
fn the_control_port_answers_line_by_line_and_survives_nonsense() {
    let room = Simulator::room();
    let mut stream = TcpStream::connect(room.ready["control"].as_str().unwrap()).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let mut ask = |line: &str| -> Value {
        writeln!(stream, "{line}").unwrap();
        serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap()
    };
    assert_eq!(
        ask(r#"{"command":"show"}"#)["devices"]
            .as_array()
            .unwrap()
            .len(),
        // Those that answer, and what is between: a gateway and an upsd. A BMC with two faces is one.
        20
    );
    assert!(
        ask("nonsense")["error"]
            .as_str()
            .unwrap()
            .contains("not a request")
    );
    assert!(ask(r#"{"command":"show","devise":"x"}"#)["error"].is_string());
    let fault = ask(r#"{"command":"fault","device":"ups-a","fault":"slow=10ms"}"#);
    assert_eq!(
        fault["devices"][0]["faults"],
        serde_json::json!(["slow=10ms"])
    );
}

#[test]
fn without_a_room_the_client_says_what_to_check() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let refused = run(BINARY, &["show", "--control", &free]);
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && error.contains("is the simulator running"),
        "{error}"
    );
}
