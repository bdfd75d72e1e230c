//! TLS between the command line and the API.

use std::fs;

use utakata_tests::wait::wait_for;

use crate::program::Place;

#[test]
fn f10_the_api_and_the_command_line_speak_tls_with_certificates_that_are_read_again() {
    let place = Place::new();
    let (first, second) = (place.beside("pki-1"), place.beside("pki-2"));
    for folder in [&first, &second] {
        let made = place.run(&["pki", "init", "--dir", folder]);
        assert_eq!(made.code, 0, "{}", made.err);
        let issued = place.run(&["pki", "issue", "le-1.example", "--dir", folder]);
        assert_eq!(issued.code, 0, "{}", issued.err);
        assert!(issued.err.contains("[logic.http.tls]"), "{}", issued.err);
    }
    let file = |folder: &str, name: &str| format!("{folder}/{name}");
    let of_first = |name: &str| file(&first, name);
    let config = format!(
        "[logic.http.tls]\ncertificate = {:?}\nkey = {:?}\nca = {:?}\n",
        of_first("le-1.example.pem"),
        of_first("le-1.example.key"),
        of_first("ca.pem"),
    );
    let config = place.file("tls.toml", &config);
    let config = config.to_str().unwrap();
    let up = place.up_with(&["--config", config]);
    let url = up.ready["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");

    let list = |more: &[&str]| place.run(&[more, &["target", "list"]].concat());
    let here = list(&[]);
    assert_eq!(here.code, 0, "{}", here.err);
    let (one, other) = (of_first("ca.pem"), file(&second, "ca.pem"));
    let trusted = list(&["--url", &url, "--ca", &one]);
    assert_eq!(trusted.code, 0, "{}", trusted.err);
    let stranger = list(&["--url", &url, "--ca", &other]);
    assert_ne!(stranger.code, 0, "another authority is not trusted");
    let plain = list(&["--url", &url.replace("https", "http")]);
    assert_ne!(plain.code, 0, "plain HTTP is not answered");

    for name in ["le-1.example.pem", "le-1.example.key"] {
        fs::copy(file(&second, name), of_first(name)).unwrap();
    }
    let renewed = wait_for(|| {
        let now = list(&["--url", &url, "--ca", &other]);
        (now.code == 0).then_some(())
    });
    assert!(renewed.is_some(), "{}", place.told());
}

#[test]
fn whoever_runs_the_server_is_admin_on_its_machine_without_a_token() {
    let place = Place::new();
    let up = place.up();
    fs::remove_file(place.data().join("token")).unwrap();
    let mine = place.run(&["role", "mine"]);
    assert_eq!(mine.code, 0, "{}", mine.err);
    assert!(mine.out.contains("admin"), "{}", mine.out);
    let added = place.run(&["person", "add", "ana", "--role", "viewer"]);
    assert_eq!(added.code, 0, "{}", added.err);
    let url = up.ready["url"].as_str().unwrap();
    assert!(
        added.err.contains(&format!("UTAKATA_URL={url}")),
        "{}",
        added.err
    );
    let without = place.run(&["--url", url, "role", "mine"]);
    assert_ne!(without.code, 0, "over the network a token is needed");
}
