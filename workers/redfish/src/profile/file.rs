//! The file format of a profile (TOML): the keys that Redfish adds to those common to all protocols.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;
use utakata_profile::{
    json::form::{Condition, Read},
    keys,
};

keys! {
    /// A profile: the meaning of a service's resources.
    pub struct File {
        pub r#match: Match,
        pub talk: Talk,
        /// The places of resources, by name.
        pub find: BTreeMap<String, Spanned<Find>>,
        pub read: Vec<Spanned<Read>>,
        /// Controls, by the name of the action.
        pub control: BTreeMap<String, Control>,
    }
}

/// The conditions by which a service is recognised.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    /// Patterns for properties of the root: all of them must match.
    pub root: BTreeMap<String, Spanned<String>>,
}

/// The way to talk to a service.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Talk {
    /// `true`: collections are asked for with their members, where the service says that it can.
    pub expand: Option<bool>,
    /// `"as-given"` or `"add"`.
    pub slash: Option<String>,
}

/// The place of resources: a path of links, or `false` for nowhere.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Find {
    Path(String),
    Nowhere(bool),
}

/// Something to be done.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// The place of the resource.
    pub on: String,
    /// The pointer to something that the resource must have.
    #[serde(default)]
    pub has: Option<String>,
    /// The name of an action of the resource.
    #[serde(default)]
    pub action: Option<String>,
    #[serde(default)]
    pub body: Option<toml::Table>,
    /// The bodies by which the resource is changed.
    #[serde(default)]
    pub patch: Option<Patch>,
    #[serde(default)]
    pub done: Option<Condition>,
    #[serde(default)]
    pub allowed: BTreeMap<String, String>,
}

/// One body, or several with conditions.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Patch {
    Several(Vec<PatchWhen>),
    One(toml::Table),
}

/// A body and its condition.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatchWhen {
    #[serde(default)]
    pub when: Option<Condition>,
    pub body: toml::Table,
}
