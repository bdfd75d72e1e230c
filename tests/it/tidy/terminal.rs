//! The output of the command line: all of it goes through one place, which makes it harmless.

use std::path::Path;

use super::source::{Source, rust_sources};
use super::{Offence, expect_none};

const MACROS: [&str; 4] = ["print", "println", "eprint", "eprintln"];

#[test]
fn only_the_output_of_the_command_line_writes_to_the_terminal() {
    let sources = rust_sources();
    let commands = sources.iter().filter(|source| is_command(&source.path));
    let offences = commands.flat_map(writes).collect();
    expect_none(
        "what people and devices wrote must not reach a terminal raw: use tell! or Output:",
        offences,
    );
}

/// The drill, a separate program, reports only on what it created itself.
fn is_command(path: &Path) -> bool {
    let path = path.to_string_lossy().replace('\\', "/");
    path.contains("utakata/src/") || path.contains("up/src/")
}

fn writes(source: &Source) -> Vec<Offence> {
    let mut offences = Vec::new();
    for name in MACROS {
        for at in source.words(name) {
            let line = source.line_of(at);
            let is_macro = source.code[at + name.len()..].starts_with('!');
            if is_macro && !source.is_test_line(line) {
                offences.push(Offence::new(&source.path, line, format!("{name}!")));
            }
        }
    }
    offences
}

#[test]
fn a_macro_that_prints_is_found_and_a_word_is_not() {
    let text = "fn a() { println!(\"x\"); tell!(\"println!\"); println() }\n";
    let source = Source::new("utakata/src/a.rs".into(), text.to_owned());
    assert_eq!(writes(&source).len(), 1);
}
