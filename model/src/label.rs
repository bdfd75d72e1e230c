//! Labels: facts that people record about a target (`room`, `rack`, `feed`), as keys and values.

use std::collections::BTreeMap;

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
    /// A value has a control character, which nobody would see.
    #[error("the value {text:?} of the label \"{key}\" has a control character")]
    Text {
        /// The key of the value.
        key: String,
        /// The offending value.
        text: String,
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
        if text.chars().any(char::is_control) {
            return Err(LabelError::Text {
                key: key.clone(),
                text: text.clone(),
            });
        }
    }
    Ok(())
}

pub(crate) fn is_key_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/')
}
