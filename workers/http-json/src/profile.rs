//! Profiles: the meaning of a device's documents, as data.

mod compile;
mod file;

use std::collections::BTreeMap;

use serde_json::Value as Json;
pub use utakata_profile::Error;
use utakata_profile::{
    Source, Template,
    json::{self, Condition, Read, body},
};
use utakata_worker_http::Method;

use file::File;

/// All available profiles, by name.
pub type Library = utakata_profile::Library<Content>;

/// The profiles shipped with the program.
const SHIPPED: &[(&str, &str)] = &[("servertech", include_str!("../profiles/servertech.toml"))];

/// A compiled profile.
pub type Profile = utakata_profile::Profile<Content>;

/// The part of a profile that is the protocol's own.
#[derive(Debug)]
pub struct Content {
    /// The document by which a device is recognised.
    pub recognise: Option<Probe>,
    /// The documents, by the name of their place.
    pub documents: BTreeMap<String, Document>,
    pub reads: Vec<Read>,
    /// The controls, by action.
    pub controls: BTreeMap<String, Control>,
}

/// A document by which a device is recognised: all conditions must hold.
#[derive(Debug)]
pub struct Probe {
    pub uri: String,
    pub when: Vec<Condition>,
    pub identity: Option<Identity>,
}

/// The identity of a device, as it says itself.
#[derive(Debug)]
pub struct Identity {
    /// The document in which it does. Absent: that by which it is recognised.
    pub uri: Option<String>,
    /// By key: `vendor`, `model`, `serial`, `uuid`, `name`.
    pub said: Vec<(&'static str, Said)>,
}

/// Something that a device says of itself, or that is so of all that a profile recognises.
#[derive(Debug)]
pub enum Said {
    Always(String),
    At(String),
}

impl Said {
    /// Returns the text of a document. `None`: it says nothing.
    pub fn of(&self, document: &Json) -> Option<String> {
        let text = match self {
            Self::Always(text) => text.clone(),
            Self::At(pointer) => match json::at(document, pointer)? {
                Json::String(text) => text.trim().to_owned(),
                Json::Number(number) => number.to_string(),
                _ => return None,
            },
        };
        (!text.is_empty()).then_some(text)
    }
}

/// A document that is read.
#[derive(Debug, Clone)]
pub struct Document {
    pub uri: String,
    /// True if a device may have none.
    pub is_optional: bool,
}

/// Something to be done.
#[derive(Debug)]
pub struct Control {
    pub method: Method,
    pub path: Template,
    pub body: Option<Json>,
    /// The answers that mean "done". Absent: every success.
    pub ok: Vec<u16>,
    /// The document and its condition under which nothing is sent, because it is so already.
    pub done: Option<(Template, Condition)>,
}

impl Control {
    /// The parameters that it needs.
    pub fn parameters(&self) -> Vec<&str> {
        let mut found: Vec<&str> = self.path.parameters().collect();
        if let Some(body) = &self.body {
            body::parameters(body, &mut found);
        }
        found
    }
}

impl utakata_profile::Content for Content {
    type Keys = File;
    const SHIPPED: &'static [(&'static str, &'static str)] = SHIPPED;

    fn compile(keys: &File, source: &Source<'_>) -> Result<Self, Error> {
        compile::compile(keys, source)
    }

    fn is_recognisable(&self) -> bool {
        self.recognise.is_some()
    }

    fn controls(&self) -> Vec<(&str, Vec<&str>)> {
        let all = self.controls.iter();
        all.map(|(name, control)| (name.as_str(), control.parameters()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_profiles_and_the_one_to_be_filled_in_compile() {
        let mut library = Library::shipped().unwrap();
        let starter = include_str!("../starter.toml");
        library.add("starter", "starter.toml", starter).unwrap();
    }

    #[test]
    fn a_mistake_is_reported_with_its_line() {
        for (text, expect) in [
            (
                "description = \"x\"\ngets = 1",
                "x.toml:2: there is no key \"gets\"",
            ),
            (
                "description = \"x\"\n[get]\na = \"outlets\"",
                "x.toml:3: \"outlets\" is no path",
            ),
            (
                "description = \"x\"\n[[read]]\nin = \"b\"\nmetric = []",
                "x.toml:2: there is no place \"b\" in [get]",
            ),
            (
                "description = \"x\"\n[match]\nget = \"/a\"\nwhen = { at = \"/b\", is = 1 }\nidentity = { serial = { at = \"b\" } }",
                "x.toml:2: \"b\" is no place",
            ),
            (
                "description = \"x\"\n[control.a]\nmethod = \"GET\"\npath = \"/a\"",
                "x.toml:2: control \"a\": \"GET\" changes nothing",
            ),
        ] {
            let mut library = Library::default();
            let error = library.add("x", "x.toml", text).unwrap_err().to_string();
            assert!(error.starts_with(expect), "{error}");
        }
    }
}
