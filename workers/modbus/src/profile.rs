//! Profiles: the meaning of a device's registers, as data.

mod compile;
mod file;

use std::{collections::BTreeMap, time::Duration};

pub use utakata_profile::Error;
use utakata_profile::{Meaning, Source, Template, Test};

use crate::{
    frame::Table,
    value::{Kind, Words},
};

use file::File;

/// All available profiles, by name.
pub type Library = utakata_profile::Library<Content>;

/// The profiles shipped with the program.
const SHIPPED: &[(&str, &str)] = &[("delta-rpu", include_str!("../profiles/delta-rpu.toml"))];

/// A compiled profile.
pub type Profile = utakata_profile::Profile<Content>;

/// The part of a profile that is the protocol's own.
#[derive(Debug)]
pub struct Content {
    /// The registers by which a device is recognised.
    pub recognise: Option<Probe>,
    pub talk: Talk,
    pub points: Vec<Point>,
    /// The controls, by action.
    pub controls: BTreeMap<String, Control>,
}

/// Registers with a value by which a device is recognised.
#[derive(Debug)]
pub struct Probe {
    pub place: Place,
    pub test: Test,
}

/// The way to talk to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Talk {
    /// The most registers between two points that are read along. More: another request.
    pub gap: u16,
    /// The most registers of a request.
    pub max: u16,
    /// The time after an answer, which gateways need.
    pub pause: Duration,
}

/// A value in registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub table: Table,
    pub at: u16,
    pub kind: Kind,
    pub words: Words,
}

/// A value and its meaning.
#[derive(Debug)]
pub struct Point {
    pub place: Place,
    pub reading: Reading,
}

/// The reading that a value becomes.
#[derive(Debug)]
pub enum Reading {
    Value(Meaning),
    /// A state made of bits: the first that is set counts.
    Bits {
        meaning: Meaning,
        /// The bits, from 0, with their states.
        first: Vec<(u32, String)>,
        otherwise: String,
    },
}

/// Something to be done: a value to be written.
#[derive(Debug)]
pub struct Control {
    pub place: Place,
    pub value: Template,
    /// The factor of the register: what is written is the value divided by it.
    pub factor: f64,
    pub offset: f64,
    /// True if even a single register is written by the function for several.
    pub many: bool,
}

impl Default for Talk {
    fn default() -> Self {
        Self {
            gap: 0,
            max: 64,
            pause: Duration::from_millis(20),
        }
    }
}

impl Reading {
    /// The meaning of the value.
    pub fn meaning(&self) -> &Meaning {
        match self {
            Self::Value(meaning) | Self::Bits { meaning, .. } => meaning,
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
        all.map(|(name, control)| (name.as_str(), control.value.parameters().collect()))
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
        let point = "description = \"x\"\n[[point]]\nmetric = \"hw.voltage\"\nunit = \"V\"\n";
        for (text, expect) in [
            (
                "description = \"x\"\npoints = 1".into(),
                "x.toml:2: there is no key \"points\"",
            ),
            (
                point.into(),
                "x.toml:2: \"hw.voltage\" needs an address: at",
            ),
            (
                format!("{point}at = 5\ntype = \"i17\""),
                "x.toml:2: there is no type \"i17\"",
            ),
            (
                format!("{point}at = 5\ntable = \"holdin\""),
                "x.toml:2: there is no table",
            ),
            (
                format!("{point}at = 65535\ntype = \"u32\""),
                "x.toml:2: it ends beyond",
            ),
            (
                format!("{point}at = 5\nbits = [{{ bit = 1, is = \"failed\" }}]"),
                "x.toml:2: \"hw.voltage\" is made of bits",
            ),
            (
                "description = \"x\"\n[control.a]\nat = 5\ntable = \"input\"\nvalue = \"{a}\""
                    .into(),
                "x.toml:2: control \"a\": only holding registers and coils",
            ),
        ] {
            let mut library = Library::default();
            let error = library.add("x", "x.toml", &text).unwrap_err().to_string();
            assert!(error.starts_with(expect), "{error}");
        }
    }
}
