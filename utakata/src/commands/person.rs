//! `utakata person`: people who have access.

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
    /// Give somebody a token of their own, which is shown only this once
    #[command(after_help = "\
Requests are recorded under this name. At present, everybody with a token may do everything.

Examples:
  utakata person add ana
  utakata person add ana --new-token      the previous token is revoked")]
    Add {
        /// Name of a person, or of a program that acts on its own behalf
        name: PersonName,
        /// Replace the token of somebody who has one
        #[arg(long)]
        new_token: bool,
    },
    /// List everybody who has a token
    #[command(after_help = "Example: utakata person list")]
    List,
    /// Revoke a token
    #[command(after_help = "\
Operations that they requested go on, and keep their name.

Example: utakata person remove ana")]
    Remove {
        /// Name of the person
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

/// Refuses to revoke a token that is in use by accident.
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
