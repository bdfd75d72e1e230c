//! An expression that was checked.

use std::{sync::Arc, time::Duration};

use crate::{
    check,
    error::Error,
    evaluate::{self, Inputs, Value},
    parse,
    schema::{FunctionSlot, Schema, Type, VariableSlot},
};

/// An expression that was checked: it only has names of its schema, and its types and units fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    text: Arc<str>,
    root: Node,
    of: Type,
}

/// A call of a function of the schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The function.
    pub function: FunctionSlot,
    /// The argument as written.
    pub argument: Arc<str>,
    /// The argument as a duration; zero if it is none.
    pub window: Duration,
}

/// A part of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Truth(bool),
    Number(f64),
    Text(Arc<str>),
    Variable(VariableSlot),
    Call(Call),
    Not(Box<Self>),
    Negate(Box<Self>),
    Both(Box<[Self; 2]>),
    Either(Box<[Self; 2]>),
    /// A condition, and the values if it is true or false.
    Choice(Box<[Self; 3]>),
    Compare(Comparison, Box<[Self; 2]>),
    Calculate(Operator, Box<[Self; 2]>),
    Among(Box<Self>, Vec<Self>),
    Absolute(Box<Self>),
    Least(Box<[Self; 2]>),
    Greatest(Box<[Self; 2]>),
    /// A value and its bounds.
    Clamp(Box<[Self; 3]>),
    Test(TextTest, Box<[Self; 2]>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Plus,
    Minus,
    Times,
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextTest {
    StartsWith,
    EndsWith,
    Contains,
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

impl Node {
    fn collect<'n>(&'n self, calls: &mut Vec<&'n Call>) {
        if let Self::Call(call) = self {
            calls.push(call);
        }
        for part in self.parts() {
            part.collect(calls);
        }
    }

    fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Truth(_) | Self::Number(_) | Self::Text(_) => Vec::new(),
            Self::Variable(_) | Self::Call(_) => Vec::new(),
            Self::Not(part) | Self::Negate(part) | Self::Absolute(part) => vec![part],
            Self::Both(parts) | Self::Either(parts) => parts.iter().collect(),
            Self::Least(parts) | Self::Greatest(parts) => parts.iter().collect(),
            Self::Compare(_, parts) | Self::Calculate(_, parts) => parts.iter().collect(),
            Self::Test(_, parts) => parts.iter().collect(),
            Self::Choice(parts) | Self::Clamp(parts) => parts.iter().collect(),
            Self::Among(part, list) => std::iter::once(&**part).chain(list).collect(),
        }
    }
}
