//! The syntax of an expression, by the library `cel`, which is asked for nothing else.
//!
//! Its parser descends as deep as the text nests, and has had panics: it runs on a thread of its
//! own, with a stack that every text of the allowed length fits.

use std::thread;

use cel::{
    common::ast::{IdedExpr, SourceInfo},
    parser::{ParseErrors, Parser},
};

use crate::{
    MAX_LENGTH,
    error::{Error, Position},
};

const STACK: usize = 32 << 20;
/// The deepest nesting that the parser itself follows.
const PARSER_DEPTH: u16 = 64;

/// The syntax of an expression, with the places of its parts.
pub(crate) struct Syntax {
    pub root: IdedExpr,
    pub source: SourceInfo,
}

impl Syntax {
    /// Returns the place of a part.
    pub fn position(&self, text: &str, id: u64) -> Position {
        let offset = self.source.offset_for(id).map_or(0, |(start, _)| start);
        Position::of(text, usize::try_from(offset).unwrap_or_default())
    }
}

/// Reads an expression.
///
/// # Errors
/// It is too long, or no expression.
pub(crate) fn parse(text: &str) -> Result<Syntax, Error> {
    let length = text.chars().count();
    if length > MAX_LENGTH {
        let message = format!("it has {length} characters, and may have {MAX_LENGTH}");
        return Err(Error::new(Position::START, message));
    }
    if text.trim().is_empty() {
        return Err(Error::new(Position::START, "it is empty"));
    }
    let owned = text.to_owned();
    let unreadable = || Error::new(Position::START, "it cannot be read");
    let parsed = thread::Builder::new()
        .name("expression".into())
        .stack_size(STACK)
        .spawn(move || read(&owned))
        .map_err(|_| unreadable())?
        .join();
    // A panic of the library is a text that it cannot read.
    parsed.unwrap_or_else(|_| Err(unreadable()))
}

fn read(text: &str) -> Result<Syntax, Error> {
    let parser = Parser::new().max_recursion_depth(PARSER_DEPTH);
    match parser.parse_with_source_info(text) {
        Ok((root, source)) => Ok(Syntax { root, source }),
        Err(errors) => Err(first(&errors)),
    }
}

/// Returns the first mistake, in plain words.
fn first(errors: &ParseErrors) -> Error {
    let Some(error) = errors.errors.first() else {
        return Error::new(Position::START, "it cannot be read");
    };
    let (line, column) = error.pos;
    let place = |number: isize| usize::try_from(number).unwrap_or(1).max(1);
    let position = Position {
        line: place(line),
        column: place(column),
    };
    Error::new(position, plain(&error.msg))
}

fn plain(message: &str) -> String {
    let message = message.strip_prefix("Syntax error: ").unwrap_or(message);
    let message = message.split(" expecting {").next().unwrap_or(message);
    message
        .replace("mismatched input '<EOF>'", "it ends too early")
        .replace("mismatched input", "this is not expected here:")
        .replace("extraneous input", "this is not expected here:")
        .replace("token recognition error at:", "this cannot be read:")
        .replace(" expecting <EOF>", "")
}
