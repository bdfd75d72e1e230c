//! Documents refer to things that exist: files by links, tests by name.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use utakata_tests::repository;

use super::source::rust_sources;
use super::{Offence, expect_none};

const PROMISES: &str = "docs/promises.md";
const FAULTS: &str = "docs/design/faults-of-devices.md";

#[test]
fn every_link_in_a_document_resolves() {
    let files = repository::files().unwrap();
    let mut offences = Vec::new();
    for path in files
        .iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
    {
        let text = fs::read_to_string(repository::root().join(path)).unwrap();
        let folder = path.parent().unwrap_or(Path::new(""));
        for (line, target) in links(&text) {
            let is_there = repository::root().join(folder).join(&target).exists();
            if !is_there {
                offences.push(Offence::new(path, line, format!("there is no {target}")));
            }
        }
    }
    expect_none("these links lead nowhere:", offences);
}

#[test]
fn every_promise_names_a_test_that_exists() {
    let text = fs::read_to_string(repository::root().join(PROMISES)).unwrap();
    let tests = known_tests();
    let offence = |line, what: String| Offence::new(Path::new(PROMISES), line, what);
    let promises = promises(&text);
    assert!(!promises.is_empty(), "{PROMISES} promises nothing");
    let mut offences = Vec::new();
    for (line, promise) in promises {
        let named = named_tests(&promise);
        if named.is_empty() {
            offences.push(offence(line, "names no test: `...`".into()));
        }
        for name in named.iter().filter(|name| !tests.contains(*name)) {
            offences.push(offence(line, format!("there is no test `{name}`")));
        }
    }
    expect_none("a promise that no test holds is a wish:", offences);
}

#[test]
fn every_fault_of_a_device_names_a_test_that_exists() {
    let text = fs::read_to_string(repository::root().join(FAULTS)).unwrap();
    let tests = known_tests();
    let offence = |line, what: String| Offence::new(Path::new(FAULTS), line, what);
    let mut offences = Vec::new();
    for (line, named) in faults(&text) {
        if named.is_empty() {
            offences.push(offence(line, "names no test: `...`".into()));
        }
        for name in named.iter().filter(|name| !tests.contains(*name)) {
            offences.push(offence(line, format!("there is no test `{name}`")));
        }
    }
    expect_none("these faults were only thought of:", offences);
}

fn known_tests() -> HashSet<String> {
    let sources = rust_sources();
    sources.iter().flat_map(|one| names(&one.code)).collect()
}

/// The rows of tables, with the tests in their last column; "the same" is that of the row before.
fn faults(text: &str) -> Vec<(usize, Vec<String>)> {
    let mut found: Vec<(usize, Vec<String>)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let row = line
            .strip_prefix("| ")
            .and_then(|row| row.strip_suffix('|'));
        let Some((_, last)) = row.and_then(|row| row.rsplit_once(" | ")) else {
            continue;
        };
        let named = match last.trim() {
            "test" => continue,
            "the same" => found
                .last()
                .map_or_else(Vec::new, |(_, named)| named.clone()),
            last => last
                .split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect(),
        };
        found.push((number + 1, named));
    }
    found
}

/// Relative links outside code, with their lines; what follows `#` is dropped.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut is_code = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        if is_code {
            continue;
        }
        let line = without_code(line);
        let inline = line
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split([')', ' ']).next());
        let reference = line
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("]: "));
        for target in inline.chain(reference.map(|(_, target)| target.trim())) {
            let file = target
                .split('#')
                .next()
                .unwrap_or_default()
                .trim_matches(['<', '>']);
            if !file.is_empty() && !file.contains("://") && !file.starts_with("mailto:") {
                found.push((number + 1, file.to_owned()));
            }
        }
    }
    found
}

/// A line without the text between backticks.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("``")
}

/// List items and their lines, except for the table of contents.
fn promises(text: &str) -> Vec<(usize, String)> {
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| line.starts_with("- ") && !line.starts_with("- ["))
        .map(|(number, line)| (number + 1, line.to_owned()))
        .collect()
}

/// Returns the names in backticks after "test: " or "tests: "; of a path, the last part.
fn named_tests(line: &str) -> Vec<String> {
    let mut names = Vec::new();
    for mark in ["test: `", "tests: `"] {
        for (at, _) in line.match_indices(mark) {
            let list = &line[at + mark.len()..];
            let mut parts = list.split('`');
            while let Some(name) = parts.next() {
                names.push(name.rsplit("::").next().unwrap_or(name).to_owned());
                if !matches!(parts.next().map(str::trim), Some("," | "and" | ", and")) {
                    break;
                }
            }
        }
    }
    names
}

/// Returns the names of all functions.
fn names(code: &str) -> Vec<String> {
    let after_fn = code.split("fn ").skip(1);
    let name = |rest: &str| {
        rest.split(['(', '<'])
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    after_fn.map(name).collect()
}

#[test]
fn links_are_found_outside_of_code() {
    let text = "[a](b.md#c) and `[d](e)` [f](https://g) [h](#i)\n```\n[j](k)\n```\n[l]: m/n.md\n";
    assert_eq!(
        links(text),
        [(1, "b.md".to_owned()), (5, "m/n.md".to_owned())]
    );
}

#[test]
fn the_tests_of_a_promise_are_found() {
    let check = |line: &str, expect: &[&str]| assert_eq!(named_tests(line), expect, "{line}");
    check(
        "- a worker never sees the broker (test: `tidy::arrows::a`)",
        &["a"],
    );
    check("- x; tests: `a`, `b` and `c`; in `d`", &["a", "b", "c"]);
    check("- a test of `d`", &[]);
    let text = "# Promises\n- [one](#one)\n## One\n- one (test: `a`)\n\nprose\n";
    assert_eq!(promises(text), [(4, "- one (test: `a`)".to_owned())]);
    assert_eq!(names("pub fn a() {} async fn b<T>(t: T) {}"), ["a", "b"]);
}

#[test]
fn a_document_is_a_file_of_the_repository() {
    assert!(
        repository::files()
            .unwrap()
            .contains(&PathBuf::from("tests/recordings/README.md"))
    );
}
