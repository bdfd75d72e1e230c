//! Words that do not belong in code, in tests, or in any file.

use std::fs;
use std::path::{Path, PathBuf};

use utakata_tests::repository;

use super::source::{Source, rust_sources};
use super::{Offence, expect_none};

/// The only place where tests pause between polls.
const WAITS: &str = "tests/src/wait.rs";

#[test]
fn no_test_sleeps() {
    let offences = rust_sources().iter().flat_map(sleeps).collect();
    expect_none(
        "wait for a value with a deadline, or pause the clock:",
        offences,
    );
}

#[test]
fn no_test_bounds_a_time_of_the_wall() {
    let offences = rust_sources().iter().flat_map(hurries).collect();
    expect_none(
        "how soon something comes is a matter of benchmarks; pause the clock, or wait:",
        offences,
    );
}

#[test]
fn tests_poll_in_one_way() {
    let offences = rust_sources().iter().flat_map(spins).collect();
    expect_none("wait with utakata_tests::wait:", offences);
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
    expect_none(
        "the reader of these files does not have that folder:",
        offences_of_texts(private_places),
    );
}

#[test]
fn no_file_has_marks_of_a_merge() {
    expect_none(
        "two versions of these lines are left:",
        offences_of_texts(marks_of_a_merge),
    );
}

fn offences_of_texts(rule: impl Fn(&Path, &str) -> Vec<Offence>) -> Vec<Offence> {
    let mut offences = Vec::new();
    for path in repository::files().unwrap() {
        let bytes = fs::read(repository::root().join(&path)).unwrap();
        if let Ok(text) = String::from_utf8(bytes) {
            offences.extend(rule(&path, &text));
        }
    }
    offences
}

fn sleeps(source: &Source) -> Vec<Offence> {
    let calls = source.words("sleep").filter(|at| {
        let line = source.line_of(*at);
        source.is_test_line(line) && source.code[at + 5..].starts_with('(')
    });
    let is_the_one = source.path.ends_with(WAITS);
    calls
        .filter(|_| !is_the_one)
        .map(|at| Offence::new(&source.path, source.line_of(at), "sleeps"))
        .collect()
}

/// Upper bounds on measured time. With a paused clock it is not wall-clock time.
fn hurries(source: &Source) -> Vec<Offence> {
    let is_paused = source.code.contains("start_paused");
    let bounds = source.words("elapsed").filter(|at| {
        let rest = &source.code[at + "elapsed".len()..];
        source.is_test_line(source.line_of(*at)) && rest.starts_with("() <")
    });
    bounds
        .filter(|_| !is_paused)
        .map(|at| Offence::new(&source.path, source.line_of(at), "bounds a time"))
        .collect()
}

/// Polling loops without a pause, or with one of their own.
fn spins(source: &Source) -> Vec<Offence> {
    let lines: Vec<&str> = source.code.lines().collect();
    let looks = |number: usize| {
        let before = lines[..number].iter().rev();
        let mut before = before
            .map(|line| line.trim())
            .filter(|line| !line.is_empty());
        let loops = |line: &str| line.starts_with("while ") || line == "loop {" || line == "}";
        before.next().is_some_and(loops)
    };
    let is_offence = |number: &usize| {
        let line = lines[*number];
        source.is_test_line(number + 1)
            && (line.contains("park_timeout(") || line.contains("yield_now()") && looks(*number))
    };
    (0..lines.len())
        .filter(is_offence)
        .map(|number| Offence::new(&source.path, number + 1, "polls in its own way"))
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

/// Every `#[...]` and `#![...]`, and its position.
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
    // In two halves, so that this file does not contain them.
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

fn marks_of_a_merge(path: &Path, text: &str) -> Vec<Offence> {
    let marks = ["<", ">"].map(|mark| format!("{} ", mark.repeat(7)));
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| marks.iter().any(|mark| line.starts_with(mark)))
        .map(|(number, _)| Offence::new(path, number + 1, "a mark of a merge"))
        .collect()
}

#[test]
fn each_rule_of_words_finds_its_offender() {
    let test = |text: &str| Source::new(PathBuf::from("a/tests/it/b.rs"), text.to_owned());
    let product = |text: &str| Source::new(PathBuf::from("a/src/b.rs"), text.to_owned());
    assert_eq!(sleeps(&test("fn a() { thread::sleep(d); }")).len(), 1);
    assert_eq!(sleeps(&product("fn a() { thread::sleep(d); }")), []);
    let bound = "fn a() { assert!(began.elapsed() < d); }";
    assert_eq!(hurries(&test(bound)).len(), 1);
    assert_eq!(hurries(&product(bound)), []);
    let paused = format!("#[tokio::test(start_paused = true)] {bound}");
    assert_eq!(hurries(&test(&paused)), []);
    let spin = "fn a() {\n  while !b() {\n    yield_now().await;\n  }\n}";
    assert_eq!(spins(&test(spin)).len(), 1);
    assert_eq!(spins(&product(spin)), []);
    assert_eq!(spins(&test("fn a() {\n  park_timeout(d);\n}")).len(), 1);
    assert_eq!(spins(&test("fn a() {\n  b();\n  yield_now();\n}")), []);
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
    let mark = format!("a\n{} ours", "<".repeat(7));
    assert_eq!(marks_of_a_merge(Path::new("a.md"), &mark).len(), 1);
}
