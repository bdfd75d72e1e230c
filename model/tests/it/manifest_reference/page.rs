//! The page itself.

use std::fmt::Write as _;

use serde_json::Value;

use super::keys::{KEYS, Key, paths};

/// The tables of the page: the common path of their keys, the heading, and an introduction.
const TABLES: [(&str, &str, &str); 8] = [
    (
        "",
        "The release",
        "The keys at the top, before any `[table]`.",
    ),
    (
        "run",
        "`[run]`: what is started",
        "The program is looked for in the folder of the release, then among those that come with \
         utakata: `utakata-worker-snmp` for a profile, `utakata-worker-exec` for any executable \
         that reads and writes lines.",
    ),
    (
        "pool",
        "`[pool]`: how many workers, and for how long",
        "This is the advice of the release. An environment decides otherwise by \
         `[execution.pools.KIND]` of its configuration, with the same keys.",
    ),
    (
        "pool.recycle",
        "`[pool.recycle]`: when a worker is replaced",
        "Whichever comes first; nothing of it unless it is said.",
    ),
    (
        "action",
        "`[[action]]`: what it can do",
        "One table for each action.",
    ),
    (
        "action.verify",
        "`[action.verify]`: how an effect is read back",
        "After a control action that `succeeded`, the value is expected in any case: a device that \
         says \"done\" and does nothing is found out. After one that is `unknown`, `proves` says \
         what reading back settles; what it does not settle, a person does.",
    ),
    (
        "action.undo",
        "`[action.undo]`: what takes it back",
        "`utakata operation undo` asks for it.",
    ),
    (
        "action.rotates",
        "`[action.rotates]`: which password it changes",
        "`utakata credential rotate` draws a new one, has it set by this action, whose `repeat` is \
         `once`, and logs in with it before it becomes that of the credential.",
    ),
];

const HEAD: &str = "\
# The manifest

`worker.toml` says what a release is: the kind that it serves, what is started, and each action \
with its parameters. This page has every key. It is made from the types, and a test compares it \
with them. [Writing a worker](writing-a-worker.md) goes through it step by step.

A key that is not here is refused, with its line. `utakata worker test DIR` checks a folder before \
it is used; an environment that refuses one says why in `utakata environment list`, and goes on \
with the version that was good before.

Durations are written as `250ms`, `30s`, `5m`, `1h30m`; sizes as `64MiB`.
";

const PLACEHOLDERS: &str = "\
## Placeholders

In `verify` and `undo` a whole text `$name` stands for the parameter `name` of the action, with \
its type: `value = \"$percent\"` expects the number that was asked for. A parameter that was not \
given is left out. In `undo`, `$prior` stands for the value that the metric of `verify` had before \
the action: it is read then, and is what makes \"back to 40 %\" possible. A text that shall begin \
with a dollar is written with two. What stands for nothing is refused: `did you mean \"percent\"?`
";

/// Renders the page with this example.
pub fn render(example: &str) -> String {
    let paths = paths();
    let mut page = String::from(HEAD);
    page.push_str("\n## All of it\n\n```toml\n");
    page.push_str(example);
    page.push_str("```\n");
    for (above, title, text) in TABLES {
        write!(page, "\n## {title}\n\n{text}\n\n").unwrap();
        page.push_str("| key | value | when left out | meaning |\n|---|---|---|---|\n");
        for key in KEYS.iter().filter(|key| parent(key.path) == above) {
            page.push_str(&line(key, &paths[key.path]));
        }
    }
    page.push('\n');
    page.push_str(PLACEHOLDERS);
    page
}

fn parent(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(above, _)| above)
}

fn line(key: &Key, told: &Value) -> String {
    let name = key.path.rsplit('.').next().unwrap();
    let is_table = told["of"]["properties"].is_object();
    let default = match (told["required"] == true, key.default) {
        (true, _) => "must be there".to_owned(),
        // Its content has a table of its own.
        (false, Some(_)) if is_table => "as below".to_owned(),
        (false, Some(default)) => format!("`{default}`"),
        (false, None) => "nothing".to_owned(),
    };
    let one_of = told["oneOf"].as_array().into_iter().flatten();
    let meaning = std::iter::once(told)
        .chain(one_of)
        .find_map(|place| place["description"].as_str());
    let meaning = meaning.unwrap_or_else(|| panic!("{}: {told}", key.path));
    let meaning = [meaning.trim(), key.more].join(" ");
    let meaning = meaning.trim().replace('\n', " ").replace('|', "\\|");
    format!("| `{name}` | {} | {default} | {meaning} |\n", value(told))
}

/// Describes the form of a value.
fn value(told: &Value) -> String {
    let of = match told["of"].is_object() {
        true => &told["of"],
        false => told,
    };
    let example = [&told["example"], &of["example"]];
    let example = example.into_iter().find_map(Value::as_str);
    if let Some(words) = of["enum"].as_array() {
        let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        return words.join(", ");
    }
    let form = match kind(told).or_else(|| kind(of)) {
        Some("array") if told["of"].is_object() => "tables".to_owned(),
        Some("array") => "list of texts".to_owned(),
        Some("object") => "table".to_owned(),
        Some("string") if of["pattern"].is_string() => "name".to_owned(),
        Some("string") => "text".to_owned(),
        Some("integer") => "whole number".to_owned(),
        Some(other) => other.to_owned(),
        None => "any value".to_owned(),
    };
    match example {
        Some(example) => format!("{form}, as `\"{example}\"`"),
        None => form,
    }
}

/// Returns the type; if it may be null, the other one.
fn kind(told: &Value) -> Option<&str> {
    match &told["type"] {
        Value::String(kind) => Some(kind),
        Value::Array(kinds) => kinds
            .iter()
            .filter_map(Value::as_str)
            .find(|kind| *kind != "null"),
        _ => None,
    }
}
