//! Differences of manifests, and which of them break something.

use serde_json::{Value, json};
use utakata_model::{Content, ContentFile, FileDigest, Manifest};

use utakata_api::release::FileChange;

fn manifest() -> Value {
    json!({
        "kind": "pdu", "version": "1.0", "protocol": 1,
        "run": { "program": "pdu", "network": "host" },
        "credential": {
            "type": "object", "required": ["community"], "additionalProperties": false,
            "properties": { "community": { "type": "string" } },
        },
        "action": [
            { "name": "read", "class": "observe", "timeout": "10s" },
            {
                "name": "off", "class": "control", "timeout": "5s", "repeat": "repeatable",
                "risk": "low",
                "verify": { "action": "read", "metric": "hw.power", "value": 0 },
                "undo": { "action": "on" },
                "parameters": {
                    "type": "object", "required": ["outlet"], "additionalProperties": false,
                    "properties": {
                        "outlet": { "type": "integer", "minimum": 1, "maximum": 24 },
                        "how": { "enum": ["now", "late"], "description": "How" },
                    },
                },
            },
            { "name": "on", "class": "control" },
        ],
    })
}

/// Returns the differences after a change at a place: `what: why`, with a `!` before breaking ones.
fn diff(pointer: &str, value: Option<Value>) -> Vec<String> {
    let mut after = manifest();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = after.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Array(items), None) => drop(items.remove(key.parse().unwrap())),
        (Value::Array(items), Some(value)) if key == "-" => items.push(value),
        (Value::Object(fields), Some(value)) => drop(fields.insert(key.into(), value)),
        (Value::Object(fields), None) => assert!(fields.remove(key).is_some()),
        (parent, value) => panic!("{parent} {key} {value:?}"),
    }
    let read = |value: Value| serde_json::from_value::<Manifest>(value).unwrap();
    super::diff(&read(manifest()), &read(after))
        .iter()
        .map(|one| {
            let mark = if one.breaking { "! " } else { "" };
            format!("{mark}{}: {}", one.what, one.why)
        })
        .collect()
}

#[track_caller]
fn check(pointer: &str, value: impl Into<Option<Value>>, expect: &[&str]) {
    let found = diff(pointer, value.into());
    assert_eq!(found.len(), expect.len(), "{pointer}: {found:?}");
    for (found, expect) in found.iter().zip(expect) {
        assert!(found.starts_with(expect), "{pointer}: {found}");
    }
}

#[test]
fn what_is_the_same_or_only_words_is_no_difference() {
    check("/version", json!("2.0"), &[]);
    check("/description", json!("Of another maker"), &[]);
    check(
        "/action/1/parameters/properties/how/description",
        json!("?"),
        &[],
    );
    check("/action/0/description", json!("Reads"), &[]);
}

#[test]
fn actions_that_have_gone_or_are_something_else_break_what_asks_for_them() {
    check("/action/2", None, &["! action on: it was removed"]);
    let new = json!({ "name": "cycle", "class": "control" });
    check("/action/-", new, &["action cycle: it is new"]);
    check(
        "/action/2/class",
        json!("observe"),
        &["! action on: it only observes"],
    );
    check(
        "/action/0/name",
        json!("see"),
        &[
            "! action read: it was removed",
            "! a plain read: it means see instead of read",
            "action see: it is new",
        ],
    );
    check(
        "/action/0/timeout",
        json!("2s"),
        &["action read: its timeout is 2s instead of 10s"],
    );
    check(
        "/action/1/repeat",
        json!("once"),
        &["action off: doing it twice does harm"],
    );
    check(
        "/action/2/repeat",
        json!("repeatable"),
        &["action on: doing it twice does no harm"],
    );
    check(
        "/action/1/risk",
        json!("high"),
        &["! action off: its risk is high"],
    );
    check(
        "/action/1/verify",
        None,
        &["! action off: its effect is no longer read back"],
    );
    check(
        "/action/1/verify/value",
        json!(1),
        &["action off: its effect is read back in another way"],
    );
    check(
        "/action/1/undo",
        None,
        &["! action off: it can no longer be undone"],
    );
    check(
        "/action/2/undo",
        json!({ "action": "off" }),
        &["action on: it can be undone now"],
    );
}

#[test]
fn parameters_that_are_needed_or_refused_now_break_what_was_right() {
    let at = |rest: &str| format!("/action/1/parameters{rest}");
    let one = |rest: &str, value: Option<Value>, expect: &str| check(&at(rest), value, &[expect]);
    one(
        "/required",
        Some(json!(["outlet", "how"])),
        "! action off, parameter how: it is required now",
    );
    one(
        "/required",
        Some(json!([])),
        "action off, parameter outlet: it is no longer required",
    );
    one(
        "/properties/how",
        None,
        "! action off, parameter how: it was removed",
    );
    one(
        "/properties/delay",
        Some(json!({})),
        "action off, parameter delay: it is new",
    );
    one(
        "/additionalProperties",
        None,
        "action off: any further parameter is accepted",
    );
    one(
        "/additionalProperties",
        Some(json!({ "type": "string" })),
        "! action off: not every further",
    );
    one(
        "/minProperties",
        Some(json!(1)),
        "! action off: the rule \"minProperties\"",
    );
    let outlet = |rest: &str| format!("/properties/outlet/{rest}");
    let one = |rest: &str, value: Option<Value>, expect: &str| {
        let expect = expect.replace("OUTLET", "action off, parameter outlet: its");
        one(&outlet(rest), value, &expect);
    };
    one(
        "type",
        Some(json!("string")),
        "! OUTLET \"type\" is \"string\", and was \"integer\"",
    );
    one("type", Some(json!("number")), "OUTLET \"type\"");
    one("type", Some(json!(["integer", "null"])), "OUTLET \"type\"");
    one(
        "minimum",
        Some(json!(2)),
        "! OUTLET \"minimum\" is 2, and was 1",
    );
    one("minimum", Some(json!(0)), "OUTLET \"minimum\"");
    one("minimum", None, "OUTLET \"minimum\" is nothing");
    one(
        "maximum",
        Some(json!(8)),
        "! OUTLET \"maximum\" is 8, and was 24",
    );
    one("maximum", Some(json!(48)), "OUTLET \"maximum\"");
    one(
        "exclusiveMinimum",
        Some(json!(0)),
        "! OUTLET \"exclusiveMinimum\"",
    );
    one("multipleOf", Some(json!(2)), "! OUTLET \"multipleOf\"");
    one("default", Some(json!(2)), "OUTLET \"default\"");
    let how = |value| diff(&at("/properties/how/enum"), value);
    assert!(how(Some(json!(["now"])))[0].starts_with("! action off, parameter how"));
    assert!(how(Some(json!(["now", "late", "never"])))[0].starts_with("action off, parameter how"));
}

#[test]
fn a_credential_that_was_enough_and_is_not_any_more_breaks_targets() {
    check("/credential", None, &["credential: none is required"]);
    check(
        "/credential/required",
        json!(["community", "user"]),
        &["! credential, key user: it is required now"],
    );
    check(
        "/credential/properties",
        json!({ "user": { "type": "string" } }),
        &[
            "! credential, key community: it was removed",
            "credential, key user: it is new",
        ],
    );
    let read = |value: Value| serde_json::from_value::<Manifest>(value).unwrap();
    let mut open = manifest();
    open.as_object_mut().unwrap().remove("credential");
    let found = super::diff(&read(open), &read(manifest()));
    assert!(
        found[0].breaking && found[0].why.contains("required now"),
        "{found:?}"
    );
}

#[test]
fn what_a_worker_runs_in_is_reported_and_a_lost_network_breaks_it() {
    check("/kind", json!("ups"), &["! kind: ups instead of pdu"]);
    check("/protocol", json!(2), &["protocol: 2 instead of 1"]);
    check(
        "/run/program",
        json!("pdu2"),
        &["run.program: pdu2 instead of pdu"],
    );
    check(
        "/run/arguments",
        json!(["-v"]),
        &["run.arguments: [-v] instead of []"],
    );
    check(
        "/run/memory",
        json!("64MiB"),
        &["run.memory: 64MiB instead of the default"],
    );
    check(
        "/run/cpus",
        json!(0.5),
        &["run.cpus: 0.5 instead of the default"],
    );
    check(
        "/run/pids",
        json!(8),
        &["run.pids: 8 instead of the default"],
    );
    check(
        "/run/network",
        json!("bridge"),
        &["run.network: bridge instead of host"],
    );
    check(
        "/run/network",
        json!("none"),
        &["! run.network: none instead of host"],
    );
    check(
        "/pool",
        json!({ "max": 8 }),
        &["pool: 1 to 8 workers, 0 idle instead of 1 to 4 workers, 0 idle"],
    );
    check("/settings", json!({ "a": 1 }), &["settings: they differ"]);
}

#[test]
fn files_differ_by_what_is_in_them_and_by_whether_they_can_be_executed() {
    let content = |files: &[(&str, &str, bool)]| Content {
        files: files
            .iter()
            .map(|(path, text, executable)| ContentFile {
                path: (*path).into(),
                digest: FileDigest::of(text.as_bytes()),
                size: text.len() as u64,
                executable: *executable,
            })
            .collect(),
    };
    let before = content(&[
        ("a", "1", false),
        ("b", "1", false),
        ("c", "1", false),
        ("d", "1", false),
    ]);
    let after = content(&[
        ("a", "1", false),
        ("b", "2", false),
        ("c", "1", true),
        ("e", "1", false),
    ]);
    let found = super::files(&before, &after);
    let found: Vec<_> = found
        .iter()
        .map(|one| (one.path.as_str(), one.change))
        .collect();
    let expect = [
        ("b", FileChange::Changed),
        ("c", FileChange::Changed),
        ("d", FileChange::Removed),
        ("e", FileChange::Added),
    ];
    assert_eq!(found, expect);
}
