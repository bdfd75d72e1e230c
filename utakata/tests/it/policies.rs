//! Policies against simulated devices that count what they are told.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use serde_json::Value;

use crate::{
    orders::Counters,
    program::{Place, wait_for},
};

/// A policy that marks a token on every device as soon as all of them are seen.
const POLICY: &str = "
---
type: policy
name: mark-all
watch:
  seen: { metric: utakata.drill.value, selector: kind=drill, aggregate: count, fresh: 10m, at_least: 1% }
when: seen > 0.0
hold: 1s
act:
  - action: mark
    on: { selector: kind=drill }
    parameters: { token: by-a-policy }
    at_a_time: 2
    settle: 1s
envelope:
  at_most: [\"100 in 1h\"]
";

fn site(counters: &Counters) -> String {
    let mut text = "type: credential\nname: room\n\
         values: { version: \"2c\", community: public, community_write: private }\n---\n\
         type: schedule\nname: often\nselector: kind=drill\ninterval: 1s\n"
        .to_owned();
    for device in &counters.devices {
        let (name, address) = (&device["name"], &device["address"]);
        let _ = write!(
            text,
            "---\ntype: target\nname: {name}\nkind: drill\naddress: {address}\ncredential: room\n"
        );
    }
    text + POLICY
}

fn releases(place: &Place) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../workers/snmp/releases");
    for file in ["drill/profiles/drill.toml", "drill/worker.toml"] {
        let to = place.data().join("releases").join(file);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(root.join(file), to).unwrap();
    }
}

fn changes(policy: &Value) -> (usize, usize) {
    let changes = policy["instances"][0]["changes"].as_array();
    let changes = changes.cloned().unwrap_or_default();
    let done = changes.iter().filter(|one| one["stage"] == "done");
    (done.count(), changes.len())
}

#[test]
fn a_policy_whose_engine_is_killed_again_and_again_does_nothing_twice() {
    let counters = Counters::start();
    let count = counters.devices.len();
    let place = Place::new();
    releases(&place);
    let mut up = place.up();
    let file = place.file("site.yaml", &site(&counters));
    let applied = place.run(&["apply", "-f", file.to_str().unwrap()]);
    assert_eq!(applied.code, 0, "{}", applied.err);
    place.until(&["policy", "show", "mark-all"], |policy| {
        (changes(policy).1 == count).then_some(())
    });
    counters.expect_never("by-a-policy");
    let tested = place.json(&["policy", "test", "mark-all", "--since", "1h"]);
    let token = tested["token"].as_str().unwrap();
    let arm = ["policy", "arm", "mark-all", "--token", token, "--for", "1h"];
    let armed = place.run(&arm);
    assert_eq!(armed.code, 0, "{}{}", armed.out, armed.err);
    // Each life gets a little further.
    for wanted in [1, 5] {
        place.until(&["policy", "show", "mark-all"], |policy| {
            (changes(policy).1 >= wanted).then_some(())
        });
        up.kill();
        up = place.up();
    }
    let all = wait_for(|| {
        let policy = place.json(&["policy", "show", "mark-all"]);
        (changes(&policy).0 == count).then_some(())
    });
    assert!(
        all.is_some(),
        "{}",
        place.run(&["policy", "show", "mark-all"]).out
    );
    counters.expect_once(&["by-a-policy".to_owned()]);
    assert_eq!(up.stop(), 0, "{}", place.told());
}

/// A rack on two feeds. Either carries half of it, and neither all of it for long.
const ROOM: &str = r#"
name = "small"

[[ups]]
name = "ups-a"
feed = "A"
rated_watts = 5000
battery_watt_hours = 1000
breaker_watts = 1000

[[ups]]
name = "ups-b"
feed = "B"
rated_watts = 5000
battery_watt_hours = 1000
breaker_watts = 1000

[[row]]
name = "R"
racks = 1
pdu = "apc-pdu"
feeds = ["A", "B"]
outlets = 8

[[row.server]]
name = "web"
count = 2
idle_watts = 250
peak_watts = 250

[[row.server]]
name = "batch"
count = 6
idle_watts = 125
peak_watts = 125
"#;

/// Switches off what can be spared on feed A while feed B is gone.
const SHED: &str = "
---
type: policy
name: shed
watch:
  load: { metric: hw.power, selector: name=ups-a, where: { circuit: output }, aggregate: sum, fresh: 10s }
  source: { metric: utakata.ups.source, selector: name=ups-b, fresh: 10s }
when: load > 900.0 && source != 'normal'
until: load < 850.0
hold: 1s
act:
  - { action: outlet-off, on: { selector: name=pdu-r01-a }, parameters: { outlet: 3 }, settle: 3s }
  - { action: outlet-off, on: { selector: name=pdu-r01-a }, parameters: { outlet: 4 }, settle: 3s }
  - { action: outlet-off, on: { selector: name=pdu-r01-a }, parameters: { outlet: 5 }, settle: 3s }
  - { action: outlet-off, on: { selector: name=pdu-r01-a }, parameters: { outlet: 6 }, settle: 3s }
  - { action: outlet-off, on: { selector: name=pdu-r01-a }, parameters: { outlet: 7 }, settle: 3s }
back: { when: source == 'normal', hold: 1s, settle: 1s }
envelope:
  only: { selector: name=pdu-r01-a, actions: [outlet-off] }
  at_most: [\"4 in 1h\"]
";

/// The devices of the room as targets, which are read every second.
fn targets(room: &Counters) -> String {
    let mut text = "type: credential\nname: room\n\
         values: { version: \"2c\", community: public, community_write: private }\n---\n\
         type: schedule\nname: often\nselector: room=small\ninterval: 1s\n"
        .to_owned();
    for device in &room.devices {
        let (name, kind, address) = (&device["name"], &device["kind"], &device["address"]);
        let _ = write!(
            text,
            "---\ntype: target\nname: {name}\nkind: {kind}\naddress: {address}\n\
             credential: room\nlabels: {{ room: small }}\n"
        );
    }
    text
}

#[test]
fn a_policy_sheds_a_feed_before_its_breaker_trips_also_if_it_is_killed_meanwhile() {
    let place = Place::new();
    let file = place.file("room.toml", ROOM);
    let room = Counters::of(&["room", "--room", file.to_str().unwrap()]);
    let text = targets(&room);
    let mut up = place.up();
    place.until_served("ups");
    let site = place.file("site.yaml", &(text + SHED));
    let applied = place.run(&["apply", "-f", site.to_str().unwrap()]);
    assert_eq!(applied.code, 0, "{}", applied.err);
    place.until(&["policy", "show", "shed"], |policy| {
        (policy["instances"][0]["conditions"]["when"] == false).then_some(())
    });
    let tested = place.json(&["policy", "test", "shed", "--since", "1h"]);
    let token = tested["token"].as_str().unwrap();
    let armed = place.run(&["policy", "arm", "shed", "--token", token, "--for", "1h"]);
    assert_eq!(armed.code, 0, "{}{}", armed.out, armed.err);
    room.tell(&["fault", "ups-b", "output-off"]);
    // It dies in the middle.
    place.until(&["policy", "show", "shed"], |policy| {
        (changes(policy).1 >= 1).then_some(())
    });
    up.kill();
    up = place.up();
    let shed = |room: &Counters| {
        let truth = room.tell(&["show", "pdu-r01-a"]);
        let outlets = truth[0]["outlets"].as_array().unwrap().clone();
        let touched = outlets.iter().filter(|one| one["received"] != 0).count();
        let off = outlets.iter().filter(|one| one["on"] == false).count();
        (touched, off)
    };
    // 1,250 W hang on feed A: three of 125 W are enough, and a fourth would be too much.
    let is_shed = wait_for(|| {
        let policy = place.json(&["policy", "show", "shed"]);
        (changes(&policy) == (3, 3)).then_some(())
    });
    let told = || place.run(&["policy", "show", "shed"]).out;
    assert!(is_shed.is_some(), "{}", told());
    assert_eq!(shed(&room), (3, 3));
    let ups = room.tell(&["show", "ups-a"]);
    assert_eq!(ups[0]["watts"], 875.0, "{ups}");
    assert_eq!(ups[0]["breaker"]["trips"], 0, "{ups}");
    room.tell(&["fault", "ups-b", "none"]);
    let is_back = wait_for(|| {
        let policy = place.json(&["policy", "show", "shed"]);
        (changes(&policy) == (0, 0)).then_some(())
    });
    assert!(is_back.is_some(), "{}", told());
    assert_eq!(shed(&room), (3, 0), "everything is on again");
    assert_eq!(up.stop(), 0, "{}", place.told());
}

/// The decisions of a policy as they are made, by their moments, until it has decided something.
fn watch(place: &Place, seen: &mut BTreeMap<String, Value>, until: impl Fn(&Value) -> bool) {
    let is_there = wait_for(|| {
        let policy = place.json(&["policy", "show", "shed"]);
        let decided = &policy["instances"][0];
        if let Some(at) = decided["at"].as_str() {
            seen.insert(at.to_owned(), decided.clone());
        }
        until(decided).then_some(())
    });
    let told = || place.run(&["policy", "show", "shed"]).out;
    assert!(is_there.is_some(), "{}{}", told(), place.told());
}

/// Decisions are compared as they were shown: every value, every age, every sentence.
#[test]
fn decisions_are_made_again_from_stored_history_bit_by_bit_over_kills_of_the_engine() {
    let place = Place::new();
    let file = place.file("room.toml", ROOM);
    let room = Counters::of(&["room", "--room", file.to_str().unwrap()]);
    let mut up = place.up();
    place.until_served("ups");
    let site = place.file("site.yaml", &(targets(&room) + SHED));
    let applied = place.run(&["apply", "-f", site.to_str().unwrap()]);
    assert_eq!(applied.code, 0, "{}", applied.err);
    let mut seen = BTreeMap::new();
    let when = |decided: &Value, is: bool| decided["conditions"]["when"] == is;
    watch(&place, &mut seen, |decided| when(decided, false));
    // First in shadow, then armed; the engine is killed before, within and after each episode.
    for is_armed in [false, true] {
        if is_armed {
            let tested = place.json(&["policy", "test", "shed", "--since", "1h"]);
            let token = tested["token"].as_str().unwrap();
            let armed = place.run(&["policy", "arm", "shed", "--token", token, "--for", "1h"]);
            assert_eq!(armed.code, 0, "{}{}", armed.out, armed.err);
        }
        room.tell(&["fault", "ups-b", "output-off"]);
        watch(&place, &mut seen, |decided| when(decided, true));
        up.kill();
        up = place.up();
        let changes = |decided: &Value| decided["changes"].as_array().map_or(0, Vec::len);
        watch(&place, &mut seen, |decided| changes(decided) >= 2);
        up.kill();
        up = place.up();
        watch(&place, &mut seen, |decided| changes(decided) >= 3);
        room.tell(&["fault", "ups-b", "none"]);
        watch(&place, &mut seen, |decided| changes(decided) == 0);
    }
    let mut replayed = 0;
    for (at, decided) in &seen {
        let again = place.json(&["policy", "explain", "shed", "--at", at]);
        assert_eq!(again["exact"], true, "{at}: {again}");
        let then = &again["instances"][0];
        // A kill may cost the last second of readings, which nothing was done about.
        let is_lost = then["inputs"] != decided["inputs"] && decided["decision"] != "act";
        if is_lost {
            continue;
        }
        replayed += 1;
        // What could not be asked for, such as right after a start, was decided all the same.
        let why = decided["why"].as_str().unwrap_or_default();
        if !why.contains("cannot be changed") {
            assert_eq!(then, decided, "{at}");
            continue;
        }
        for part in ["inputs", "conditions", "decision"] {
            assert_eq!(then[part], decided[part], "{at}");
        }
    }
    let lost = seen.len() - replayed;
    assert!(
        replayed > 20 && lost <= 8,
        "{replayed} replayed, {lost} lost"
    );
    assert_eq!(up.stop(), 0, "{}", place.told());
}

#[test]
fn a_trial_of_the_examples_holds_what_is_promised_and_tells_a_story() {
    let place = Place::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/policies");
    let file = |name: &str| root.join(name).display().to_string();
    let (shed, warm, site) = (
        file("shed-feed-a.yaml"),
        file("warm-aisle.yaml"),
        file("site.yaml"),
    );
    let all = ["policy", "trial", "-f", &shed, "-f", &warm, "-f", &site];
    let trial = [&all[..], &["--for", "6h", "--seed", "1..2", "--kills"]].concat();
    let reports = place.json(&trial);
    let reports = reports.as_array().unwrap();
    assert_eq!(reports.len(), 2);
    for report in reports {
        assert_eq!(report["broken"], Value::Array(Vec::new()), "{report}");
        assert!(report["acts"].as_u64().unwrap() > 0, "{report}");
        assert!(report["kills"].as_u64().unwrap() > 100, "{report}");
    }
    let wrong = place.run(&["policy", "trial", "-f", &file("hung-bmc.yaml")]);
    assert_eq!(wrong.code, 1, "{}", wrong.out);
    assert!(
        wrong.err.contains("hung-bmc") && wrong.err.contains("north"),
        "{}",
        wrong.err
    );
    let wrong = place.run(&["policy", "trial", "-f", &shed, "--seed", "5..1"]);
    assert_eq!(wrong.code, 2, "{}", wrong.err);
}
