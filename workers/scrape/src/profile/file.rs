//! The file format of a profile (TOML): the keys that samples add to those common to all protocols.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;
use utakata_profile::{
    form::{self, Keyed, OneOrMany, States},
    keys,
};

keys! {
    /// A profile: the meaning of samples.
    pub struct File {
        pub r#match: Match,
        pub family: Vec<Spanned<Family>>,
    }
}

/// The samples by which an exporter is recognised.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    /// The names: one of them is enough.
    pub family: OneOrMany<String>,
}

/// A family of samples, and the metric that it becomes.
pub type Family = Keyed<FamilyKeys, form::Value>;

keys! {
    /// The samples that are meant.
    pub struct FamilyKeys {
        /// The name of the samples.
        pub name: String,
        /// Conditions on labels: all of them must hold.
        pub when: OneOrMany<Condition>,
        /// Attributes made of labels.
        pub labels: BTreeMap<String, Label>,
        /// The label whose value is the reading, in place of the number.
        pub label: Option<String>,
    }
}

/// A condition on a label.
pub type Condition = Keyed<Operand, form::Condition>;

keys! {
    /// The operand of a condition.
    pub struct Operand {
        /// The name of the label.
        pub label: String,
    }
}

/// The origin of an attribute: a label, or several joined by slashes, with names for its values.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Label {
    One(String),
    Several(Vec<String>),
    Named(NamedLabel),
}

/// A label with names for its values.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedLabel {
    pub label: String,
    pub names: States,
}
