//! Profiles: the meaning of a service's resources, as data.

mod compile;
mod file;

use std::collections::BTreeMap;

use serde_json::Value as Json;
pub use utakata_profile::Error;
use utakata_profile::{
    Pattern,
    json::{Condition, Read, body},
    library,
};

/// All available profiles, by name.
pub type Library = utakata_profile::Library<Profile>;

/// The profiles shipped with the program.
const SHIPPED: &[(&str, &str)] = &[
    ("redfish", include_str!("../profiles/redfish.toml")),
    ("hpe-ilo", include_str!("../profiles/hpe-ilo.toml")),
];

/// A compiled profile.
#[derive(Debug)]
pub struct Profile {
    /// Its name: the file name without extension.
    pub name: String,
    pub description: String,
    /// Included profiles.
    pub include: Vec<String>,
    /// Patterns for properties of the root, by pointer: all of them must match.
    pub recognise: Vec<(String, Pattern)>,
    pub talk: Talk,
    /// The places of resources, by name. Absent: not looked for, whatever included profiles say.
    pub find: BTreeMap<String, Option<Vec<Segment>>>,
    pub reads: Vec<Read>,
    /// The controls, by action.
    pub controls: BTreeMap<String, Control>,
}

/// The way to talk to a service. Absent: as included profiles say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Talk {
    /// True if collections are asked for with their members, where the service says that it can.
    pub expand: Option<bool>,
    /// True if paths get a slash at the end.
    pub slash: Option<bool>,
}

/// A step from a resource to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// The link of this name; of a collection, the member with this identifier.
    Name(String),
    /// Every member of a collection.
    Members,
}

/// Something to be done.
#[derive(Debug)]
pub struct Control {
    /// The place of the resource.
    pub on: String,
    /// The pointer to something that the resource must have.
    pub has: Option<String>,
    pub request: Request,
    /// The condition under which nothing is sent, because it is so already.
    pub done: Option<Condition>,
    /// The pointers to the values that the device allows for a parameter.
    pub allowed: BTreeMap<String, String>,
}

/// The request of a control.
#[derive(Debug)]
pub enum Request {
    /// An action of the resource, by name, with its body.
    Action(String, Json),
    /// Bodies by which the resource is changed: the first whose condition holds.
    Patch(Vec<(Option<Condition>, Json)>),
}

impl Control {
    /// The parameters that it needs.
    pub fn parameters(&self) -> Vec<&str> {
        let mut found = Vec::new();
        match &self.request {
            Request::Action(_, body) => body::parameters(body, &mut found),
            Request::Patch(bodies) => bodies
                .iter()
                .for_each(|(_, body)| body::parameters(body, &mut found)),
        }
        found
    }
}

impl library::Profile for Profile {
    const SHIPPED: &'static [(&'static str, &'static str)] = SHIPPED;

    fn compile(name: &str, file: &str, text: &str) -> Result<Self, Error> {
        compile::compile(name, file, text)
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn include(&self) -> &[String] {
        &self.include
    }

    fn is_recognisable(&self) -> bool {
        !self.recognise.is_empty()
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
    fn every_shipped_profile_compiles() {
        let library = Library::shipped().unwrap();
        assert_eq!(library.iter().count(), SHIPPED.len());
    }

    #[test]
    fn the_profile_to_be_filled_in_compiles() {
        let mut library = Library::shipped().unwrap();
        let text = include_str!("../starter.toml");
        library.add("starter", "starter.toml", text).unwrap();
        assert!(library.resolve(["starter"]).is_ok());
    }

    #[test]
    fn a_mistake_is_reported_with_its_line() {
        for (text, expect) in [
            (
                "description = \"x\"\nfinds = 1",
                "x.toml:2: there is no key \"finds\"",
            ),
            (
                "description = \"x\"\n[find]\na = \"Systems//*\"",
                "x.toml:3: \"Systems//*\" is no path",
            ),
            (
                "description = \"x\"\n[[read]]\nin = \"a\"\nmetric = [{ metric = \"hw.power\", at = \"/A\" }]",
                "x.toml:2: \"hw.power\" needs a unit",
            ),
            (
                "description = \"x\"\n[[read]]\nin = \"a\"\nmetric = [{ metric = \"hw.power\", unit = \"W\" }]",
                "x.toml:2: \"hw.power\" needs a place: at",
            ),
            (
                "description = \"x\"\n[control.a]\non = \"b\"",
                "x.toml:2: control \"a\": it needs \"action\"",
            ),
        ] {
            let mut library = Library::default();
            let error = library.add("x", "x.toml", text).unwrap_err().to_string();
            assert!(error.starts_with(expect), "{error}");
        }
    }
}
