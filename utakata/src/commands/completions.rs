//! `utakata completions`: shell completions of the arguments.

pub mod names;

use anyhow::Result;
use clap::Args;
use clap_complete::Shell;

use super::Context;
use crate::exit::Exit;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  utakata completions bash > ~/.local/share/bash-completion/completions/utakata
  utakata completions zsh > ~/.zfunc/_utakata
  utakata completions fish > ~/.config/fish/completions/utakata.fish")]
pub struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<Exit> {
    let mut script = Vec::new();
    let mut command = (context.grammar)();
    clap_complete::generate(arguments.shell, &mut command, "utakata", &mut script);
    let script = String::from_utf8_lossy(&script);
    context.output.text(&with_names(arguments.shell, &script))?;
    Ok(Exit::Done)
}

/// Returns the script, extended by names from the server if the shell supports it.
fn with_names(shell: Shell, script: &str) -> String {
    match shell {
        Shell::Bash => format!("{script}{}", include_str!("completions/names.bash")),
        Shell::Fish => format!("{script}{}", include_str!("completions/names.fish")),
        Shell::Zsh => {
            // Replaces the places where only files would be offered. The function has to come
            // first, because the rest calls it.
            let script = script.replace(":_default'", ":_utakata_or_file'");
            let (head, rest) = script.split_once('\n').unwrap_or((&script, ""));
            format!("{head}\n{}{rest}", include_str!("completions/names.zsh"))
        }
        _ => script.to_owned(),
    }
}
