//! Profiles: the meaning of a UPS's variables, as data.

mod compile;
mod file;

use std::{collections::BTreeMap, sync::Arc};

pub use utakata_profile::Error;
use utakata_profile::{Meaning, Pattern, Source, Template, Test};

use file::File;

/// All available profiles, by name.
pub type Library = utakata_profile::Library<Content>;

/// The profiles shipped with the program.
const SHIPPED: &[(&str, &str)] = &[("nut", include_str!("../profiles/nut.toml"))];

/// A compiled profile.
pub type Profile = utakata_profile::Profile<Content>;

/// The part of a profile that is the protocol's own.
#[derive(Debug)]
pub struct Content {
    /// The conditions by which a UPS is recognised: all of them must hold.
    pub recognise: Vec<Condition>,
    /// The variables, in order of preference.
    pub variables: Vec<Variable>,
    /// The readings made of the flags in `ups.status`.
    pub flags: Vec<Flags>,
    /// The controls, by action.
    pub controls: BTreeMap<String, Control>,
}

/// A variable, or several whose names have the same form.
#[derive(Debug)]
pub struct Variable {
    /// The name: a pattern with a group for each of its parameters.
    pub name: Pattern,
    /// The conditions under which it counts.
    pub when: Vec<Condition>,
    pub meaning: Meaning,
    /// Attributes made of the parameters in its name.
    pub attributes: Vec<(Arc<str>, Template)>,
}

/// A condition on a variable.
#[derive(Debug)]
pub struct Condition {
    /// The name of the variable.
    pub of: String,
    pub test: Test,
}

/// A state that is made of flags.
#[derive(Debug)]
pub struct Flags {
    /// The meaning of the state, as a text.
    pub meaning: Meaning,
    /// The flags with their states: the first that is set counts.
    pub first: Vec<(String, String)>,
    /// The state if none of them is set. Absent: no reading.
    pub otherwise: Option<String>,
}

/// Something to be done.
#[derive(Debug)]
pub struct Control {
    pub request: Request,
    /// The value sent with it.
    pub value: Option<Template>,
    /// The condition under which nothing is sent, because it is so already.
    pub done: Option<Condition>,
}

/// The request of a control.
#[derive(Debug)]
pub enum Request {
    /// The first of these commands that the UPS has.
    Command(Vec<String>),
    /// A variable to be set.
    Set(String),
}

impl Control {
    /// The parameters that it needs.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.value.iter().flat_map(Template::parameters)
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
        all.map(|(name, control)| (name.as_str(), control.parameters().collect()))
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
                "description = \"x\"\nvars = 1",
                "x.toml:2: there is no key \"vars\"",
            ),
            (
                "description = \"x\"\n[[var]]\nname = \"a\"\nmetric = \"hw.voltage\"",
                "x.toml:2: \"hw.voltage\" needs a unit",
            ),
            (
                "description = \"x\"\n[control.a]\nvalue = \"1\"",
                "x.toml:2: control \"a\": it needs \"first\"",
            ),
            (
                "description = \"x\"\n[[status]]\nmetric = \"a.b\"\nfirst = []",
                "x.toml:2: \"first\" needs a flag",
            ),
        ] {
            let mut library = Library::default();
            let error = library.add("x", "x.toml", text).unwrap_err().to_string();
            assert!(error.starts_with(expect), "{error}");
        }
    }
}
