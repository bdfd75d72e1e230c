//! The names that the conditions of a rule may use, and their values.

use utakata_expression::{
    Call, Function, FunctionSlot, Inputs, Parameter, Schema, Type, Unit, Value, VariableSlot,
};
use utakata_model::{ReadingValue, Target, reading::Attributes};

use crate::trend::Trend;

/// The longest window that a condition may look back over, in seconds.
const MAX_WINDOW: u32 = 6 * 3600;
/// The functions over a window of the series, in the order of their slots.
const WINDOWS: [&str; 4] = ["slope", "average", "lowest", "highest"];
const LABEL: FunctionSlot = FunctionSlot(WINDOWS.len());
const ATTRIBUTE: FunctionSlot = FunctionSlot(WINDOWS.len() + 1);

/// The series that a condition is about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Its target; absent for the metrics of utakata itself.
    pub target: Option<&'a Target>,
    /// The attributes that distinguish the series.
    pub attributes: &'a Attributes,
}

/// A value of a series, with the values before it.
pub(crate) struct Moment<'a> {
    pub subject: Subject<'a>,
    pub value: &'a ReadingValue,
    pub trend: &'a Trend,
}

/// Returns the names that the conditions of a rule on such values may use.
pub(crate) fn schema(value: &Type) -> Schema {
    let number = match value {
        Type::Number(unit) => unit.clone(),
        _ => Unit::Free,
    };
    let mut schema = Schema::default().variable("value", value.clone());
    for name in WINDOWS {
        let unit = match name {
            "slope" => number.per_second(),
            _ => number.clone(),
        };
        schema = schema.function(Function {
            name: name.to_owned(),
            parameter: Parameter::Window {
                max_seconds: MAX_WINDOW,
            },
            result: Type::Number(unit),
        });
    }
    for name in ["label", "attribute"] {
        schema = schema.function(Function {
            name: name.to_owned(),
            parameter: Parameter::Text,
            result: Type::Text,
        });
    }
    schema
}

impl Inputs for Moment<'_> {
    fn variable(&self, _value: VariableSlot) -> Value<'_> {
        match self.value {
            ReadingValue::Number(number) => Value::number(*number),
            ReadingValue::Text(text) => Value::Text(text),
        }
    }

    fn call(&self, call: &Call) -> Value<'_> {
        let found = match call.function {
            LABEL => return self.label(&call.argument),
            ATTRIBUTE => {
                let found = self.subject.attributes.get(&call.argument);
                return found.map_or(Value::Missing, |text| Value::Text(text));
            }
            FunctionSlot(0) => self.trend.slope(call.window),
            FunctionSlot(1) => self.trend.average(call.window),
            FunctionSlot(2) => self.trend.lowest(call.window),
            _ => self.trend.highest(call.window),
        };
        found.map_or(Value::Missing, Value::number)
    }
}

impl Moment<'_> {
    fn label(&self, key: &str) -> Value<'_> {
        let target = self.subject.target;
        let found = target.and_then(|target| target.value(key));
        found.map_or(Value::Missing, Value::Text)
    }
}
