//! Rust files, their code without comments and literals, and which of their lines are tests.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use utakata_tests::repository;

/// One of our Rust files.
pub struct Source {
    pub path: PathBuf,
    pub text: String,
    /// The text with every comment, string and character blanked; positions stay the same.
    pub code: String,
    /// For each line, true if it belongs to a test.
    pub is_test: Vec<bool>,
}

impl Source {
    pub fn new(path: PathBuf, text: String) -> Self {
        let code = code_of(&text);
        let is_test = if is_test_file(&path) {
            vec![true; text.lines().count()]
        } else {
            test_lines(&code)
        };
        Self {
            path,
            text,
            code,
            is_test,
        }
    }

    /// The line, from 1, of a byte of the text.
    pub fn line_of(&self, offset: usize) -> usize {
        self.code.as_bytes()[..offset]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1
    }

    /// Returns true if a line, counted from 1, belongs to a test.
    pub fn is_test_line(&self, line: usize) -> bool {
        self.is_test.get(line - 1).copied().unwrap_or_default()
    }

    /// Returns the positions at which a word occurs in code, as a whole word.
    pub fn words<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        let bytes = self.code.as_bytes();
        let is_apart = |at: Option<&u8>| at.is_none_or(|byte| !is_name(*byte));
        self.code
            .match_indices(word)
            .map(|(at, _)| at)
            .filter(move |at| {
                is_apart(at.checked_sub(1).and_then(|before| bytes.get(before)))
                    && is_apart(bytes.get(at + word.len()))
            })
    }
}

/// Every Rust file of ours, without generated ones.
pub fn rust_sources() -> Vec<Source> {
    let mut sources = Vec::new();
    for path in repository::files().unwrap() {
        if path.extension() != Some(OsStr::new("rs")) || has_component(&path, "generated") {
            continue;
        }
        let text = fs::read_to_string(repository::root().join(&path)).unwrap();
        sources.push(Source::new(path, text));
    }
    sources
}

/// Returns true if a folder or the file of a path has this name.
pub fn has_component(path: &Path, name: &str) -> bool {
    path.components()
        .any(|component| component.as_os_str() == name)
}

fn is_test_file(path: &Path) -> bool {
    // A server is no test, wherever it is.
    let is_below = has_component(path, "tests") && !path.starts_with("tests/kube/src");
    is_below || path.file_stem() == Some(OsStr::new("tests"))
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// Marks the lines of items under `#[cfg(test)]`.
fn test_lines(code: &str) -> Vec<bool> {
    let mut lines = vec![false; code.lines().count()];
    for start in ["#[cfg(test)]", "#[cfg(all(test"] {
        for (at, _) in code.match_indices(start) {
            let end = end_of_item(code, at);
            let first = code[..at].matches('\n').count();
            let last = code[..end].matches('\n').count();
            for line in lines.iter_mut().take(last + 1).skip(first) {
                *line = true;
            }
        }
    }
    lines
}

/// Returns the end of the item that begins here: at its `;`, or at the `}` of its first block.
pub fn end_of_item(code: &str, start: usize) -> usize {
    let mut depth = 0_usize;
    let mut braces = 0_usize;
    for (offset, byte) in code.bytes().enumerate().skip(start) {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            b'{' => braces += 1,
            b'}' if braces == 1 && depth == 0 => return offset,
            b'}' => braces = braces.saturating_sub(1),
            b';' if braces == 0 && depth == 0 => return offset,
            _ => {}
        }
    }
    code.len().saturating_sub(1)
}

/// The text with comments and literals blanked.
pub fn code_of(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = Vec::with_capacity(bytes.len());
    while code.len() < bytes.len() {
        let at = code.len();
        let length = length_of_blank(text, at);
        if length == 0 {
            code.push(bytes[at]);
            continue;
        }
        let blank = &bytes[at..(at + length).min(bytes.len())];
        code.extend(
            blank
                .iter()
                .map(|byte| if *byte == b'\n' { b'\n' } else { b' ' }),
        );
    }
    String::from_utf8_lossy(&code).into_owned()
}

/// Returns the length in bytes of the comment or literal that begins here; 0 if there is none.
fn length_of_blank(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let rest = &bytes[at..];
    let starts_word = at == 0 || !is_name(bytes[at - 1]);
    match rest {
        [b'/', b'/', ..] => rest
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap_or(rest.len()),
        [b'/', b'*', ..] => length_of_block_comment(rest),
        [b'"', ..] => length_of_string(rest),
        [b'\'', ..] => length_of_character(&text[at..]),
        [b'r' | b'b' | b'c', ..] if starts_word => length_of_prefixed(rest),
        _ => 0,
    }
}

fn length_of_block_comment(rest: &[u8]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        match rest[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                at += 2;
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                at += 2;
            }
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn length_of_string(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// `'x'` and `'\n'` are characters, `'a` is a lifetime.
fn length_of_character(rest: &str) -> usize {
    let mut inside = rest[1..].chars();
    match inside.next() {
        Some('\\') => rest[3.min(rest.len())..]
            .find('\'')
            .map_or(0, |end| end + 4),
        Some(first) if inside.next() == Some('\'') => first.len_utf8() + 2,
        _ => 0,
    }
}

/// `r"..."`, `r#"..."#`, `b"..."`, `br"..."`, `c"..."`; but not `r#name`.
fn length_of_prefixed(rest: &[u8]) -> usize {
    let prefix = rest
        .iter()
        .take_while(|byte| matches!(byte, b'r' | b'b' | b'c'))
        .count();
    let is_raw = rest[..prefix].contains(&b'r');
    let hashes = rest[prefix..]
        .iter()
        .take_while(|byte| **byte == b'#')
        .count();
    let open = prefix + hashes;
    if prefix > 2 || rest.get(open) != Some(&b'"') || (hashes > 0 && !is_raw) {
        return 0;
    }
    if !is_raw {
        return prefix + length_of_string(&rest[prefix..]);
    }
    let mut close = vec![b'"'];
    close.resize(hashes + 1, b'#');
    let body = &rest[open + 1..];
    let end = body.windows(close.len()).position(|window| window == close);
    end.map_or(rest.len(), |end| open + 1 + end + close.len())
}

#[test]
fn comments_and_literals_are_blanked_and_code_is_not() {
    let check = |text: &str, expect: &str| assert_eq!(code_of(text), expect, "{text}");
    check("a // b\nc", "a     \nc");
    check("a /* /* b */ */ c", "a               c");
    check("f(\"{\\\"\") {", "f(     ) {");
    check("r#\"a\"b\"# r#type", "         r#type");
    check("b\"{\" br\"{\" c\"{\";", "               ;");
    check(
        "'{' '\\'' '\\u{7d}' 'a: 'é';",
        "                  'a:     ;",
    );
    check("for r in x {\"é\n\"}", "for r in x {   \n }");
}

#[test]
fn the_lines_of_a_test_module_are_known() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n";
    let source = Source::new(PathBuf::from("model/src/a.rs"), text.to_owned());
    assert_eq!(source.is_test, [false, true, true, true, true, false]);
    let beside = "#[cfg(test)]\nmod tests;\nfn c() {}\n";
    let source = Source::new(PathBuf::from("model/src/a.rs"), beside.to_owned());
    assert_eq!(source.is_test, [true, true, false]);
    let whole = Source::new(
        PathBuf::from("model/src/a/tests.rs"),
        "fn a() {}\n".to_owned(),
    );
    assert_eq!(whole.is_test, [true]);
}
