//! The file format of a profile (TOML): the keys that commands add to those common to all protocols.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;
use utakata_profile::{
    form::{self, Keyed, OneOrMany},
    json::form::Read,
    keys,
};

keys! {
    /// A profile: what is run on a host, and what its output means.
    pub struct File {
        /// The command by whose output a host is recognised.
        pub r#match: Option<Spanned<Match>>,
        /// The commands, by name.
        pub command: BTreeMap<String, Command>,
        /// The readings of outputs in JSON.
        pub read: Vec<Spanned<Read>>,
        /// The readings of lines.
        pub line: Vec<Spanned<Line>>,
        /// The readings of exit codes.
        pub exit: Vec<Spanned<Exit>>,
        /// Controls, by the name of the action.
        pub control: BTreeMap<String, Control>,
    }
}

/// A command, and a condition on its output.
pub type Match = Keyed<MatchKeys, form::Condition>;

keys! {
    /// The operand of a condition.
    pub struct MatchKeys {
        /// The program and its arguments.
        pub argv: Vec<String>,
    }
}

/// A command that is run for a read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// The program and its arguments.
    pub argv: Spanned<Vec<String>>,
    /// The exit codes of a command whose output counts: 0, unless said otherwise.
    #[serde(default)]
    pub exit: Vec<u32>,
    /// True if a host may not have it: its shell says 127.
    #[serde(default)]
    pub or_absent: bool,
}

/// The readings of the lines of an output.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The name of the command.
    pub r#in: String,
    /// A pattern with named groups.
    pub pattern: String,
    /// Attributes made of the groups: texts with `{groups}`.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    pub metric: OneOrMany<Metric>,
}

/// A metric of a line.
pub type Metric = Keyed<MetricKeys, form::Value>;

keys! {
    /// The place of a value in a line.
    pub struct MetricKeys {
        /// The name of the group.
        pub group: String,
    }
}

/// The reading of an exit code.
pub type Exit = Keyed<ExitKeys, form::Value>;

keys! {
    /// The command of an exit code.
    pub struct ExitKeys {
        /// The name of the command.
        pub r#in: String,
    }
}

/// Something to be done.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// The program and its arguments, with `{parameters}`.
    pub argv: Vec<String>,
    /// The texts that each parameter may have.
    #[serde(default)]
    pub allow: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub exit: Exits,
}

/// The meaning of exit codes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Exits {
    /// It was done: 0, unless said otherwise.
    pub done: Vec<u32>,
    /// It certainly did nothing.
    pub refused: Vec<u32>,
}
