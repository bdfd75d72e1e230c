//! `utakata person`: who may ask.

use anyhow::{Result, bail};
use clap::Subcommand;
use utakata_api::{Client, person::NewToken};
use utakata_model::PersonName;

use super::Context;
use crate::{
    exit::{Exit, Usage},
    output::{Format, tell_lines},
};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Give somebody a token of their own, and show it this once
    #[command(after_help = "\
What they ask for stands under their name. Whoever has a token may do everything, so far.

Examples:
  utakata person add ana
  utakata person add ana --new-token      the one before ends")]
    Add {
        /// A name for a person, or for a program that acts for itself
        name: PersonName,
        /// Give another token to somebody who has one
        #[arg(long)]
        new_token: bool,
    },
    /// List who has a token
    #[command(after_help = "Example: utakata person list")]
    List,
    /// End somebody's token
    #[command(after_help = "\
What they asked for goes on, and keeps their name.

Example: utakata person remove ana")]
    Remove {
        /// Whose
        name: PersonName,
    },
}

pub async fn run(command: Command, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    match command {
        Command::Add { name, new_token } => {
            if !new_token {
                refuse_known(&client, &name).await?;
            }
            show(&client.put_person(&name).await?, &client, context)?;
        }
        Command::List => context.output.list(&client.people().await?, "")?,
        Command::Remove { name } => {
            client.delete_person(&name).await?;
            tell!("the token of {name} has ended");
        }
    }
    Ok(Exit::Done)
}

/// A token that somebody uses does not end by accident.
async fn refuse_known(client: &Client, name: &PersonName) -> Result<()> {
    let people = client.people().await?;
    if people
        .iter()
        .any(|one| one.name == *name && one.made.is_some())
    {
        bail!(Usage(format!(
            "{name} has a token already: --new-token makes another, and ends that one"
        )));
    }
    Ok(())
}

fn show(new: &NewToken, client: &Client, context: &Context<'_>) -> Result<()> {
    let token = new.token.reveal();
    context.output.one(new, || token.to_owned())?;
    if context.output.format == Format::Table {
        tell_lines(&format!(
            "this is the token of {}, shown this once: keep it like a password; it is used so:\n\n  \
             UTAKATA_URL={} UTAKATA_TOKEN={token} utakata get targets",
            new.name,
            client.url(),
        ));
    }
    Ok(())
}
