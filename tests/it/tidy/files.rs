//! Files are short, say what they are, and have meaningful names.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use utakata_tests::repository;

use super::source::{Source, has_component, rust_sources};
use super::{Offence, expect_none};

const MAX_LINES: usize = 600;
const MAX_LINES_OF_MAIN: usize = 100;
const EMPTY_NAMES: [&str; 9] = [
    "common", "util", "utils", "helper", "helpers", "core", "data", "info", "misc",
];

#[test]
fn no_file_is_longer_than_600_lines_apart_from_its_tests() {
    let offences = rust_sources().iter().filter_map(too_long).collect();
    expect_none(
        "find the second noun in these files and give it one of its own:",
        offences,
    );
}

#[test]
fn every_file_says_first_what_it_is() {
    let offences = rust_sources().iter().filter_map(silent).collect();
    expect_none("these files do not begin with a //! sentence:", offences);
}

#[test]
fn no_module_has_a_name_that_says_nothing() {
    let sources = rust_sources();
    let inline = sources.iter().flat_map(empty_modules);
    let offences = inline.chain(sources.iter().filter_map(|source| empty_name(&source.path)));
    expect_none("name these after what is in them:", offences.collect());
}

#[test]
fn no_module_is_a_mod_rs() {
    let files = repository::files().unwrap();
    let named = files
        .iter()
        .filter(|path| path.file_name() == Some(OsStr::new("mod.rs")));
    let offences = named.map(|path| Offence::new(path, 0, "is foo.rs beside foo/ instead"));
    expect_none(
        "a folder of modules has its file beside it:",
        offences.collect(),
    );
}

#[test]
fn every_profile_in_the_folder_of_a_worker_is_shipped() {
    let sources = rust_sources();
    let files = repository::files().unwrap();
    let offences = files.iter().filter_map(|path| {
        let profile = path.strip_prefix("workers").ok()?;
        let (worker, profile) = profile.to_str()?.split_once('/')?;
        let is_profile = profile.starts_with("profiles/") && profile.ends_with(".toml");
        let named = format!("../{profile}\")");
        let source = Path::new("workers").join(worker).join("src");
        let is_shipped = sources
            .iter()
            .any(|of| of.path.starts_with(&source) && of.text.contains(&named));
        (is_profile && !is_shipped).then(|| Offence::new(path, 0, "is in no `include_str!`"))
    });
    expect_none("these profiles would reach nobody:", offences.collect());
}

fn too_long(source: &Source) -> Option<Offence> {
    let lines = source.is_test.iter().filter(|is_test| !**is_test).count();
    let max = match source.path.ends_with("src/main.rs") {
        true => MAX_LINES_OF_MAIN,
        false => MAX_LINES,
    };
    (lines > max).then(|| {
        Offence::new(
            &source.path,
            0,
            format!("has {lines} lines, {max} are the most"),
        )
    })
}

fn silent(source: &Source) -> Option<Offence> {
    let first = source
        .text
        .lines()
        .find(|line| !line.starts_with("#!/"))
        .unwrap_or_default();
    // The name of `foo/tests.rs` says it already.
    if source.path.ends_with("tests.rs") {
        return None;
    }
    let sentence = first.strip_prefix("//!").map(str::trim).unwrap_or_default();
    sentence
        .is_empty()
        .then(|| Offence::new(&source.path, 1, "no //! sentence"))
}

fn empty_name(path: &Path) -> Option<Offence> {
    let without_ending = path.with_extension("");
    let name = EMPTY_NAMES
        .iter()
        .find(|name| has_component(&without_ending, name))?;
    Some(Offence::new(path, 0, format!("`{name}` says nothing")))
}

fn empty_modules(source: &Source) -> Vec<Offence> {
    let mut offences = Vec::new();
    for at in source.words("mod") {
        let name = source.code[at + 3..]
            .split(['{', ';'])
            .next()
            .unwrap_or_default()
            .trim();
        if EMPTY_NAMES.contains(&name) {
            let what = format!("`mod {name}` says nothing");
            offences.push(Offence::new(&source.path, source.line_of(at), what));
        }
    }
    offences
}

#[test]
fn each_rule_of_files_finds_its_offender() {
    let source = |path: &str, text: &str| Source::new(PathBuf::from(path), text.to_owned());
    assert!(too_long(&source("a.rs", &"\n".repeat(601))).is_some());
    assert!(too_long(&source("a.rs", &"\n".repeat(600))).is_none());
    assert!(too_long(&source("a/src/main.rs", &"\n".repeat(101))).is_some());
    assert!(silent(&source("a.rs", "use b;\n")).is_some());
    assert!(silent(&source("a.rs", "//! A sentence.\n")).is_none());
    assert!(silent(&source("a/tests.rs", "use b;\n")).is_none());
    assert!(empty_name(Path::new("model/src/util.rs")).is_some());
    assert!(empty_name(Path::new("model/src/core/id.rs")).is_some());
    assert!(empty_name(Path::new("model/src/database.rs")).is_none());
    assert_eq!(
        empty_modules(&source("a.rs", "mod data {}\nmod date;\n")).len(),
        1
    );
}
