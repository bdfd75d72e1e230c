//! Actions: the abilities of a worker, their risks, and the ways to verify and to undo them.

mod rotates;

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    ActionName, MetricName, duration,
    schema::{Schema, SchemaError},
    tolerance::Tolerance,
};

pub use rotates::Rotates;

/// Something that a worker can do with a target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// The name of the action, unique in the manifest.
    pub name: ActionName,
    /// The class of the action: observe or control.
    pub class: Class,
    /// A description for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The JSON Schema of the parameters, which are always an object.
    #[serde(default = "no_parameters")]
    #[schema(value_type = Object)]
    pub parameters: Value,
    /// The longest time that one attempt may take.
    #[serde(with = "duration", default = "ten_seconds")]
    #[schema(value_type = String, example = "10s")]
    pub timeout: Duration,
    /// The effect of doing it twice.
    #[serde(default)]
    pub repeat: Repeat,
    /// The way to prove the effect by reading the target back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verify>,
    /// The action that undoes this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Undo>,
    /// The parameter with the seconds after which the target takes the change back by itself, unless
    /// it is told again. Absent if it never does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<String>,
    /// The password that it changes, if it is the one by which the target is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotates: Option<Rotates>,
    /// The risk to the target's users.
    #[serde(default)]
    pub risk: Risk,
}

words! {
    /// The class of an action: whether it only reads, or changes something.
    #[derive(
        Debug,
        Clone,
        Copy,
        PartialEq,
        Eq,
        Hash,
        PartialOrd,
        Ord,
        Serialize,
        Deserialize,
        utoipa::ToSchema,
    )]
    pub enum Class {
        /// It only reads, and may be dropped or repeated.
        Observe = "observe",
        /// It changes something: never lost, and never done twice by accident.
        Control = "control",
    }
}

/// The effect of doing an action twice.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Repeat {
    /// Doing it twice is the same as doing it once ("outlet off").
    Repeatable,
    /// Doing it twice is not the same ("outlet cycle").
    #[default]
    Once,
}

/// The risk of an action to the target's users.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Nobody loses service.
    #[default]
    Low,
    /// Somebody loses service.
    High,
}

/// The observe action and the condition on its readings that prove an effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// The observe action that reads the target back.
    pub action: ActionName,
    /// The parameters of that action. A text `$name` stands for the parameter `name` of the control
    /// action.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub parameters: BTreeMap<String, Value>,
    /// The metric whose reading is judged.
    pub metric: MetricName,
    /// The attributes that the reading must have; `$name` as above.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// The value that proves the effect; `$name` as above.
    #[schema(value_type = Value)]
    pub value: Value,
    /// Further values that prove the effect as well; `$name` as above.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub any: Vec<Value>,
    /// The difference up to which a number counts as the value: in the unit of the reading (`"0.5"`),
    /// or as a part of the value (`"1%"`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "1%")]
    pub tolerance: Option<Tolerance>,
    /// A value that the target shows on its way to the effect, such as "off" when an outlet is
    /// cycled; `$name` as above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    pub through: Option<Value>,
    /// The conclusions that seeing that value, or not seeing it, allows.
    #[serde(default)]
    pub proves: Proves,
    /// The time that the target takes to show the effect.
    #[serde(with = "duration", default = "five_seconds")]
    #[schema(value_type = String, example = "5s")]
    pub within: Duration,
    /// The additional time for which the effect is looked for if it has not shown by then.
    #[serde(with = "duration", default = "thirty_seconds")]
    #[schema(value_type = String, example = "30s")]
    pub grace: Duration,
}

/// The conclusion from a read-back of an attempt whose outcome is unknown. After an attempt that
/// succeeded, the value is expected in any case.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Proves {
    /// The value proves the effect; another value proves nothing ("the outlet is off").
    #[default]
    Effect,
    /// The value proves the effect, and another value proves that nothing has happened ("the event
    /// log has an entry for this request").
    Both,
    /// Neither value proves anything: it was the same before ("the outlet is on", after it was
    /// cycled).
    Nothing,
}

/// The action that undoes another one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    /// The control action that undoes it.
    pub action: ActionName,
    /// The parameters of that action. A text `$name` stands for the parameter `name` of the action
    /// to undo, and `$prior` for the value that the metric of its `verify` had before.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub parameters: BTreeMap<String, Value>,
}

/// The name of the action by which a worker understands what devices sent unasked.
pub const NOTIFICATION: &str = "notification";
/// The name of the action by which a worker asks addresses what is there.
pub const DISCOVER: &str = "discover";

impl Action {
    /// Compiles the schema of the parameters.
    pub fn schema(&self) -> Result<Schema, SchemaError> {
        Schema::build(&self.parameters)
    }

    /// Returns true if only utakata itself asks for it, so that nobody needs to see it in lists.
    pub fn is_internal(&self) -> bool {
        self.class == Class::Observe && matches!(self.name.as_str(), NOTIFICATION | DISCOVER)
    }
}

fn no_parameters() -> Value {
    serde_json::json!({ "type": "object", "additionalProperties": false })
}

fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

fn five_seconds() -> Duration {
    Duration::from_secs(5)
}

fn thirty_seconds() -> Duration {
    Duration::from_secs(30)
}
