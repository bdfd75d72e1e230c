//! The arguments that every command has.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use utakata_up::paths;

use crate::output::{Colour, Format, Output};

/// The arguments that every command has.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Format of the output
    #[arg(short = 'o', long = "output", global = true, value_enum, default_value_t = Format::Table, value_name = "FORMAT", help_heading = "Everywhere")]
    pub format: Format,
    /// Use of colours; NO_COLOR=1 has the same effect as never
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        value_name = "WHEN",
        help_heading = "Everywhere"
    )]
    pub color: When,
    /// Data directory of `utakata up` [default: $XDG_DATA_HOME/utakata]
    #[arg(
        long,
        global = true,
        env = "UTAKATA_DATA",
        hide_env_values = true,
        value_parser = paths::absolute(),
        value_name = "DIR",
        help_heading = "Everywhere"
    )]
    pub data: Option<PathBuf>,
    /// URL of the API, instead of the one in the data directory
    #[arg(
        long,
        global = true,
        env = "UTAKATA_URL",
        hide_env_values = true,
        value_name = "URL",
        help_heading = "Everywhere"
    )]
    pub url: Option<String>,
    /// File with the authority of the server's certificate, instead of the system's
    #[arg(
        long,
        global = true,
        env = "UTAKATA_CA",
        hide_env_values = true,
        value_parser = paths::absolute(),
        value_name = "FILE",
        help_heading = "Everywhere"
    )]
    pub ca: Option<PathBuf>,
    /// File with the token, instead of the data directory's; or set UTAKATA_TOKEN
    #[arg(long, global = true, value_parser = paths::absolute(), value_name = "FILE", help_heading = "Everywhere")]
    pub token_file: Option<PathBuf>,
}

/// The use of colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    Auto,
    Always,
    Never,
}

impl Global {
    pub fn output(&self) -> Output {
        let colour = match self.color {
            When::Always => Colour::Always,
            When::Never => Colour::Never,
            When::Auto if std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty()) => {
                Colour::Never
            }
            When::Auto => Colour::Terminal,
        };
        Output::new(self.format, colour)
    }
}
