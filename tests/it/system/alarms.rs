//! Alarms of simulated equipment, from the fault at the device to those who are told, over kill -9.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
};

use serde_json::Value;

use super::{place::Place, room::Room};

/// The messages that a receiver of webhooks was told.
#[derive(Default)]
struct Told(Mutex<Vec<Value>>);

impl Told {
    /// Takes everything that is posted, on a port of its own, as long as this program runs.
    fn listen() -> (Arc<Self>, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let told = Arc::<Self>::default();
        let to = Arc::clone(&told);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let to = Arc::clone(&to);
                thread::spawn(move || to.take(stream));
            }
        });
        (told, port)
    }

    /// Takes the requests of one connection.
    fn take(&self, stream: std::net::TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut writer = stream;
        loop {
            let mut length = 0;
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).ok()? == 0 {
                    return None;
                }
                let line = line.trim().to_ascii_lowercase();
                if let Some(text) = line.strip_prefix("content-length:") {
                    length = text.trim().parse().ok()?;
                }
                if line.is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).ok()?;
            let alerts: Vec<Value> = serde_json::from_slice(&body).ok()?;
            self.0.lock().unwrap().extend(alerts);
            writer
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                .ok()?;
        }
    }

    /// Returns, for each alarm of a rule on a target, the numbers under which its beginning and its
    /// end were told. A number that comes again is the same change.
    fn changes(&self, rule: &str, target: &str) -> Vec<(BTreeSet<u64>, BTreeSet<u64>)> {
        let mut alarms: BTreeMap<String, (BTreeSet<u64>, BTreeSet<u64>)> = BTreeMap::new();
        for alert in self.0.lock().unwrap().iter() {
            let labels = &alert["labels"];
            if labels["alertname"] != *rule || labels["target"] != *target {
                continue;
            }
            let annotations = &alert["annotations"];
            let number = annotations["number"].as_str().unwrap().parse().unwrap();
            let of = alarms.entry(annotations["id"].to_string()).or_default();
            let is_over = alert["endsAt"].as_str() < Some(&now());
            match is_over {
                true => of.1.insert(number),
                false => of.0.insert(number),
            };
        }
        alarms.into_values().collect()
    }
}

fn now() -> String {
    jiff::Timestamp::now().to_string()
}

fn time(value: &Value) -> jiff::Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

/// Waits until an alarm of a rule on a target is in a state.
fn until(place: &Place, (rule, target): (&str, &str), is: impl Fn(&Value) -> bool) -> Value {
    place.until(&["alarm", "list", "--all", "--explained"], |alarms| {
        let alarms = alarms.as_array()?.iter();
        let mut of_rule = alarms.filter(|one| one["rule"] == *rule && one["target"] == *target);
        of_rule.find(|one| is(one)).cloned()
    })
}

const RULES: &str = "\
type: alarm
name: on-battery
on: { metric: utakata.ups.source }
raise: value == 'battery'
hold: 5s
release: 1s
severity: major
---
type: alarm
name: silent
on: { silence: 2 }
severity: minor
";

#[test]
fn an_alarm_survives_kills_and_silence_and_is_told_once() {
    let (told, port) = Told::listen();
    let (room, place) = (Room::start(), Place::new());
    std::fs::create_dir_all(place.data()).unwrap();
    let webhook =
        format!("[logic.alarms]\nwebhooks = [\"http://127.0.0.1:{port}/api/v2/alerts\"]\n");
    std::fs::write(place.data().join("utakata.toml"), webhook).unwrap();
    let up = place.up();
    room.observed_by(&place);
    place.apply(RULES);

    // Killed in the middle of its hold: the hold goes on, and does not begin anew.
    room.fault("ups-a", "input-lost");
    let seen = ["get", "readings", "ups-a", "--metric", "utakata.ups.source"];
    let first = place.until(&seen, |readings| {
        let mut readings = readings.as_array()?.iter();
        readings.find_map(|one| (one["value"] == "battery").then(|| time(&one["heard"])))
    });
    up.kill();
    let up = place.up();
    let again = jiff::Timestamp::now();
    let of_battery = ("on-battery", "ups-a");
    let alarm = until(&place, of_battery, |one| one["active"] == true);
    let held = time(&alarm["raised"]).duration_since(first).as_secs_f64();
    let since = again.duration_since(first).as_secs_f64();
    assert!(
        held < (since + 3.5).max(5.5) && held >= 3.0,
        "raised after {held} s, started again after {since} s"
    );
    // History has to know it for longer than the hold to decide the same: what was heard before the
    // kill may be in no file.
    place.until(&seen, |readings| {
        let mut readings = readings.as_array()?.iter();
        let is_late = |one: &&Value| time(&one["heard"]).duration_since(again).as_secs() > 7;
        readings.find(is_late).map(drop)
    });

    // Nothing is heard any more: it stays, and says so; also over a kill.
    room.fault("ups-a", "silent");
    until(&place, ("silent", "ups-a"), |one| one["active"] == true);
    up.kill();
    let _up = place.up();
    let still = until(&place, of_battery, |one| one["active"] == true);
    assert_eq!(
        (&still["id"], &still["raised"]),
        (&alarm["id"], &alarm["raised"])
    );
    until(&place, ("silent", "ups-a"), |one| one["active"] == true);

    // It ends by values, and only so.
    room.fault("ups-a", "none");
    until(&place, ("silent", "ups-a"), |one| one["active"] == false);
    let over = until(&place, of_battery, |one| one["active"] == false);
    assert_eq!(over["id"], alarm["id"], "{over}");
    assert_eq!(over["state"], "returned", "{over}");
    let id = over["id"].as_str().unwrap();
    place.json(&["alarm", "ack", id, "--why", "mains are back"]);

    // What was told, was told once, whoever repeated it.
    for of in [of_battery, ("silent", "ups-a")] {
        let changes = utakata_tests::wait::wait_for(|| {
            let changes = told.changes(of.0, of.1);
            let is_over = changes.iter().any(|(_, ends)| !ends.is_empty());
            is_over.then_some(changes)
        });
        let changes = changes.unwrap_or_else(|| panic!("{of:?}: {}", place.told()));
        for (begins, ends) in &changes {
            // One that comes and goes is one alarm, told each time.
            assert_eq!(begins.len(), ends.len(), "{of:?}: {changes:?}");
            assert!(of != of_battery || begins.len() == 1, "{changes:?}");
            assert!(begins.first() < ends.first(), "{of:?}: {changes:?}");
        }
        // A device may be silent more than once: nobody asks while everything is away.
        assert!(of != of_battery || changes.len() == 1, "{changes:?}");
    }
    // Over history the rule decides as it did.
    let test = place.json(&[
        "alarm",
        "test",
        "on-battery",
        "--since",
        "1h",
        "-l",
        "name=ups-a",
    ]);
    let rule = &test["rules"][0];
    assert_eq!(rule["alarms"], 1, "{test}");
    let difference = time(&rule["spells"][0]["raised"]).duration_since(time(&alarm["raised"]));
    // The kills in the middle of its hold were no part of history: they moved it by as long.
    assert!(difference.as_secs_f64().abs() < 30.0, "{test} {alarm}");
}

#[test]
fn the_simulator_shows_every_kind_of_alarm_that_its_equipment_can_raise() {
    let (room, place) = (Room::start(), Place::new());
    let _up = place.up();
    room.observed_by(&place);
    // The shipped rules, without their holds: a test cannot wait for a minute.
    let shipped = place.json(&["get", "alarm-rules"]);
    let mut documents = Vec::new();
    for one in shipped.as_array().unwrap() {
        let mut rule = one["rule"].clone();
        rule["type"] = "alarm".into();
        rule["hold"] = "0s".into();
        rule["release"] = "0s".into();
        documents.push(rule.to_string());
    }
    place.apply(&documents.join("\n---\n"));
    let faults = [
        ("ups-a", "battery-drained", &["battery-low"][..]),
        (
            "ups-a",
            "input-lost",
            &["ups-on-battery", "battery-runs-out"],
        ),
        ("ups-b", "overload", &["ups-load"]),
        ("ups-b", "test-failed", &["battery-test-failed"]),
        ("ups-b", "bypass", &["ups-on-bypass"]),
        ("pdu-a1-b", "warm=35", &["inlet-warm", "inlet-hot"]),
        ("pdu-a1-b", "overload", &["overload"]),
        ("pdu-a2-b", "near-overload", &["load-near-limit"]),
        ("pdu-a2-b", "supply-failed", &["supply-failed"]),
        ("pdu-a1-b2", "breaker-open", &["breaker-open"]),
        ("pdu-a2-b2", "silent", &["silent"]),
    ];
    for (device, fault, _) in &faults {
        room.fault(device, fault);
    }
    for (device, _, rules) in &faults {
        for rule in *rules {
            until(&place, (rule, device), |one| one["active"] == true);
        }
    }
    // The PDUs of its feed are dead now.
    room.fault("ups-b", "output-off");
    until(&place, ("ups-output-off", "ups-b"), |one| {
        one["active"] == true
    });
    for device in [
        "ups-a",
        "ups-b",
        "pdu-a1-b",
        "pdu-a2-b",
        "pdu-a1-b2",
        "pdu-a2-b2",
    ] {
        room.fault(device, "none");
    }
    until(&place, ("ups-output-off", "ups-b"), |one| {
        one["active"] == false
    });
}
