//! Every release of ours follows the protocol, according to the harness for users.

use std::{fs, path::PathBuf, thread};

use utakata_tests::repository;

use super::place::Place;

fn releases() -> Vec<PathBuf> {
    let of = |worker: &str| {
        let folder = repository::root().join(worker).join("releases");
        let entries = fs::read_dir(folder).unwrap().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let programs = [
        "echo",
        "snmp",
        "redfish",
        "modbus",
        "nut",
        "probe",
        "http-json",
        "scrape",
        "ssh",
        "ipmi",
        "libvirt",
    ];
    let folders = programs.map(|program| of(&format!("workers/{program}")));
    folders.concat()
}

#[test]
fn every_release_of_ours_passes_the_harness() {
    let place = Place::new();
    let releases = releases();
    assert!(releases.len() >= 17, "{releases:?}");
    // Several at a time: the harness mostly waits.
    let test = |folder: &PathBuf| {
        let folder = folder.to_str().unwrap();
        let done = place.run(&["worker", "test", folder, "--time-scale", "3"]);
        assert_eq!(done.code, 0, "{folder}: {}{}", done.out, done.err);
        assert!(done.out.contains("passed"), "{}", done.out);
    };
    thread::scope(|scope| {
        for folder in &releases {
            scope.spawn(move || test(folder));
        }
    });
}
