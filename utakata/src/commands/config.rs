//! `utakata config`: the configuration of `up`, checked and explained.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Subcommand;
use utakata_up::config::{self, reference};

use super::Context;
use crate::{
    connection,
    exit::Exit,
    output::{Cell, Format, Row},
};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check a configuration without starting anything
    #[command(after_help = "Examples:
  utakata config check
  utakata config check /etc/utakata.toml")]
    Check {
        /// The file [default: utakata.toml in the data directory]
        file: Option<PathBuf>,
    },
    /// Show the configuration that `up` would have, from file and environment
    #[command(after_help = "Example: UTAKATA__MQTT__ENABLED=false utakata config show")]
    Show {
        /// The file [default: utakata.toml in the data directory]
        file: Option<PathBuf>,
    },
    /// Explain every key
    #[command(after_help = "\
A key is set in the file (TOML), by an environment variable (logic.http.listen is
UTAKATA__LOGIC__HTTP__LISTEN), or by a flag of `up`. Later ones in this list override earlier ones.
A variable that begins with UTAKATA_FILE__ names a file with the value, for passwords.
UTAKATA_CONFIG names the configuration file where --config does not.

Example: utakata config reference -o json")]
    Reference,
}

pub fn run(command: Command, context: &Context<'_>) -> Result<Exit> {
    match command {
        Command::Check { file } => {
            let (file, _) = load(file.as_deref(), context)?;
            match file {
                Some(file) => tell!("{} is right", file.display()),
                None => tell!("there is no file; the defaults and the environment are right"),
            }
        }
        Command::Show { file } => {
            let (_, config) = load(file.as_deref(), context)?;
            let text = || toml::to_string_pretty(&config);
            match context.output.format {
                Format::Table => {
                    let text = text().context("the configuration cannot be printed")?;
                    context.output.text(&text)?;
                }
                _ => context.output.one(&config, String::new)?,
            }
        }
        Command::Reference => context.output.list(&reference::keys(), "")?,
    }
    Ok(Exit::Done)
}

fn load(file: Option<&Path>, context: &Context<'_>) -> Result<(Option<PathBuf>, config::Config)> {
    let folder = connection::candidates(context.global).into_iter().next();
    let data = folder.as_ref().map(utakata_up::folder::Folder::path);
    let file = config::file(file, data);
    let overrides = config::from_environment(std::env::vars());
    let config = config::load(file.as_deref(), &overrides)?;
    Ok((file, config))
}

impl Row for reference::Key {
    const HEADERS: &'static [&'static str] = &["KEY", "TYPE", "DEFAULT", "MEANING"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            self.key.clone().into(),
            Cell::dim(self.form),
            self.default.clone().into(),
            self.meaning.into(),
        ]
    }
}
