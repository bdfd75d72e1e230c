//! The file format of a profile (TOML): the keys that HTTP adds to those common to all protocols.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;
use utakata_profile::{
    form::{self, Keyed, OneOrMany},
    json::form::{Condition, Read},
    keys,
};

keys! {
    /// A profile: the meaning of a device's documents.
    pub struct File {
        /// The document by which a device is recognised.
        pub r#match: Option<Spanned<Match>>,
        /// The documents, by the name of their place.
        pub get: BTreeMap<String, Spanned<Get>>,
        pub read: Vec<Spanned<Read>>,
        /// Controls, by the name of the action.
        pub control: BTreeMap<String, Control>,
    }
}

/// A document by which a device is recognised: all conditions must hold.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Match {
    pub get: String,
    pub when: OneOrMany<Condition>,
    #[serde(default)]
    pub identity: Option<Identity>,
}

/// The identity of a device, as it says itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The document in which it does. Absent: that by which it is recognised.
    #[serde(default)]
    pub get: Option<String>,
    #[serde(default)]
    pub vendor: Option<Said>,
    #[serde(default)]
    pub model: Option<Said>,
    #[serde(default)]
    pub serial: Option<Said>,
    #[serde(default)]
    pub uuid: Option<Said>,
    #[serde(default)]
    pub name: Option<Said>,
}

/// A text, or the place of one.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Said {
    Always(String),
    At(SaidAt),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SaidAt {
    pub at: String,
}

/// The path of a document, with its query.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Get {
    Path(String),
    Document(GetDocument),
}

/// The path of a document that a device may lack.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetDocument {
    pub uri: String,
    #[serde(default)]
    pub or_absent: bool,
}

/// Something to be done.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    pub method: String,
    /// The path, with `{parameters}`.
    pub path: String,
    #[serde(default)]
    pub body: Option<toml::Table>,
    /// The answers that mean "done". Absent: every success.
    #[serde(default)]
    pub ok: Vec<u16>,
    /// The condition under which nothing is sent, because it is so already.
    #[serde(default)]
    pub done: Option<Done>,
}

/// A condition on a document.
pub type Done = Keyed<DoneKeys, form::Condition>;

keys! {
    /// The operand of a condition.
    pub struct DoneKeys {
        /// The path of the document, with `{parameters}`.
        pub get: String,
        pub at: String,
    }
}
