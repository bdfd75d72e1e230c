//! The names that an expression may use, each with its type.

use std::fmt;

use utakata_model::suggest;

use crate::unit::Unit;

/// The type of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// True or false.
    Truth,
    /// A number in a unit.
    Number(Unit),
    /// A text, or a state by name.
    Text,
    /// A number or a text: nobody knows before it is seen.
    Unknown,
}

/// The names that an expression may use.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    variables: Vec<(String, Type)>,
    functions: Vec<Function>,
}

/// A function that the owner of the inputs evaluates.
#[derive(Debug, Clone)]
pub struct Function {
    /// The name: `slope`.
    pub name: String,
    /// The one parameter, which is always written as a text.
    pub parameter: Parameter,
    /// The type of its result.
    pub result: Type,
}

/// The kinds of parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    /// A duration: `'10m'`.
    Window {
        /// The longest one, in seconds.
        max_seconds: u32,
    },
    /// Any text: the name of a label.
    Text,
}

/// The number of a variable in its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct VariableSlot(pub usize);

/// The number of a function in its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FunctionSlot(pub usize);

impl Schema {
    /// Adds a variable; its slot is the number of variables before it.
    #[must_use]
    pub fn variable(mut self, name: &str, of: Type) -> Self {
        self.variables.push((name.to_owned(), of));
        self
    }

    /// Adds a function; its slot is the number of functions before it.
    #[must_use]
    pub fn function(mut self, function: Function) -> Self {
        self.functions.push(function);
        self
    }

    pub(crate) fn find(&self, name: &str) -> Option<(VariableSlot, &Type)> {
        let at = self.variables.iter().position(|(known, _)| known == name)?;
        Some((VariableSlot(at), &self.variables[at].1))
    }

    pub(crate) fn find_function(&self, name: &str) -> Option<(FunctionSlot, &Function)> {
        let at = self.functions.iter().position(|known| known.name == name)?;
        Some((FunctionSlot(at), &self.functions[at]))
    }

    pub(crate) fn hint(&self, name: &str) -> String {
        suggest::hint(name, self.variables.iter().map(|(known, _)| known.as_str()))
    }

    pub(crate) fn hint_function(&self, name: &str, others: &[&str]) -> String {
        let own = self.functions.iter().map(|known| known.name.as_str());
        let known: Vec<&str> = own.chain(others.iter().copied()).collect();
        suggest::hint(name, known)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truth => f.write_str("true or false"),
            Self::Number(Unit::Free) => f.write_str("a number"),
            Self::Number(Unit::Of(unit)) if &**unit == "1" => {
                f.write_str("a number without a unit")
            }
            Self::Number(Unit::Of(unit)) => write!(f, "a number in {unit}"),
            Self::Text => f.write_str("a text"),
            Self::Unknown => f.write_str("a value of unknown type"),
        }
    }
}
