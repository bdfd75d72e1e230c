//! The file format of a profile (TOML): the keys that NUT adds to those common to all protocols.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;
use utakata_profile::{
    form::{self, Keyed, OneOrMany},
    keys,
};
use utakata_worker_sdk::model::MetricName;

keys! {
    /// A profile: the meaning of a UPS's variables.
    pub struct File {
        /// The conditions by which a UPS is recognised: all of them must hold.
        pub r#match: Option<Spanned<OneOrMany<Condition>>>,
        pub var: Vec<Spanned<Variable>>,
        pub status: Vec<Spanned<Status>>,
        /// Controls, by the name of the action.
        pub control: BTreeMap<String, Control>,
    }
}

/// A variable and its meaning.
pub type Variable = Keyed<VariableKeys, form::Value>;

keys! {
    /// The variables that are meant.
    pub struct VariableKeys {
        /// The name, with `{parameters}` for parts that attributes take up.
        pub name: String,
        /// Conditions on this or other variables: all of them must hold.
        pub when: OneOrMany<Condition>,
    }
}

/// A condition on a variable.
pub type Condition = Keyed<Operand, form::Condition>;

keys! {
    /// The operand of a condition.
    pub struct Operand {
        /// The name of the variable.
        pub var: String,
    }
}

/// A state that is made of the flags in `ups.status`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    pub metric: MetricName,
    /// The flags with their states: the first that is set counts.
    pub first: Vec<Flag>,
    /// The state if none is set. Absent: no reading.
    #[serde(default)]
    pub r#else: Option<String>,
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
}

/// A flag and the state that it means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flag {
    pub flag: String,
    pub is: String,
}

/// Something to be done: a command, or a variable to be set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
pub struct Control {
    /// The commands, of which the first that the UPS has is sent.
    pub first: Vec<String>,
    /// The variable to be set.
    pub set: Option<String>,
    /// The value sent with it: a text with `{parameters}`.
    pub value: Option<String>,
    /// The condition under which nothing is sent, because it is so already.
    pub done: Option<Condition>,
}
