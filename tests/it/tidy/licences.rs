//! The licences of our dependencies: every one is on the list, and no forbidden crate is in the
//! tree.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use utakata_tests::repository;

use super::{Offence, expect_none};

/// Not without the consent of those who wrote the list: not open source, or copyleft.
const FORBIDDEN: [&str; 4] = ["evalexpr", "paho-mqtt", "rodbus", "rust-ipmi"];

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    /// Absent for a crate of this workspace.
    source: Option<String>,
}

#[derive(Deserialize)]
struct Rules {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: HashSet<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
}

#[test]
fn every_licence_is_on_the_list() {
    let allowed = rules().licenses.allow;
    let offences = packages()
        .iter()
        .filter_map(|package| unlicensed(package, &allowed))
        .collect();
    expect_none("these are not under a licence of deny.toml:", offences);
}

#[test]
fn no_forbidden_crate_is_in_the_tree() {
    let banned: Vec<String> = rules().bans.deny.into_iter().map(|ban| ban.name).collect();
    for name in FORBIDDEN {
        assert!(
            banned.iter().any(|one| one == name),
            "deny.toml does not ban {name}"
        );
    }
    let packages = packages();
    let present = packages
        .iter()
        .filter(|package| banned.contains(&package.name));
    let offences = present.map(|package| Offence::new(Path::new("Cargo.lock"), 0, &package.name));
    expect_none("deny.toml bans these crates:", offences.collect());
}

fn rules() -> Rules {
    let text = fs::read_to_string(repository::root().join("deny.toml")).unwrap();
    toml::from_str(&text).unwrap()
}

/// All packages in the lock file, for all platforms.
fn packages() -> Vec<Package> {
    super::packages("--locked")
}

fn unlicensed(package: &Package, allowed: &HashSet<String>) -> Option<Offence> {
    let is_ours = package.source.is_none();
    let what = match package.license.as_deref() {
        None => "no licence".to_owned(),
        Some("Apache-2.0") if is_ours => return None,
        Some(licence) if is_ours => format!("{licence}, ours are Apache-2.0"),
        Some(licence) if is_allowed(licence, allowed) => return None,
        Some(licence) => licence.to_owned(),
    };
    let what = format!("{} {}: {what}", package.name, package.version);
    Some(Offence::new(Path::new("Cargo.lock"), 0, what))
}

/// Returns true if an SPDX expression can be met: `OR` and the old `/` need one side, `AND` both.
fn is_allowed(expression: &str, allowed: &HashSet<String>) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut words = words.as_slice();
    either(&mut words, allowed) && words.is_empty()
}

fn either(words: &mut &[&str], allowed: &HashSet<String>) -> bool {
    let mut is_met = both(words, allowed);
    while let ["OR", rest @ ..] = words {
        *words = rest;
        is_met |= both(words, allowed);
    }
    is_met
}

fn both(words: &mut &[&str], allowed: &HashSet<String>) -> bool {
    let mut is_met = one(words, allowed);
    while let ["AND", rest @ ..] = words {
        *words = rest;
        is_met &= one(words, allowed);
    }
    is_met
}

fn one(words: &mut &[&str], allowed: &HashSet<String>) -> bool {
    match words {
        ["(", rest @ ..] => {
            *words = rest;
            let is_met = either(words, allowed);
            let is_closed = words.first() == Some(&")");
            *words = words.get(1..).unwrap_or_default();
            is_met && is_closed
        }
        [licence, "WITH", exception, rest @ ..] => {
            *words = rest;
            allowed.contains(&format!("{licence} WITH {exception}"))
        }
        [licence, rest @ ..] => {
            *words = rest;
            allowed.contains(*licence)
        }
        [] => false,
    }
}

#[test]
fn a_licence_expression_is_met_by_what_is_allowed() {
    let allowed = ["MIT", "Zlib", "A WITH B"].map(str::to_owned).into();
    let check = |expression: &str, expect: bool| {
        assert_eq!(is_allowed(expression, &allowed), expect, "{expression}");
    };
    check("MIT", true);
    check("GPL-3.0", false);
    check("GPL-3.0 OR MIT", true);
    check("GPL-3.0/MIT", true);
    check("GPL-3.0 / MIT", true);
    check("GPL-3.0 AND MIT", false);
    check("(GPL-3.0 OR MIT) AND Zlib", true);
    check("(GPL-3.0 OR MIT) AND ISC", false);
    check("MIT AND GPL-3.0 OR Zlib", true);
    check("A WITH B OR GPL-3.0", true);
    check("A", false);
    check("MIT)", false);
    check("(MIT", false);
    check("", false);
}
