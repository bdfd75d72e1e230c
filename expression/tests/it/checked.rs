//! Expressions that are refused, where and in which words, and the values of others.

use utakata_expression::{Program, Value};

use super::values::{Given, schema};

#[test]
fn a_condition_is_checked_for_names_types_and_units() {
    for (text, expect) in [
        (
            "vlue > 1",
            "line 1, column 1: there is no \"vlue\": did you mean \"value\"?",
        ),
        (
            "load > share",
            "line 1, column 6: a number in W cannot be compared with a number without a unit",
        ),
        (
            "value > 27.0 ||\n  load < value",
            "line 2, column 8: a number in W cannot be compared with a number in Cel",
        ),
        (
            "value > 'hot'",
            "line 1, column 7: a number in Cel cannot be compared with a text",
        ),
        (
            "state == 1",
            "line 1, column 7: a text cannot be compared with a number",
        ),
        (
            "value",
            "line 1, column 1: a condition is true or false, and this is a number in Cel",
        ),
        (
            "value + load > 1.0",
            "line 1, column 7: a number in Cel cannot be added to a number in W",
        ),
        (
            "value > 1.0 && load",
            "line 1, column 16: this is a number in W, where true or false is needed",
        ),
        (
            "slop('10m') > 0.0",
            "line 1, column 5: there is no function \"slop\": did you mean \"slope\"?",
        ),
        (
            "slope('2h') > 0.0",
            "line 1, column 7: \"slope\" looks back 1h at most",
        ),
        (
            "slope(10) > 0.0",
            "line 1, column 7: this is written as a text: '10m'",
        ),
        (
            "value in 3",
            "line 1, column 10: \"in\" is followed by a list: ['on', 'off']",
        ),
        (
            "state in ['on', 1]",
            "line 1, column 17: a text cannot be compared with a number",
        ),
        ("", "line 1, column 1: it is empty"),
    ] {
        let refused = Program::condition(text, &schema()).unwrap_err();
        assert_eq!(refused.to_string(), expect, "{text}");
    }
}

#[test]
fn what_repeats_over_a_list_is_refused() {
    for text in [
        "[1, 2].all(x, x > 1)",
        "[1, 2].map(x, x) == [1]",
        "['a'].exists(x, x == state)",
        "[1].filter(x, x > 1) == [1]",
        "state.map(x)",
    ] {
        let refused = Program::condition(text, &schema()).unwrap_err();
        assert!(refused.message.contains("list"), "{text}: {refused}");
    }
}

#[test]
fn what_is_too_long_too_large_or_too_deep_is_refused() {
    let long = format!("value > {}1.0", " ".repeat(2_000));
    let large = vec!["value > 1.0"; 80].join(" || ");
    let deep = format!("{}is_on{}", "!(".repeat(40), ")".repeat(40));
    let deeper = format!("{}is_on{}", "(".repeat(900), ")".repeat(900));
    let chain = format!("state{}", ".a".repeat(900));
    let calls = format!("state{} == 1", ".f()".repeat(450));
    for text in [long, large, deep, deeper, chain, calls] {
        assert!(
            Program::condition(&text, &schema()).is_err(),
            "{}",
            &text[..40]
        );
    }
}

#[test]
fn what_fits_has_its_value() {
    for (text, expect) in [
        ("value > 24.9", Value::Truth(true)),
        ("value > 25", Value::Truth(false)),
        ("value >= 25 && load < 500.0", Value::Truth(true)),
        ("value + slope('10m') * 900.0 > 25.5", Value::Truth(true)),
        (
            "value + slope('10m') * duration('15m') > 26.0",
            Value::Truth(false),
        ),
        ("load / 800.0 - 0.25 * load / 800.0", Value::Number(0.375)),
        ("load / load == share * 2", Value::Truth(true)),
        ("state == 'on'", Value::Truth(true)),
        ("state in ['off', 'on']", Value::Truth(true)),
        ("!(state in ['off'])", Value::Truth(true)),
        ("strange == 3", Value::Missing),
        ("strange == 'x'", Value::Truth(true)),
        ("is_on ? value : -value", Value::Number(25.0)),
        ("label('rack') == 'A1'", Value::Truth(true)),
        ("label('room') == 'A1'", Value::Missing),
        ("label('room') == 'A1' || is_on", Value::Truth(true)),
        ("label('room') == 'A1' && !is_on", Value::Truth(false)),
        ("clamp(value, 26.0, 30.0)", Value::Number(26.0)),
        (
            "greatest(value, 30.0) - least(value, 20.0)",
            Value::Number(10.0),
        ),
        ("abs(-3)", Value::Number(3.0)),
        ("state.startsWith('o')", Value::Truth(true)),
        ("value / (share - 0.5) > 1.0", Value::Missing),
    ] {
        let program = Program::compile(text, &schema());
        let program = program.unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(program.evaluate(&Given::default()), expect, "{text}");
    }
}

#[test]
fn a_program_names_the_windows_that_it_needs() {
    let text = "slope('10m') > 0.0 || slope('1h') > 0.0";
    let program = Program::condition(text, &schema()).unwrap();
    let seconds: Vec<u64> = program
        .calls()
        .iter()
        .map(|call| call.window.as_secs())
        .collect();
    assert_eq!(seconds, [600, 3600]);
}
