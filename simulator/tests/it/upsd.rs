//! An upsd, asked with upsc and upscmd of NUT.

use utakata_tests::repository;

use crate::snmp::{Simulator, run, wait_until};

#[test]
fn the_tools_of_nut_read_and_command_what_is_told_of_a_ups() {
    let file = repository::root().join("room/rooms/line.toml");
    let path = file.to_str().unwrap();
    let room = Simulator::start(&["room", "--room", path, "--base-port", "0"]);
    let address = room.address("nut-1-ups-a");
    let upsc = |name: &str| {
        let output = run("upsc", &[address, name]);
        // It says more on the error output than errors.
        let said = match output.status.success() {
            true => output.stdout,
            false => output.stderr,
        };
        String::from_utf8(said).unwrap().trim().to_owned()
    };
    assert_eq!(upsc("ups.status"), "OL");
    assert_eq!(upsc("battery.charge"), "100");
    // By the clock of the room.
    room.fault("ups-a", "input-lost");
    wait_until("the battery to run", || {
        upsc("ups.status").starts_with("OB")
    });
    room.fault("nut-1-ups-a", "stuck-status");
    assert_eq!(upsc("ups.status"), "OL");
    assert!(
        room.truth("nut-1-ups-a")["status"]
            .as_str()
            .unwrap()
            .starts_with("OB")
    );
    room.fault("nut-1-ups-a", "stale");
    assert!(
        upsc("ups.status").contains("Data stale"),
        "{}",
        upsc("ups.status")
    );
    room.fault("nut-1-ups-a", "none");
    room.fault("ups-a", "none");
    let command = [
        "-u",
        "demo",
        "-p",
        "demo-ups-pass",
        address,
        "test.battery.start.quick",
    ];
    let done = run("upscmd", &command);
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    assert_eq!(room.truth("nut-1-ups-a")["done"], 1);
    assert_eq!(room.truth("nut-1")["attached"], 0);
}
