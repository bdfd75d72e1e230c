//! The errors of other libraries' parsers, in our words.

use utakata_model::suggest;

/// Appends the nearest known word to serde's "unknown field `x`, expected one of `a`, `b`".
pub fn unknown_field(message: &str) -> String {
    let Some((_, rest)) = message.split_once("unknown field `") else {
        return message.to_owned();
    };
    let Some((unknown, rest)) = rest.split_once('`') else {
        return message.to_owned();
    };
    let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    let hint = suggest::hint(unknown, known.iter().copied());
    format!("there is no key \"{unknown}\": {hint}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_unknown_field_gets_its_nearest_known_word() {
        for (message, expect) in [
            (
                "unknown field `lisen`, expected `listen` or `limit`",
                "there is no key \"lisen\": did you mean \"listen\"?",
            ),
            (
                "unknown field `x`, expected one of `alpha`, `beta`, `gamma`",
                "there is no key \"x\": known are: alpha, beta, gamma",
            ),
            ("invalid type", "invalid type"),
        ] {
            assert_eq!(super::unknown_field(message), expect);
        }
    }
}
