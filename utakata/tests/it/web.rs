//! The web UI, in a real browser: `web/test/walk.mjs` does what a person does.

use std::process::Command;

use utakata_tests::repository;

use crate::program::Place;

#[test]
fn the_web_ui_shows_the_room_and_switches_an_outlet() {
    let web = repository::root().join("web");
    assert!(
        web.join("node_modules/playwright-core").is_dir(),
        "tests/servers/install.sh web installs what drives the browser"
    );
    let place = Place::new();
    let up = place.up_with(&["--demo"]);
    place.until_served("apc-pdu");
    let text = |key: &str| up.ready[key].as_str().unwrap().to_owned();
    let walked = Command::new("node")
        .arg(web.join("test/walk.mjs"))
        .arg(text("url"))
        .arg(place.data().join("token"))
        .arg(text("simulator"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&walked.stdout);
    let complained = String::from_utf8_lossy(&walked.stderr);
    assert!(walked.status.success(), "{told}\n{complained}");
    assert_eq!(up.stop(), 0, "{}", place.told());
}
