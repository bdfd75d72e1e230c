//! Text by people and devices, made harmless for a terminal. Pure.
//!
//! A reason, a label or a device's answer may contain escape sequences that move the cursor, set
//! the title or hide earlier text, and characters that reverse or hide the text around them. Each
//! of them is shown as an escape: `\u{1b}`.

use std::borrow::Cow;

use utakata_model::invisible::is_invisible;

/// The colours and weights that our own styles use; any other sequence (hidden, blinking, inverse,
/// backgrounds) is shown instead of obeyed.
const OWN_STYLES: [&str; 11] = [
    "0", "1", "2", "22", "30", "31", "32", "33", "34", "39", "90",
];

/// Escapes a text as one line, including line breaks and tabs.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, is_unsafe)
}

/// Escapes a text that may have several lines.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |character| {
        is_unsafe(character) && !matches!(character, '\n' | '\t')
    })
}

/// Escapes a text of several lines, leaving only our own styles.
pub fn styled(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return lines(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        shown.push_str(&lines(&rest[..at]));
        let length = own_style(&rest[at..]).unwrap_or(0);
        shown.push_str(&rest[at..at + length]);
        if length == 0 {
            shown.push_str("\\u{1b}");
        }
        rest = &rest[at + length.max(1)..];
    }
    shown.push_str(&lines(rest));
    Cow::Owned(shown)
}

/// Escapes JSON with `\u`: the same document, harmless on a terminal. In JSON, such characters can
/// only occur in strings.
pub fn json(text: &str) -> Cow<'_, str> {
    let is_raw = |character| is_unsafe(character) && !matches!(character, '\n' | '\t');
    if !text.contains(is_raw) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_raw(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Returns true if nothing in a text needs to be escaped.
pub fn is_plain(text: &str) -> bool {
    matches!(lines(text), Cow::Borrowed(_))
}

/// Returns the length of one of our styles at the beginning of a text.
fn own_style(text: &str) -> Option<usize> {
    let codes = text.strip_prefix("\u{1b}[")?;
    let end = codes.find('m')?;
    let is_own = |code: &str| OWN_STYLES.contains(&code);
    // comfy-table writes each of its sixteen colours as 38;5;N.
    let is_indexed = |codes: &str| {
        let number = codes
            .strip_prefix("38;5;")
            .and_then(|n| n.parse::<u8>().ok());
        number.is_some_and(|number| number < 16)
    };
    let codes = &codes[..end];
    (is_indexed(codes) || codes.split(';').all(is_own)).then_some(end + 3)
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool + Copy) -> Cow<'_, str> {
    if !text.contains(is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' if is_escaped('\n') => shown.push_str("\\n"),
            '\t' if is_escaped('\t') => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            character if is_escaped(character) => {
                shown.extend(character.escape_unicode());
            }
            character => shown.push(character),
        }
    }
    Cow::Owned(shown)
}

/// Returns true if a terminal would obey the character, hide it, or reorder others because of it.
fn is_unsafe(character: char) -> bool {
    character.is_control() || is_invisible(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_shown_as_what_it_is() {
        for (text, expect) in [
            ("plain, ümläut, 泡沫 °C", "plain, ümläut, 泡沫 °C"),
            (
                "fine\u{1b}[2K\u{1b}]0;pwned\u{7}",
                "fine\\u{1b}[2K\\u{1b}]0;pwned\\u{7}",
            ),
            ("one\nFAKE LINE\r\tx", "one\\nFAKE LINE\\r\\tx"),
            ("c1 \u{9b}2J", "c1 \\u{9b}2J"),
            ("\u{202e}fdp.exe", "\\u{202e}fdp.exe"),
            (
                "a\u{200b}b\u{2066}c\u{feff}",
                "a\\u{200b}b\\u{2066}c\\u{feff}",
            ),
            ("\u{7f}\u{0}", "\\u{7f}\\u{0}"),
        ] {
            assert_eq!(line(text), expect, "{text:?}");
        }
        assert_eq!(lines("two\n\tlines\u{1b}c"), "two\n\tlines\\u{1b}c");
        assert!(is_plain("two\nlines") && !is_plain("\u{202e}"));
    }

    #[test]
    fn only_our_own_styles_reach_the_terminal() {
        let own = "\u{1b}[31mfailed\u{1b}[0m \u{1b}[38;5;10mgood\u{1b}[39m\u{1b}[1;2mdim\u{1b}[22m";
        assert_eq!(styled(own), own);
        for hidden in [
            "\u{1b}[8m",
            "\u{1b}[1A",
            "\u{1b}[2;7m",
            "\u{1b}[41m",
            "\u{1b}[m",
            "\u{1b}",
        ] {
            let text = format!("a{hidden}b");
            assert!(!styled(&text).contains('\u{1b}'), "{hidden:?}");
        }
        // Every style, as written by Table and Output.
        let style = |style: console::Style| style.force_styling(true).apply_to("x").to_string();
        for text in [
            style(console::Style::new().red().bold()),
            style(console::Style::new().dim()),
            style(console::Style::new().yellow()),
            style(console::Style::new().green()),
        ] {
            assert_eq!(styled(&text), text);
        }
    }

    #[test]
    fn json_stays_the_same_document() {
        let value = serde_json::json!({ "why": "a\u{9b}b\u{202e}c\u{e0041}\u{1b}\n" });
        let text = serde_json::to_string_pretty(&value).unwrap();
        let shown = json(&text);
        assert!(
            shown.chars().all(|c| c == '\n' || !is_unsafe(c)),
            "{shown:?}"
        );
        let same: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(same, value);
    }
}
