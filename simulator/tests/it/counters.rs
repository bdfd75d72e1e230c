//! Devices that count the commands they receive: the drill sees what was really done.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::snmp::{BINARY, Simulator, run, value, wait_until};

const DRILL: &str = "1.3.6.1.4.1.8072.9999.9999.7";
const DEVICE: &str = "drill-0001";

fn start(rest: &[&str]) -> Simulator {
    Simulator::start(&[&["counters", "--base-port", "0"], rest].concat())
}

fn one() -> Simulator {
    start(&["--devices", "1"])
}

fn mark() -> String {
    format!("{DRILL}.2.1.0")
}

/// The row of a token: column 1 counts marks, column 2 puts.
fn row(column: u32, token: &str) -> String {
    let bytes: String = token.bytes().map(|byte| format!(".{byte}")).collect();
    format!("{DRILL}.3.1.{column}.{}{bytes}", token.len())
}

fn marked(counters: &Simulator, token: &str) -> i64 {
    counters.number(DEVICE, &row(1, token))
}

/// The whole truth about a token.
fn told(counters: &Simulator, token: &str) -> Value {
    let device = counters.whole_truth(DEVICE);
    let tokens = device["tokens"].as_array().unwrap();
    let found = tokens.iter().find(|one| one["token"] == token);
    found.cloned().unwrap_or_default()
}

#[test]
fn what_is_marked_twice_counts_twice_and_what_never_was_reads_0() {
    let counters = one();
    assert_eq!(marked(&counters, "task-1"), 0);
    counters.set(DEVICE, &mark(), "s", "task-1").unwrap();
    assert_eq!(marked(&counters, "task-1"), 1);
    counters.set(DEVICE, &mark(), "s", "task-1").unwrap();
    counters.set(DEVICE, &mark(), "s", "task-2").unwrap();
    assert_eq!(marked(&counters, "task-1"), 2);
    assert_eq!(counters.number(DEVICE, &row(2, "task-1")), 0);
    assert_eq!(counters.get(DEVICE, &mark()), "task-2");
    assert_eq!(counters.get(DEVICE, &format!("{DRILL}.2.2.0")), "(none)");
    let one = told(&counters, "task-1");
    assert_eq!(
        (&one["class"], &one["received"], &one["done"]),
        (&json!("mark"), &json!(2), &json!(2))
    );
    assert!(one["first_unix_ms"].as_u64() <= one["last_unix_ms"].as_u64());
    let sums = json!({ "tokens": 2, "received": 3, "done": 3, "repeated": 1 });
    assert_eq!(counters.truth(DEVICE)["marks"], sums);
}

#[test]
fn what_is_put_is_the_last_value_and_counts_on_its_own() {
    let counters = one();
    let put = format!("{DRILL}.2.2.0");
    for token in ["a", "b", "a"] {
        counters.set(DEVICE, &put, "s", token).unwrap();
    }
    assert_eq!(counters.get(DEVICE, &put), "a");
    assert_eq!(counters.number(DEVICE, &row(2, "a")), 2);
    assert_eq!(marked(&counters, "a"), 0);
    let walked = counters.walk("snmpbulkwalk", DEVICE, &format!("{DRILL}.3"));
    assert_eq!(walked.len(), 2, "{walked:?}");
    assert_eq!(
        walked,
        counters.walk("snmpwalk", DEVICE, &format!("{DRILL}.3"))
    );
}

#[test]
fn both_versions_are_spoken_and_each_refusal_in_its_words() {
    let counters = one();
    let address = counters.address(DEVICE).to_owned();
    let (mark, good, bad) = (mark(), row(1, "a"), format!("{}.9", row(1, "a")));
    let long = "x".repeat(65);
    let ask = |version: &str, tool: &str, community: &str, rest: &[&str]| {
        let known = [version, "-c", community, "-t", "5", "-r", "0", &address];
        run(tool, &[&known, rest].concat())
    };
    for version in ["-v1", "-v2c"] {
        let set = ask(version, "snmpset", "private", &[&mark, "s", version]);
        assert!(set.status.success(), "{set:?}");
        let name = ask(version, "snmpget", "public", &["1.3.6.1.2.1.1.5.0"]);
        assert_eq!(value(&name).as_deref(), Some(DEVICE));
        let walked = ask(version, "snmpwalk", "public", &["1.3.6.1.2.1.1"]);
        assert_eq!(crate::snmp::lines(&walked).len(), 7);
    }
    for (version, tool, community, rest, expect) in [
        (
            "-v1",
            "snmpset",
            "public",
            &[&*mark, "s", "a"][..],
            "noSuchName",
        ),
        ("-v2c", "snmpset", "public", &[&*mark, "s", "a"], "noAccess"),
        (
            "-v1",
            "snmpset",
            "private",
            &[&*mark, "s", &long],
            "badValue",
        ),
        (
            "-v2c",
            "snmpset",
            "private",
            &[&*mark, "s", &long],
            "wrongLength",
        ),
        (
            "-v2c",
            "snmpset",
            "private",
            &[&*mark, "i", "1"],
            "wrongType",
        ),
        (
            "-v2c",
            "snmpset",
            "private",
            &[&*good, "u", "1"],
            "notWritable",
        ),
        ("-v1", "snmpget", "public", &[&*bad], "noSuchName"),
    ] {
        let refused = ask(version, tool, community, rest);
        let error = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(error.contains(expect), "{version} {rest:?}: {refused:?}");
    }
    let stranger = counters.ask_within("0.3", "snmpget", "secret", DEVICE, &[&good]);
    assert!(value(&stranger).is_none());
    // A SET carries out everything it contains, or nothing.
    let half = ask(
        "-v2c",
        "snmpset",
        "private",
        &[&mark, "s", "half", &good, "u", "1"],
    );
    assert!(!half.status.success());
    assert_eq!(told(&counters, "half"), Value::Null);
}

#[test]
fn its_gauges_move() {
    let counters = one();
    let read = |object: u32| counters.number(DEVICE, &format!("{DRILL}.1.{object}.0"));
    let (requests, uptime, temperature) = (read(1), read(2), read(3));
    assert!((180..=280).contains(&temperature), "{temperature}");
    wait_until("time to pass", || read(2) > uptime);
    assert!(read(1) > requests);
    wait_until("the temperature to change", || read(3) != temperature);
}

#[test]
fn a_liar_is_reported_and_does_nothing() {
    let counters = one();
    counters.fault(DEVICE, "lying");
    counters.set(DEVICE, &mark(), "s", "lie").unwrap();
    assert_eq!(marked(&counters, "lie"), 0);
    let lie = told(&counters, "lie");
    assert_eq!((&lie["received"], &lie["done"]), (&json!(1), &json!(0)));
    assert_eq!(lie["first_unix_ms"], Value::Null);
}

#[test]
fn a_mute_device_acts_and_does_not_answer_a_set_and_answers_a_get() {
    let counters = one();
    counters.fault(DEVICE, "mute-sets");
    let set = counters.ask_within("0.3", "snmpset", "private", DEVICE, &[&mark(), "s", "m"]);
    assert!(!set.status.success());
    assert_eq!(marked(&counters, "m"), 1);
    assert_eq!(counters.truth(DEVICE)["muted"], 1);
}

#[test]
fn a_silent_device_was_not_told() {
    let counters = one();
    counters.fault(DEVICE, "silent");
    let set = counters.ask_within("0.3", "snmpset", "private", DEVICE, &[&mark(), "s", "s"]);
    assert!(!set.status.success());
    counters.fault(DEVICE, "none");
    assert_eq!(marked(&counters, "s"), 0);
    assert_eq!(told(&counters, "s"), Value::Null);
}

#[test]
fn a_late_device_answers_before_it_acts_and_a_slow_one_after() {
    let counters = one();
    counters.fault(DEVICE, "late=700ms");
    let began = Instant::now();
    counters.set(DEVICE, &mark(), "s", "late").unwrap();
    assert_eq!(told(&counters, "late")["received"], 1);
    wait_until("the late effect", || marked(&counters, "late") == 1);
    assert!(began.elapsed() >= Duration::from_millis(700));
    counters.fault(DEVICE, "none");
    counters.fault(DEVICE, "slow=400ms");
    let began = Instant::now();
    counters.set(DEVICE, &mark(), "s", "slow").unwrap();
    assert!(began.elapsed() >= Duration::from_millis(400));
    assert_eq!(told(&counters, "slow")["done"], 1);
}

#[test]
fn faults_from_the_start_are_reported_with_each_device_and_the_same_for_one_seed() {
    let faults = |seed: &str| {
        let flags = ["--devices", "20", "--seed", seed];
        let faults = ["--fault", "lying@0.25", "--fault", "mute-sets=0.5"];
        let counters = start(&[flags, faults].concat());
        assert_eq!(counters.ready["devices"], 20);
        let places = counters.places.values();
        places
            .map(|place| place["faults"].clone())
            .collect::<Vec<_>>()
    };
    let first = faults("1");
    let lying = json!(["lying", "mute-sets=0.5"]);
    assert_eq!(first.iter().filter(|one| **one == lying).count(), 5);
    assert_eq!(first, faults("1"));
    assert_ne!(first, faults("2"));
    let refused = run(
        BINARY,
        &["counters", "--base-port", "0", "--fault", "half-table"],
    );
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        error.contains("cannot have the fault `half-table`"),
        "{error}"
    );
}

#[test]
fn the_control_port_gives_the_whole_truth_in_one_line() {
    let counters = start(&["--devices", "2"]);
    counters.set(DEVICE, &mark(), "s", "task-1").unwrap();
    let mut stream = TcpStream::connect(counters.ready["control"].as_str().unwrap()).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let mut ask = |line: &str| -> Value {
        writeln!(stream, "{line}").unwrap();
        serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap()
    };
    let all = ask(r#"{"command":"truth"}"#);
    assert_eq!(all["devices"].as_array().unwrap().len(), 2);
    assert_eq!(all["devices"][0]["tokens"][0]["token"], "task-1");
    assert_eq!(all["devices"][1]["tokens"], json!([]));
    let one = ask(r#"{"command":"truth","device":"drill-0002"}"#);
    assert_eq!(one["devices"][0]["name"], "drill-0002");
    let summary = ask(r#"{"command":"show"}"#);
    assert_eq!(summary["devices"][0]["marks"]["done"], 1);
    assert_eq!(summary["devices"][0].get("tokens"), None);
    let refused = ask(r#"{"command":"fault","device":"drill-0001","fault":"frozen"}"#);
    assert!(refused["error"].as_str().unwrap().contains("frozen"));
}

#[test]
fn a_thousand_devices_answer_with_one_process() {
    let counters = start(&["--devices", "1000"]);
    assert_eq!(counters.places.len(), 1000);
    for device in ["drill-0001", "drill-0500", "drill-1000"] {
        assert_eq!(counters.get(device, "1.3.6.1.2.1.1.5.0"), device);
    }
}
