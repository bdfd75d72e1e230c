//! Profiles: the meaning of a service's resources, as data.

mod compile;
mod file;
mod wanted;

use std::collections::BTreeMap;

use serde_json::Value as Json;
pub use utakata_profile::Error;
use utakata_profile::{
    Pattern, Source,
    json::{Condition, Read, body},
};

use file::File;
pub use wanted::wanted;

/// All available profiles, by name.
pub type Library = utakata_profile::Library<Content>;

/// The profiles shipped with the program.
const SHIPPED: &[(&str, &str)] = &[
    ("redfish", include_str!("../profiles/redfish.toml")),
    ("hpe-ilo", include_str!("../profiles/hpe-ilo.toml")),
];

/// A compiled profile.
pub type Profile = utakata_profile::Profile<Content>;

/// The part of a profile that is the protocol's own.
#[derive(Debug)]
pub struct Content {
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

impl utakata_profile::Content for Content {
    type Keys = File;
    const SHIPPED: &'static [(&'static str, &'static str)] = SHIPPED;

    fn compile(keys: &File, source: &Source<'_>) -> Result<Self, Error> {
        compile::compile(keys, source)
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
    fn the_shipped_profiles_and_the_one_to_be_filled_in_compile() {
        let mut library = Library::shipped().unwrap();
        let starter = include_str!("../starter.toml");
        library.add("starter", "starter.toml", starter).unwrap();
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
