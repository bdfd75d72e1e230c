//! Expressions written by people, in a part of CEL (<https://cel.dev>): `value > 27.0`.
//!
//! An expression is checked once for its size, names, types and **units**, and becomes a tree of its
//! own, whose evaluation is total: it has no loops, costs as much as its text is long, and a value
//! that is missing makes the result missing instead of wrong.
//!
//! ```text
//!  text ── parse (cel) ──► syntax ── check (schema) ──► Program ── evaluate (inputs) ──► Value
//! ```

#![warn(missing_docs)]

mod check;
mod error;
mod evaluate;
mod node;
mod parse;
mod program;
mod schema;
mod unit;

pub use error::{Error, Position};
pub use evaluate::{Inputs, Value};
pub use node::Call;
pub use program::Program;
pub use schema::{Function, FunctionSlot, Parameter, Schema, Type, VariableSlot};
pub use unit::Unit;

/// The largest number of characters of an expression.
pub const MAX_LENGTH: usize = 2_000;
/// The largest number of parts of an expression.
pub const MAX_NODES: usize = 200;
/// The deepest nesting of an expression.
pub const MAX_DEPTH: usize = 32;
