//! The codes of problems and their pages: each code is used, and each used code has a page.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use utakata_logic::code::{self, Code};
use utakata_tests::repository;

use super::source::{Source, rust_sources};
use super::{Offence, expect_none};

const PAGES: &str = "docs/errors";
const TABLE: &str = "logic/src/code.rs";

#[test]
fn every_page_of_a_code_is_that_of_a_code_and_says_what_to_do() {
    let mut offences = Vec::new();
    let mut files = BTreeSet::new();
    let folder = repository::root().join(PAGES);
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let mark = format!("Code: `{name}`");
        for part in ["# ", &mark, "## What it means", "## What to do"] {
            if !text.lines().any(|line| line.starts_with(part)) {
                let page = Path::new(PAGES).join(format!("{name}.md"));
                offences.push(Offence::new(
                    &page,
                    0,
                    format!("says nothing of \"{part}\""),
                ));
            }
        }
        files.insert(name);
    }
    expect_none("a page says what a code means and what to do:", offences);
    let codes = code::pages().iter().map(|page| page.code.to_owned());
    assert_eq!(files, codes.collect(), "pages, and codes with a page");
}

#[test]
fn every_code_is_used() {
    let sources = product();
    let is_used = |text: &str| sources.iter().any(|one| one.text.contains(text));
    let mut offences = Vec::new();
    for page in code::pages() {
        let refusal = Code::ALL.iter().find(|one| one.as_str() == page.code);
        let is_used = match refusal {
            Some(refusal) => is_used(&format!("Code::{refusal:?}")),
            None => is_used(&format!("\"{}\"", page.code)),
        };
        if !is_used {
            let what = format!("nobody uses the code {}", page.code);
            offences.push(Offence::new(Path::new(TABLE), 0, what));
        }
    }
    expect_none("a code that nothing has needs no page:", offences);
}

#[test]
fn every_code_that_is_used_has_a_page() {
    let mut offences = Vec::new();
    for source in product() {
        for (line, code) in problems(&source) {
            if code::page(&code).is_none() {
                let what = format!("the code {code} has no page in {PAGES}");
                offences.push(Offence::new(&source.path, line, what));
            }
        }
    }
    expect_none("`utakata error` must know every code:", offences);
}

/// Our sources except those of tests and of workers, which may have codes of their own.
fn product() -> Vec<Source> {
    let sources = rust_sources().into_iter();
    let is_meant = |path: &Path| {
        let first = path.components().next();
        let first = first.and_then(|part| part.as_os_str().to_str());
        !matches!(first, Some("simulator" | "benches")) && path != Path::new(TABLE)
    };
    sources.filter(|one| is_meant(&one.path)).collect()
}

/// The codes with which problems are created outside tests, and their lines.
fn problems(source: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for call in ["Problem::new(", "problem("] {
        for (at, _) in source.code.match_indices(call) {
            let rest = source.text[at + call.len()..].trim_start();
            let code = rest
                .strip_prefix('"')
                .and_then(|rest| rest.split('"').next());
            let line = source.line_of(at);
            if let Some(code) = code.filter(|code| !code.is_empty() && !source.is_test_line(line))
                && code
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
            {
                found.push((line, code.to_owned()));
            }
        }
    }
    found
}

#[test]
fn the_codes_of_problems_are_found() {
    let text = "fn a() {\n    Problem::new(\n        \"a-code\", Cure::Retry, \"b\");\n    problem(c);\n}\n";
    let source = Source::new("a.rs".into(), text.to_owned());
    assert_eq!(problems(&source), [(2, "a-code".to_owned())]);
}
