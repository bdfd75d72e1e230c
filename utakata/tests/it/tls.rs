//! TLS between the command line and the API.

use std::{fs, process::Command};

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

/// Asks with curl, and returns its answer: the status, the version of HTTP, headers and body.
fn curl(ca: &str, arguments: &[&str]) -> (String, String) {
    let asked = Command::new("curl")
        .args(["-s", "-i", "--max-time", "20", "--cacert", ca])
        .args(["-w", "\n%{http_version} %{http_code}"])
        .args(arguments)
        .output()
        .expect("`./check install` installs curl");
    let told = String::from_utf8_lossy(&asked.stdout).into_owned();
    let (text, last) = told.rsplit_once('\n').expect("curl tells the version");
    (last.to_owned(), text.to_owned())
}

#[test]
fn over_tls_browsers_speak_http_2_with_the_same_session() {
    let place = Place::new();
    let pki = place.beside("pki");
    assert_eq!(place.run(&["pki", "init", "--dir", &pki]).code, 0);
    let issued = place.run(&["pki", "issue", "localhost", "--dir", &pki]);
    assert_eq!(issued.code, 0, "{}", issued.err);
    let ca = format!("{pki}/ca.pem");
    let config = format!(
        "[logic.http.tls]\ncertificate = \"{pki}/localhost.pem\"\nkey = \"{pki}/localhost.key\"\n\
         ca = {ca:?}\n"
    );
    let config = place.file("tls.toml", &config);
    let up = place.up_with(&["--config", config.to_str().unwrap()]);
    let url = up.ready["url"].as_str().unwrap().to_owned();
    let port = url.rsplit_once(':').unwrap().1.to_owned();
    let url = format!("https://localhost:{port}");
    let token = fs::read_to_string(place.data().join("token")).unwrap();
    let bearer = format!("Authorization: Bearer {}", token.trim());

    for (version, expected) in [("--http2", "2 200"), ("--http1.1", "1.1 200")] {
        let (last, text) = curl(&ca, &[version, "-H", &bearer, &format!("{url}/v1/me")]);
        assert_eq!(last, expected, "{text}");
        let (last, text) = curl(&ca, &[version, &format!("{url}/")]);
        assert_eq!(last, expected, "{text}");
        let (last, text) = curl(&ca, &[version, &format!("{url}/v1/targets")]);
        assert!(last.ends_with("401"), "{text}");
    }

    let origin = format!("Origin: {url}");
    let session = format!("{url}/v1/session");
    let (last, text) = curl(&ca, &["-X", "POST", "-H", &bearer, "-H", &origin, &session]);
    assert_eq!(last, "2 200", "{text}");
    let cookie = text
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: "))
        .and_then(|cookie| cookie.split(';').next())
        .unwrap_or_else(|| panic!("no cookie: {text}"));
    assert!(cookie.starts_with("__Host-utakata="), "{cookie}");
    let cookie = format!("Cookie: {cookie}");
    let schedule = format!("{url}/v1/schedules/none");
    for (from, expected) in [
        (origin.as_str(), "2 404"),
        ("Origin: https://elsewhere.example", "2 403"),
    ] {
        let own = ["-H", "X-Utakata: 1", "-H", &cookie, "-H", from];
        let (last, text) = curl(&ca, &[&own[..], &["-X", "DELETE", &schedule]].concat());
        assert_eq!(last, expected, "{text}");
    }

    // One connection: a stream that is followed, and other requests beside it.
    let events = format!("{url}/v1/events?types=alarms");
    let me = format!("{url}/v1/me");
    let beside = [
        "--parallel",
        "--max-time",
        "3",
        "-H",
        &bearer,
        "-o",
        "/dev/null",
        &events,
        "-o",
        "/dev/null",
        &me,
        "-o",
        "/dev/null",
        &me,
    ];
    let (_, text) = curl(&ca, &beside);
    assert_eq!(text.matches("2 200").count(), 2, "{text}");
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
