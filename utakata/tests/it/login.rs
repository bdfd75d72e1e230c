//! Logging in on the command line, by a real identity provider.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Stdio,
};

use serde_json::json;
use utakata_tests::servers::Openid;

use crate::program::Place;

/// Runs `utakata login`, and agrees as a subject; returns what it printed.
fn log_in(place: &Place, provider: &Openid, url: &str, subject: &str) -> String {
    let mut command = place.command(&["--url", url, "login"]);
    let mut login = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(login.stderr.take().unwrap()).lines();
    let mut said = String::new();
    let with_code = lines.by_ref().map(Result::unwrap).find_map(|line| {
        said.push_str(&line);
        said.push('\n');
        let line = line.trim().to_owned();
        line.contains("user_code=").then_some(line)
    });
    let page = provider.agree_on_device(&with_code.expect(&said), subject);
    assert!(page.unwrap().contains("Success"));
    for line in lines {
        said.push_str(&line.unwrap());
        said.push('\n');
    }
    let status = login.wait().unwrap();
    assert!(status.success(), "{said}");
    said
}

#[test]
fn somebody_logs_in_on_the_command_line_and_out() {
    let provider = Openid::start().unwrap();
    let people = json!({ "0042": { "preferred_username": "ana", "groups": ["netops"] } });
    provider.accounts(&people).unwrap();
    let place = Place::new();
    let secret = provider.secret_in(Path::new(&place.beside(""))).unwrap();
    let config = format!(
        "[logic.login]\nissuer = {:?}\nclient_secret_file = {secret:?}\n",
        provider.issuer()
    );
    let config = place.file("login.toml", &config);
    let up = place.up_with(&["--config", config.to_str().unwrap()]);
    let url = up.ready["url"].as_str().unwrap();
    let given = place.run(&["role", "give", "group:netops", "viewer"]);
    assert_eq!(given.code, 0, "{}", given.err);
    assert!(given.err.contains("group.netops-viewer"), "{}", given.err);
    let none = place.run(&["--url", url, "logout"]);
    assert_eq!(none.code, 2, "{}", none.err);

    let said = log_in(&place, &provider, url, "0042");
    assert!(
        said.contains("you are ana at") && said.contains("netops"),
        "{said}"
    );
    let folder = place.beside(".local/state/utakata/logins");
    let file = fs::read_dir(&folder).unwrap().next().unwrap().unwrap();
    let mode = file.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for server in [&["--url", url][..], &[]] {
        let mine = place.run(&[server, &["role", "mine"]].concat());
        assert!(mine.err.contains("this is ana"), "{}", mine.err);
        assert!(mine.err.contains("a member of: netops"), "{}", mine.err);
        assert!(mine.out.contains("viewer"), "{}", mine.out);
    }
    let elsewhere = place.run(&["--url", "http://127.0.0.1:1", "role", "mine"]);
    assert_eq!(
        elsewhere.code, 2,
        "it is sent nowhere else: {}",
        elsewhere.err
    );

    let text = fs::read_to_string(file.path()).unwrap();
    let kept: serde_json::Value = serde_json::from_str(&text).unwrap();
    let token = kept["token"].as_str().unwrap();
    log_in(&place, &provider, url, "0042");
    let as_before = || {
        let mut command = place.command(&["--url", url, "role", "mine"]);
        command.env("UTAKATA_TOKEN", token).output().unwrap()
    };
    assert!(
        !as_before().status.success(),
        "a login ends the one that it replaces"
    );

    let out = place.run(&["--url", url, "logout"]);
    assert_eq!(out.code, 0, "{}", out.err);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    let mine = place.run(&["role", "mine"]);
    assert!(mine.out.contains("admin"), "{} {}", mine.out, mine.err);
    let people = place.run(&["person", "list"]);
    assert!(people.out.contains("netops"), "{}", people.out);
    let tokens = place.run(&["token", "list", "-o", "json"]);
    assert_eq!(tokens.out.trim(), "[]", "no login is left");
    let lines = place.run(&["audit", "list"]);
    assert!(
        lines.out.contains("login.made") && lines.out.contains("login.ended"),
        "{}",
        lines.out
    );
}
