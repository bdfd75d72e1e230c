//! The checks of an expression: its size, names, types and units.

use std::{sync::Arc, time::Duration};

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};
use utakata_model::duration;

use crate::{
    MAX_DEPTH, MAX_NODES,
    error::{Error, Position},
    node::{Call, Comparison, Node, Operator, TextTest},
    parse::Syntax,
    schema::{Function, FunctionSlot, Parameter, Schema, Type},
    unit::Unit,
};

/// The functions that need no inputs.
const BUILT_IN: [&str; 5] = ["abs", "least", "greatest", "clamp", "duration"];
/// The tests of texts, as in `name.startsWith('x')`.
const TESTS: [(&str, TextTest); 3] = [
    ("startsWith", TextTest::StartsWith),
    ("endsWith", TextTest::EndsWith),
    ("contains", TextTest::Contains),
];
/// The words of CEL that repeat over a list.
const REPEATING: [&str; 5] = ["all", "exists", "exists_one", "map", "filter"];
const COMPARISONS: [(&str, Comparison); 6] = [
    (operators::EQUALS, Comparison::Equal),
    (operators::NOT_EQUALS, Comparison::NotEqual),
    (operators::LESS, Comparison::Less),
    (operators::LESS_EQUALS, Comparison::AtMost),
    (operators::GREATER, Comparison::Greater),
    (operators::GREATER_EQUALS, Comparison::AtLeast),
];
const ARITHMETIC: [(&str, Operator, &str); 4] = [
    (operators::ADD, Operator::Plus, "added to"),
    (operators::SUBSTRACT, Operator::Minus, "subtracted from"),
    (operators::MULTIPLY, Operator::Times, "multiplied by"),
    (operators::DIVIDE, Operator::Over, "divided by"),
];

type Typed = (Node, Type);

/// Checks an expression, and returns it with the type of its value.
pub(crate) fn check(syntax: &Syntax, text: &str, schema: &Schema) -> Result<Typed, Error> {
    let mut checker = Checker {
        syntax,
        text,
        schema,
        nodes: 0,
        depth: 0,
    };
    checker.any(&syntax.root)
}

struct Checker<'c> {
    syntax: &'c Syntax,
    text: &'c str,
    schema: &'c Schema,
    nodes: usize,
    depth: usize,
}

impl Checker<'_> {
    fn at(&self, part: &IdedExpr) -> Position {
        self.syntax.position(self.text, part.id)
    }

    fn wrong<T>(&self, part: &IdedExpr, message: impl Into<String>) -> Result<T, Error> {
        Err(Error::new(self.at(part), message))
    }

    fn any(&mut self, part: &IdedExpr) -> Result<Typed, Error> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let message = format!("it has more than {MAX_NODES} parts: make two rules of it");
            return self.wrong(part, message);
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.wrong(part, format!("it is nested deeper than {MAX_DEPTH} levels"));
        }
        let typed = self.one(part)?;
        self.depth -= 1;
        Ok(typed)
    }

    fn one(&mut self, part: &IdedExpr) -> Result<Typed, Error> {
        match &part.expr {
            Expr::Literal(literal) => self.literal(part, literal),
            Expr::Ident(_) | Expr::Select(_) => self.name(part),
            Expr::Call(call) => self.call(part, call),
            Expr::Comprehension(_) => {
                let words = REPEATING.join(", ");
                self.wrong(
                    part,
                    format!("{words} repeat over a list, which no expression may"),
                )
            }
            Expr::List(_) => self.wrong(part, "a list may only follow \"in\""),
            Expr::Map(_) | Expr::Struct(_) => self.wrong(part, "an object has no use here"),
            Expr::Unspecified => self.wrong(part, "it cannot be read"),
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "no limit is that exact")]
    fn literal(&self, part: &IdedExpr, literal: &LiteralValue) -> Result<Typed, Error> {
        let number = |number: f64| Ok((Node::Number(number), Type::Number(Unit::Free)));
        match literal {
            LiteralValue::Boolean(truth) => Ok((Node::Truth(*truth.inner()), Type::Truth)),
            LiteralValue::Double(double) => number(*double.inner()),
            LiteralValue::Int(int) => number(*int.inner() as f64),
            LiteralValue::UInt(int) => number(*int.inner() as f64),
            LiteralValue::String(text) => Ok((Node::Text(text.inner().into()), Type::Text)),
            LiteralValue::Bytes(_) | LiteralValue::Null => {
                self.wrong(part, "only numbers, texts, true and false have a use here")
            }
        }
    }

    fn name(&self, part: &IdedExpr) -> Result<Typed, Error> {
        let Some(name) = spelled(&part.expr) else {
            return self.wrong(part, "only a name has a part after a dot");
        };
        match self.schema.find(&name) {
            Some((slot, of)) => Ok((Node::Variable(slot), of.clone())),
            None => {
                let hint = self.schema.hint(&name);
                self.wrong(part, format!("there is no \"{name}\": {hint}"))
            }
        }
    }

    fn call(&mut self, part: &IdedExpr, call: &CallExpr) -> Result<Typed, Error> {
        let name = call.func_name.as_str();
        if REPEATING.contains(&name) {
            let message = format!("\"{name}\" repeats over a list, which no expression may");
            return self.wrong(part, message);
        }
        if let Some(target) = &call.target {
            return self.test(part, target, call);
        }
        if let Some((_, comparison)) = COMPARISONS.iter().find(|(known, _)| *known == name) {
            return self.comparison(part, *comparison, &call.args);
        }
        if let Some(found) = ARITHMETIC.iter().find(|(known, ..)| *known == name) {
            return self.arithmetic(part, (found.1, found.2), &call.args);
        }
        match (name, call.args.as_slice()) {
            (operators::LOGICAL_NOT, [one]) => {
                let one = self.truth(one)?;
                Ok((Node::Not(one.into()), Type::Truth))
            }
            (operators::LOGICAL_AND, [left, right]) => {
                let parts = [self.truth(left)?, self.truth(right)?];
                Ok((Node::Both(parts.into()), Type::Truth))
            }
            (operators::LOGICAL_OR, [left, right]) => {
                let parts = [self.truth(left)?, self.truth(right)?];
                Ok((Node::Either(parts.into()), Type::Truth))
            }
            (operators::NEGATE, [one]) => {
                let (one, unit) = self.number(one)?;
                Ok((Node::Negate(one.into()), Type::Number(unit)))
            }
            (operators::CONDITIONAL, [condition, then, otherwise]) => {
                self.choice(part, [condition, then, otherwise])
            }
            (operators::IN, [one, list]) => self.among(one, list),
            (name, arguments) => self.function(part, name, arguments),
        }
    }

    fn truth(&mut self, part: &IdedExpr) -> Result<Node, Error> {
        match self.any(part)? {
            (node, Type::Truth | Type::Unknown) => Ok(node),
            (_, of) => self.wrong(part, format!("this is {of}, where true or false is needed")),
        }
    }

    fn number(&mut self, part: &IdedExpr) -> Result<(Node, Unit), Error> {
        match self.any(part)? {
            (node, Type::Number(unit)) => Ok((node, unit)),
            (node, Type::Unknown) => Ok((node, Unit::Free)),
            (_, of) => self.wrong(part, format!("this is {of}, where a number is needed")),
        }
    }

    /// Returns two numbers of one unit.
    fn numbers(
        &mut self,
        part: &IdedExpr,
        verb: &str,
        [left, right]: [&IdedExpr; 2],
    ) -> Result<([Node; 2], Unit), Error> {
        let ((left, one), (right, other)) = (self.number(left)?, self.number(right)?);
        match one.common(&other) {
            Some(unit) => Ok(([left, right], unit)),
            None => self.wrong(part, misfit(&Type::Number(one), verb, &Type::Number(other))),
        }
    }

    fn comparison(
        &mut self,
        part: &IdedExpr,
        comparison: Comparison,
        arguments: &[IdedExpr],
    ) -> Result<Typed, Error> {
        let [left, right] = arguments else {
            return self.wrong(part, "a comparison has two sides");
        };
        let ((left, one), (right, other)) = (self.any(left)?, self.any(right)?);
        if !is_comparable(&one, &other) {
            return self.wrong(part, misfit(&one, "compared with", &other));
        }
        Ok((Node::Compare(comparison, [left, right].into()), Type::Truth))
    }

    fn arithmetic(
        &mut self,
        part: &IdedExpr,
        (operator, verb): (Operator, &str),
        arguments: &[IdedExpr],
    ) -> Result<Typed, Error> {
        let [left, right] = arguments else {
            return self.wrong(part, "a calculation has two sides");
        };
        let (parts, unit) = match operator {
            Operator::Plus | Operator::Minus => self.numbers(part, verb, [left, right])?,
            Operator::Times | Operator::Over => {
                let ((left, one), (right, other)) = (self.number(left)?, self.number(right)?);
                let unit = match operator {
                    Operator::Times => one.times(&other),
                    _ => one.over(&other),
                };
                ([left, right], unit)
            }
        };
        Ok((Node::Calculate(operator, parts.into()), Type::Number(unit)))
    }

    fn choice(&mut self, part: &IdedExpr, parts: [&IdedExpr; 3]) -> Result<Typed, Error> {
        let condition = self.truth(parts[0])?;
        let ((then, one), (otherwise, other)) = (self.any(parts[1])?, self.any(parts[2])?);
        let of = match (&one, &other) {
            (Type::Number(one), Type::Number(other)) => one.common(other).map(Type::Number),
            (one, other) if one == other => Some(one.clone()),
            (Type::Unknown, _) | (_, Type::Unknown) => Some(Type::Unknown),
            _ => None,
        };
        match of {
            Some(of) => Ok((Node::Choice([condition, then, otherwise].into()), of)),
            None => self.wrong(part, misfit(&one, "an alternative to", &other)),
        }
    }

    fn among(&mut self, one: &IdedExpr, list: &IdedExpr) -> Result<Typed, Error> {
        let Expr::List(found) = &list.expr else {
            return self.wrong(list, "\"in\" is followed by a list: ['on', 'off']");
        };
        let (node, of) = self.any(one)?;
        let mut nodes = Vec::new();
        for element in &found.elements {
            let (element_node, other) = self.any(element)?;
            if !is_comparable(&of, &other) {
                return self.wrong(element, misfit(&of, "compared with", &other));
            }
            nodes.push(element_node);
        }
        Ok((Node::Among(node.into(), nodes), Type::Truth))
    }

    fn test(
        &mut self,
        part: &IdedExpr,
        target: &IdedExpr,
        call: &CallExpr,
    ) -> Result<Typed, Error> {
        let name = call.func_name.as_str();
        let known = TESTS.iter().find(|(known, _)| *known == name);
        let (Some((_, test)), [argument]) = (known, call.args.as_slice()) else {
            let known = TESTS.map(|(known, _)| known).join(", ");
            return self.wrong(
                part,
                format!("there is no \"{name}\" of a value: known are {known}"),
            );
        };
        let parts = [self.a_text(target)?, self.a_text(argument)?];
        Ok((Node::Test(*test, parts.into()), Type::Truth))
    }

    fn a_text(&mut self, part: &IdedExpr) -> Result<Node, Error> {
        match self.any(part)? {
            (node, Type::Text | Type::Unknown) => Ok(node),
            (_, of) => self.wrong(part, format!("this is {of}, where a text is needed")),
        }
    }

    fn function(
        &mut self,
        part: &IdedExpr,
        name: &str,
        arguments: &[IdedExpr],
    ) -> Result<Typed, Error> {
        if let Some((slot, function)) = self.schema.find_function(name) {
            return self.of_schema(part, (slot, function), arguments);
        }
        match (name, arguments) {
            ("abs", [one]) => {
                let (one, unit) = self.number(one)?;
                Ok((Node::Absolute(one.into()), Type::Number(unit)))
            }
            ("least", [left, right]) => {
                let (parts, unit) = self.numbers(part, "compared with", [left, right])?;
                Ok((Node::Least(parts.into()), Type::Number(unit)))
            }
            ("greatest", [left, right]) => {
                let (parts, unit) = self.numbers(part, "compared with", [left, right])?;
                Ok((Node::Greatest(parts.into()), Type::Number(unit)))
            }
            ("clamp", [one, low, high]) => self.clamp(part, [one, low, high]),
            ("duration", [one]) => {
                let (_, lasts) = self.window(one)?;
                Ok((
                    Node::Number(lasts.as_secs_f64()),
                    Type::Number(Unit::of("s")),
                ))
            }
            _ if BUILT_IN.contains(&name) => {
                self.wrong(part, format!("\"{name}\" has another number of arguments"))
            }
            _ => {
                let hint = self.schema.hint_function(name, &BUILT_IN);
                self.wrong(part, format!("there is no function \"{name}\": {hint}"))
            }
        }
    }

    fn clamp(&mut self, part: &IdedExpr, parts: [&IdedExpr; 3]) -> Result<Typed, Error> {
        let (one, unit) = self.number(parts[0])?;
        let (bounds, other) = self.numbers(part, "compared with", [parts[1], parts[2]])?;
        let Some(common) = unit.common(&other) else {
            let (one, other) = (Type::Number(unit), Type::Number(other));
            return self.wrong(part, misfit(&one, "compared with", &other));
        };
        let [low, high] = bounds;
        Ok((Node::Clamp([one, low, high].into()), Type::Number(common)))
    }

    fn of_schema(
        &mut self,
        part: &IdedExpr,
        (slot, function): (FunctionSlot, &Function),
        arguments: &[IdedExpr],
    ) -> Result<Typed, Error> {
        let name = &function.name;
        let [argument] = arguments else {
            return self.wrong(part, format!("\"{name}\" has one argument: {name}('10m')"));
        };
        let (written, window) = match function.parameter {
            Parameter::Text => (self.written(argument)?, Duration::ZERO),
            Parameter::Window { max_seconds } => {
                let (written, window) = self.window(argument)?;
                let max = Duration::from_secs(max_seconds.into());
                if window > max || window.is_zero() {
                    let max = duration::format(max);
                    return self.wrong(argument, format!("\"{name}\" looks back {max} at most"));
                }
                (written, window)
            }
        };
        let call = Call {
            function: slot,
            argument: written,
            window,
        };
        Ok((Node::Call(call), function.result.clone()))
    }

    fn window(&self, part: &IdedExpr) -> Result<(Arc<str>, Duration), Error> {
        let written = self.written(part)?;
        match duration::parse(&written) {
            Ok(window) => Ok((written, window)),
            Err(error) => self.wrong(part, error.to_string()),
        }
    }

    fn written(&self, part: &IdedExpr) -> Result<Arc<str>, Error> {
        match &part.expr {
            Expr::Literal(LiteralValue::String(text)) => Ok(text.inner().into()),
            _ => self.wrong(part, "this is written as a text: '10m'"),
        }
    }
}

fn misfit(one: &Type, verb: &str, other: &Type) -> String {
    match verb {
        "an alternative to" => format!("{one} is no alternative to {other}"),
        verb => format!("{one} cannot be {verb} {other}"),
    }
}

fn is_comparable(one: &Type, other: &Type) -> bool {
    match (one, other) {
        (Type::Unknown, _) | (_, Type::Unknown) => true,
        (Type::Number(one), Type::Number(other)) => one.common(other).is_some(),
        (one, other) => one == other,
    }
}

/// Returns the name that an expression spells: `labels.rack`.
fn spelled(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => {
            let before = spelled(&select.operand.expr)?;
            Some(format!("{before}.{}", select.field))
        }
        _ => None,
    }
}
