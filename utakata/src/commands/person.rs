//! `utakata person`, `utakata service`: those who have access.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use utakata_api::{
    Client,
    client::TokenRequest,
    person::{NewLink, NewToken, PersonView},
};
use utakata_model::{PersonName, Role, Selector, duration};

use super::{Context, role};
use crate::{
    exit::{Exit, Usage},
    output::{Format, tell_lines},
};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Give somebody a token of their own, which is shown only this once
    #[command(after_help = "\
Requests are recorded under this name. Without a role, nothing is allowed: see `utakata role list`.

Examples:
  utakata person add ana --role operator
  utakata person add bo --role operator --on 'rack in (A1,A2)'
  utakata person add ana --new-token      the previous token is revoked")]
    Add(Add),
    /// List everybody who has access, with their roles
    #[command(after_help = "Example: utakata person list")]
    List,
    /// Say who at the identity provider a person is
    #[command(after_help = "\
Who logs in for the first time gets a name that is free. This gives them one that is not, with its
roles: the refusal of their login has the subject. Their logins until now end.

Example: utakata person link ana 8f6d1c9e-2b54")]
    Link {
        /// Name of the person
        name: PersonName,
        /// The provider's own name for them (the claim \"sub\")
        subject: String,
    },
    /// Remove somebody, with all tokens and roles
    #[command(after_help = "\
Who has left is also removed at the identity provider, or could log in again, without a role.
Operations that they requested go on, and keep their name.

Example: utakata person remove ana")]
    Remove {
        /// Name of the person
        name: PersonName,
    },
}

#[derive(Debug, Subcommand)]
pub enum ServiceCommand {
    /// Give a program a token of its own, which is shown only this once, and ends
    #[command(after_help = "\
The token is accepted for 90 days, unless --for says otherwise: `utakata token list` shows when each
one ends, and `utakata service add NAME --new-token` makes another.

Example: utakata service add prometheus --role metrics --for 365d")]
    Add(Add),
    /// List the services that have access, with their roles
    #[command(after_help = "Example: utakata service list")]
    List,
    /// Remove a service, with all tokens and roles
    #[command(after_help = "Example: utakata service remove prometheus")]
    Remove {
        /// Name of the service
        name: PersonName,
    },
}

#[derive(Debug, Args)]
pub struct Add {
    /// Name of the person or service
    name: PersonName,
    /// Role to give, too
    #[arg(long, value_name = "ROLE")]
    role: Option<Role>,
    /// Selector of the targets where the role counts; everywhere if it is left out
    #[arg(long, value_name = "SELECTOR", requires = "role")]
    on: Option<Selector>,
    /// Time for which the token is accepted, such as 90d
    #[arg(long = "for", value_name = "TIME", value_parser = duration::parse)]
    lasts: Option<Duration>,
    /// Replace the token of somebody who has one
    #[arg(long)]
    new_token: bool,
}

pub async fn run(command: Command, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    match command {
        Command::Add(add) => make(add, false, &client, context).await?,
        Command::List => context.output.list(&client.people().await?, "")?,
        Command::Link { name, subject } => {
            let link = NewLink { subject };
            client.link_person(&name, &link).await?;
            tell!("{name} is {} at the identity provider", link.subject);
        }
        Command::Remove { name } => remove(&name, &client).await?,
    }
    Ok(Exit::Done)
}

pub async fn run_service(command: ServiceCommand, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    match command {
        ServiceCommand::Add(add) => make(add, true, &client, context).await?,
        ServiceCommand::List => {
            let mut services = client.people().await?;
            services.retain(|one| one.service);
            let empty = "there is no service: `utakata service add NAME --role ROLE`";
            context.output.list(&services, empty)?;
        }
        ServiceCommand::Remove { name } => remove(&name, &client).await?,
    }
    Ok(Exit::Done)
}

async fn remove(name: &PersonName, client: &Client) -> Result<()> {
    client.delete_person(name).await?;
    tell!("the tokens of {name} have ended, and their roles are gone");
    Ok(())
}

async fn make(add: Add, service: bool, client: &Client, context: &Context<'_>) -> Result<()> {
    let Add {
        name,
        role,
        on,
        lasts,
        new_token,
    } = add;
    let known = client.people().await?;
    let known = known.into_iter().find(|one| one.name == name);
    if !new_token {
        refuse_known(known.as_ref())?;
    }
    let request = TokenRequest { service, lasts };
    let new = client.put_person(&name, request).await?;
    show(&new, client, context)?;
    let had_roles = known.is_some_and(|known| !known.roles.is_empty());
    match role {
        Some(role) => {
            let selector = on.unwrap_or_else(role::everywhere);
            role::give(client, name.clone().into(), role, selector, None).await?;
        }
        None if had_roles => {}
        None => {
            tell!("{name} has no role yet, and may do nothing: `utakata role give {name} ROLE`");
        }
    }
    Ok(())
}

/// Refuses to revoke a token that is in use by accident.
fn refuse_known(known: Option<&PersonView>) -> Result<()> {
    if let Some(known) = known.filter(|known| known.made.is_some()) {
        let name = &known.name;
        bail!(Usage(format!(
            "{name} has a token already: --new-token makes another, and ends that one; \
             `utakata token add {name} NAME` makes a further one"
        )));
    }
    Ok(())
}

/// Shows a new token.
pub fn show(new: &NewToken, client: &Client, context: &Context<'_>) -> Result<()> {
    let token = new.token.reveal();
    context.output.one(new, || token.to_owned())?;
    if context.output.format == Format::Table {
        let end = new
            .ends
            .map_or_else(String::new, |ends| format!(" until {ends}"));
        tell_lines(&format!(
            "this is the token of {}{end}, shown this once: keep it like a password; it is used so:\n\n  \
             UTAKATA_URL={} UTAKATA_TOKEN={token} utakata get targets",
            new.name,
            client.url(),
        ));
    }
    Ok(())
}
