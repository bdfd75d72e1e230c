//! Ctrl-C while something is in progress.

use std::{
    io::{BufRead, BufReader, Read},
    os::unix::process::ExitStatusExt,
    process::Stdio,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::program::Place;

#[test]
fn who_stops_waiting_is_told_what_continues_and_how_to_stop_it() {
    let place = Place::new();
    let up = place.up();
    place.serve_echo(&["one"]);
    let lock = ["target", "lock", "one", "--why", "a fan", "--for", "1h"];
    assert_eq!(place.run(&lock).code, 0);
    let mut waiting = place
        .command(&["control", "one", "set", "--yes"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(waiting.stderr.take().unwrap());
    let mut line = String::new();
    told.read_line(&mut line).unwrap();
    assert!(line.contains("locked one: a fan"), "{line}");
    kill_process(Pid::from_child(&waiting), Signal::INT).unwrap();
    let mut rest = String::new();
    told.read_to_string(&mut rest).unwrap();
    // As any interrupted program ends, so that a loop in a shell ends, too.
    assert_eq!(
        waiting.wait().unwrap().signal(),
        Some(Signal::INT.as_raw()),
        "{rest}"
    );
    let operation = place.json(&["operation", "show", "last"]);
    let id = operation["id"].as_str().unwrap();
    assert!(
        rest.contains(&format!("continues as operation {id}")),
        "{rest}"
    );
    let cancel = format!("utakata operation cancel {id}");
    assert!(rest.contains(&cancel), "{rest}");
    let arguments: Vec<&str> = cancel.split(' ').skip(1).collect();
    assert_eq!(place.run(&arguments).code, 0);
    let operation = place.json(&["operation", "show", id]);
    assert_eq!(operation["state"], "cancelled", "{operation}");
    assert_eq!(up.stop(), 0, "{}", place.told());
}
