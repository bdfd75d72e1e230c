//! Profiles from their authors' point of view: tried, drafted, and put into the data directory.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
};

use serde_json::Value;
use utakata_tests::repository;

use crate::program::{Place, UTAKATA, wait_for};

fn data(name: &str) -> String {
    let path = repository::root().join("workbench/tests/data").join(name);
    path.display().to_string()
}

/// A device that answers with the contents of a walk, until it is dropped.
struct Device {
    child: Child,
    stdin: Option<ChildStdin>,
    address: String,
}

impl Device {
    fn start() -> Self {
        let program = Path::new(UTAKATA).with_file_name("utakata-workbench");
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let request = serde_json::json!({ "do": "serve", "walk": data("acme-room.walk") });
        stdin.write_all(format!("{request}\n").as_bytes()).unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        Self {
            address: answer["address"].as_str().unwrap().to_owned(),
            stdin: Some(stdin),
            child,
        }
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let ended = self.child.wait().unwrap();
        assert!(ended.success() || std::thread::panicking());
    }
}

#[test]
fn a_profile_is_drafted_from_a_mib_and_tried_on_a_walk() {
    let place = Place::new();
    let (mib, walk) = (data("ACME-ROOM-MIB.txt"), data("acme-room.walk"));
    let drafted = place.run(&["profile", "draft", "--mib", &mib, "--walk", &walk]);
    assert_eq!(drafted.code, 0, "{}", drafted.err);
    assert!(drafted.out.contains("# guess:"), "{}", drafted.out);
    let file = place.file("acme-room.toml", &drafted.out);
    let file = file.to_str().unwrap();
    let tried = place.run(&["profile", "try", file, "--walk", &walk]);
    assert_eq!(tried.code, 0, "{}{}", tried.out, tried.err);
    for expect in [
        "is recognised by acme-room",
        "21.5 °C",
        "1.3.6.1.4.1.32473.7.2.1.3.1",
        "hw.name=front",
        "Printer-MIB",
    ] {
        assert!(tried.out.contains(expect), "{expect}: {}", tried.out);
    }
    let json = place.json(&["profile", "try", file, "--walk", &walk]);
    let mut readings = json["readings"].as_array().unwrap().iter();
    let warm = readings
        .find(|one| one["metric"] == "hw.temperature")
        .unwrap();
    assert_eq!(
        (&warm["value"], &warm["unit"]),
        (&21.5.into(), &"Cel".into())
    );
}

#[test]
fn wrong_files_end_with_2_and_wrong_profiles_with_1_and_both_say_what_to_do() {
    let place = Place::new();
    let walk = data("acme-room.walk");
    let check = |arguments: &[&str], code: i32, expect: &str| {
        let done = place.run(arguments);
        assert_eq!(done.code, code, "{arguments:?}: {}{}", done.out, done.err);
        assert!(done.err.contains(expect), "{expect}: {}", done.err);
        assert_eq!(done.out, "");
    };
    let profile = data("acme-room.toml");
    let absent = place.beside("absent.toml");
    let empty = place.file("empty.walk", "").display().to_string();
    let names = place.file("names.walk", "IF-MIB::ifDescr.1 = STRING: lo\n");
    let names = names.display().to_string();
    let text = "description = \"x\"\n[[scalar]]\nmetric = \"hw.power\"\noit = \"1.3.6.1\"\n";
    let wrong = place.file("wrong.toml", text).display().to_string();
    check(
        &["profile", "try", &absent, "--walk", &walk],
        2,
        "absent.toml cannot be read",
    );
    check(
        &["profile", "try", &profile, "--walk", &absent],
        2,
        "absent.toml cannot be read",
    );
    check(
        &["profile", "try", &profile, "--walk", &empty],
        2,
        "snmpwalk",
    );
    check(&["profile", "try", &profile, "--walk", &names], 2, "-On");
    check(
        &["profile", "try", &wrong, "--walk", &walk],
        1,
        "wrong.toml:4",
    );
    check(
        &["profile", "try", &wrong, "--walk", &walk],
        1,
        "did you mean \"oid\"?",
    );
    check(
        &["profile", "draft", "--mib", &profile, "--walk", &walk],
        2,
        "is no MIB",
    );
    check(&["profile", "try", &profile], 2, "--walk");
}

#[test]
fn a_worker_is_tested_on_a_walk() {
    let place = Place::new();
    let release = repository::root().join("workers/snmp/releases/snmp");
    let release = release.display().to_string();
    let walk = data("acme-room.walk");
    let done = place.run(&["worker", "test", &release, "--walk", &walk, "-o", "json"]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    let checks: Value = serde_json::from_str(&done.out).unwrap();
    let mut checks = checks.as_array().unwrap().iter();
    let read = checks.find(|one| {
        one["check"]
            .as_str()
            .unwrap()
            .starts_with("read succeeds on")
    });
    assert_eq!(read.unwrap()["result"], "passed", "{}", done.out);
    let both = ["--walk", &walk, "--target", "127.0.0.1"];
    let both = place.run(&[&["worker", "test", &release][..], &both].concat());
    assert_eq!(both.code, 2, "{}", both.err);
}

#[test]
fn profiles_of_the_data_directory_are_served_and_changed_while_everything_runs() {
    let device = Device::start();
    let place = Place::new();
    let _up = place.up();
    let site = format!(
        "type: target\nname: room\nkind: snmp\naddress: {}\n",
        device.address
    );
    let applied = place.run_with(&["apply", "-f", "-"], &site);
    assert_eq!(applied.code, 0, "{}", applied.err);
    place.until_served("snmp");
    let volts = |place: &Place| {
        let read = place.run(&["read", "room", "-o", "json"]);
        let read: Value = serde_json::from_str(&read.out).ok()?;
        let readings = read["tasks"][0]["readings"].as_array()?;
        let one = readings.iter().find(|one| one["metric"] == "hw.voltage");
        Some(one.map(|one| one["value"].as_f64().unwrap()))
    };
    assert_eq!(wait_for(|| volts(&place)), Some(None), "{}", place.told());

    let folder = place.data().join("profiles");
    let file: PathBuf = folder.join("acme-room.toml");
    let text = fs::read_to_string(data("acme-room.toml")).unwrap();
    fs::create_dir_all(&folder).unwrap();
    fs::write(&file, &text).unwrap();
    let served = wait_for(|| volts(&place)?.filter(|volts| *volts == 230.4));
    assert!(served.is_some(), "{}", place.told());

    // The mistake is reported, and the last valid version stays in use.
    fs::write(
        &file,
        text.replace("factor = 0.1\nattr", "faktor = 0.1\nattr"),
    )
    .unwrap();
    let told = wait_for(|| Some(place.run(&["doctor"])).filter(|done| done.out.contains("faktor")));
    let told = told.unwrap_or_else(|| panic!("{}", place.told()));
    assert!(told.out.contains("acme-room.toml:9"), "{}", told.out);
    assert!(
        told.out.contains("did you mean \"factor\"?"),
        "{}",
        told.out
    );
    assert_eq!(volts(&place), Some(Some(230.4)));

    fs::write(
        &file,
        text.replace("factor = 0.1\nattr", "factor = 0.01\nattr"),
    )
    .unwrap();
    let changed = wait_for(|| volts(&place)?.filter(|volts| *volts == 23.04));
    assert!(changed.is_some(), "{}", place.told());
    let told =
        wait_for(|| Some(place.run(&["status"])).filter(|done| !done.out.contains("faktor")));
    assert!(told.is_some(), "{}", place.told());

    fs::remove_file(&file).unwrap();
    let gone = wait_for(|| volts(&place).filter(Option::is_none));
    assert!(gone.is_some(), "{}", place.told());
}
