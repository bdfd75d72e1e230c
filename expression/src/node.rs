//! The tree of an expression that was checked.

use std::{sync::Arc, time::Duration};

use crate::schema::{FunctionSlot, VariableSlot};

/// A call of a function of the schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The function, by its slot in the schema.
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

impl Node {
    /// Adds the calls of functions of the schema.
    pub fn collect<'n>(&'n self, calls: &mut Vec<&'n Call>) {
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
