//! `utakata completions`: what the shell needs to complete our arguments.

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
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the completions.
pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<Exit> {
    let mut script = Vec::new();
    let mut command = (context.grammar)();
    clap_complete::generate(arguments.shell, &mut command, "utakata", &mut script);
    let script = String::from_utf8_lossy(&script);
    context.output.text(&with_names(arguments.shell, &script))?;
    Ok(Exit::Done)
}

/// The script, with names that only the server knows, where the shell is one that can ask.
fn with_names(shell: Shell, script: &str) -> String {
    match shell {
        Shell::Bash => format!("{script}{}", include_str!("completions/names.bash")),
        Shell::Fish => format!("{script}{}", include_str!("completions/names.fish")),
        Shell::Zsh => {
            // Where it would offer files only. The function comes first: what follows it calls.
            let script = script.replace(":_default'", ":_utakata_or_file'");
            let (head, rest) = script.split_once('\n').unwrap_or((&script, ""));
            format!("{head}\n{}{rest}", include_str!("completions/names.zsh"))
        }
        _ => script.to_owned(),
    }
}
