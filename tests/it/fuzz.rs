//! The seeds of `fuzz/` and the golden messages, given to the readers of bytes: an input that once
//! broke something stays tested, on a stable compiler, too.

#[path = "../../fuzz/src/lib.rs"]
mod targets;

use std::fs;

use utakata_tests::repository;

/// The number of places at which each file is cut and altered.
const PLACES: usize = 40;

/// Runs a target on every file of these folders.
fn run(target: fn(&[u8]), folders: &[&str]) {
    let mut seeds = 0;
    for folder in folders {
        let folder = repository::root().join(folder);
        let files = fs::read_dir(&folder).unwrap();
        let files = files.map(|entry| entry.unwrap().path());
        for path in files.filter(|path| path.is_file()) {
            let bytes = fs::read(&path).unwrap();
            println!("{}", path.display());
            target(&bytes);
            // Truncated messages, and altered ones: at this many places.
            for at in (0..bytes.len()).step_by(bytes.len().div_ceil(PLACES).max(1)) {
                target(&bytes[..at]);
                let mut changed = bytes.clone();
                changed[at] ^= 1 << (at % 8);
                target(&changed);
            }
            seeds += 1;
        }
    }
    assert!(seeds > 0, "there is no seed");
}

#[test]
fn datagrams_of_snmp() {
    run(targets::snmp, &["fuzz/seeds/snmp"]);
}

#[test]
fn messages_of_the_inter_connect() {
    let folders = [
        "fuzz/seeds/wire",
        "interconnect/tests/golden/v1",
        "interconnect/tests/golden/v2",
    ];
    run(targets::wire, &folders);
}

#[test]
fn frames_of_the_worker_protocol() {
    run(targets::frames, &["fuzz/seeds/frames"]);
}

#[test]
fn documents_for_apply() {
    run(targets::documents, &["fuzz/seeds/documents", "examples"]);
}

#[test]
fn files_of_history() {
    run(targets::history, &["fuzz/seeds/history"]);
}

#[test]
fn alarm_rules_and_their_expressions() {
    run(targets::rules, &["fuzz/seeds/rules"]);
}

#[test]
fn selectors() {
    run(targets::selector, &["fuzz/seeds/selector"]);
}
