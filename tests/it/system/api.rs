//! The API against its own description, by schemathesis: thousands of requests, valid and invalid.

use std::{
    collections::BTreeMap,
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use utakata_tests::repository;

use super::place::Place;

fn targets() -> String {
    let one =
        |name: &str| format!("type: target\nname: {name}\nkind: echo\naddress: {name}\n---\n");
    let schedule = "type: schedule\nname: often\nselector: kind=echo\ninterval: 1s\n";
    [one("a"), one("b"), one("c"), schedule.to_owned()].concat()
}

/// Asks for everything with a token, for seconds.
fn fuzz(place: &Place, url: &str, token: &str, seconds: u32) -> Child {
    let program = repository::tool("api", "schemathesis");
    assert!(program.exists(), "tests/servers/install.sh api");
    Command::new(program)
        .current_dir(place.data())
        .arg("run")
        .arg(format!("{url}/v1/openapi.json"))
        .arg(format!("--header=Authorization: Bearer {token}"))
        // The description cannot express everything: selectors, names of other objects.
        .args(["--exclude-checks", "positive_data_acceptance"])
        .args(["--phases", "examples,coverage,fuzzing"])
        // Server-sent events never end.
        .args(["--exclude-path", "/v1/events"])
        .args(["--exclude-path", "/v1/view"])
        // Its cookie would admit the requests that are to be refused for want of a token.
        .args(["--exclude-path", "/v1/session"])
        .args(["--seed", "20", "--max-examples", "8"])
        .args(["--max-time", &seconds.to_string()])
        .args(["--request-timeout", "30", "--continue-on-failure"])
        .args(["--no-color", "--warnings", "off"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn succeeded(fuzzing: Child) {
    let output = fuzzing.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn the_api_does_what_its_description_says() {
    let place = Place::new();
    let up = place.up();
    place.release_echo();
    place.apply(&targets());
    place.until_served("echo");
    let url = up.ready["url"].as_str().unwrap();
    succeeded(fuzz(&place, url, &place.token(), 35));
    // It is alive, and its inventory was changed only by accepted requests.
    assert_eq!(place.run(&["get", "targets"]).code, 0, "{}", place.told());
    assert!(!place.told().contains("panicked"), "{}", place.told());
}

/// The parts of a site that roles may change, and the commands that list them.
const PARTS: [(&str, &[&str]); 11] = [
    ("targets", &["get", "targets"]),
    ("schedules", &["get", "schedules"]),
    ("relations", &["get", "relations"]),
    ("alarm rules", &["get", "alarm-rules"]),
    ("floors", &["get", "floors"]),
    ("envelopes", &["get", "envelopes"]),
    ("credentials", &["get", "credentials"]),
    ("people", &["person", "list"]),
    ("tokens", &["token", "list"]),
    ("roles", &["role", "given"]),
    ("releases", &["worker", "list"]),
];

/// The roles in the order in which they try everything, those of a line at the same time, and the
/// parts that one of them may change.
const ROUNDS: [(&[&str], &[&str]); 4] = [
    (
        &["nobody", "metrics", "viewer", "observer", "approver"],
        &[],
    ),
    (&["operator", "releaser"], &["releases"]),
    (
        &["inventory"],
        &["targets", "schedules", "relations", "alarm rules", "floors"],
    ),
    (
        &["security"],
        &["envelopes", "credentials", "people", "tokens", "roles"],
    ),
];

/// Returns the parts of a site, without what changes by itself.
fn parts(place: &Place) -> BTreeMap<&'static str, Value> {
    let listed = |(part, command): &(&'static str, &[&str])| (*part, still(place.json(command)));
    PARTS.iter().map(listed).collect()
}

fn still(mut value: Value) -> Value {
    match &mut value {
        Value::Array(all) => all.iter_mut().for_each(|one| *one = still(one.take())),
        Value::Object(keys) => {
            for key in [
                "answered",
                "used",
                "last_used",
                "health",
                "pools",
                "environments",
            ] {
                keys.remove(key);
            }
            keys.values_mut().for_each(|one| *one = still(one.take()));
        }
        _ => {}
    }
    value
}

/// Two hours for each role: `UTAKATA_API_SECONDS=7200`.
#[test]
fn whoever_tries_everything_changes_nothing_that_their_role_does_not_give() {
    let place = Place::new();
    let up = place.up();
    place.release_echo();
    place.apply(&targets());
    place.until_served("echo");
    let url = up.ready["url"].as_str().unwrap();
    let seconds = std::env::var("UTAKATA_API_SECONDS").map_or(4, |text| text.parse().unwrap());
    let join = |role: &str| {
        let role_of = ["--role", role];
        let given: &[&str] = if role == "nobody" { &[] } else { &role_of };
        let added = place.json(&[&["person", "add", &format!("a-{role}")], given].concat());
        added["token"].as_str().unwrap().to_owned()
    };
    let tokens: BTreeMap<&str, String> = ROUNDS
        .iter()
        .flat_map(|(roles, _)| *roles)
        .map(|role| (*role, join(role)))
        .collect();
    for (roles, may_change) in ROUNDS {
        let before = parts(&place);
        let fuzzing: Vec<Child> = roles
            .iter()
            .map(|role| fuzz(&place, url, &tokens[role], seconds))
            .collect();
        fuzzing.into_iter().for_each(succeeded);
        let after = parts(&place);
        for (part, _) in PARTS.iter().filter(|(part, _)| !may_change.contains(part)) {
            assert_eq!(before[part], after[part], "{part} by {roles:?}");
        }
    }
    assert!(!place.told().contains("panicked"), "{}", place.told());
}
