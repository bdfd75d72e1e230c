//! Crates that decide take time, randomness and names as arguments.

use super::source::{Source, rust_sources};
use super::{Offence, expect_none};

/// The folders of pure crates.
const PURE: [&str; 1] = ["permit/src"];
/// Calls that read a clock, draw random numbers, or reach outside.
const IMPURE: [&str; 8] = [
    "Instant::now",
    "SystemTime",
    "Timestamp::now",
    "getrandom",
    "generate()",
    "std::env",
    "std::fs",
    "async fn",
];

#[test]
fn code_that_decides_reads_no_clock_and_draws_no_random_numbers() {
    let offences = rust_sources().iter().flat_map(impure).collect();
    expect_none("these belong to whoever acts on the decision:", offences);
}

fn impure(source: &Source) -> Vec<Offence> {
    if !PURE.iter().any(|folder| source.path.starts_with(folder)) {
        return Vec::new();
    }
    let found = IMPURE.iter().flat_map(|call| {
        let places = source.code.match_indices(call);
        places.map(move |(at, _)| (source.line_of(at), *call))
    });
    found
        .filter(|(line, _)| !source.is_test_line(*line))
        .map(|(line, call)| Offence::new(&source.path, line, format!("uses {call}")))
        .collect()
}

#[test]
fn the_rule_of_purity_finds_its_offender() {
    let offences = |path: &str, code: &str| {
        let source = Source::new(path.into(), format!("fn f() {{ {code} }}"));
        impure(&source).len()
    };
    assert_eq!(offences("permit/src/life.rs", "Instant::now();"), 1);
    assert_eq!(offences("permit/src/life/tests.rs", "Instant::now();"), 0);
    assert_eq!(offences("permit/src/life.rs", "// Instant::now();"), 0);
    assert_eq!(offences("permit/src/life.rs", "on(now);"), 0);
    assert_eq!(offences("logic/src/clock.rs", "Instant::now();"), 0);
}
