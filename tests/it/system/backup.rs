//! A backup of a running site, and what restoring it means for control.

use serde_json::Value;

use super::{place::Place, room::Room};

const DEVICE: &str = "drill-0001";

fn mark(place: &Place, token: &str, timeout: &str) -> Value {
    let parameter = format!("token={token}");
    let arguments = ["control", DEVICE, "mark", "-p", &parameter, "--timeout"];
    let done = place.run(&[&arguments[..], &[timeout, "--yes", "-o", "json"]].concat());
    serde_json::from_str(&done.out).unwrap_or_else(|error| panic!("{error}: {}", done.err))
}

/// Returns the state of the only task with a token.
fn state(place: &Place, token: &str) -> Option<String> {
    let tasks = place.json(&["task", "list", "--class", "control"]);
    let mut tasks = tasks.as_array().unwrap().iter();
    let found = tasks.find(|task| task["parameters"]["token"] == token)?;
    Some(found["state"].as_str().unwrap().to_owned())
}

fn unlock(place: &Place) {
    let done = place.run(&["target", "unlock", DEVICE, "--why", "done"]);
    assert_eq!(done.code, 0, "{}", done.err);
}

#[test]
fn a_backup_of_a_running_site_is_whole_and_restored_control_is_not_done_again() {
    let (counters, place) = (Room::counters(1), Place::new());
    place.release_drill();
    let up = place.up();
    counters.observed_by(&place);
    place.apply("type: schedule\nname: all\nselector: kind=drill\ninterval: 1s\n");
    assert_eq!(mark(&place, "first", "20s")["counts"]["succeeded"], 1);
    let lock = ["target", "lock", DEVICE, "--for", "1h", "--why", "a fan"];
    assert_eq!(place.run(&lock).code, 0);
    mark(&place, "waits", "100ms");
    assert_eq!(state(&place, "waits").as_deref(), Some("planned"));

    let file = place.data().join("backup.db");
    let file = file.to_str().unwrap();
    let backup = place.run(&["store", "backup", file]);
    assert_eq!(backup.code, 0, "{}", backup.err);
    assert!(backup.out.contains("is whole"), "{}", backup.out);
    let again = place.run(&["store", "backup", file]);
    assert_eq!(again.code, 2, "{}", again.out);
    assert!(again.err.contains("exists"), "{}", again.err);

    // After the backup it is done, and more.
    unlock(&place);
    place.until(&["target", "locks"], |_| {
        (state(&place, "waits")? == "succeeded").then_some(())
    });
    mark(&place, "later", "20s");
    let refused = place.run(&["store", "restore", file, "--replace"]);
    assert_eq!(refused.code, 1, "{}", refused.out);
    assert!(refused.err.contains("another `utakata`"), "{}", refused.err);
    drop(up);
    let refused = place.run(&["store", "restore", file]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("--replace"), "{}", refused.err);
    let restored = place.run(&["store", "restore", file, "--replace"]);
    assert_eq!(restored.code, 0, "{}", restored.err);

    let _up = place.up();
    assert_eq!(state(&place, "first").as_deref(), Some("succeeded"));
    assert_eq!(state(&place, "waits").as_deref(), Some("unsettled"));
    assert_eq!(state(&place, "later"), None);
    unlock(&place);
    counters.observed_by(&place);
    // Readings from before the restart are known before anybody serves the kind again.
    place.until_served("drill");
    let answer = mark(&place, "now", "20s");
    assert_eq!(answer["counts"]["succeeded"], 1, "{answer}");
    assert_eq!(state(&place, "waits").as_deref(), Some("unsettled"));
    for token in ["first", "waits", "later", "now"] {
        assert_eq!(counters.token(DEVICE, token)["done"], 1, "{token}");
    }
    let verified = place.json(&["audit", "verify"]);
    assert_eq!(verified["whole"], true, "{verified}");
}
