//! Profiles: what a BMC does not say right of its sensors. Everything else its own records say.

mod compile;
mod file;

use std::collections::BTreeMap;

pub use utakata_profile::Error;
use utakata_profile::{Meaning, Pattern, Source};

use crate::sdr::Sensor;

use file::File;

/// All available profiles, by name.
pub type Library = utakata_profile::Library<Content>;

/// The profiles shipped with the program.
const SHIPPED: &[(&str, &str)] = &[("ipmi", include_str!("../profiles/ipmi.toml"))];

/// A compiled profile.
pub type Profile = utakata_profile::Profile<Content>;

/// The part of a profile that is the protocol's own.
#[derive(Debug)]
pub struct Content {
    /// The manufacturer and the products by which a BMC is recognised.
    pub recognise: Option<(u32, Vec<u16>)>,
    pub corrections: Vec<Correction>,
    /// The controls, by action.
    pub controls: BTreeMap<String, Control>,
}

/// The meaning of some sensors, whatever their records say.
#[derive(Debug)]
pub struct Correction {
    /// The pattern of their names. Absent: any.
    pub name: Option<Pattern>,
    /// Their type. Absent: any.
    pub kind: Option<u8>,
    /// The meaning. Absent: they mean nothing.
    pub meaning: Option<Meaning>,
}

/// Something to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Chassis Control, and the state of the power in which there is nothing to do.
    Chassis { order: u8, done: Option<bool> },
    /// Chassis Identify.
    Identify,
    /// Set System Boot Options.
    Boot,
}

impl Correction {
    /// Returns true if it is about a sensor.
    pub fn is_of(&self, sensor: &Sensor) -> bool {
        let fits = |pattern: &Pattern| pattern.is_match(&sensor.name);
        self.name.as_ref().is_none_or(fits) && self.kind.is_none_or(|kind| kind == sensor.kind)
    }
}

impl Control {
    /// The parameters that it needs.
    pub fn parameters(self) -> Vec<&'static str> {
        match self {
            Self::Chassis { .. } => Vec::new(),
            Self::Identify => vec!["seconds"],
            Self::Boot => vec!["device"],
        }
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
                "description = \"x\"\nsensors = 1",
                "x.toml:2: there is no key \"sensors\"",
            ),
            (
                "description = \"x\"\n[[sensor]]\nskip = true",
                "x.toml:2: a sensor needs its name",
            ),
            (
                "description = \"x\"\n[[sensor]]\nname = \"a\"\nmetric = \"hw.power\"",
                "x.toml:2: \"hw.power\" needs a unit",
            ),
            (
                "description = \"x\"\n[control.a]\nchassis = \"up\"",
                "x.toml:2: control \"a\": there is no chassis order \"up\"",
            ),
        ] {
            let mut library = Library::default();
            let error = library.add("x", "x.toml", text).unwrap_err().to_string();
            assert!(error.starts_with(expect), "{error}");
        }
    }
}
