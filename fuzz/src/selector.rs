//! Selectors, and the other small texts that people write.

use std::{fmt::Display, str::FromStr};

use utakata_model::{AtATime, AtMost, FileDigest, ReleaseName, Selector, Target, duration};

/// Parses a text as everything that a person may write in a command.
pub fn selector(data: &[u8]) {
    let Some(text) = super::text(data) else {
        return;
    };
    if let Ok(selector) = text.parse::<Selector>() {
        let again = comes_back(&selector);
        let target = target();
        assert_eq!(selector.matches(&target), again.matches(&target), "{text}");
        let _ = selector.check_size();
    }
    parse::<AtATime>(text);
    parse::<AtMost>(text);
    parse::<ReleaseName>(text);
    parse::<FileDigest>(text);
    if let Ok(duration) = duration::parse(text) {
        let written = duration::format(duration);
        assert_eq!(duration::parse(&written), Ok(duration), "{text}");
    }
}

fn parse<T: FromStr + Display + PartialEq + std::fmt::Debug>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        comes_back(&value);
    }
}

/// Checks that a value is the same after writing and reading it.
fn comes_back<T: FromStr + Display + PartialEq + std::fmt::Debug>(value: &T) -> T {
    let written = value.to_string();
    let Ok(again) = written.parse::<T>() else {
        panic!("{value:?} is written as {written:?}, which cannot be read");
    };
    assert_eq!(&again, value, "{written:?}");
    again
}

fn target() -> Target {
    let [name, kind] = ["pdu-a1", "apc-pdu"];
    let mut target = Target::new(
        name.parse().expect("a name"),
        kind.parse().expect("a kind"),
        "10.0.0.1".to_owned(),
    );
    let labels = [("rack", "A1"), ("feed", "left, top"), ("u", "12")];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    target.labels.extend(labels);
    target
}
