//! Actions: what a worker can do, how dangerous it is, and what proves or undoes it.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    ActionName, MetricName, duration,
    schema::{Schema, SchemaError},
};

/// One thing that a worker can do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// Its name, unique in the manifest.
    pub name: ActionName,
    /// Its class.
    pub class: Class,
    /// A description, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// JSON Schema of its parameters, always of an object.
    #[serde(default = "no_parameters")]
    #[schema(value_type = Object)]
    pub parameters: Value,
    /// The time that one attempt may take at the most.
    #[serde(with = "duration", default = "ten_seconds")]
    #[schema(value_type = String, example = "10s")]
    pub timeout: Duration,
    /// The effect of doing it twice.
    #[serde(default)]
    pub repeat: Repeat,
    /// The proof of its effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verify>,
    /// The action that takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Undo>,
    /// Its risk.
    #[serde(default)]
    pub risk: Risk,
}

words! {
    /// The class of an action: it only looks, or changes something.
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
        /// Only looks: may be dropped, may be repeated.
        Observe = "observe",
        /// Changes something: never lost, never done twice by accident.
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

/// The risk of an action.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Nobody is cut off by it.
    #[default]
    Low,
    /// Something loses service.
    High,
}

/// The observe action, and the condition on its readings, that prove an effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// The observe action that reads it back.
    pub action: ActionName,
    /// Its parameters; a text `$name` stands for the parameter `name` of the control action.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub parameters: BTreeMap<String, Value>,
    /// The metric to look at.
    pub metric: MetricName,
    /// The attributes that the reading must have; `$name` as above.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// The value that proves the effect; `$name` as above.
    #[schema(value_type = Value)]
    pub value: Value,
    /// A value that the target shows on the way to it, such as "off" of an outlet that is cycled;
    /// `$name` as above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    pub through: Option<Value>,
    /// The meaning of seeing that value, and of not seeing it.
    #[serde(default)]
    pub proves: Proves,
    /// The time that the target takes to show the effect.
    #[serde(with = "duration", default = "five_seconds")]
    #[schema(value_type = String, example = "5s")]
    pub within: Duration,
    /// The further time for which the effect is looked for when the target does not show it in that
    /// time.
    #[serde(with = "duration", default = "thirty_seconds")]
    #[schema(value_type = String, example = "30s")]
    pub grace: Duration,
}

/// The meaning of a read-back for an attempt of which nobody knows whether it took effect. After an
/// attempt that succeeded, the value is expected in any case.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Proves {
    /// The value proves the effect; another one leaves it open ("the outlet is off").
    #[default]
    Effect,
    /// The value proves the effect, and another one proves that nothing has happened ("the
    /// event log has an entry of this request").
    Both,
    /// Neither: it was so before, too ("the outlet is on", after it was cycled).
    Nothing,
}

/// The action that takes another back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    /// The control action.
    pub action: ActionName,
    /// Its parameters; a text `$name` stands for the parameter `name` of the action undone, and
    /// `$prior` for the value that the metric of its `verify` had before.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub parameters: BTreeMap<String, Value>,
}

impl Action {
    /// The compiled schema of its parameters.
    pub fn schema(&self) -> Result<Schema, SchemaError> {
        Schema::build(&self.parameters)
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
