//! An expression that was checked.

use std::sync::Arc;

use crate::{
    check,
    error::Error,
    evaluate::{self, Inputs, Value},
    node::{Call, Node},
    parse,
    schema::{Schema, Type},
};

/// An expression that was checked: it only has names of its schema, and its types and units fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    text: Arc<str>,
    root: Node,
    of: Type,
}

impl Program {
    /// Checks an expression.
    ///
    /// # Errors
    /// It is too long or too deep, cannot be read, or has names, types or units that do not fit.
    pub fn compile(text: &str, schema: &Schema) -> Result<Self, Error> {
        let syntax = parse::parse(text)?;
        let (root, of) = check::check(&syntax, text, schema)?;
        let text = text.into();
        Ok(Self { text, root, of })
    }

    /// Checks an expression that is true or false.
    ///
    /// # Errors
    /// As for [`Self::compile`], or its value is something else.
    pub fn condition(text: &str, schema: &Schema) -> Result<Self, Error> {
        let program = Self::compile(text, schema)?;
        match program.of {
            Type::Truth | Type::Unknown => Ok(program),
            of => Err(Error::new(
                crate::Position::START,
                format!("a condition is true or false, and this is {of}"),
            )),
        }
    }

    /// Returns the expression as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the type of its value.
    pub fn result(&self) -> &Type {
        &self.of
    }

    /// Evaluates it. The value is missing where it depends on one that is.
    pub fn evaluate<'a>(&'a self, inputs: &'a impl Inputs) -> Value<'a> {
        evaluate::evaluate(&self.root, inputs)
    }

    /// Evaluates a condition; `None` where it depends on a value that is missing.
    pub fn holds(&self, inputs: &impl Inputs) -> Option<bool> {
        match self.evaluate(inputs) {
            Value::Truth(truth) => Some(truth),
            _ => None,
        }
    }

    /// Returns its calls of functions of the schema.
    pub fn calls(&self) -> Vec<&Call> {
        let mut calls = Vec::new();
        self.root.collect(&mut calls);
        calls
    }
}
