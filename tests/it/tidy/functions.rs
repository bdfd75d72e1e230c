//! Functions are short.

use std::path::PathBuf;

use super::source::{Source, end_of_item, rust_sources};
use super::{Offence, expect_none};

const MAX_LINES: usize = 80;

#[test]
fn no_function_is_longer_than_80_lines() {
    let offences = rust_sources().iter().flat_map(long_functions).collect();
    expect_none(
        "a function does one thing; take the steps out of these:",
        offences,
    );
}

fn long_functions(source: &Source) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (name, first, last) in functions(source) {
        let length = last - first + 1;
        if length > MAX_LINES && !source.is_test_line(first) {
            let what = format!("fn {name} has {length} lines, {MAX_LINES} are the most");
            offences.push(Offence::new(&source.path, first, what));
        }
    }
    offences
}

/// Name, first line and last line of every function.
fn functions(source: &Source) -> Vec<(String, usize, usize)> {
    let mut found = Vec::new();
    for at in source.words("fn") {
        let name: String = source.code[at + 2..]
            .trim_start()
            .chars()
            .take_while(|letter| letter.is_alphanumeric() || *letter == '_' || *letter == '#')
            .collect();
        // A pointer type `fn(A) -> B` has no name.
        if !name.is_empty() {
            let end = end_of_item(&source.code, at);
            found.push((name, source.line_of(at), source.line_of(end)));
        }
    }
    found
}

#[test]
fn functions_are_found_with_their_lengths() {
    let text = "\
pub fn one(f: fn(u8) -> u8) -> [u8; 2] {
    [0; 2]
}
trait T {
    fn two();
    fn three<F>(f: F) where F: Fn() -> u8 {
        if true { \"}\" } else { '}' };
    }
}
";
    let source = Source::new(PathBuf::from("a.rs"), text.to_owned());
    let expect = [("one", 1, 3), ("two", 5, 5), ("three", 6, 8)];
    let expect = expect.map(|(name, first, last)| (name.to_owned(), first, last));
    assert_eq!(functions(&source), expect);
}

#[test]
fn a_function_of_81_lines_is_an_offence_but_not_in_a_test() {
    let long = format!("fn long() {{\n{}}}\n", "    step();\n".repeat(79));
    let product = Source::new(PathBuf::from("model/src/a.rs"), long.clone());
    assert_eq!(long_functions(&product).len(), 1);
    let test = Source::new(PathBuf::from("model/tests/it/a.rs"), long);
    assert_eq!(long_functions(&test), []);
}
