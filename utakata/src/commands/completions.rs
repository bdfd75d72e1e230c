//! `utakata completions`: what the shell needs to complete our arguments.

use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Context;
use crate::{cli::Cli, exit::Exit};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  utakata completions bash > ~/.local/share/bash-completion/completions/utakata
  utakata completions zsh > ~/.zfunc/_utakata
  utakata completions fish > ~/.config/fish/completions/utakata.fish")]
pub struct Arguments {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the completions.
pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<Exit> {
    let mut script = Vec::new();
    let mut command = Cli::command();
    clap_complete::generate(arguments.shell, &mut command, "utakata", &mut script);
    context.output.text(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
