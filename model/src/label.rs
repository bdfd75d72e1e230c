//! Labels: facts that people record about a target (`room`, `rack`, `feed`), as keys and values.

use std::collections::BTreeMap;

use crate::invisible::hidden;

/// Labels of a target, an environment or a worker, by key.
pub type Labels = BTreeMap<String, String>;

/// The reason why labels were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// A key has a character that a selector could not name.
    #[error(
        "the label key \"{key}\" may have only letters, digits, '.', '_', '-' and '/', and at least one"
    )]
    Key {
        /// The offending key.
        key: String,
    },
    /// A value has a character that nobody would see: selectors would miss what looks right.
    #[error(
        "the value {text:?} of the label \"{key}\" has the character {code_point}, which nobody \
         sees: write it without"
    )]
    Text {
        /// The key of the value.
        key: String,
        /// The offending value.
        text: String,
        /// The first of these characters.
        code_point: String,
    },
    /// The key has another meaning in selectors.
    #[error("\"{key}\" cannot be a label: selectors use it for the target's own {key}")]
    Reserved {
        /// The reserved key.
        key: String,
    },
}

/// The keys that a selector reads from the target itself.
pub const RESERVED: [&str; 4] = ["name", "kind", "zone", "address"];

/// Checks that a selector can name every label.
pub fn validate(labels: &Labels) -> Result<(), LabelError> {
    for (key, text) in labels {
        if RESERVED.contains(&key.as_str()) {
            return Err(LabelError::Reserved { key: key.clone() });
        }
        if key.is_empty() || !key.chars().all(is_key_character) {
            return Err(LabelError::Key { key: key.clone() });
        }
        if let Some(code_point) = hidden(text) {
            return Err(LabelError::Text {
                key: key.clone(),
                text: text.clone(),
                code_point,
            });
        }
    }
    Ok(())
}

pub(crate) fn is_key_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f23_a_label_that_looks_like_another_is_refused() {
        for (text, code_point) in [("A1\u{202e}", "U+202E"), ("A1\u{200b}", "U+200B")] {
            let labels = Labels::from([("rack".into(), text.into())]);
            let error = validate(&labels).unwrap_err().to_string();
            assert!(error.contains(code_point), "{error}");
        }
        validate(&Labels::from([("rack".into(), "Halle Süd 泡沫".into())])).unwrap();
    }
}
