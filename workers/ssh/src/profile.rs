//! Profiles: what is run on a host, and what its output means, as data.

mod compile;
mod file;

use std::{collections::BTreeMap, sync::Arc};

pub use utakata_profile::Error;
use utakata_profile::{Meaning, Pattern, Source, Template, Test, json};

use crate::argument::{Allowed, Argument};

use file::File;

/// All available profiles, by name.
pub type Library = utakata_profile::Library<Content>;

/// The profiles shipped with the program.
const SHIPPED: &[(&str, &str)] = &[("linux", include_str!("../profiles/linux.toml"))];

/// A compiled profile.
pub type Profile = utakata_profile::Profile<Content>;

/// The part of a profile that is the protocol's own.
#[derive(Debug)]
pub struct Content {
    /// The command by whose output a host is recognised.
    pub recognise: Option<(Vec<String>, Test)>,
    /// The commands that are run for a read, by name.
    pub commands: BTreeMap<String, Command>,
    /// The readings of outputs in JSON.
    pub reads: Vec<json::Read>,
    /// The readings of lines.
    pub lines: Vec<Line>,
    /// The readings of exit codes: the command, and the meaning.
    pub exits: Vec<(String, Meaning)>,
    /// The controls, by action.
    pub controls: BTreeMap<String, Control>,
}

/// A command that is run for a read.
#[derive(Debug, Clone)]
pub struct Command {
    pub arguments: Vec<String>,
    /// The exit codes of a command whose output counts.
    pub exit: Vec<u32>,
    /// True if a host may not have it.
    pub is_optional: bool,
}

/// The readings of the lines of an output.
#[derive(Debug)]
pub struct Line {
    /// The name of the command.
    pub command: String,
    pub pattern: Pattern,
    /// Attributes made of the groups of the pattern.
    pub attributes: Vec<(Arc<str>, Template)>,
    /// The metrics, each with the name of its group.
    pub metrics: Vec<(String, Meaning)>,
}

/// Something to be done.
#[derive(Debug)]
pub struct Control {
    pub arguments: Vec<Argument>,
    /// The texts that parameters may have.
    pub allow: BTreeMap<String, Allowed>,
    /// The exit codes that mean "done",
    pub done: Vec<u32>,
    /// and those with which it certainly did nothing.
    pub refused: Vec<u32>,
}

impl Content {
    /// The metrics that come from a command.
    pub fn metrics_of(&self, command: &str) -> Vec<&str> {
        let reads = self.reads.iter();
        let reads = reads.filter(|read| read.places.iter().any(|place| place == command));
        let reads = reads.flat_map(|read| read.metrics().map(|metric| metric.as_str()));
        let lines = self.lines.iter().filter(|line| line.command == command);
        let meanings = lines.flat_map(|line| line.metrics.iter().map(|(_, meaning)| meaning));
        let exits = self.exits.iter().filter(|(name, _)| name == command);
        let meanings = meanings.chain(exits.map(|(_, meaning)| meaning));
        let metrics = meanings.map(|meaning| meaning.metric.as_str());
        reads.chain(metrics).collect()
    }
}

impl Control {
    /// The parameters that it needs.
    pub fn parameters(&self) -> Vec<&str> {
        let all = self.arguments.iter();
        all.flat_map(|argument| argument.0.parameters()).collect()
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
                "description = \"x\"\nrun = 1",
                "x.toml:2: there is no key \"run\"",
            ),
            (
                "description = \"x\"\n[command.a]\nargv = []",
                "x.toml:3: a command needs its program",
            ),
            (
                "description = \"x\"\n[[line]]\nin = \"a\"\npattern = \"b\"\nmetric = []",
                "x.toml:2: there is no command \"a\"",
            ),
            (
                "description = \"x\"\n[control.a]\nargv = [\"kill\", \"{pid}\"]",
                "x.toml:2: control \"a\": \"allow\" says nothing of the parameter \"pid\"",
            ),
            (
                "description = \"x\"\n[control.a]\nargv = [\"{program}\"]",
                "x.toml:2: control \"a\": the program cannot be a parameter",
            ),
        ] {
            let mut library = Library::default();
            let error = library.add("x", "x.toml", text).unwrap_err().to_string();
            assert!(error.starts_with(expect), "{error}");
        }
    }
}
