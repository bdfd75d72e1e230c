//! Faults on request: slow, silent, lying, and the rest.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::snmp::{BINARY, Simulator, run, wait_until};

const UPTIME: &str = "1.3.6.1.2.1.1.3.0";
const APC_COMMAND: &str = "1.3.6.1.4.1.318.1.1.12.3.3.1.1.4";
const APC_STATE: &str = "1.3.6.1.4.1.318.1.1.12.3.5.1.1.4";

fn wait_for_answer(room: &Simulator, device: &str) {
    wait_until("an answer", || room.answers(device));
}

#[test]
fn a_silent_device_does_not_answer_until_it_is_well() {
    let room = Simulator::room();
    room.fault("pdu-a1-a", "silent");
    assert!(!room.answers("pdu-a1-a"));
    wait_for_answer(&room, "pdu-a1-b");
    let outlet = format!("{APC_COMMAND}.1");
    let set = room.ask_within(
        "0.5",
        "snmpset",
        "private",
        "pdu-a1-a",
        &[&outlet, "i", "2"],
    );
    assert!(!set.status.success());
    let truth = room.truth("pdu-a1-a");
    assert_eq!(
        (&truth["requests"], &truth["answers"]),
        (&2.into(), &0.into())
    );
    assert_eq!(truth["outlets"][0]["received"], 0);
    room.fault("pdu-a1-a", "none");
    wait_for_answer(&room, "pdu-a1-a");
}

#[test]
fn a_slow_device_acts_at_once_and_answers_late() {
    let room = Simulator::room();
    room.fault("pdu-a1-a", "slow=400ms");
    let began = Instant::now();
    assert_eq!(room.get("pdu-a1-a", "1.3.6.1.2.1.1.5.0"), "pdu-a1-a");
    assert!(began.elapsed() >= Duration::from_millis(400));
    // An impatient manager that repeats a request makes it happen twice: that must show.
    let address = room.address("pdu-a1-a").to_owned();
    let outlet = format!("{APC_COMMAND}.5");
    let impatient = [
        "-v2c", "-c", "private", "-t", "0.1", "-r", "1", &address, &outlet, "i", "2",
    ];
    assert!(!run("snmpset", &impatient).status.success());
    wait_until("both to arrive", || {
        room.outlet("pdu-a1-a", 5)["received"] == 2
    });
    assert_eq!(room.outlet("pdu-a1-a", 5)["on"], false);
}

#[test]
fn a_liar_says_yes_and_does_nothing() {
    let room = Simulator::room();
    room.fault("pdu-a1-a", "lying");
    room.set("pdu-a1-a", &format!("{APC_COMMAND}.1"), "i", "2")
        .unwrap();
    assert_eq!(room.number("pdu-a1-a", &format!("{APC_STATE}.1")), 1);
    let outlet = room.outlet("pdu-a1-a", 1);
    assert_eq!(
        (&outlet["received"], &outlet["done"]),
        (&1.into(), &0.into())
    );
    assert_eq!(outlet["on"], true);
}

#[test]
fn a_frozen_device_obeys_and_shows_the_readings_from_before() {
    let room = Simulator::room();
    room.fault("pdu-a1-a", "frozen");
    let before = room.number("pdu-a1-a", UPTIME);
    room.set("pdu-a1-a", &format!("{APC_COMMAND}.1"), "i", "2")
        .unwrap();
    let others = room.number("pdu-a1-b", UPTIME);
    wait_until("time to pass", || {
        room.number("pdu-a1-b", UPTIME) > others + 50
    });
    assert_eq!(room.number("pdu-a1-a", UPTIME), before);
    assert_eq!(room.number("pdu-a1-a", &format!("{APC_STATE}.1")), 1);
    assert_eq!(room.outlet("pdu-a1-a", 1)["on"], false);
    room.fault("pdu-a1-a", "none");
    assert_eq!(room.number("pdu-a1-a", &format!("{APC_STATE}.1")), 2);
}

#[test]
fn a_flapping_device_comes_and_goes() {
    let room = Simulator::room();
    room.fault("ups-a", "flapping=1500ms");
    wait_until("it to be away", || !room.answers("ups-a"));
    wait_until("it to be back", || room.answers("ups-a"));
    wait_until("it to be away again", || !room.answers("ups-a"));
}

#[test]
fn garbage_is_no_answer_to_a_manager_but_something_was_sent() {
    let room = Simulator::room();
    room.fault("ups-b", "garbage");
    assert!(!room.answers("ups-b"));
    wait_until("the garbage to be sent", || {
        room.truth("ups-b")["answers"] == 1
    });
}

#[test]
fn a_half_table_ends_a_walk_in_its_middle_and_hides_nothing_from_a_get() {
    let room = Simulator::room();
    let check = |device: &str, column: &str, whole: usize, half: usize| {
        assert_eq!(
            room.walk("snmpbulkwalk", device, column).len(),
            whole,
            "{device}"
        );
        room.fault(device, "half-table");
        assert_eq!(
            room.walk("snmpbulkwalk", device, column).len(),
            half,
            "{device}"
        );
        assert_eq!(
            room.walk("snmpwalk", device, column).len(),
            half,
            "{device}"
        );
    };
    check("pdu-a1-a", APC_STATE, 24, 12);
    assert_eq!(room.number("pdu-a1-a", &format!("{APC_STATE}.24")), 1);
    check("pdu-a1-a2", "1.3.6.1.4.1.13742.6.4.1.2.1.3", 12, 6);
    check("ups-a", "1.3.6.1.2.1.33.1.4.4", 4, 2);
}

#[test]
fn a_ups_without_mains_runs_on_battery_and_says_so() {
    let room = Simulator::room();
    room.fault("ups-a", "input-lost");
    let read = |object: &str| room.number("ups-a", &format!("1.3.6.1.2.1.33.1.{object}"));
    assert_eq!((read("4.1.0"), read("3.3.1.3.1"), read("3.1.0")), (5, 0, 1));
    assert_eq!(read("6.1.0"), 2);
    wait_until("seconds on battery to count", || read("2.2.0") >= 1);
    wait_until("the battery to drain", || read("2.4.0") <= 99);
    assert!(read("4.4.1.4.1") > 1000);
    room.fault("ups-a", "none");
    assert_eq!((read("4.1.0"), read("6.1.0")), (3, 0));
    let control = room.ready["control"].as_str().unwrap();
    let refused = run(
        BINARY,
        &["fault", "--control", control, "pdu-a1-a", "input-lost"],
    );
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("is no UPS"),
        "{refused:?}"
    );
}

#[test]
fn a_pdu_whose_feed_is_dead_is_dead() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let text = r#"
        name = "small"
        [[rack]]
        name = "R1"
        [[pdu]]
        name = "pdu"
        kind = "raritan-pdu"
        rack = "R1"
        feed = "A"
        outlets = 4
        cycle_delay = "1s"
        [[ups]]
        name = "ups"
        feed = "A"
        rated_watts = 2000
        battery_watt_hours = 0.5
        [[server]]
        name = "server"
        rack = "R1"
        count = 4
        idle_watts = 400
        peak_watts = 500
        cords = ["pdu:1"]
    "#;
    file.write_all(text.as_bytes()).unwrap();
    let path = file.path().to_str().unwrap();
    let room = Simulator::start(&["room", "--base-port", "0", "--room", path]);
    wait_for_answer(&room, "pdu");
    room.fault("ups", "input-lost");
    wait_until("the battery to be empty", || {
        room.number("ups", "1.3.6.1.2.1.33.1.4.1.0") == 2
    });
    assert!(!room.answers("pdu"));
    assert_eq!(room.truth("pdu")["powered"], false);
    room.fault("ups", "none");
    wait_for_answer(&room, "pdu");
}

#[test]
fn an_order_that_makes_no_sense_is_refused_with_what_would() {
    let room = Simulator::room();
    let control = room.ready["control"].as_str().unwrap().to_owned();
    let check = |arguments: &[&str], expect: &str| {
        let refused = run(
            BINARY,
            &[&["fault", "--control", &control], arguments].concat(),
        );
        assert!(!refused.status.success());
        let error = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(error.contains(expect), "{error}");
    };
    check(&["pdu-z9", "silent"], "pdu-a1-a, pdu-a1-b");
    check(&["pdu-a1-a", "lame"], "half-table");
    check(&["pdu-a1-a", "slow"], "slow=3000ms");
}
