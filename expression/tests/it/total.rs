//! Whatever is written, and whatever is seen, there is an answer and no panic.

use proptest::prelude::*;
use utakata_expression::{Program, Value};

use super::values::{Given, schema};

fn value() -> impl Strategy<Value = Value<'static>> {
    prop_oneof![
        Just(Value::Missing),
        any::<bool>().prop_map(Value::Truth),
        any::<f64>().prop_map(Value::Number),
        Just(Value::Number(f64::NAN)),
        prop_oneof![Just("on"), Just(""), Just("x")].prop_map(Value::Text),
    ]
}

fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "value",
        "load",
        "share",
        "state",
        "strange",
        "is_on",
        "1",
        "2.5",
        "'on'",
        "slope('10m')",
        "label('rack')",
        "+",
        "-",
        "*",
        "/",
        "%",
        "<",
        ">=",
        "==",
        "!=",
        "&&",
        "||",
        "!",
        "?",
        ":",
        "(",
        ")",
        "[",
        "]",
        ",",
        " in ",
        ".",
        "abs(",
        "clamp(",
        "map(",
        "null",
        "b'x'",
        "{",
        "}",
    ])
}

proptest! {
    #[test]
    fn any_text_is_an_expression_or_a_mistake(text in ".{0,60}") {
        let _ = Program::compile(&text, &schema());
    }

    #[test]
    fn any_words_are_an_expression_with_a_value_or_a_mistake(
        words in prop::collection::vec(word(), 1..16),
        values in prop::array::uniform6(value()),
    ) {
        if let Ok(program) = Program::compile(&words.concat(), &schema()) {
            let given = Given(values);
            let found = program.evaluate(&given);
            prop_assert!(!matches!(found, Value::Number(number) if number.is_nan()));
        }
    }
}
