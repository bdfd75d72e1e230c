//! The errors of serde about JSON, TOML and YAML, in words for people, with the nearest known name.

use crate::suggest;

/// Rewords an error of serde: quotes instead of backticks, no Rust, and a suggestion for an unknown
/// name. The known names are taken from the message itself.
pub fn message(message: &str) -> String {
    for (prefix, what) in [("unknown field `", "field"), ("unknown variant `", "word")] {
        if let Some((unknown, rest)) = message
            .strip_prefix(prefix)
            .and_then(|rest| rest.split_once('`'))
        {
            let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
            let hint = suggest::hint(unknown, known.iter().copied());
            return format!("unknown {what} \"{unknown}\": {hint}");
        }
    }
    if let Some(field) = message.strip_prefix("missing field `") {
        let field = field.split('`').next().unwrap_or_default();
        return format!("the field \"{field}\" is missing");
    }
    let wrong = ["invalid type: ", "invalid value: "];
    if let Some((found, expected)) = wrong
        .iter()
        .find_map(|prefix| message.strip_prefix(prefix))
        .and_then(|rest| rest.split_once(", expected "))
    {
        let found = found.replace('`', "");
        return format!("{found} was found where {} was expected", plain(expected));
    }
    message.replace('`', "\"")
}

/// Replaces names of Rust's types by everyday ones.
fn plain(expected: &str) -> String {
    let (first, rest) = expected.split_once(" at line").unwrap_or((expected, ""));
    let place = if rest.is_empty() {
        String::new()
    } else {
        format!(" at line{rest}")
    };
    let words = match first {
        "a string" => "a text".into(),
        "a map" => "an object".into(),
        "a sequence" => "a list".into(),
        "a boolean" => "true or false".into(),
        "a nonzero u32" => "a whole number of at least 1".into(),
        "f32" | "f64" => "a number".into(),
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" => {
            "a whole number".into()
        }
        first if first.starts_with("struct ") || first.starts_with("internally tagged") => {
            "an object".into()
        }
        first => first.replace('`', "\""),
    };
    format!("{words}{place}")
}

/// Rewords the error and keeps its place in the text.
pub fn json(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let (message, place) = match message.split_once(" at line ") {
        Some((message, place)) => (message.to_owned(), format!(" (line {place})")),
        None => (message, String::new()),
    };
    format!("{}{place}", self::message(&message))
}

#[cfg(test)]
mod tests {
    use super::message;

    #[test]
    fn what_serde_says_is_reworded_for_people() {
        for (text, expect) in [
            (
                "unknown field `intervall`, expected one of `name`, `interval`",
                "unknown field \"intervall\": did you mean \"interval\"?",
            ),
            (
                "unknown field `x`, expected `name`",
                "unknown field \"x\": known are: name",
            ),
            ("missing field `kind`", "the field \"kind\" is missing"),
            (
                "invalid type: integer `3`, expected a string",
                "integer 3 was found where a text was expected",
            ),
            (
                "invalid type: string \"many\", expected usize",
                "string \"many\" was found where a whole number was expected",
            ),
            (
                "unknown variant `podman`, expected `docker` or `kubernetes`",
                "unknown word \"podman\": known are: docker, kubernetes",
            ),
            ("a `b`", "a \"b\""),
        ] {
            assert_eq!(message(text), expect, "{text}");
        }
    }
}
