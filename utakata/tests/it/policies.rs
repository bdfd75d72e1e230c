//! Policies against simulated devices that count what they are told.

use std::{fmt::Write as _, fs, path::Path};

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
