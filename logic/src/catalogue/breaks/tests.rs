//! Things that a release would break, and things that it would not.

use std::sync::Arc;

use serde_json::{Value, json};
use utakata_model::{
    Credential, Kind, Manifest, OperationId, Schedule, Target, Zone, manifest::Verify,
    target::Secret,
};

use super::{Break, Broken, OpenTask, Using, breaks};
use crate::{
    inventory::TargetEntry,
    kinds::{KindsSnapshot, Served},
};

fn manifest(kind: &str, actions: Value, credential: Option<Value>) -> Manifest {
    let mut text = json!({
        "kind": kind, "version": "1.0", "protocol": 1,
        "run": { "program": "x" },
    });
    text["action"] = actions;
    if let Some(credential) = credential {
        text["credential"] = credential;
    }
    let manifest: Manifest = serde_json::from_value(text).unwrap();
    manifest.validate().unwrap();
    manifest
}

fn reads(names: &[&str]) -> Value {
    let action = |name: &&str| json!({ "name": name, "class": "observe" });
    names.iter().map(action).collect()
}

fn served(manifests: &[Manifest]) -> KindsSnapshot {
    let one = |manifest: &Manifest| (manifest.kind.clone(), Zone::default(), Served::by(manifest));
    Arc::new(manifests.iter().map(one).collect())
}

fn target(name: &str, kind: &str, credential: Option<&str>) -> Arc<TargetEntry> {
    let kind = Kind::new(kind).unwrap();
    let known = TargetEntry::of(Target::new(name.parse().unwrap(), kind, "here".into()), 0);
    Arc::new(TargetEntry {
        credential: credential.map(|key| {
            Arc::new(Credential {
                name: "lab".parse().unwrap(),
                values: [(key.to_owned(), Secret::new("hunter2"))].into(),
            })
        }),
        ..known
    })
}

fn schedule(name: &str, selector: &str, action: Option<&str>) -> Arc<Schedule> {
    Arc::new(Schedule {
        name: name.parse().unwrap(),
        selector: selector.parse().unwrap(),
        interval: std::time::Duration::from_secs(10),
        action: action.map(|action| action.parse().unwrap()),
        parameters: json!({}),
    })
}

fn using(targets: &[Arc<TargetEntry>], schedules: &[Arc<Schedule>]) -> Using {
    Using {
        schedules: schedules.to_vec(),
        targets: targets.into(),
        tasks: Vec::new(),
    }
}

fn names(breaks: &[Break]) -> Vec<&str> {
    breaks.iter().map(|one| one.name.as_str()).collect()
}

#[test]
fn a_schedule_breaks_when_its_action_has_gone_and_it_worked_before() {
    let (before, after) = (
        manifest("pdu", reads(&["read", "ports"]), None),
        manifest("pdu", reads(&["read", "sensors"]), None),
    );
    let ups = manifest("ups", reads(&["read", "battery"]), None);
    let all = using(
        &[target("p", "pdu", None), target("u", "ups", None)],
        &[
            schedule("plain", "", None),
            schedule("ports", "", Some("ports")),
            schedule("sensors", "", Some("sensors")),
            schedule("of-ups", "kind=ups", Some("battery")),
            schedule("of-all", "", Some("battery")),
        ],
    );
    let kind = &after.kind;
    let found = breaks(kind, &after, &served(&[before.clone(), ups.clone()]), &all);
    assert_eq!(names(&found), ["ports"]);
    assert_eq!(found[0].what, Broken::Schedule);
    assert!(found[0].why.contains("no action \"ports\""), "{found:?}");
    // Nobody serves it yet: what is meant for another kind is no break.
    let found = breaks(kind, &after, &served(std::slice::from_ref(&ups)), &all);
    assert_eq!(names(&found), ["ports"]);
    assert_eq!(
        breaks(kind, &before, &served(&[after.clone(), ups]), &all).len(),
        1
    );
    assert!(breaks(kind, &after, &served(std::slice::from_ref(&after)), &all).is_empty());
}

#[test]
fn a_schedule_breaks_when_its_parameters_are_refused() {
    let action = |schema: Value| {
        let action = json!({ "name": "read", "class": "observe", "parameters": schema });
        manifest("pdu", json!([action]), None)
    };
    let before = action(json!({ "type": "object" }));
    let after = action(json!({ "type": "object", "required": ["port"] }));
    let one = using(&[target("p", "pdu", None)], &[schedule("all", "", None)]);
    let found = breaks(&after.kind, &after, &served(&[before]), &one);
    assert_eq!(names(&found), ["all"]);
    assert!(found[0].why.contains("\"port\" is missing"), "{found:?}");
}

#[test]
fn a_target_breaks_when_its_credential_does_not_fit_any_more() {
    let needs = |key: &str| {
        let schema = json!({
            "type": "object", "required": [key], "additionalProperties": false,
            "properties": { (key): { "type": "string" } },
        });
        manifest("pdu", reads(&["read"]), Some(schema))
    };
    let open = manifest("pdu", reads(&["read"]), None);
    let all = using(
        &[
            target("old", "pdu", Some("community")),
            target("new", "pdu", Some("user")),
            target("none", "pdu", None),
            target("other", "ups", Some("community")),
        ],
        &[],
    );
    let kind = &open.kind;
    let found = |before: &Manifest, after: &Manifest| {
        let found = breaks(kind, after, &served(std::slice::from_ref(before)), &all);
        assert!(!format!("{found:?}").contains("hunter2"));
        names(&found).join(" ")
    };
    assert_eq!(found(&needs("community"), &needs("user")), "old");
    assert_eq!(found(&open, &needs("user")), "old none");
    assert_eq!(found(&needs("user"), &open), "");
    assert_eq!(found(&needs("user"), &needs("user")), "");
}

#[test]
fn an_operation_breaks_when_what_is_left_of_it_cannot_be_done_or_read_back() {
    let off = |schema: Value| json!({ "name": "off", "class": "control", "parameters": schema });
    let with = |actions: Value| manifest("pdu", actions, None);
    let (operation, other) = (OperationId::generate(), OperationId::generate());
    let verify: Verify = serde_json::from_value(json!({
        "action": "read", "metric": "hw.power", "value": 0,
    }))
    .unwrap();
    let task = |operation, verify: Option<&Verify>| OpenTask {
        operation,
        action: "off".parse().unwrap(),
        parameters: json!({ "outlet": 1 }),
        verify: verify.cloned(),
    };
    let tasks = vec![
        task(operation, None),
        task(operation, None),
        task(other, Some(&verify)),
    ];
    let all = Using {
        tasks,
        ..Using::default()
    };
    let any = json!({ "type": "object" });
    let read = json!({ "name": "read", "class": "observe" });
    let found = |after: &Manifest| breaks(&after.kind, after, &KindsSnapshot::default(), &all);
    assert!(found(&with(json!([off(any.clone()), read]))).is_empty());
    let blind = found(&with(json!([off(any)])));
    assert_eq!(names(&blind), [other.to_string()]);
    assert!(blind[0].why.contains("cannot be read back"), "{blind:?}");
    let text = json!({ "type": "object", "properties": { "outlet": { "type": "string" } } });
    let refused = found(&with(json!([off(text), read])));
    assert_eq!(names(&refused), [operation.to_string(), other.to_string()]);
    assert!(
        refused[0].why.starts_with("2 of its tasks have not ended"),
        "{refused:?}"
    );
    assert!(refused[0].why.contains("outlet"), "{refused:?}");
    let gone = found(&with(json!([read])));
    assert!(gone[0].why.contains("has no action \"off\""), "{gone:?}");
}
