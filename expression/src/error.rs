//! Mistakes in expressions, in words for whoever wrote them.

use std::fmt;

/// A mistake in an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{position}: {message}")]
pub struct Error {
    /// The place of the mistake in the expression.
    pub position: Position,
    /// The mistake, as a sentence without a full stop.
    pub message: String,
}

/// A place in an expression. Both are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl Position {
    /// The first character.
    pub const START: Self = Self { line: 1, column: 1 };

    /// Returns the place of a character, by its number in the text.
    pub(crate) fn of(text: &str, offset: usize) -> Self {
        let mut place = Self::START;
        for character in text.chars().take(offset) {
            if character == '\n' {
                place.line += 1;
                place.column = 1;
            } else {
                place.column += 1;
            }
        }
        place
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

impl Error {
    pub(crate) fn new(position: Position, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { position, message }
    }
}
