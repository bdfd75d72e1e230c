//! A real device, from `apply` to `control`, checked with Debian's own tools.

use utakata_tests::servers::Snmpd;

use crate::program::{Place, wait_for};

const SYS_NAME: &str = "1.3.6.1.2.1.1.5.0";
const SYS_LOCATION: &str = "1.3.6.1.2.1.1.6.0";

fn site(address: &str) -> String {
    format!(
        "type: credential
name: community
values: {{ version: \"2c\", community: {read}, community_write: {write} }}
---
type: credential
name: user
values:
  version: \"3\"
  user: {user}
  auth: SHA-256
  auth_password: {{ env: AUTH }}
  priv: AES-128
  priv_password: {{ env: PRIV }}
---
type: target
name: one
kind: snmp
address: {address}
credential: community
labels: {{ rack: A1 }}
---
type: target
name: two
kind: snmp
address: {address}
credential: user
labels: {{ rack: A1 }}
---
type: schedule
name: often
selector: rack=A1
interval: 1s
",
        read = Snmpd::READ,
        write = Snmpd::WRITE,
        user = Snmpd::USER,
    )
}

fn apply(place: &Place, file: &str) {
    let applied = place
        .command(&["apply", "-f", file])
        .env("AUTH", Snmpd::AUTH_SECRET)
        .env("PRIV", Snmpd::PRIVACY_SECRET)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&applied.stderr);
    assert!(applied.status.success(), "{told}");
}

#[test]
fn a_real_snmpd_is_observed_and_controlled_over_v2c_and_v3() {
    let snmpd = Snmpd::start().unwrap();
    let place = Place::new();
    let _up = place.up();
    let file = place.file("site.yaml", &site(&snmpd.address().to_string()));
    apply(&place, file.to_str().unwrap());
    place.until_served("snmp");

    // The reading equals the output of Debian's snmpget.
    let expect = snmpd.client().unwrap().value(SYS_NAME).unwrap();
    for target in ["one", "two"] {
        let oids = format!("oids=[\"{SYS_NAME}\"]");
        let read = place.json(&["read", target, "--action", "get", "-p", &oids]);
        let result = &read["tasks"][0]["outcome"]["result"];
        assert!(
            result.to_string().contains(expect.trim_matches('"')),
            "{target}: {result} is not {expect}"
        );
    }
    // The schedule reads both of them.
    let seen = |target: &str| {
        let target = target.to_owned();
        move |readings: &serde_json::Value| {
            let mut readings = readings.as_array()?.iter();
            readings
                .any(|reading| reading["target"] == *target && reading["quality"] == "good")
                .then_some(())
        }
    };
    place.until(&["get", "readings", "-l", "rack=A1"], seen("one"));
    place.until(&["get", "readings", "-l", "rack=A1"], seen("two"));
    let watched = place.run(&["watch", "rack=A1", "-o", "json", "--count", "3"]);
    assert_eq!(watched.out.lines().count(), 3, "{}", watched.err);

    // Debian's snmpget sees the value set; a dry run sets nothing.
    let set = |more: &[&str]| {
        let oid = format!("oid={SYS_LOCATION}");
        let set = [
            "control",
            "one",
            "set",
            "--yes",
            "-p",
            &oid,
            "-p",
            "type=string",
        ];
        place.run(&[&set[..], &["-p", "value=row 7"], more].concat())
    };
    let location = || snmpd.client().unwrap().value(SYS_LOCATION).unwrap();
    assert_eq!(set(&["--dry-run"]).code, 0);
    assert!(!location().contains("row 7"));
    let done = set(&["--why", "a test"]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert!(location().contains("row 7"), "{}", location());
    let operations = place.json(&["operation", "list"]);
    let why = operations.as_array().unwrap().iter().map(|one| &one["why"]);
    assert!(why.into_iter().any(|why| why == "a test"), "{operations}");
}

#[test]
fn a_device_that_is_silent_is_reported_as_such_and_holds_nobody_up() {
    let snmpd = Snmpd::start().unwrap();
    let place = Place::new();
    let _up = place.up();
    // Nobody listens on the discard port.
    let site = format!(
        "type: target\nname: here\nkind: snmp\naddress: {}\n---\n\
         type: target\nname: silent\nkind: snmp\naddress: 127.0.0.1:9\n",
        snmpd.address()
    );
    let applied = place.run_with(&["apply", "-f", "-"], &site);
    assert_eq!(applied.code, 0, "{}", applied.err);
    place.until_served("snmp");
    let here = wait_for(|| Some(place.run(&["read", "here"])).filter(|done| done.code == 0));
    assert!(here.is_some(), "{}", place.told());
    let both = place.run(&["read", "kind=snmp", "--timeout", "60s"]);
    assert_eq!(both.code, 1, "{}{}", both.out, both.err);
    assert!(both.out.contains("here"), "{}", both.out);
    assert!(both.err.contains("silent: failed:"), "{}", both.err);
}
