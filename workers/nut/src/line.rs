//! Lines of the protocol of `upsd`: words, of which some are quoted. Pure.
//!
//! <https://networkupstools.org/docs/developer-guide.chunked/ar01s09.html>

/// An error that the server answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}")]
pub struct Refusal {
    /// The code, such as `DATA-STALE`.
    pub code: String,
}

/// The state of a tracked request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tracked {
    /// The driver has not answered yet.
    Pending,
    /// The driver has done it.
    Success,
    /// The driver answered with an error, such as `FAILED`.
    Error(String),
}

/// Splits a line into words. Quotes enclose words with spaces; a backslash takes the next character
/// as it is.
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut is_quoted = false;
    let mut characters = line.trim_end_matches(['\r', '\n']).chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => word.get_or_insert_default().extend(characters.next()),
            '"' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            ' ' | '\t' if !is_quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Returns a text as one word of a request.
pub fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    // A line ends with the line: nothing of a text may look like another request.
    let plain: String = escaped.chars().filter(|c| !c.is_control()).collect();
    format!("\"{plain}\"")
}

/// Returns the error in an answer, if it is one.
pub fn refusal(words: &[String]) -> Option<Refusal> {
    match words {
        [first, code, ..] if first == "ERR" => Some(Refusal { code: code.clone() }),
        [first] if first == "ERR" => Some(Refusal {
            code: "UNKNOWN".into(),
        }),
        _ => None,
    }
}

/// Returns the state in the answer to `GET TRACKING`. `None` if it is none.
pub fn tracked(words: &[String]) -> Option<Tracked> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["PENDING"] => Some(Tracked::Pending),
        ["SUCCESS"] => Some(Tracked::Success),
        ["ERR", code, ..] => Some(Tracked::Error((*code).into())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_separated_by_spaces_outside_of_quotes() {
        for (line, expect) in [
            (
                "VAR su ups.status \"OL CHRG\"\n",
                &["VAR", "su", "ups.status", "OL CHRG"][..],
            ),
            ("VAR su a \"\"", &["VAR", "su", "a", ""]),
            (
                r#"VAR su a "1\" \\ pipe""#,
                &["VAR", "su", "a", "1\" \\ pipe"],
            ),
            ("ERR DATA-STALE\r\n", &["ERR", "DATA-STALE"]),
            ("", &[]),
        ] {
            assert_eq!(words(line), expect, "{line}");
        }
    }

    #[test]
    fn a_quoted_text_comes_back_and_never_ends_the_line() {
        for text in ["plain", "two words", "a\"b\\c"] {
            assert_eq!(words(&quoted(text)), [text]);
        }
        assert_eq!(quoted("a\nINSTCMD b"), "\"aINSTCMD b\"");
    }

    #[test]
    fn answers_are_told_apart() {
        let of = |line: &str| words(line);
        assert_eq!(refusal(&of("OK TRACKING 1")), None);
        let refused = refusal(&of("ERR ACCESS-DENIED")).unwrap();
        assert_eq!(refused.code, "ACCESS-DENIED");
        for (line, expect) in [
            ("PENDING", Some(Tracked::Pending)),
            ("SUCCESS", Some(Tracked::Success)),
            ("ERR FAILED", Some(Tracked::Error("FAILED".into()))),
            ("ON", None),
        ] {
            assert_eq!(tracked(&of(line)), expect, "{line}");
        }
    }
}
