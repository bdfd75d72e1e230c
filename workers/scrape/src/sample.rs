//! Samples in the text format of Prometheus, and of OpenMetrics as far as it is the same. Pure.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>

use std::borrow::Cow;

/// A sample of the text format: one line.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample<'a> {
    pub name: &'a str,
    pub labels: Vec<(&'a str, Cow<'a, str>)>,
    pub value: f64,
}

/// The error for a line that is none of the format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is no sample: \"{text}\"")]
pub struct Error {
    /// The number of the line, from 1.
    pub line: usize,
    /// Its beginning.
    pub text: String,
}

/// The longest part of a line that is repeated to people, in characters.
const SHOWN_MAX: usize = 80;

impl Sample<'_> {
    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        let found = self.labels.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| &**value)
    }
}

/// Returns the samples of a page whose names are wanted. Of the others, only the name is looked at.
pub fn samples<'a>(
    page: &'a str,
    is_wanted: impl Fn(&str) -> bool,
) -> impl Iterator<Item = Result<Sample<'a>, Error>> {
    page.lines().enumerate().filter_map(move |(at, line)| {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let end = line.find(|c: char| c == '{' || c.is_whitespace());
        let (name, rest) = line.split_at(end.unwrap_or(line.len()));
        let wrong = || Error {
            line: at + 1,
            text: line.chars().take(SHOWN_MAX).collect(),
        };
        if !is_name(name) {
            return Some(Err(wrong()));
        }
        is_wanted(name).then(|| sample(name, rest).ok_or_else(wrong))
    })
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let is_first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || byte == b':';
    bytes.next().is_some_and(is_first) && bytes.all(|byte| is_first(byte) || byte.is_ascii_digit())
}

/// Parses what follows the name: labels, a value, and perhaps a time or an exemplar.
fn sample<'a>(name: &'a str, rest: &'a str) -> Option<Sample<'a>> {
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    let value = number(rest.split_whitespace().next()?)?;
    Some(Sample {
        name,
        labels,
        value,
    })
}

/// A label and its value, unescaped.
type Label<'a> = (&'a str, Cow<'a, str>);

/// Parses labels up to the brace that closes them.
fn labels(mut rest: &str) -> Option<(Vec<Label<'_>>, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, after) = rest.split_once('=')?;
        let (value, after) = quoted(after.trim_start().strip_prefix('"')?)?;
        labels.push((name.trim(), value));
        rest = after;
    }
}

/// Parses a text up to the quote that ends it.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let end = text.find(['"', '\\'])?;
    if text.as_bytes().get(end) == Some(&b'"') {
        return Some((text.get(..end)?.into(), text.get(end + 1..)?));
    }
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((value.into(), text.get(at + 1..)?)),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

/// A number as Go writes it. `NaN` is one.
fn number(text: &str) -> Option<f64> {
    match text {
        "+Inf" | "Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        text => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(page: &str) -> Vec<Result<Sample<'_>, Error>> {
        samples(page, |_| true).collect()
    }

    #[test]
    fn a_page_is_read_in_the_forms_that_exporters_write() {
        let page = "# HELP a b\n# TYPE a gauge\n\
            a 1\n\
            a{} 2.5 1700000000000\n\
            a{x=\"1\", y=\"b \\\"c\\\\\\n\",} -1e-3\n\
            a{x=\"}\"} +Inf # {trace=\"1\"} 0.5\r\n\
            # EOF\n";
        let found: Vec<Sample<'_>> = all(page).into_iter().map(Result::unwrap).collect();
        let values: Vec<f64> = found.iter().map(|one| one.value).collect();
        assert_eq!(values, [1.0, 2.5, -0.001, f64::INFINITY]);
        assert_eq!(found[2].label("y"), Some("b \"c\\\n"));
        assert_eq!(found[3].label("x"), Some("}"));
        assert_eq!(found[0].label("x"), None);
    }

    #[test]
    fn what_is_no_sample_is_named_with_its_line() {
        for page in [
            "a 1\n<html>",
            "a\n",
            "a{x=\"1} 2\n",
            "a{x} 1\n",
            "1a 2\n",
            "a one\n",
        ] {
            let wrong: Vec<usize> = all(page)
                .into_iter()
                .filter_map(|one| Some(one.err()?.line))
                .collect();
            assert_eq!(wrong, [page.lines().count()], "{page}");
        }
    }

    #[test]
    fn samples_that_nobody_wants_are_not_looked_at() {
        let found: Vec<_> = samples("a{x= 1\nb 2\n", |name| name == "b").collect();
        assert_eq!(found.len(), 1);
        assert!(found[0].is_ok());
    }
}
