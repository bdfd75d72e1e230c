//! A schema and inputs for tests.

use utakata_expression::{
    Call, Function, Inputs, Parameter, Schema, Type, Unit, Value, VariableSlot,
};

pub fn schema() -> Schema {
    let number = |unit: &str| Type::Number(Unit::of(unit));
    Schema::default()
        .variable("value", number("Cel"))
        .variable("load", number("W"))
        .variable("share", number("1"))
        .variable("state", Type::Text)
        .variable("strange", Type::Unknown)
        .variable("is_on", Type::Truth)
        .function(Function {
            name: "slope".into(),
            parameter: Parameter::Window { max_seconds: 3600 },
            result: number("Cel/s"),
        })
        .function(Function {
            name: "label".into(),
            parameter: Parameter::Text,
            result: Type::Text,
        })
}

/// The values of the variables, in the order of the schema.
pub struct Given(pub [Value<'static>; 6]);

impl Default for Given {
    fn default() -> Self {
        Self([
            Value::Number(25.0),
            Value::Number(400.0),
            Value::Number(0.5),
            Value::Text("on"),
            Value::Text("x"),
            Value::Truth(true),
        ])
    }
}

impl Inputs for Given {
    fn variable(&self, slot: VariableSlot) -> Value<'_> {
        self.0[slot.0]
    }

    fn call(&self, call: &Call) -> Value<'_> {
        match (call.function.0, &*call.argument) {
            (0, _) => Value::Number(call.window.as_secs_f64() / 1e6),
            (_, "rack") => Value::Text("A1"),
            _ => Value::Missing,
        }
    }
}
