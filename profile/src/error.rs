//! Errors in profiles: the file, line and key, and the nearest known one.

use utakata_model::suggest;

/// A profile that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file has a mistake.
    #[error("{file}:{line}: {problem}")]
    Wrong {
        file: String,
        /// The number of the line, from 1.
        line: usize,
        /// The mistake, and the correction.
        problem: String,
    },
    /// There is no profile of that name.
    #[error("there is no profile \"{name}\"{by}: {hint}")]
    Unknown {
        name: String,
        /// The profile that refers to it, as text to append.
        by: String,
        /// A suggestion of what may have been meant.
        hint: String,
    },
    /// A file of the release cannot be read.
    #[error("{file} cannot be read: {problem}")]
    Unreadable {
        file: String,
        /// The error of the operating system.
        problem: String,
    },
}

impl Error {
    /// Creates an error at a byte of the file's text.
    pub fn at(file: &str, text: &str, byte: usize, problem: impl Into<String>) -> Self {
        let line = text.get(..byte).unwrap_or(text).matches('\n').count() + 1;
        Self::Wrong {
            file: file.into(),
            line,
            problem: problem.into(),
        }
    }

    /// Creates an error from that of the parser, with the nearest known key if a key is unknown.
    pub fn parse(file: &str, text: &str, error: &toml::de::Error) -> Self {
        let message = error.message();
        let byte = error.span().map_or(0, |span| span.start);
        Self::at(file, text, byte, with_hint(message))
    }
}

/// Appends the nearest key to `unknown field `x`, expected one of `a`, `b``.
fn with_hint(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    match (message.starts_with("unknown field"), quoted.next()) {
        (true, Some(unknown)) => {
            let known: Vec<&str> = quoted.collect();
            let hint = suggest::hint(unknown, known.iter().copied());
            format!("there is no key \"{unknown}\" here: {hint}")
        }
        _ => message.trim_end().into(),
    }
}
