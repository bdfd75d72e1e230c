//! Profiles: the meaning of samples, as data.

mod compile;
mod file;

use std::{collections::BTreeMap, sync::Arc};

pub use utakata_profile::Error;
use utakata_profile::{Meaning, Names, Test, library};

/// All available profiles, by name.
pub type Library = utakata_profile::Library<Profile>;

/// The profiles shipped with the program.
const SHIPPED: &[(&str, &str)] = &[
    ("node", include_str!("../profiles/node.toml")),
    ("dcgm", include_str!("../profiles/dcgm.toml")),
];

/// A compiled profile.
#[derive(Debug)]
pub struct Profile {
    /// Its name: the file name without extension.
    pub name: String,
    pub description: String,
    /// Included profiles.
    pub include: Vec<String>,
    /// The names of samples by which an exporter is recognised: it has one of them.
    pub recognise: Vec<String>,
    /// The metrics, by the name of the sample.
    pub families: BTreeMap<String, Vec<Metric>>,
}

/// A metric of a sample.
#[derive(Debug)]
pub struct Metric {
    /// The conditions on its labels: all of them must hold.
    pub when: Vec<Condition>,
    pub attributes: Vec<(Arc<str>, Attribute)>,
    /// The label whose value is the reading, in place of the number.
    pub label: Option<String>,
    pub meaning: Meaning,
}

/// A condition on a label.
#[derive(Debug)]
pub struct Condition {
    pub label: String,
    pub test: Test,
}

/// The origin of an attribute: labels, joined by slashes.
#[derive(Debug)]
pub struct Attribute {
    pub labels: Vec<String>,
    /// Replacements for the text found.
    pub names: Names,
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
                "description = \"x\"\nfamilies = 1",
                "x.toml:2: there is no key \"families\"",
            ),
            (
                "description = \"x\"\n[[family]]\nmetric = \"hw.power\"\nunit = \"W\"",
                "x.toml:2: \"hw.power\" needs the name of a sample: name",
            ),
            (
                "description = \"x\"\n[[family]]\nname = \"a\"\nmetric = \"hw.power\"",
                "x.toml:2: \"hw.power\" needs a unit",
            ),
        ] {
            let mut library = Library::default();
            let error = library.add("x", "x.toml", text).unwrap_err().to_string();
            assert!(error.starts_with(expect), "{error}");
        }
    }
}
