//! The API against its own description, by schemathesis: thousands of requests, valid and invalid.

use std::process::Command;

use utakata_tests::repository;

use super::place::Place;

fn targets() -> String {
    let one =
        |name: &str| format!("type: target\nname: {name}\nkind: echo\naddress: {name}\n---\n");
    let schedule = "type: schedule\nname: often\nselector: kind=echo\ninterval: 1s\n";
    [one("a"), one("b"), one("c"), schedule.to_owned()].concat()
}

#[test]
fn the_api_does_what_its_description_says() {
    let program = repository::tool("api", "schemathesis");
    assert!(program.exists(), "tests/servers/install.sh api");
    let place = Place::new();
    let up = place.up();
    place.release_echo();
    place.apply(&targets());
    place.until_served("echo");
    let url = up.ready["url"].as_str().unwrap();
    let output = Command::new(program)
        .current_dir(place.data())
        .arg("run")
        .arg(format!("{url}/v1/openapi.json"))
        .arg(format!("--header=Authorization: Bearer {}", place.token()))
        // The description cannot express everything: selectors, names of other objects.
        .args(["--exclude-checks", "positive_data_acceptance"])
        .args(["--phases", "examples,coverage,fuzzing"])
        // Server-sent events never end.
        .args(["--exclude-path", "/v1/events"])
        .args(["--exclude-path", "/v1/view"])
        // Its cookie would admit the requests that are to be refused for want of a token.
        .args(["--exclude-path", "/v1/session"])
        .args(["--seed", "20", "--max-examples", "8", "--max-time", "35"])
        .args(["--request-timeout", "30", "--continue-on-failure"])
        .args(["--no-color", "--warnings", "off"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // It is alive, and its inventory was changed only by accepted requests.
    assert_eq!(place.run(&["get", "targets"]).code, 0, "{}", place.told());
    assert!(!place.told().contains("panicked"), "{}", place.told());
}
