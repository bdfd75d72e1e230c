//! Selectors of targets, as in `kind=apc-pdu,room=A,rack in (A1,A2),!retired`. A value with a
//! comma, a bracket or a quote is put in quotes: `note="left, top"`.

use std::{borrow::Cow, collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{label::is_key_character, target::Target};

/// The largest part of an invalid text that is shown, in characters.
const SHOWN_MAX: usize = 200;
/// The largest number of terms in a selector.
pub const TERMS_MAX: usize = 100;
/// The largest total length of a selector's keys and values, in characters.
pub const LENGTH_MAX: usize = 256 * 1024;

/// A selector: terms that must all hold. The empty selector matches every target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Selector {
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    In(BTreeSet<String>),
    NotIn(BTreeSet<String>),
    Exists,
    Absent,
}

/// The reason why a text is not a selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the selector \"{text}\" is wrong at position {position}: {problem}")]
pub struct SelectorError {
    /// The whole text.
    pub text: String,
    /// The position of the mistake, in characters from 1.
    pub position: usize,
    /// The mistake at that position.
    pub problem: String,
}

/// A selector that is too large to be intended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the selector has more than {TERMS_MAX} terms, or more than {LENGTH_MAX} characters: give the \
     targets a label that they have in common"
)]
pub struct TooLarge;

impl Selector {
    /// Returns the selector that matches exactly one target.
    pub fn name(name: &crate::TargetName) -> Self {
        Self::of_names([name])
    }

    /// Returns the selector that matches exactly these targets, or none if there are no names.
    pub fn of_names<'a>(names: impl IntoIterator<Item = &'a crate::TargetName>) -> Self {
        let names = names.into_iter().map(|name| name.as_str().to_owned());
        Self {
            terms: vec![Term {
                key: "name".into(),
                test: Test::In(names.collect()),
            }],
        }
    }

    /// Returns true if it matches every target.
    pub fn is_everything(&self) -> bool {
        self.terms.is_empty()
    }

    /// Returns true if it matches this target, by the values that [`Target::value`] gives. `!=` and
    /// `notin` also hold if the label is absent.
    pub fn matches(&self, target: &Target) -> bool {
        self.matches_by(|key| target.value(key))
    }

    /// Refuses a selector that is too large to be intended.
    ///
    /// # Errors
    /// It has too many terms, or they are too long.
    pub fn check_size(&self) -> Result<(), TooLarge> {
        let length: usize = self.terms.iter().map(Term::length).sum();
        if self.terms.len() > TERMS_MAX || length > LENGTH_MAX {
            return Err(TooLarge);
        }
        Ok(())
    }

    /// Returns true if all terms hold of something else that has values by key, such as an
    /// environment.
    pub fn matches_by<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> bool {
        self.terms.iter().all(|term| term.holds(value(&term.key)))
    }

    /// Returns the keys for which it wants one certain value: a shortcut for an index by value.
    pub fn equals(&self) -> impl Iterator<Item = (&str, &str)> {
        self.terms.iter().filter_map(|term| match &term.test {
            Test::In(values) if values.len() == 1 => {
                Some((term.key.as_str(), values.first()?.as_str()))
            }
            _ => None,
        })
    }

    /// Returns the names that it lists, if it lists names: a shortcut for an index by name.
    pub fn names(&self) -> Option<&BTreeSet<String>> {
        self.terms.iter().find_map(|term| match &term.test {
            Test::In(values) if term.key == "name" => Some(values),
            _ => None,
        })
    }
}

impl Term {
    fn length(&self) -> usize {
        let values = match &self.test {
            Test::In(values) | Test::NotIn(values) => values.iter().map(|one| one.len() + 1).sum(),
            Test::Exists | Test::Absent => 0,
        };
        self.key.len() + values
    }

    fn holds(&self, value: Option<&str>) -> bool {
        match (&self.test, value) {
            (Test::In(values), Some(found)) => values.contains(found),
            (Test::In(_), None) => false,
            (Test::NotIn(values), Some(found)) => !values.contains(found),
            (Test::NotIn(_), None) => true,
            (Test::Exists, found) => found.is_some(),
            (Test::Absent, found) => found.is_none(),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, term) in self.terms.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            term.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        let list = |values: &BTreeSet<String>| {
            let values: Vec<Cow<'_, str>> = values.iter().map(|value| written(value)).collect();
            values.join(",")
        };
        match &self.test {
            Test::In(values) if values.len() == 1 => write!(f, "{key}={}", list(values)),
            Test::NotIn(values) if values.len() == 1 => write!(f, "{key}!={}", list(values)),
            Test::In(values) => write!(f, "{key} in ({})", list(values)),
            Test::NotIn(values) => write!(f, "{key} notin ({})", list(values)),
            Test::Exists => f.write_str(key),
            Test::Absent => write!(f, "!{key}"),
        }
    }
}

/// Returns a value as it appears in a selector: in quotes if it contains a special character.
fn written(value: &str) -> Cow<'_, str> {
    if !value.is_empty() && value.chars().all(is_plain) && value.trim() == value {
        return value.into();
    }
    let mut text = String::from('"');
    for character in value.chars() {
        if matches!(character, '"' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text.push('"');
    text.into()
}

/// Returns true if a value may have this character without quotes.
fn is_plain(c: char) -> bool {
    !matches!(c, ',' | '(' | ')' | '"' | '=' | '!') && !c.is_control()
}

impl utoipa::PartialSchema for Selector {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        String::schema()
    }
}

impl utoipa::ToSchema for Selector {}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let mut parser = Parser { text, at: 0 };
        let mut terms = Vec::new();
        parser.skip_space();
        while !parser.rest().is_empty() {
            terms.push(parser.term()?);
            parser.skip_space();
            if !parser.rest().is_empty() {
                parser.expect(",")?;
                parser.skip_space();
                if parser.rest().is_empty() {
                    return Err(parser.wrong("another term was expected after the comma"));
                }
            }
        }
        Ok(Self { terms })
    }
}

text_form!(Selector);

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn wrong(&self, problem: impl Into<String>) -> SelectorError {
        let position = self.text[..self.at].chars().count() + 1;
        // A reader looks at the place of the mistake; the whole of a long text helps nobody.
        let text = match self.text.char_indices().nth(SHOWN_MAX) {
            Some((end, _)) => format!("{}...", &self.text[..end]),
            None => self.text.to_owned(),
        };
        SelectorError {
            text,
            position,
            problem: problem.into(),
        }
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn expect(&mut self, token: &str) -> Result<(), SelectorError> {
        if self.eat(token) {
            return Ok(());
        }
        Err(self.wrong(format!(
            "\"{token}\" was expected, as in kind=snmp,rack in (A1,A2)"
        )))
    }

    fn take(&mut self, part: impl Fn(char) -> bool, what: &str) -> Result<&'a str, SelectorError> {
        let rest = self.rest();
        let end = rest.find(|c| !part(c)).unwrap_or(rest.len());
        if end == 0 {
            return Err(self.wrong(format!(
                "{what} was expected, as in kind=snmp,rack in (A1,A2)"
            )));
        }
        self.at += end;
        Ok(&rest[..end])
    }

    fn term(&mut self) -> Result<Term, SelectorError> {
        if self.eat("!") {
            self.skip_space();
            let key = self.take(is_key_character, "a label key")?.to_owned();
            return Ok(Term {
                key,
                test: Test::Absent,
            });
        }
        let key = self.take(is_key_character, "a label key")?.to_owned();
        self.skip_space();
        let test = self.test()?;
        Ok(Term { key, test })
    }

    fn test(&mut self) -> Result<Test, SelectorError> {
        if self.eat("!=") {
            return Ok(Test::NotIn(BTreeSet::from([self.one()?])));
        }
        if self.eat("==") || self.eat("=") {
            return Ok(Test::In(BTreeSet::from([self.one()?])));
        }
        if self.eat("notin") {
            return Ok(Test::NotIn(self.list()?));
        }
        if self.eat("in") {
            // An empty list of names matches no target, and is written so. A `notin ()` would match
            // every target, and may be a list that somebody forgot to fill.
            if self.eat_empty_list() {
                return Ok(Test::In(BTreeSet::new()));
            }
            return Ok(Test::In(self.list()?));
        }
        if self.rest().is_empty() || self.rest().starts_with(',') {
            return Ok(Test::Exists);
        }
        Err(self.wrong("one of = != in notin or a comma was expected"))
    }

    fn one(&mut self) -> Result<String, SelectorError> {
        self.skip_space();
        if self.eat("\"") {
            return self.quoted();
        }
        Ok(self.take(is_plain, "a value")?.trim_end().to_owned())
    }

    /// Reads the rest of a quoted value; a backslash takes the next character as it is.
    fn quoted(&mut self) -> Result<String, SelectorError> {
        let mut value = String::new();
        let mut characters = self.rest().char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.at += at + 1;
                    return Ok(value);
                }
                '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
                plain => value.push(plain),
            }
        }
        self.at = self.text.len();
        Err(self.wrong("the closing quote is missing"))
    }

    fn eat_empty_list(&mut self) -> bool {
        let inside = self.rest().trim_start().strip_prefix('(');
        let after = inside.and_then(|inside| inside.trim_start().strip_prefix(')'));
        if let Some(after) = after {
            self.at = self.text.len() - after.len();
        }
        after.is_some()
    }

    fn list(&mut self) -> Result<BTreeSet<String>, SelectorError> {
        self.skip_space();
        self.expect("(")?;
        let mut values = BTreeSet::new();
        loop {
            values.insert(self.one()?);
            self.skip_space();
            if self.eat(")") {
                return Ok(values);
            }
            self.expect(",")?;
        }
    }
}

#[cfg(test)]
mod tests;
