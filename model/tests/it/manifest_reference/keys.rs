//! Every key: the schema's description of it, and what the schema cannot express.

use std::collections::BTreeMap;

use serde_json::Value;
use utakata_model::Manifest;
use utoipa::{PartialSchema, ToSchema};

/// A key of the manifest.
pub struct Key {
    /// The path of the key: `action.verify.within`.
    pub path: &'static str,
    /// The default, as TOML. `None` if the key is required, or if leaving it out means that there
    /// is none.
    pub default: Option<&'static str>,
    /// Anything that the description of the type leaves out.
    pub more: &'static str,
}

const fn key(path: &'static str, default: Option<&'static str>, more: &'static str) -> Key {
    Key {
        path,
        default,
        more,
    }
}

/// The keys, in the order of the page.
pub const KEYS: &[Key] = &[
    key("kind", None, "Targets name it as their `kind`."),
    key(
        "version",
        None,
        "One version is one content for good: what is changed gets another one.",
    ),
    key(
        "protocol",
        None,
        "1 or 2; a worker with control must speak 2. A release with another one is refused \
         (`protocol`).",
    ),
    key("description", Some("\"\""), ""),
    key("run", None, ""),
    key(
        "pool",
        Some("{ min = 1, max = 4, recycle = { tasks = 1 } }"),
        "",
    ),
    key(
        "credential",
        None,
        "Values reach the worker with each task, and are neither stored nor printed by it.",
    ),
    key(
        "address",
        None,
        "With `type = \"string\"`, a `pattern`, and a `description` that people read: `apply` \
         refuses addresses that cannot be right.",
    ),
    key(
        "settings",
        Some("{}"),
        "The worker reads them from the manifest in its folder.",
    ),
    key(
        "action",
        None,
        "At least one. The first of class `observe` is what a plain read means.",
    ),
    key(
        "run.program",
        None,
        "It is started in the folder of the release, and must be executable.",
    ),
    key("run.arguments", Some("[]"), ""),
    key(
        "run.network",
        Some("\"none\""),
        "Asked for by whoever writes the image; elsewhere it has no meaning.",
    ),
    key(
        "run.memory",
        None,
        "Left out, it is `execution.docker.memory` of the environment.",
    ),
    key(
        "run.cpus",
        None,
        "Left out, it is `execution.docker.cpus` of the environment.",
    ),
    key(
        "run.pids",
        None,
        "Left out, it is `execution.docker.pids` of the environment.",
    ),
    key("pool.min", Some("1"), ""),
    key("pool.max", Some("4"), ""),
    key("pool.reserve", Some("0"), ""),
    key(
        "pool.lifetime",
        Some("\"pool\""),
        "`pool`: for many tasks, many at once. `task`: for one task; each has a fresh worker, out \
         of the reserve.",
    ),
    key(
        "pool.recycle",
        None,
        "Its successor is there before it goes, and it ends what it has.",
    ),
    key("pool.recycle.tasks", None, ""),
    key("pool.recycle.age", None, "A second at the least."),
    key(
        "pool.recycle.memory",
        None,
        "All processes of the worker together.",
    ),
    key("action.name", None, ""),
    key(
        "action.class",
        None,
        "`observe`: may be dropped, may be repeated. `control`: never lost, never done twice by \
         accident.",
    ),
    key("action.description", Some("\"\""), ""),
    key(
        "action.parameters",
        Some("{ type = \"object\", additionalProperties = false }"),
        "Checked before anything is sent: what a worker gets is right. A text of a control action \
         with `writeOnly = true`, or `format = \"password\"`, is secret: only the worker sees it, \
         and must not log it.",
    ),
    key(
        "action.timeout",
        Some("\"10s\""),
        "Control of which nobody knows then whether it was done is `unknown`.",
    ),
    key(
        "action.repeat",
        Some("\"once\""),
        "`repeatable`: twice is the same as once (\"outlet off\"). `once`: it is not (\"outlet \
         cycle\"); then it is sent once, and never again unless it is proven that nothing has \
         happened.",
    ),
    key(
        "action.risk",
        Some("\"low\""),
        "`high`: something loses service. It is asked about, and may need a second person \
         (`logic.control.approval`).",
    ),
    key("action.rotates", None, "See below."),
    key("action.verify", None, "See below."),
    key("action.undo", None, "See below."),
    key(
        "action.lease",
        None,
        "A number that may be left out; `repeat` is `repeatable`, because whoever renews it does it \
         again. A policy with `dead_man` needs it.",
    ),
    key("action.verify.action", None, "Of class `observe`."),
    key("action.verify.parameters", Some("{}"), ""),
    key("action.verify.metric", None, ""),
    key(
        "action.verify.attributes",
        Some("{}"),
        "Other attributes of the reading do not matter.",
    ),
    key("action.verify.value", None, ""),
    key("action.verify.any", Some("[]"), ""),
    key(
        "action.verify.tolerance",
        None,
        "Without it, numbers must be equal but for rounding.",
    ),
    key(
        "action.verify.through",
        None,
        "The value proves the effect when it is seen after that one, and not before: it was so \
         before, too. What passes faster than it can be read back stays `unverified`: then a \
         person says.",
    ),
    key(
        "action.verify.proves",
        Some("\"effect\""),
        "`effect`: seeing it proves the effect, another value leaves it open (\"the outlet is \
         off\"). `both`: another value proves that nothing has happened (\"the event log has an \
         entry of this request\"). `nothing`: neither, because it was so before, too (\"the outlet \
         is on\", after it was cycled).",
    ),
    key(
        "action.verify.within",
        Some("\"5s\""),
        "With `through`: all of it, until the value is there again.",
    ),
    key(
        "action.verify.grace",
        Some("\"30s\""),
        "Until then the target is kept for the task. A target that said that it did it, and does \
         not show it by the end of that, is not proven not to have done it: it is `unverified`, \
         and a person says. With `proves = \"both\"` it has `failed`: `not-done`.",
    ),
    key("action.undo.action", None, "Of class `control`."),
    key("action.undo.parameters", Some("{}"), ""),
    key("action.rotates.field", None, ""),
    key("action.rotates.parameter", None, ""),
    key(
        "action.rotates.length",
        Some("20"),
        "8 to 128: what every device of the kind takes.",
    ),
    key(
        "action.rotates.characters",
        Some("\"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789-_\""),
        "",
    ),
    key(
        "action.rotates.login",
        None,
        "It succeeds with the right password, and fails with the problem `bad-credential` with a \
         wrong one.",
    ),
    key("action.rotates.login_parameters", Some("{}"), ""),
];

/// Returns the schema of each key by its path.
pub fn paths() -> BTreeMap<String, Value> {
    let mut named = Vec::new();
    Manifest::schemas(&mut named);
    let named: BTreeMap<String, Value> = named
        .into_iter()
        .map(|(name, schema)| (name, serde_json::to_value(schema).unwrap()))
        .collect();
    let manifest = serde_json::to_value(Manifest::schema()).unwrap();
    let mut found = BTreeMap::new();
    walk(&manifest, "", &named, &mut found);
    found
}

fn walk(
    schema: &Value,
    above: &str,
    named: &BTreeMap<String, Value>,
    found: &mut BTreeMap<String, Value>,
) {
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{above}{key}");
        let target = target(property, named);
        let mut told = property.clone();
        told["required"] = required.contains(&key.as_str()).into();
        if let Some(target) = &target {
            told["of"] = target.clone();
            if target["properties"].is_object() {
                walk(target, &format!("{path}."), named, found);
            }
        }
        found.insert(path, told);
    }
}

/// Returns the type that a property refers to: directly, as an item, or as one of several.
fn target(property: &Value, named: &BTreeMap<String, Value>) -> Option<Value> {
    let one_of = property["oneOf"].as_array().into_iter().flatten();
    let places = [property, &property["items"]].into_iter().chain(one_of);
    places
        .filter_map(|place| place["$ref"].as_str())
        .find_map(|name| named.get(name.rsplit('/').next()?).cloned())
}
