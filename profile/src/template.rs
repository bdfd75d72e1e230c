//! Texts with `{parameters}` in them.

use std::borrow::Cow;

/// A text with `{parameters}` in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(Box<str>),
    Parameter(Box<str>),
}

impl Template {
    /// Parses a text. A brace that is not closed stands for itself.
    pub fn parse(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, name, after)) = next(rest) {
            if !before.is_empty() {
                pieces.push(Piece::Text(before.into()));
            }
            pieces.push(Piece::Parameter(name.into()));
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.into()));
        }
        Self(pieces)
    }

    /// The names of its parameters.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Parameter(name) => Some(&**name),
            Piece::Text(_) => None,
        })
    }

    /// Returns the text with its parameters filled in. `None` if one of them has no value.
    pub fn fill<'a>(&self, value: impl Fn(&str) -> Option<Cow<'a, str>>) -> Option<String> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(fixed) => text.push_str(fixed),
                Piece::Parameter(name) => text.push_str(&value(name)?),
            }
        }
        Some(text)
    }

    /// Returns a pattern for the texts that it can become: a parameter is a group of that name.
    /// Errors: a name that cannot be one.
    pub fn pattern(&self) -> Result<regex::Regex, String> {
        let mut pattern = String::from("^");
        for piece in &self.0 {
            match piece {
                Piece::Text(fixed) => pattern.push_str(&regex::escape(fixed)),
                Piece::Parameter(name) => pattern.push_str(&format!("(?P<{name}>[^.]+?)")),
            }
        }
        pattern.push('$');
        crate::form::pattern(&pattern)
    }
}

/// The text before a parameter, its name, and the text after it.
fn next(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    let is_name = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    is_name.then_some((before, name, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_filled_in_and_found_again() {
        for (text, names, filled) in [
            ("a{x}b", &["x"][..], Some("a1b")),
            ("{x}.{x}", &["x", "x"], Some("1.1")),
            ("{other}", &["other"], None),
            ("plain {", &[], Some("plain {")),
        ] {
            let template = Template::parse(text);
            assert_eq!(template.parameters().collect::<Vec<_>>(), names, "{text}");
            let value = |name: &str| (name == "x").then(|| "1".into());
            assert_eq!(template.fill(value).as_deref(), filled, "{text}");
        }
        let pattern = Template::parse("{circuit}.L{phase}-N.voltage").pattern();
        let pattern = pattern.unwrap();
        let found = pattern.captures("input.L1-N.voltage").unwrap();
        assert_eq!((&found["circuit"], &found["phase"]), ("input", "1"));
        assert!(pattern.captures("input.voltage").is_none());
    }
}
