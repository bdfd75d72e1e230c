//! Words that do not belong in code, in tests, or in any file.

use std::fs;
use std::path::{Path, PathBuf};

use utakata_tests::repository;

use super::source::{Source, rust_sources};
use super::{Offence, expect_none};

#[test]
fn no_test_sleeps() {
    let offences = rust_sources().iter().flat_map(sleeps).collect();
    expect_none(
        "wait for a value with a deadline, or pause the clock:",
        offences,
    );
}

#[test]
fn no_test_is_ignored_or_should_panic() {
    let offences = rust_sources().iter().flat_map(excused).collect();
    expect_none("a test runs, and says what it expects:", offences);
}

#[test]
fn every_allow_has_a_reason() {
    let offences = rust_sources().iter().flat_map(unreasoned).collect();
    expect_none("these lints are silenced without a reason:", offences);
}

#[test]
fn no_file_names_a_place_that_only_its_author_has() {
    let mut offences = Vec::new();
    for path in repository::files().unwrap() {
        let bytes = fs::read(repository::root().join(&path)).unwrap();
        if let Ok(text) = String::from_utf8(bytes) {
            offences.extend(private_places(&path, &text));
        }
    }
    expect_none(
        "the reader of these files does not have that folder:",
        offences,
    );
}

fn sleeps(source: &Source) -> Vec<Offence> {
    let calls = source.words("sleep").filter(|at| {
        let line = source.line_of(*at);
        source.is_test_line(line) && source.code[at + 5..].starts_with('(')
    });
    calls
        .map(|at| Offence::new(&source.path, source.line_of(at), "sleeps"))
        .collect()
}

fn excused(source: &Source) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (at, attribute) in attributes(source) {
        for word in ["ignore", "should_panic"] {
            if attribute
                .trim_start_matches(['#', '!', '[', ' '])
                .starts_with(word)
            {
                offences.push(Offence::new(&source.path, source.line_of(at), word));
            }
        }
    }
    offences
}

fn unreasoned(source: &Source) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (at, attribute) in attributes(source) {
        let is_silencer = ["allow(", "expect("]
            .iter()
            .any(|word| attribute.contains(word));
        if is_silencer && !attribute.contains("reason") {
            offences.push(Offence::new(&source.path, source.line_of(at), "no reason"));
        }
    }
    offences
}

/// Every `#[...]` and `#![...]`, and where it begins.
fn attributes(source: &Source) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (at, _) in source.code.match_indices('#') {
        let rest = &source.code[at..];
        if !rest.starts_with("#[") && !rest.starts_with("#![") {
            continue;
        }
        let mut depth = 0_usize;
        let end = rest.find(|letter| {
            match letter {
                '[' => depth += 1,
                ']' => depth = depth.saturating_sub(1),
                _ => return false,
            }
            depth == 0
        });
        found.push((at, &rest[..end.unwrap_or(rest.len())]));
    }
    found
}

fn private_places(path: &Path, text: &str) -> Vec<Offence> {
    // In two halves, so that this file does not name them.
    let places = [
        ["/wo", "rk/"].concat(),
        ["../sha", "red"].concat(),
        ["/ro", "ot/"].concat(),
    ];
    let mut offences = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for place in places.iter().filter(|place| line.contains(*place)) {
            offences.push(Offence::new(path, number + 1, format!("names {place}")));
        }
    }
    offences
}

#[test]
fn each_rule_of_words_finds_its_offender() {
    let test = |text: &str| Source::new(PathBuf::from("a/tests/it/b.rs"), text.to_owned());
    let product = |text: &str| Source::new(PathBuf::from("a/src/b.rs"), text.to_owned());
    assert_eq!(sleeps(&test("fn a() { thread::sleep(d); }")).len(), 1);
    assert_eq!(sleeps(&product("fn a() { thread::sleep(d); }")), []);
    assert_eq!(
        sleeps(&test("fn a() { asleep(d); \"sleep()\"; // sleep()\n }")),
        []
    );
    assert_eq!(
        excused(&test("#[test]\n#[ignore = \"slow\"]\nfn a() {}"))[0].line,
        2
    );
    assert_eq!(excused(&test("#[should_panic]\nfn a() {}")).len(), 1);
    assert_eq!(excused(&test("#[cfg(ignored)]\nfn a() {}")), []);
    assert_eq!(unreasoned(&product("#![allow(dead_code)]")).len(), 1);
    assert_eq!(unreasoned(&product("#[cfg_attr(a, expect(b))]")).len(), 1);
    assert_eq!(
        unreasoned(&product("#[allow(\n  dead_code,\n  reason = \"b\",\n)]")),
        []
    );
    let place = ["see /wo", "rk/design"].concat();
    assert_eq!(private_places(Path::new("a.md"), &place).len(), 1);
    assert_eq!(private_places(Path::new("a.md"), "a network/card"), []);
}
