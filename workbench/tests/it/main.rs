//! The workbench as the command line uses it: the program, its requests and its answers.

#![cfg(test)]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
};

use utakata_worker_sdk::model::{
    Quality, ReadingValue,
    workbench::{Answer, Draft, Refusal, Request, Trial},
};

use utakata_workbench::walk::Walk;

const PROGRAM: &str = env!("CARGO_BIN_EXE_utakata-workbench");

/// Starts the program, which must end by itself unless its input stays open.
fn start(request: &Request) -> (Child, ChildStdin, Answer) {
    let mut child = Command::new(PROGRAM)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let line = serde_json::to_string(request).unwrap();
    stdin.write_all(format!("{line}\n").as_bytes()).unwrap();
    let mut answer = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut answer).unwrap();
    let answer = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
    (child, stdin, answer)
}

fn ask(request: &Request) -> Answer {
    let (mut child, stdin, answer) = start(request);
    drop(stdin);
    assert!(child.wait().unwrap().success());
    answer
}

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

fn attempt(profile: PathBuf, walk: PathBuf) -> Trial {
    let files = vec![profile];
    match ask(&Request::Try { files, walk }) {
        Answer::Trial(trial) => trial,
        other => panic!("{other:?}"),
    }
}

fn refusals(request: &Request) -> Vec<Refusal> {
    match ask(request) {
        Answer::Refused { problems } => problems,
        other => panic!("{other:?}"),
    }
}

fn draft(mibs: Vec<PathBuf>) -> Draft {
    let walk = data("acme-room.walk");
    let folders = Vec::new();
    match ask(&Request::Draft {
        mibs,
        folders,
        walk,
    }) {
        Answer::Draft(draft) => draft,
        other => panic!("{other:?}"),
    }
}

/// The readings as texts: metric, name, value, quality, object.
fn told(trial: &Trial) -> Vec<String> {
    let lines = trial.readings.iter().map(|one| {
        let reading = &one.reading;
        let name = reading.attributes.get("hw.name").map_or("-", |name| name);
        let value = match &reading.value {
            ReadingValue::Number(number) => number.to_string(),
            ReadingValue::Text(text) => text.to_string(),
        };
        let quality = if reading.quality == Quality::Good {
            "good"
        } else {
            "suspect"
        };
        let oid = one.oid.as_deref().unwrap_or("-");
        let oid = oid.strip_prefix("1.3.6.1.4.1.32473.7.").unwrap_or(oid);
        format!("{} {name} {value} {quality} {oid}", reading.metric)
    });
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    lines
}

#[test]
fn a_profile_reads_a_walk_over_snmp_and_each_reading_says_from_where() {
    let trial = attempt(data("acme-room.toml"), data("acme-room.walk"));
    assert_eq!(
        told(&trial),
        [
            "hw.humidity front 0.41 good 2.1.4.1",
            "hw.status front ok good 2.1.5.1",
            "hw.status rear degraded good 2.1.5.2",
            "hw.temperature front 21.5 good 2.1.3.1",
            "hw.temperature rear 34.2 suspect 2.1.3.2",
            "hw.voltage input 230.4 good 1.2.0",
        ]
    );
    assert_eq!(trial.problem, None);
    assert!(trial.profiles[0].is_recognised, "{:?}", trial.profiles);
    assert_eq!((trial.walk.objects, trial.used), (25, 9));
    let unused: usize = trial.unused.iter().map(|one| one.objects).sum();
    assert_eq!(unused, 25 - 9);
    let of = |oid: &str| trial.unused.iter().find(|one| one.oid == oid);
    assert_eq!(
        of("1.3.6.1.2.1.1").unwrap().profile.as_deref(),
        Some("system")
    );
    assert_eq!(
        of("1.3.6.1.2.1.43").unwrap().name.as_deref(),
        Some("Printer-MIB")
    );
}

#[test]
fn a_profile_of_another_device_reads_nothing_and_that_is_reported() {
    let place = tempfile::tempdir().unwrap();
    let other = place.path().join("other.toml");
    let text = fs::read_to_string(data("acme-room.toml")).unwrap();
    fs::write(&other, text.replace("32473.7", "32473.8")).unwrap();
    let trial = attempt(other, data("acme-room.walk"));
    assert!(trial.readings.is_empty());
    assert!(trial.problem.is_some());
    assert!(!trial.profiles[0].is_recognised);
    assert!(
        trial.profiles[0].because.contains("32473.7"),
        "{:?}",
        trial.profiles
    );
    assert!(
        trial
            .notices
            .iter()
            .any(|one| one.contains("not in the walk")),
        "{:?}",
        trial.notices
    );
}

#[test]
fn mistakes_are_reported_with_their_file_line_and_a_suggestion() {
    let place = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = place.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let wrong = file(
        "wrong.toml",
        "description = \"x\"\n[[table]]\nentri = \"1.3.6.1\"\n",
    );
    let lost = file("lost.toml", "description = \"x\"\ninclude = [\"sistem\"]\n");
    let check = |files: Vec<PathBuf>, walk: PathBuf, expect: &[&str], is_usage: bool| {
        let problems = refusals(&Request::Try { files, walk });
        let all: Vec<&str> = problems.iter().map(|one| one.problem.as_str()).collect();
        let all = all.join("\n");
        for part in expect {
            assert!(all.contains(part), "{part}: {all}");
        }
        assert_eq!(problems.iter().any(|one| one.is_usage), is_usage, "{all}");
    };
    let (good, walk) = (data("acme-room.toml"), data("acme-room.walk"));
    check(
        vec![wrong.clone()],
        walk.clone(),
        &["wrong.toml:3", "did you mean \"entry\"?"],
        false,
    );
    check(
        vec![lost],
        walk.clone(),
        &["lost.toml", "did you mean \"system\"?"],
        false,
    );
    check(
        vec![place.path().join("no.toml")],
        walk.clone(),
        &["no.toml cannot be read"],
        true,
    );
    check(
        vec![file("acme.txt", "")],
        walk,
        &["a profile is a file NAME.toml"],
        true,
    );
    check(
        vec![good.clone()],
        file("empty.walk", ""),
        &["empty.walk: it is empty", "snmpwalk"],
        true,
    );
    check(
        vec![good.clone()],
        file("names.walk", "IF-MIB::ifDescr.1 = STRING: lo\n"),
        &["line 1", "-On"],
        true,
    );
    check(
        vec![good.clone()],
        file("a.pcap", "\u{1}\u{2}\u{3}"),
        &["it is not a walk"],
        true,
    );
    check(
        vec![wrong, good],
        place.path().join("no.walk"),
        &["wrong.toml:3", "no.walk cannot be read"],
        true,
    );
}

#[test]
fn a_walk_is_answered_as_it_is_until_nobody_needs_it() {
    let walk = data("acme-room.walk");
    let (mut child, stdin, answer) = start(&Request::Serve { walk });
    let Answer::Serving {
        address,
        community,
        walk,
    } = answer
    else {
        panic!("{answer:?}");
    };
    assert_eq!(walk.objects, 25);
    let client = utakata_tests::netsnmp::Client::v2c(address.parse().unwrap(), &community).unwrap();
    let all = client.walk("1.3.6.1.4.1.32473.7.2.1.3").unwrap();
    assert_eq!(all.len(), 2, "{all:?}");
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn what_snmpwalk_prints_of_a_walk_is_that_walk() {
    let text = fs::read(data("acme-room.walk")).unwrap();
    let before = Walk::parse(&text).unwrap();
    let walk = data("acme-room.walk");
    let (mut child, stdin, answer) = start(&Request::Serve { walk });
    let Answer::Serving { address, .. } = answer else {
        panic!("{answer:?}");
    };
    for format in ["-On", "-Of"] {
        let walked = Command::new("snmpwalk")
            .args(["-v2c", "-c", "public", "-m", "", format, &address, ".1"])
            .output()
            .unwrap();
        let after = Walk::parse(&walked.stdout);
        let after = after.unwrap_or_else(|error| panic!("{error}: {walked:?}"));
        assert_eq!(after.objects, before.objects, "{format}");
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_draft_of_a_mib_reads_the_walk_that_it_is_of() {
    let drafted = draft(vec![data("ACME-ROOM-MIB.txt")]);
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("acme.toml");
    fs::write(&file, &drafted.text).unwrap();
    let trial = attempt(file, data("acme-room.walk"));
    let read = told(&trial);
    for expect in [
        "hw.temperature front 21.5 good 2.1.3.1",
        "hw.humidity front 0.41 good 2.1.4.1",
        "hw.status front ok good 2.1.5.1",
        "hw.status rear low_warning good 2.1.5.2",
        "hw.voltage input_voltage 230.4 good 1.2.0",
        "hw.voltage output_voltage 229.8 good 1.3.0",
        "hw.model - Room 9000 good 1.1.0",
        "acme_room.running - 3600 good 1.4.0",
        "acme_room.sensor_dew_point front 88 good 2.1.6.1",
    ] {
        assert!(
            read.iter().any(|one| one == expect),
            "{expect} is not in {read:#?}\n{}",
            drafted.text
        );
    }
    // A value excluded by the description is not taken.
    assert!(
        !read.iter().any(|one| one.contains("hw.humidity rear")),
        "{read:#?}"
    );
    let left_out = ["acmeHighLimit", "acmeSensorRowStatus"];
    for name in left_out {
        let mut lines = drafted.text.lines().filter(|line| line.contains(name));
        assert!(
            lines.all(|line| line.trim().starts_with("# left out")),
            "{}",
            drafted.text
        );
    }
    assert!(!drafted.text.contains("acmeNever"));
    assert_eq!(
        drafted.text.matches("# guess:").count(),
        drafted.guesses + 1,
        "{}",
        drafted.text
    );
    // No sentence of the MIB is copied.
    assert!(!drafted.text.contains("How often"), "{}", drafted.text);
    assert!(trial.profiles[0].is_recognised);
}

#[test]
fn mibs_that_cannot_be_used_are_reported_with_what_is_missing() {
    let place = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = place.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let text = fs::read_to_string(data("ACME-ROOM-MIB.txt")).unwrap();
    let orphan = text
        .replace(
            "enterprises\n        FROM SNMPv2-SMI",
            "Gauge32\n        FROM SNMPv2-SMI\n    acme FROM ACME-SMI",
        )
        .replace("{ enterprises 32473 7 }", "{ acme 7 }");
    let orphan = file("ACME-ROOM-MIB.txt", &orphan);
    let check = |mib: PathBuf, expect: &[&str]| {
        let (mibs, walk) = (vec![mib], data("acme-room.walk"));
        let folders = Vec::new();
        let problems = refusals(&Request::Draft {
            mibs,
            folders,
            walk,
        });
        let all: Vec<&str> = problems.iter().map(|one| one.problem.as_str()).collect();
        let all = all.join("\n");
        for part in expect {
            assert!(all.contains(part), "{part}: {all}");
        }
    };
    check(orphan.clone(), &["ACME-SMI", "--mib-folder"]);
    check(place.path().join("NO-MIB"), &["NO-MIB cannot be read"]);
    check(
        file("notes.txt", "not a MIB"),
        &["notes.txt is no MIB", "DEFINITIONS"],
    );
    // With its import next to it, it is understood.
    file(
        "ACME-SMI.txt",
        "ACME-SMI DEFINITIONS ::= BEGIN\nIMPORTS enterprises FROM SNMPv2-SMI;\n\
         acme OBJECT IDENTIFIER ::= { enterprises 32473 }\nEND\n",
    );
    assert!(draft(vec![orphan]).metrics > 5);
}
