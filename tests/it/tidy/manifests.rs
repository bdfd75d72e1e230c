//! Every crate takes its versions and its lints from the root.

use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};
use utakata_tests::repository;

use super::{Offence, expect_none};

#[test]
fn versions_stand_in_the_root_table_only() {
    let offences = manifests()
        .iter()
        .flat_map(|(path, table)| versions(path, table))
        .collect();
    expect_none(
        "write `name.workspace = true` and the version in the root:",
        offences,
    );
}

#[test]
fn every_crate_has_the_lints_of_the_workspace() {
    let manifests = manifests();
    let without = manifests.iter().filter(|(_, table)| !has_lints(table));
    let offences = without.map(|(path, _)| Offence::new(path, 0, "no [lints] workspace = true"));
    expect_none("these crates go without our lints:", offences.collect());
}

/// The manifests of the workspace's crates, except the root's own and those of another workspace,
/// which cannot inherit from this one.
fn manifests() -> Vec<(PathBuf, Table)> {
    let files = repository::files().unwrap();
    let named = files
        .into_iter()
        .filter(|path| path.ends_with("Cargo.toml") && !path.starts_with("stubs"));
    named
        .map(|path| {
            let text = fs::read_to_string(repository::root().join(&path)).unwrap();
            (path, text.parse::<Table>().unwrap())
        })
        .filter(|(_, table)| table.contains_key("package") && !table.contains_key("workspace"))
        .collect()
}

fn versions(path: &Path, table: &Table) -> Vec<Offence> {
    let targets = table.get("target").and_then(Value::as_table);
    let of_targets = targets
        .into_iter()
        .flat_map(Table::values)
        .filter_map(Value::as_table);
    let mut offences = Vec::new();
    for tables in of_targets.chain([table]) {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let entries = tables.get(kind).and_then(Value::as_table);
            let own = entries
                .into_iter()
                .flatten()
                .filter(|(_, entry)| !is_inherited(entry));
            offences.extend(own.map(|(name, _)| Offence::new(path, 0, name.as_str())));
        }
    }
    offences
}

fn is_inherited(entry: &Value) -> bool {
    entry.get("workspace").and_then(Value::as_bool) == Some(true)
}

fn has_lints(table: &Table) -> bool {
    table.get("lints").is_some_and(is_inherited)
}

#[test]
fn each_rule_of_manifests_finds_its_offender() {
    let table = |text: &str| text.parse::<Table>().unwrap();
    let path = Path::new("Cargo.toml");
    let own = "[dependencies]\na = '1'\nb.workspace = true\nc = { path = 'c' }\n";
    assert_eq!(versions(path, &table(own)).len(), 2);
    assert_eq!(
        versions(path, &table("[target.x.dev-dependencies]\na = '1'\n")).len(),
        1
    );
    assert!(has_lints(&table("[lints]\nworkspace = true\n")));
    assert!(!has_lints(&table("[package]\nname = 'a'\n")));
}
