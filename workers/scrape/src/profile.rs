//! Profiles: the meaning of samples, as data.

mod compile;
mod file;

use std::{collections::BTreeMap, sync::Arc};

pub use utakata_profile::Error;
use utakata_profile::{Meaning, Names, Source, Test};

use file::File;

/// All available profiles, by name.
pub type Library = utakata_profile::Library<Content>;

/// The profiles shipped with the program.
const SHIPPED: &[(&str, &str)] = &[
    ("node", include_str!("../profiles/node.toml")),
    ("dcgm", include_str!("../profiles/dcgm.toml")),
];

/// A compiled profile.
pub type Profile = utakata_profile::Profile<Content>;

/// The part of a profile that is the protocol's own.
#[derive(Debug)]
pub struct Content {
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

impl utakata_profile::Content for Content {
    type Keys = File;
    const SHIPPED: &'static [(&'static str, &'static str)] = SHIPPED;

    fn compile(keys: &File, source: &Source<'_>) -> Result<Self, Error> {
        compile::compile(keys, source)
    }

    fn is_recognisable(&self) -> bool {
        !self.recognise.is_empty()
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
