//! The tokens of a MIB. Pure.

/// A word, or a separator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'a> {
    /// A name or a keyword.
    Word(&'a str),
    Number(i64),
    /// A text in quotation marks.
    Text(&'a str),
    Assign,
    Open,
    Close,
    Bracket,
    Semicolon,
    /// Anything else.
    Other,
    /// The end of the text.
    End,
}

/// The tokens of a text, without comments.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (token, length) = token(rest, first);
        tokens.extend(token);
        rest = rest.get(length.max(first.len_utf8())..).unwrap_or_default();
    }
    tokens
}

/// Returns the first token of a text and its length. `None` for a token without meaning.
fn token(rest: &str, first: char) -> (Option<Token<'_>>, usize) {
    if first.is_whitespace() {
        return (None, first.len_utf8());
    }
    if rest.starts_with("--") {
        return (None, comment(rest));
    }
    if rest.starts_with("::=") {
        return (Some(Token::Assign), 3);
    }
    if let Some(text) = rest.strip_prefix('"') {
        let end = text.find('"').unwrap_or(text.len());
        return (text.get(..end).map(Token::Text), end + 2);
    }
    // 'FF'H and '01'B.
    if let Some(text) = rest.strip_prefix('\'') {
        let length = text.find('\'').map_or(1, |end| end + 2);
        return (Some(Token::Other), length);
    }
    let is_negative = rest
        .strip_prefix('-')
        .is_some_and(|rest| rest.starts_with(is_digit));
    if is_digit(first) || is_negative {
        let length = rest
            .find(|c: char| !is_digit(c) && c != '-')
            .unwrap_or(rest.len());
        let number = rest.get(..length).and_then(|text| text.parse().ok());
        return (Some(number.map_or(Token::Other, Token::Number)), length);
    }
    if first.is_ascii_alphabetic() {
        let length = word(rest);
        return (rest.get(..length).map(Token::Word), length);
    }
    let token = match first {
        '{' => Token::Open,
        '}' => Token::Close,
        '(' => Token::Bracket,
        ';' => Token::Semicolon,
        // Commas and brackets add nothing to what their neighbours say.
        ',' | ')' | '|' => return (None, 1),
        _ => Token::Other,
    };
    (Some(token), first.len_utf8())
}

/// Returns the length of a word. A hyphen belongs to it, but two hyphens start a comment.
fn word(rest: &str) -> usize {
    let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
    let word = rest.get(..length.unwrap_or(rest.len())).unwrap_or_default();
    let word = word.split("--").next().unwrap_or_default();
    word.trim_end_matches(['-', '.']).len()
}

/// Returns the length of a comment: to the end of the line, or to the next two hyphens. Lines of
/// hyphens are comments as a whole: nobody means every second pair to end one.
fn comment(rest: &str) -> usize {
    let line = rest.find('\n').unwrap_or(rest.len());
    let inner = rest.get(2..line).unwrap_or_default();
    match inner.find("--") {
        Some(end) if !inner.starts_with('-') && !is_rule(inner, end) => 2 + end + 2,
        _ => line,
    }
}

/// Returns true if the hyphens at a position continue to the end of the line: no comment is left.
fn is_rule(inner: &str, end: usize) -> bool {
    let after = inner.get(end + 2..).unwrap_or_default();
    after.starts_with('-') || after.trim().is_empty()
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_texts_and_numbers_are_told_apart() {
        let check = |text: &str, expect: &[Token<'_>]| assert_eq!(tokens(text), expect, "{text}");
        check("a -- b -- c", &[Token::Word("a"), Token::Word("c")]);
        check("a -- b\nc", &[Token::Word("a"), Token::Word("c")]);
        check("------- a -------\nc", &[Token::Word("c")]);
        check(
            "up(1)",
            &[Token::Word("up"), Token::Bracket, Token::Number(1)],
        );
        check("\"x -- y\" -5", &[Token::Text("x -- y"), Token::Number(-5)]);
        check(
            "'0F'H 'x",
            &[
                Token::Other,
                Token::Word("H"),
                Token::Other,
                Token::Word("x"),
            ],
        );
        check("a-b--c", &[Token::Word("a-b")]);
        check(
            "é{}::=;",
            &[
                Token::Other,
                Token::Open,
                Token::Close,
                Token::Assign,
                Token::Semicolon,
            ],
        );
        check("\"never closed", &[Token::Text("never closed")]);
        check("99999999999999999999", &[Token::Other]);
    }
}
