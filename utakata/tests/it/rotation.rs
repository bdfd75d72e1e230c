//! Passwords of devices that utakata changes: a BMC is reached afterwards, whatever is killed.

use serde_json::Value;

use crate::{
    apart::Room,
    program::{Done, Place, wait_for},
};

const BMC: &str = "bmc-a1-01";
const OLD: &str = "demo-bmc-pass";

fn rotate(place: &Place, timeout: &str) -> Done {
    let arguments = ["credential", "rotate", "bmc", "--timeout", timeout];
    place.run(&arguments)
}

/// Waits until the BMC is read with what the credential has, and nothing is under way.
fn is_reached(place: &Place) {
    let reached = wait_for(|| {
        let rotation = place.run(&["credential", "rotation", "bmc", "-o", "json"]);
        let state: Value = serde_json::from_str(&rotation.out).unwrap_or_default();
        let is_over = rotation.code != 3 && state["state"] != "under-way";
        (is_over && place.run(&["read", BMC]).code == 0).then_some(())
    });
    assert!(reached.is_some(), "{}", place.told());
}

#[test]
fn the_password_of_a_bmc_is_changed_and_survives_a_kill() {
    let (place, room) = (Place::new(), Room::start());
    let up = place.up();
    place.until_served("redfish");
    let documents = format!(
        "type: credential\nname: bmc\nvalues: {{ user: demo, password: {OLD}, tls: unchecked }}\n\
         ---\ntype: target\nname: {BMC}\nkind: redfish\naddress: {}\ncredential: bmc\n",
        room.address(BMC)
    );
    let applied = place.run_with(&["apply", "-f", "-"], &documents);
    assert_eq!(applied.code, 0, "{}", applied.err);
    let read = place.run(&["read", BMC]);
    assert_eq!(read.code, 0, "{}{}", read.out, read.err);
    let done = rotate(&place, "60s");
    assert_eq!(done.code, 0, "{}{}{}", done.out, done.err, place.told());
    is_reached(&place);
    assert_eq!(room.truth(BMC)["changes"], 1);

    // Its own rules are not met, and it repeats the password that it refuses.
    let short = ["control", BMC, "set-password", "-p", "password=-", "--yes"];
    let short = place.run_with(&short, "x7Q");
    assert_eq!(short.code, 1, "{}{}", short.out, short.err);
    let told = format!("{}{}{}", short.out, short.err, place.told());
    assert!(
        told.contains("not of a length") && !told.contains("x7Q"),
        "{told}"
    );

    // Killed before it is set, and while nobody has heard of it yet.
    room.fault_of(BMC, "slow=700ms");
    let begun = rotate(&place, "10ms");
    assert_eq!(begun.code, 3, "{}{}", begun.out, begun.err);
    up.kill();
    let up = place.up();
    place.until_served("redfish");
    is_reached(&place);
    let changes = room.truth(BMC)["changes"].as_u64().unwrap();
    rotate(&place, "10ms");
    let is_set = wait_for(|| {
        let now = room.truth(BMC)["changes"].as_u64();
        (now > Some(changes)).then_some(())
    });
    assert!(is_set.is_some(), "{}", place.told());
    up.kill();
    room.fault_of(BMC, "none");
    let up = place.up();
    place.until_served("redfish");
    is_reached(&place);
    let truth = room.truth(BMC);
    assert_eq!(truth["lockouts"], 0, "{truth}");
    let old = place.run(&["audit", "export"]);
    assert!(old.out.contains("credential.rotated"), "{}", old.out);
    assert_eq!(up.stop(), 0, "{}", place.told());
}
