//! The reference of `worker.toml` in the guide, generated from the types: keys, types, meanings and
//! limits from their schema, defaults by trying the parser.

mod keys;
mod page;

use std::{collections::BTreeSet, fs, path::Path};

use utakata_model::Manifest;

use self::keys::{KEYS, Key, paths};

const EXAMPLE: &str = include_str!("manifest_reference/example.toml");

/// A minimal manifest, with everything that a key may need.
const LEAST: &str = r#"
kind = "x"
version = "1"
protocol = 1
run.program = "x"
pool.recycle.tasks = 1
[[action]]
name = "read"
class = "observe"
[[action]]
name = "set"
class = "control"
verify = { action = "read", metric = "m", value = 1 }
undo = { action = "set" }
[[action]]
name = "set-password"
class = "control"
parameters.type = "object"
parameters.properties.password = { type = "string", writeOnly = true }
rotates = { field = "password", parameter = "password", login = "read" }
[credential]
type = "object"
properties.password.type = "string"
"#;

#[test]
fn the_reference_in_the_guide_is_that_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide/manifest.md");
    let now = page::render(EXAMPLE);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &now).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == now,
        "docs/guide/manifest.md is not what the types say: run this test with UPDATE=1, and look \
         at the difference"
    );
}

#[test]
fn every_key_of_the_types_is_explained_and_no_other() {
    let known: BTreeSet<String> = paths().keys().cloned().collect();
    let explained: BTreeSet<String> = KEYS.iter().map(|key| key.path.to_owned()).collect();
    assert_eq!(explained, known);
}

#[test]
fn every_default_is_what_the_parser_takes_where_nothing_is_said() {
    // As on the wire, where empty `settings` and none at all are the same.
    let wire = |manifest: &Manifest| serde_json::to_value(manifest).unwrap();
    let least = wire(&Manifest::parse(LEAST).unwrap());
    for Key { path, default, .. } in KEYS {
        let Some(value) = default else { continue };
        let mut table: toml::Table = toml::from_str(LEAST).unwrap();
        let value = toml::from_str::<toml::Table>(&format!("it = {value}")).unwrap();
        put(&mut table, path, value["it"].clone());
        let text = toml::to_string(&table).unwrap();
        let with = Manifest::parse(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(wire(&with), least, "{path} = {value}");
    }
}

#[test]
fn the_example_is_right_and_has_every_key() {
    Manifest::parse(EXAMPLE).unwrap();
    let table: toml::Table = toml::from_str(EXAMPLE).unwrap();
    for key in KEYS {
        assert!(has(&table, key.path), "{} is not in the example", key.path);
    }
}

/// Puts a value below a path; below actions, into the one that controls, or changes passwords.
fn put(table: &mut toml::Table, path: &str, value: toml::Value) {
    let Some((first, rest)) = path.split_once('.') else {
        table.insert(path.into(), value);
        return;
    };
    match table
        .entry(first)
        .or_insert_with(|| toml::Table::new().into())
    {
        toml::Value::Array(actions) => {
            let at = if rest.starts_with("rotates.") { 2 } else { 1 };
            put(actions[at].as_table_mut().unwrap(), rest, value);
        }
        toml::Value::Table(below) => put(below, rest, value),
        other => panic!("{path}: {other}"),
    }
}

fn has(table: &toml::Table, path: &str) -> bool {
    let (first, rest) = match path.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    match (table.get(first), rest) {
        (found, None) => found.is_some(),
        (Some(toml::Value::Table(below)), Some(rest)) => has(below, rest),
        (Some(toml::Value::Array(actions)), Some(rest)) => actions
            .iter()
            .any(|action| has(action.as_table().unwrap(), rest)),
        _ => false,
    }
}
