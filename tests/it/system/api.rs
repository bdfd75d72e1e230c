//! The API against its own description, by schemathesis: thousands of requests, good and bad.

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
        // The description cannot say what is right besides its form: selectors, names of others.
        .args(["--exclude-checks", "positive_data_acceptance"])
        .args(["--phases", "examples,coverage,fuzzing"])
        // Server-sent events never end.
        .args(["--exclude-path", "/v1/events"])
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
    // It lives, and what it was furnished with was not disturbed but by those who asked.
    assert_eq!(place.run(&["get", "targets"]).code, 0, "{}", place.told());
    assert!(!place.told().contains("panicked"), "{}", place.told());
}
