//! A site from the point of view of its operators: its problems, its inventory as files, and back
//! again.

use crate::program::{Place, wait_for};

/// Two targets at a port where nobody answers, and one that no schedule reads.
const SITE: &str = "name,kind,address,rack,note
dead-2,snmp,127.0.0.1:9,B,\"left, \"\"top\"\"\"
dead-10,snmp,127.0.0.1:9,B,
unread,snmp,127.0.0.1:9,C,
";
const SCHEDULE: &str = "type: schedule\nname: often\nselector: rack=B\ninterval: 200ms\n---\n\
                        type: credential\nname: pdus\nvalues: { community: hush }\n";

#[test]
fn problems_are_reported_by_status_and_doctor_and_by_their_exit_codes() {
    let place = Place::new();
    let _up = place.up();
    place.until_served("snmp");
    let well = place.run(&["status"]);
    assert_eq!(well.code, 0, "{}{}", well.out, well.err);
    assert!(
        well.out.starts_with("all is well: 0 of 0 targets"),
        "{}",
        well.out
    );
    assert_eq!(place.run_with(&["target", "import", "-"], SITE).code, 0);
    assert_eq!(place.run_with(&["apply", "-f", "-"], SCHEDULE).code, 0);
    place.until(&["target", "list", "--health", "failing"], |failing| {
        (failing.as_array()?.len() == 2).then_some(())
    });
    // The overview may be a second old: nobody has requested that they fail.
    let status = wait_for(|| Some(place.run(&["status"])).filter(|status| status.code == 1));
    let status = status.unwrap_or_else(|| place.run(&["status"]));
    assert_eq!(status.code, 1, "{}{}", status.out, status.err);
    assert!(
        status
            .out
            .contains("2 snmp of 3: unreachable; rack=B (all 2)"),
        "{}",
        status.out
    );
    let doctor = place.run(&["doctor"]);
    assert_eq!(doctor.code, 1, "{}", doctor.out);
    assert!(
        doctor.out.contains("2 of 3 do not answer"),
        "{}",
        doctor.out
    );
    let unread = place.json(&["target", "list", "--health", "unobserved"]);
    assert_eq!(unread[0]["name"], "unread", "{unread}");
    let none = place.run(&["target", "list", "--health", "stale", "-l", "rack=B"]);
    assert!(
        none.err
            .contains("none of the 2 targets of \"rack=B\" is stale"),
        "{}",
        none.err
    );
    let none = place.run(&["watch", "rck=B"]);
    assert_eq!(none.code, 2, "{}{}", none.out, none.err);
    assert!(none.err.contains("did you mean \"rack\""), "{}", none.err);
    // One line in the log for each, because they are few.
    for name in ["dead-2", "dead-10"] {
        let line = format!("target fails target={name}");
        let told = wait_for(|| place.told().contains(&line).then_some(()));
        assert!(told.is_some(), "{}", place.told());
    }
}

#[test]
fn what_there_is_becomes_files_and_the_files_become_what_there_is() {
    let place = Place::new();
    let _up = place.up();
    place.until_served("snmp");
    assert_eq!(place.run_with(&["apply", "-f", "-"], SITE).code, 0);
    assert_eq!(place.run_with(&["apply", "-f", "-"], SCHEDULE).code, 0);
    for (what, format) in [
        ("targets", "yaml"),
        ("targets", "csv"),
        ("schedules", "yaml"),
        ("credentials", "yaml"),
    ] {
        let printed = place.run(&["get", what, "-o", format]);
        assert_eq!(printed.code, 0, "{}", printed.err);
        assert!(!printed.out.contains("hush"), "{}", printed.out);
        let again = place.run_with(&["apply", "-f", "-"], &printed.out);
        assert_eq!(
            again.code, 0,
            "{what} {format}: {}{}",
            again.err, printed.out
        );
        assert!(
            !again.out.contains("created") || again.out.contains("0 created, 0 changed"),
            "{}",
            again.out
        );
    }
    let other = "type: credential\nname: other\nkeys: [community]\n";
    let refused = place.run_with(&["apply", "-f", "-"], other);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(
        refused.err.contains("there is none on the server"),
        "{}",
        refused.err
    );

    let kept = "name,kind,address,rack\ndead-2,snmp,127.0.0.1:9,B\n";
    let prune = ["apply", "-f", "-", "--prune", "-l", "rack=B"];
    let asked = place.run_with(&prune, kept);
    assert_eq!(
        asked.code, 2,
        "without a terminal, --yes has to say so: {}",
        asked.err
    );
    assert!(
        asked.err.contains("would delete target dead-10"),
        "{}",
        asked.err
    );
    let broken = place.run_with(
        &[&prune[..], &["--yes"]].concat(),
        "name,kind,address\na,snmp\n",
    );
    assert_eq!(broken.code, 1, "{}", broken.err);
    assert_eq!(place.json(&["target", "list"]).as_array().unwrap().len(), 3);
    let pruned = place.run_with(&[&prune[..], &["--yes"]].concat(), kept);
    assert!(
        pruned.out.contains("- target dead-10"),
        "{}{}",
        pruned.out,
        pruned.err
    );
    let rule = |name: &str| format!("type: alarm\nname: {name}\non: {{ silence: 3 }}\n---\n");
    let relation = "type: relation\nrelation: feeds\nfrom: dead-2\nto: rack=C\n";
    let all = rule("mine") + &rule("other") + relation;
    let applied = place.run_with(&["apply", "-f", "-"], &all);
    assert_eq!(applied.code, 0, "{}", applied.err);
    let prune = ["apply", "-f", "-", "--prune=alarm-rules,relations", "--yes"];
    let pruned = place.run_with(&prune, &rule("mine"));
    for gone in [
        "- alarm other",
        "- relation feeds dead-2 rack=C",
        "2 deleted",
    ] {
        assert!(pruned.out.contains(gone), "{}{}", pruned.out, pruned.err);
    }
    let gone = place.run(&["delete", "targets", "-l", "rack in (B,C)", "--yes"]);
    assert!(gone.out.contains("2 deleted"), "{}{}", gone.out, gone.err);
    let empty = place.run(&["target", "list"]);
    assert!(
        empty.err.contains("there are no targets yet"),
        "{}",
        empty.err
    );
    let slips = "name,kind,address\na,snmp,127.0.0.1:99999\nb,snmp,http://10.0.0.1/\n";
    let slips = place.run_with(&["apply", "-f", "-"], slips);
    assert_eq!(slips.code, 1);
    for expect in ["ports are from 1 to 65535", "an IP address or a name"] {
        assert!(slips.err.contains(expect), "{}", slips.err);
    }
}

#[test]
fn the_parameters_of_an_action_are_reported_with_their_limits() {
    let place = Place::new();
    let _up = place.up();
    place.until_served("apc-pdu");
    for words in [
        &["control", "--help", "apc-pdu", "outlet-off"][..],
        &["kind", "show", "apc-pdu"],
        &["get", "kind", "apc-pdu"],
    ] {
        let told = place.run(words);
        assert_eq!(told.code, 0, "{words:?}: {}", told.err);
        for expect in ["outlet", "integer", "1 to 1000", "(needed)"] {
            assert!(told.out.contains(expect), "{words:?}: {}", told.out);
        }
    }
    let slip = place.run(&["control", "--help", "apc-pdu", "outlet-of"]);
    assert!(
        slip.err.contains("did you mean \"outlet-off\""),
        "{}",
        slip.err
    );
}
