//! Manifests, valid and invalid.

use std::time::Duration;

use super::*;

const GOOD: &str = r#"
kind = "apc-pdu"
version = "1.2.0"
protocol = 1
run = { program = "utakata-worker-snmp" }
settings = { profile = "apc.toml" }

[[action]]
name = "read"
class = "observe"

[[action]]
name = "outlet-off"
class = "control"
repeat = "repeatable"
risk = "high"
timeout = "5s"
[action.parameters]
type = "object"
required = ["outlet"]
additionalProperties = false
properties.outlet = { type = "integer", minimum = 1 }
[action.verify]
action = "read"
metric = "utakata.outlet.state"
attributes = { outlet = "$outlet" }
value = "off"
"#;

#[test]
fn a_good_manifest_is_read() {
    let manifest = Manifest::parse(GOOD).unwrap();
    assert_eq!(manifest.actions.len(), 2);
    assert_eq!(manifest.default_observe().unwrap().name.as_str(), "read");
    let off = &manifest.actions[1];
    assert_eq!(off.timeout, Duration::from_secs(5));
    assert!(
        off.schema()
            .unwrap()
            .check(&serde_json::json!({ "outlet": 1 }))
            .is_ok()
    );
    let json = serde_json::to_string(&manifest).unwrap();
    assert_eq!(serde_json::from_str::<Manifest>(&json).unwrap(), manifest);
}

#[test]
fn a_bad_manifest_is_refused_with_the_reason() {
    for (from, to, reason) in [
        ("kind =", "kidn =", "unknown field `kidn`"),
        ("1.2.0", "new", "is not digits and dots"),
        (
            "action = \"read\"",
            "action = \"reed\"",
            "verify of the action \"outlet-off\" names \"reed\"",
        ),
        ("name = \"outlet-off\"", "name = \"read\"", "declared twice"),
        ("type = \"integer\"", "type = \"integr\"", "wrong schema"),
        (
            "type = \"object\"",
            "type = \"array\"",
            "its type must be \"object\"",
        ),
        ("timeout = \"5s\"", "timeout = \"5\"", "is not a duration"),
        (
            "protocol = 1",
            "protocol = 1\npool = { min = 3, max = 2 }",
            "pool.max (2) is less than",
        ),
        ("\"observe\"", "\"look\"", "unknown variant `look`"),
    ] {
        let error = Manifest::parse(&GOOD.replacen(from, to, 1))
            .unwrap_err()
            .to_string();
        assert!(error.contains(reason), "{from} -> {to}: {error}");
    }
}
