//! The evaluation of a checked expression. Total: every expression has a value for every input.

use crate::{
    node::{Call, Comparison, Node, Operator, TextTest},
    schema::VariableSlot,
};

/// The value of a variable, or of an expression.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Nobody knows: it was not seen, is no number, or nothing can be calculated of it.
    Missing,
    /// True or false.
    Truth(bool),
    /// A number, never NaN.
    Number(f64),
    /// A text.
    Text(&'a str),
}

/// The values of the names of a schema.
pub trait Inputs {
    /// Returns the value of a variable.
    fn variable(&self, slot: VariableSlot) -> Value<'_>;

    /// Returns the result of a function.
    fn call(&self, call: &Call) -> Value<'_>;
}

impl Value<'_> {
    /// Returns a number; missing if it is none.
    pub fn number(number: f64) -> Self {
        match number.is_nan() {
            true => Self::Missing,
            false => Self::Number(number),
        }
    }

    fn truth(self) -> Option<bool> {
        match self {
            Self::Truth(truth) => Some(truth),
            _ => None,
        }
    }

    fn as_number(self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }
}

pub(crate) fn evaluate<'a>(node: &'a Node, inputs: &'a impl Inputs) -> Value<'a> {
    let value = |node: &'a Node| evaluate(node, inputs);
    let number = |node: &'a Node| value(node).as_number();
    match node {
        Node::Truth(truth) => Value::Truth(*truth),
        Node::Number(number) => Value::number(*number),
        Node::Text(text) => Value::Text(text),
        Node::Variable(slot) => known(inputs.variable(*slot)),
        Node::Call(call) => known(inputs.call(call)),
        Node::Not(part) => of_truth(value(part).truth().map(|truth| !truth)),
        Node::Negate(part) => of_number(number(part).map(|number| -number)),
        Node::Absolute(part) => of_number(number(part).map(f64::abs)),
        Node::Both(parts) => of_truth(both(parts, inputs)),
        Node::Either(parts) => of_truth(either(parts, inputs)),
        Node::Choice(parts) => choice(parts, inputs),
        Node::Compare(comparison, parts) => {
            of_truth(compare(*comparison, value(&parts[0]), value(&parts[1])))
        }
        Node::Calculate(operator, parts) => {
            of_number(calculate(*operator, number(&parts[0]), number(&parts[1])))
        }
        Node::Least(parts) => of_number(pair(number(&parts[0]), number(&parts[1]), f64::min)),
        Node::Greatest(parts) => of_number(pair(number(&parts[0]), number(&parts[1]), f64::max)),
        Node::Clamp(parts) => {
            let bounded = pair(number(&parts[0]), number(&parts[1]), f64::max);
            of_number(pair(bounded, number(&parts[2]), f64::min))
        }
        Node::Among(part, list) => of_truth(among(value(part), list, inputs)),
        Node::Test(test, parts) => of_truth(is(*test, value(&parts[0]), value(&parts[1]))),
    }
}

fn known(value: Value<'_>) -> Value<'_> {
    match value {
        Value::Number(number) => Value::number(number),
        value => value,
    }
}

fn of_truth(truth: Option<bool>) -> Value<'static> {
    truth.map_or(Value::Missing, Value::Truth)
}

fn of_number(number: Option<f64>) -> Value<'static> {
    number.map_or(Value::Missing, Value::number)
}

fn pair(left: Option<f64>, right: Option<f64>, of: fn(f64, f64) -> f64) -> Option<f64> {
    Some(of(left?, right?))
}

/// False decides, whatever the other is.
fn both(parts: &[Node; 2], inputs: &impl Inputs) -> Option<bool> {
    match evaluate(&parts[0], inputs).truth() {
        Some(false) => Some(false),
        left => match (left, evaluate(&parts[1], inputs).truth()) {
            (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        },
    }
}

/// True decides, whatever the other is.
fn either(parts: &[Node; 2], inputs: &impl Inputs) -> Option<bool> {
    match evaluate(&parts[0], inputs).truth() {
        Some(true) => Some(true),
        left => match (left, evaluate(&parts[1], inputs).truth()) {
            (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        },
    }
}

fn choice<'a>(parts: &'a [Node; 3], inputs: &'a impl Inputs) -> Value<'a> {
    match evaluate(&parts[0], inputs).truth() {
        Some(true) => evaluate(&parts[1], inputs),
        Some(false) => evaluate(&parts[2], inputs),
        None => Value::Missing,
    }
}

fn compare(comparison: Comparison, left: Value<'_>, right: Value<'_>) -> Option<bool> {
    let order = match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.partial_cmp(&right)?,
        (Value::Text(left), Value::Text(right)) => left.cmp(right),
        (Value::Truth(left), Value::Truth(right)) => left.cmp(&right),
        _ => return None,
    };
    Some(match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::AtMost => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::AtLeast => order.is_ge(),
    })
}

fn calculate(operator: Operator, left: Option<f64>, right: Option<f64>) -> Option<f64> {
    let (left, right) = (left?, right?);
    match operator {
        Operator::Plus => Some(left + right),
        Operator::Minus => Some(left - right),
        Operator::Times => Some(left * right),
        // There is no share of nothing.
        Operator::Over => (right != 0.0).then(|| left / right),
    }
}

fn among(value: Value<'_>, list: &[Node], inputs: &impl Inputs) -> Option<bool> {
    let mut is_certain = true;
    for one in list {
        match compare(Comparison::Equal, value, evaluate(one, inputs)) {
            Some(true) => return Some(true),
            Some(false) => {}
            None => is_certain = false,
        }
    }
    is_certain.then_some(false)
}

fn is(test: TextTest, text: Value<'_>, part: Value<'_>) -> Option<bool> {
    let (Value::Text(text), Value::Text(part)) = (text, part) else {
        return None;
    };
    Some(match test {
        TextTest::StartsWith => text.starts_with(part),
        TextTest::EndsWith => text.ends_with(part),
        TextTest::Contains => text.contains(part),
    })
}
