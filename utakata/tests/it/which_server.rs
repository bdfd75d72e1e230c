//! The server that a command talks to if there could be two, and the token that it sends.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use crate::program::{Place, wait_for};

fn targets(out: &str) -> usize {
    let listed: serde_json::Value = serde_json::from_str(out).unwrap();
    listed.as_array().unwrap().len()
}

#[test]
fn a_command_of_the_demo_never_reaches_another_site() {
    let place = Place::home();
    let own = place.up();
    let demo = place.up_with(&["--demo"]);
    let demo_data = place.data_at_home("utakata-demo");
    let demo_data = demo_data.to_str().unwrap();
    let list = ["target", "list", "-o", "json"];

    let change = place.run(&["control", "pdu-a1-a", "outlet-on", "-p", "outlet=1"]);
    assert_eq!(change.code, 2, "{}", change.err);
    assert!(
        change
            .err
            .contains("nothing was done: two utakata run here"),
        "{}",
        change.err
    );
    assert!(
        change.err.contains(&format!("utakata --data {demo_data}")),
        "{}",
        change.err
    );
    let looked = place.run(&list);
    assert_eq!(
        (looked.code, targets(&looked.out)),
        (0, 0),
        "{}",
        looked.err
    );
    assert!(
        looked.err.contains("a demo runs here, too"),
        "{}",
        looked.err
    );
    let named = place.run(&[&["--data", demo_data], &list[..]].concat());
    assert!(
        targets(&named.out) >= 10 && named.err.is_empty(),
        "{}",
        named.err
    );

    // The demo alone, with a site of one's own that is not running.
    assert_eq!(own.stop_and_leave(), 0, "{}", place.told());
    let looked = place.run(&list);
    assert!(targets(&looked.out) >= 10);
    assert!(looked.err.contains("this is the demo"), "{}", looked.err);
    assert_eq!(demo.stop(), 0, "{}", place.told());
}

/// An API that others can reach exposes tokens, since it is plain HTTP. It listens in a network of
/// its own, which nobody reaches.
#[test]
fn an_api_that_others_can_reach_is_warned_of() {
    const WARNING: &str = "the API is plain HTTP";
    const INSECURE: &str = "UTAKATA__LOGIC__HTTP__INSECURE=true";
    let place = Place::new();
    let start = |address: &str| {
        let starter = [
            "unshare",
            "--net",
            "sh",
            "-c",
            "ip link set lo up && exec \"$@\"",
            "sh",
        ];
        let arguments = ["up", "--listen", address, "--mqtt", "off"];
        let starter = [&starter[..], &["env", INSECURE]].concat();
        place.role_by(&starter, &arguments)
    };
    let refused = place.run(&["up", "--listen", "0.0.0.0:0", "--mqtt", "off"]);
    assert_ne!(refused.code, 0, "{}", refused.out);
    assert!(
        refused.err.contains("logic.http.insecure"),
        "{}",
        refused.err
    );
    for (address, is_warned) in [("127.0.0.1:0", false), ("0.0.0.0:0", true)] {
        let before = place.told().len();
        let up = start(address);
        let told = || place.told().split_off(before);
        let endpoint = place.data().join("endpoint.json");
        let is_refused = || told().contains("unshare failed");
        let ready = wait_for(|| (endpoint.exists() || is_refused()).then_some(()));
        if is_refused() {
            eprintln!("not run: it needs root, for a network of its own");
            return;
        }
        assert!(ready.is_some(), "{}", told());
        assert_eq!(told().contains(WARNING), is_warned, "{}", told());
        up.stop();
        assert!(!endpoint.exists());
    }
}

#[test]
fn a_token_is_sent_to_the_server_that_it_belongs_to_and_nowhere_else() {
    let place = Place::new();
    let up = place.up();
    let own = up.ready["url"].as_str().unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = format!("http://{}", listener.local_addr().unwrap());
    let list = |url: &str| ["target", "list", "--url", url].map(ToOwned::to_owned);

    let refused = place.command(&[]).args(list(&other)).output().unwrap();
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{told}");
    assert!(
        told.contains("there is no token for") && told.contains(&own),
        "{told}"
    );
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "nobody has connected");
    listener.set_nonblocking(false).unwrap();

    let same = place.command(&[]).args(list(&own)).output().unwrap();
    assert!(same.status.success(), "{same:?}");

    // An explicitly named token is sent to the named server.
    let heard = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut heard = [0; 4096];
        let length = stream.read(&mut heard).unwrap();
        let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
        String::from_utf8_lossy(&heard[..length]).into_owned()
    });
    let mut named = place.command(&[]);
    let named = named
        .args(list(&other))
        .env("UTAKATA_TOKEN", "theirs")
        .output()
        .unwrap();
    assert!(!named.status.success());
    assert!(heard.join().unwrap().contains("Bearer theirs"));
    assert_eq!(up.stop(), 0, "{}", place.told());
}
