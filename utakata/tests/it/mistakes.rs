//! Control requested wrongly: nothing is done, the exit code says so, and the message suggests what
//! was meant.

use crate::program::Place;

#[test]
fn a_mistyped_command_does_nothing_ends_with_2_and_suggests_what_was_meant() {
    let place = Place::new();
    let up = place.up_with(&["--demo"]);
    place.until_served("apc-pdu");
    place.until_served("snmp");
    let router = "type: target\nname: router\nkind: snmp\naddress: 127.0.0.1:9\n---\n\
                  type: target\nname: alien\nkind: alien\naddress: 127.0.0.1:9\n";
    assert_eq!(place.run_with(&["apply", "-f", "-"], router).code, 0);
    for (arguments, expect) in [
        // typos: on purpose
        (
            "pdu-a1-a outlet-off -p oulet=3",
            "there is no parameter \"oulet\": did you mean \"outlet\"?",
        ), // typos: on purpose
        (
            "pdu-a1-a outlet-off -p outlet=nine",
            "outlet: \"nine\" is not a whole number",
        ),
        ("pdu-a1-a outlet-off", "the parameter \"outlet\" is missing"),
        (
            "pdu-a1-a outlet-of -p outlet=3",
            "did you mean \"outlet-off\"?",
        ), // typos: on purpose
        (
            "router set -p oid=1.3.6.1.2.1.1.5.0 -p type=strng -p value=x",
            "did you mean \"string\"?",
        ), // typos: on purpose
        (
            "alien outlet-off -p outlet=3",
            "no environment serves the kind \"alien\"",
        ),
        (
            "pdu-z9 outlet-off -p outlet=3",
            "there is no target \"pdu-z9\"",
        ),
        ("rack=Z9 outlet-off -p outlet=3", "none has rack=Z9"),
    ] {
        let arguments: Vec<&str> = ["control"]
            .into_iter()
            .chain(arguments.split(' '))
            .collect();
        let done = place.run(&arguments);
        assert_eq!(done.code, 2, "{arguments:?}: {}", done.err);
        assert!(done.err.contains(expect), "{arguments:?}: {}", done.err);
    }
    let list = place.run(&[
        "read",
        "router",
        "--action",
        "get",
        "-p",
        "oids=1.3.6.1.2.1.1.5.0",
    ]);
    assert_eq!(list.code, 2, "{}", list.err);
    assert!(
        list.err.contains("-p 'oids=[\"1.3.6.1.2.1.1.5.0\"]'"),
        "{}",
        list.err
    );

    // Cutting something off is refused where nobody can confirm, unless it is explicitly intended.
    let off = ["control", "pdu-a1-a", "outlet-off", "-p", "outlet=3"];
    let silent = place.run(&off);
    assert_eq!(silent.code, 2, "{}", silent.err);
    assert!(silent.err.contains("give --yes"), "{}", silent.err);
    assert_eq!(place.json(&["operation", "list"]), serde_json::json!([]));
    let on = [
        "control",
        "pdu-a1-a",
        "outlet-on",
        "-p",
        "outlet=3",
        "--key",
        "k",
    ];
    assert_eq!(place.run(&on).code, 0, "it cuts nobody off");
    let again = place.run(&on);
    assert_eq!(again.code, 0, "{}", again.err);
    assert!(again.err.contains("is not done again"), "{}", again.err);
    assert_eq!(up.stop(), 0, "{}", place.told());
}

#[test]
fn what_would_silently_do_less_or_nothing_is_reported() {
    let place = Place::new();
    let _up = place.up_with(&["--demo"]);
    place.until_served("apc-pdu");
    for (arguments, code, expect) in [
        // One of two outlets would stay on.
        (
            "control pdu-a1-a outlet-off -p outlet=4 -p outlet=5 --yes",
            2,
            "\"outlet\" is given twice, as \"4\" and \"5\"",
        ),
        // All would be off at once.
        (
            "control kind=apc-pdu outlet-off -p outlet=4 --at-most 1/rak --yes",
            2,
            "label rak: none of the selected targets has it: did you mean \"rack\"?",
        ), // typos: on purpose
        (
            "control kind=apc-pdu outlet-off -p outlet=4 --order-by rak --yes",
            2,
            "did you mean \"rack\"?",
        ), // typos: on purpose
        (
            "read pdu-a1-a --metric hw.pwr",
            2,
            "no reading begins with \"hw.pwr\": did you mean \"hw.power\"?",
        ), // typos: on purpose
        (
            "control outlet-off pdu-a1-a -p outlet=3",
            2,
            "\"outlet-off\" is an action: the target comes first",
        ),
        (
            "person add eve --role viewer --on rck=A1",
            0,
            "it counts nowhere now: the selector \"rck=A1\" selects no target: no target has the label \"rck\": did you mean \"rack\"?",
        ), // typos: on purpose
        (
            "history pdu-a1-a --since yesterday",
            2,
            "\"yesterday\" is neither a time (18:00, ",
        ),
        (
            "policy explain any --at 00:20x",
            2,
            "\"00:20x\" is neither a time (18:00, ",
        ),
        (
            "get alarm-rules -o yaml",
            0,
            "this site has no alarm rule of its own",
        ),
    ] {
        let done = place.run(&arguments.split(' ').collect::<Vec<_>>());
        assert_eq!(done.code, code, "{arguments}: {}{}", done.out, done.err);
        assert!(done.err.contains(expect), "{arguments}: {}", done.err);
    }
    assert_eq!(place.json(&["operation", "list"]), serde_json::json!([]));

    let rules = place.run(&["get", "alarm-rules", "-o", "yaml"]).out;
    let applied = place.run_with(&["apply", "-f", "-"], &rules);
    assert_eq!(applied.code, 0, "{}", applied.err);
    assert!(
        applied.err.contains("nothing was applied"),
        "{}",
        applied.err
    );

    let documents = "type: target\nname: far\nkind: snmp\naddress: 127.0.0.1:9\nzone: defualt\n---\n\
                     type: schedule\nname: idle\nselector: rack=Z9\ninterval: 5s\n"; // typos: on purpose
    let applied = place.run_with(&["apply", "-f", "-"], documents);
    assert_eq!(applied.code, 0, "{}", applied.err);
    for expect in [
        "no environment of the zone \"defualt\" serves the kind \"snmp\" now (target far): did you mean \"default\"?", // typos: on purpose
        "the schedule idle reads nothing now: \"rack=Z9\" selects no target",
    ] {
        assert!(applied.err.contains(expect), "{expect}: {}", applied.err);
    }
}
