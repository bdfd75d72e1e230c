//! The web UI, in a real browser: `web/test/walk.mjs` does what a person does, `web/test/pairs.mjs` what
//! two do together, and `web/test/moves.mjs` watches while a logic environment dies.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use utakata_tests::{repository, servers::Postgres};

use crate::{
    apart::hub,
    program::{Place, Role, wait_for},
};

fn script(name: &str) -> PathBuf {
    let web = repository::root().join("web");
    assert!(
        web.join("node_modules/playwright-core").is_dir(),
        "tests/servers/install.sh web installs what drives the browser"
    );
    web.join("test").join(name)
}

/// Runs a script of the browser to its end.
fn drive(command: &mut Command) {
    let done = command.output().unwrap();
    let told = String::from_utf8_lossy(&done.stdout);
    let complained = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{told}\n{complained}");
}

#[test]
fn the_web_ui_shows_the_room_and_switches_an_outlet() {
    let walk = script("walk.mjs");
    let place = Place::new();
    let up = place.up_with(&["--demo"]);
    place.until_served("apc-pdu");
    let text = |key: &str| up.ready[key].as_str().unwrap().to_owned();
    drive(
        Command::new("node")
            .arg(walk)
            .arg(text("url"))
            .arg(place.data().join("token"))
            .arg(text("simulator")),
    );
    assert_eq!(up.stop(), 0, "{}", place.told());

    // The same room at a site that wants approvals.
    let approval = "[logic.control]\napproval = \"high\"\n";
    fs::write(place.data().join("utakata.toml"), approval).unwrap();
    let up = place.up_with(&["--demo"]);
    place.until_served("apc-pdu");
    drive(
        Command::new("node")
            .arg(script("pairs.mjs"))
            .arg(up.ready["url"].as_str().unwrap())
            .arg(place.data().join("token")),
    );
    assert_eq!(up.stop(), 0, "{}", place.told());
}

/// Starts one of two logic environments that share a store and a token, and returns its address.
fn one_of_two<'p>(place: &'p Place, id: &str, store: &str, token: &Path) -> (Role<'p>, String) {
    let data = place.beside(id);
    fs::create_dir_all(&data).unwrap();
    let key = place.beside("site.key");
    if !Path::new(&key).exists() {
        assert_eq!(place.run(&["secret", "key", &key]).code, 0);
    }
    let settings = format!(
        "[logic]\nid = {id:?}\n[logic.secrets]\nkey_file = {key:?}\n[logic.store]\nurl = {store:?}\n[logic.http]\ntoken_file = {token:?}\n\
         [mqtt]\nenabled = false\n"
    );
    fs::write(Path::new(&data).join("utakata.toml"), settings).unwrap();
    let socket = place.beside("hub.sock");
    let role = place.role(&[
        "le",
        "--data",
        &data,
        "--hub",
        &socket,
        "--listen",
        "127.0.0.1:0",
    ]);
    let url = wait_for(|| {
        let endpoint = fs::read_to_string(Path::new(&data).join("endpoint.json")).ok()?;
        let endpoint: Value = serde_json::from_str(&endpoint).ok()?;
        Some(endpoint["url"].as_str()?.to_owned())
    });
    let url = url.unwrap_or_else(|| panic!("{}", place.told()));
    (role, url)
}

#[test]
fn the_web_ui_moves_on_when_its_logic_environment_dies() {
    let moves = script("moves.mjs");
    let postgres = Postgres::start().unwrap();
    let store = postgres.database().unwrap();
    let place = Place::new();
    let token = place.file("token", &"0123456789abcdef".repeat(4));
    let _hub = hub(&place, &[]);
    let (first, a) = one_of_two(&place, "le-1", &store, &token);
    let (_second, b) = one_of_two(&place, "le-2", &store, &token);
    drive(
        Command::new("node")
            .arg(moves)
            .args([a, b])
            .arg(token)
            .arg(first.process().to_string()),
    );
    first.kill();
}
