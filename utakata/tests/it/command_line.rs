//! The command line itself: its help, its completions, its exit codes, its errors.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use crate::program::{Place, UTAKATA};

/// Every command, as it is typed.
const COMMANDS: [&str; 120] = [
    "",
    "up",
    "le",
    "wee",
    "hub",
    "apply",
    "get",
    "delete",
    "discover",
    "discovery",
    "discovery list",
    "discovery show",
    "discovery accept",
    "discovery dismiss",
    "discovery runs",
    "discovery cancel",
    "target",
    "target list",
    "target show",
    "target lock",
    "target unlock",
    "target locks",
    "target import",
    "read",
    "watch",
    "control",
    "task",
    "task list",
    "task show",
    "task explain",
    "task settle",
    "task cancel",
    "audit",
    "audit list",
    "audit verify",
    "audit export",
    "audit head",
    "operation",
    "operation list",
    "operation show",
    "operation explain",
    "operation approve",
    "operation pause",
    "operation resume",
    "operation cancel",
    "operation undo",
    "login",
    "logout",
    "person",
    "person add",
    "person list",
    "person link",
    "person remove",
    "service",
    "service add",
    "service list",
    "service remove",
    "role",
    "role list",
    "role mine",
    "role given",
    "role give",
    "role take",
    "token",
    "token list",
    "token add",
    "token confirm",
    "token revoke",
    "credential",
    "credential rotate",
    "credential rotation",
    "store",
    "store copy",
    "worker",
    "worker list",
    "worker show",
    "worker new",
    "worker push",
    "worker diff",
    "worker delete",
    "worker test",
    "worker sign",
    "environment",
    "environment list",
    "environment pause",
    "environment drain",
    "environment resume",
    "environment accept",
    "environment revoke",
    "environment fingerprint",
    "status",
    "doctor",
    "drill",
    "profile",
    "profile try",
    "profile draft",
    "config",
    "config check",
    "config show",
    "config reference",
    "pki",
    "pki init",
    "pki issue",
    "completions",
    "worker roll",
    "rollout",
    "rollout list",
    "rollout show",
    "rollout pause",
    "rollout resume",
    "rollout promote",
    "rollout abort",
    "kind",
    "kind show",
    "kind pin",
    "kind unpin",
    "kind place",
    "kind pause",
    "kind drain",
    "kind resume",
];

#[test]
fn the_help_is_as_it_was() {
    let place = Place::new();
    let mut text = String::new();
    for command in COMMANDS {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let done = place.run(&words);
        assert_eq!(done.code, 0, "{command}");
        text.push_str(&format!("$ utakata {}\n{}\n", words.join(" "), done.out));
    }
    let text: Vec<&str> = text.lines().map(str::trim_end).collect();
    let text = text.join("\n") + "\n";
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/help.txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&golden, &text).unwrap();
    }
    let expect = fs::read_to_string(&golden).unwrap_or_default();
    for (line, (now, before)) in text.lines().zip(expect.lines()).enumerate() {
        assert_eq!(now, before, "line {}; UPDATE=1 takes it over", line + 1);
    }
    assert_eq!(text.lines().count(), expect.lines().count());
}

#[test]
fn every_command_shows_an_example() {
    let place = Place::new();
    for command in COMMANDS {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let help = place.run(&words).out;
        let group = help.contains("Commands:");
        assert!(group || help.contains("Example"), "{command}: {help}");
    }
}

#[test]
fn the_completions_are_scripts_that_the_shell_can_read() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let done = place.run(&["completions", shell]);
        assert_eq!(done.code, 0);
        assert!(done.out.contains("operation"), "{shell}");
        if shell == "bash" {
            let file = place.file("completions", &done.out);
            let read = Command::new("bash").arg("-n").arg(file).status().unwrap();
            assert!(read.success());
        }
    }
}

/// Returns bash's completions of the last of these words.
fn completed(place: &Place, script: &Path, words: &str) -> (Vec<String>, String) {
    let count = words.split(' ').count();
    let typed = format!(
        "source {}; COMP_WORDS=({UTAKATA} {words}); COMP_CWORD={count}; \
         _utakata_with_names {UTAKATA} \"${{COMP_WORDS[COMP_CWORD]}}\" \
         \"${{COMP_WORDS[COMP_CWORD-1]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        script.display()
    );
    let output = Command::new("bash")
        .args(["-c", &typed])
        .env("UTAKATA_DATA", place.data())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let offered = text(&output.stdout);
    let offered = offered.lines().filter(|line| !line.is_empty());
    (offered.map(str::to_owned).collect(), text(&output.stderr))
}

#[test]
fn the_completions_have_the_names_of_the_server_and_are_silent_where_there_is_none() {
    let place = Place::new();
    let script = place.file("completions", &place.run(&["completions", "bash"]).out);
    let up = place.up();
    place.serve_echo(&["pdu-1", "pdu-2", "ups-1"]);
    let environments = place.json(&["environment", "list"]);
    let environment = environments[0]["id"].as_str().unwrap();
    for (words, expect) in [
        ("target show pdu-", vec!["pdu-1", "pdu-2"]),
        ("-o json get targets ups", vec!["ups-1"]),
        ("kind show ech", vec!["echo"]),
        ("environment pause --kind ech", vec!["echo"]),
        (
            &format!("environment pause {}", &environment[..2]),
            vec![environment],
        ),
        ("target sho", vec!["show"]),
    ] {
        let (offered, told) = completed(&place, &script, words);
        let names = expect
            .iter()
            .all(|name| offered.iter().any(|one| one == name));
        assert!(names, "{words}: {offered:?} {told}");
        let others = ["pdu-1", "ups-1", "snmp"];
        let others = others.iter().filter(|other| !expect.contains(other));
        for other in others {
            assert!(
                !offered.iter().any(|one| one == other),
                "{words}: {offered:?}"
            );
        }
        assert_eq!(told, "", "{words}");
    }
    up.stop();
    let (offered, told) = completed(&place, &script, "target show pdu-");
    assert!(!offered.contains(&"pdu-1".to_owned()), "{offered:?}");
    assert_eq!(told, "");
}

#[test]
fn wrong_usage_ends_with_code_2() {
    let place = Place::new();
    for arguments in [
        &["get", "targets", "--no-such-flag"][..],
        &["no-such-command"],
        &["control"],
        &["control", "a", "b", "-p", "x"],
        &["read", "a", "--timeout", "5"],
        &["--url", "ftp://x", "get", "targets"],
    ] {
        let done = place.run(arguments);
        assert_eq!(done.code, 2, "{arguments:?}: {}", done.err);
        assert!(!done.err.is_empty());
    }
}

#[test]
fn one_wrong_key_among_a_thousand_targets_applies_nothing() {
    let place = Place::new();
    let _up = place.up();
    let one = |n: usize, key: &str| {
        format!(
            "---\ntype: target\nname: pdu-{n}\nkind: apc-pdu\n{key}: 192.0.2.{}\n",
            n % 250
        )
    };
    let wrong: String = (0..1000)
        .map(|n| one(n, if n == 500 { "adress" } else { "address" })) // typos: on purpose
        .collect();
    let file = place.file("site.yaml", &wrong);
    let file = file.to_str().unwrap();
    let done = place.run(&["apply", "-f", file]);
    assert_eq!(done.code, 1);
    let expect =
        "site.yaml:2505:1: target pdu-500: there is no key \"adress\": did you mean \"address\"?"; // typos: on purpose
    assert!(done.err.contains(expect), "{}", done.err);
    assert_eq!(place.json(&["get", "targets"]).as_array().unwrap().len(), 0);

    let right: String = (0..1000).map(|n| one(n, "address")).collect();
    fs::write(file, &right).unwrap();
    let dry = place.run(&["apply", "-f", file, "--dry-run"]);
    assert!(dry.out.contains("1000 created"), "{}{}", dry.out, dry.err);
    assert_eq!(place.json(&["get", "targets"]).as_array().unwrap().len(), 0);
    assert_eq!(place.run(&["apply", "-f", file]).code, 0);
    assert_eq!(
        place.json(&["get", "targets"]).as_array().unwrap().len(),
        1000
    );
    let again = place.run(&["apply", "-f", file]);
    assert!(again.out.contains("1000 unchanged"), "{}", again.out);
}

#[test]
fn documents_can_be_applied_shown_changed_and_deleted() {
    let place = Place::new();
    let _up = place.up();
    let site = "type: credential\nname: c\nvalues: { community: hush }\n---\n\
                type: target\nname: one\nkind: snmp\naddress: 127.0.0.1:9\ncredential: c\n\
                labels: { rack: A1 }\n---\n\
                type: schedule\nname: s\nselector: rack=A9\ninterval: 1m\n---\n\
                type: floor\nname: north\nsize: [6, 6]\n\
                rows: [{ name: A, racks: [A1], at: [0, 0] }]\n";
    let done = place.run_with(&["apply", "-f", "-"], site);
    assert!(
        done.out.contains("+ target one"),
        "{}{}",
        done.out,
        done.err
    );
    let moved = site
        .replace("rack: A1", "rack: A2")
        .replace("hush", "shout");
    let done = place.run_with(&["apply", "-f", "-", "--color", "never"], &moved);
    assert!(done.out.contains("labels.rack: A1 → A2"), "{}", done.out);
    assert!(
        !done.out.contains("shout") && !done.out.contains("hush"),
        "{}",
        done.out
    );
    for what in [
        "targets",
        "schedules",
        "credentials",
        "floors",
        "kinds",
        "readings",
        "operations",
    ] {
        for format in ["table", "json", "yaml"] {
            let done = place.run(&["get", what, "-o", format]);
            assert_eq!(done.code, 0, "{what} {format}: {}", done.err);
            assert!(!done.out.contains("shout"));
        }
    }
    let drawn = place.run(&["get", "floors", "-o", "yaml"]).out;
    let again = place.run_with(&["apply", "-f", "-"], &drawn);
    assert!(again.out.contains("1 unchanged"), "{}", again.out);
    // No target is in a room of that name.
    let note = "note: floor north: no target of the room \"north\" is in rack A1: drawn empty";
    assert!(again.err.contains(note), "{}", again.err);
    let pruned = place.run_with(
        &["apply", "-f", "-", "--prune=floors", "--yes"],
        &moved.replace("name: north", "name: south"),
    );
    assert!(
        pruned.out.contains("- floor north"),
        "{}{}",
        pruned.out,
        pruned.err
    );
    let used = place.run(&["delete", "credential", "c"]);
    assert_eq!(used.code, 1);
    assert!(used.err.contains("one"), "{}", used.err);
    for (what, name) in [
        ("target", "one"),
        ("credential", "c"),
        ("schedule", "s"),
        ("floor", "south"),
    ] {
        let done = place.run(&["delete", what, name]);
        assert_eq!(done.code, 0, "{}", done.err);
        assert_eq!(place.run(&["get", what, name]).code, 1);
    }
    let absent = place.run(&["read", "oen"]);
    assert_eq!(absent.code, 2, "{}", absent.err);
}

#[test]
fn targets_come_from_a_table() {
    let place = Place::new();
    let _up = place.up();
    let wrong = place.file("wrong.csv", "name,kind,address\na,snmp,\n");
    let done = place.run(&["target", "import", wrong.to_str().unwrap()]);
    assert_eq!(done.code, 1);
    assert!(
        done.err
            .contains("wrong.csv:2: the cell \"address\" is empty"),
        "{}",
        done.err
    );
    let right = place.file(
        "right.csv",
        "name,kind,address,rack\na,snmp,127.0.0.1:9,A1\n",
    );
    let done = place.run(&["target", "import", right.to_str().unwrap()]);
    assert_eq!(done.code, 0, "{}", done.err);
    let shown = place.json(&["target", "show", "a"]);
    assert_eq!(shown["labels"]["rack"], "A1", "{shown}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::new();
    let mut child = place
        .command(&["config", "reference"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let done = child.wait_with_output().unwrap();
    assert!(
        done.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}
