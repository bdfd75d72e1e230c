//! `utakata role`: who may do what.

use anyhow::{Context as _, Result};
use clap::Subcommand;
use utakata_api::{Client, person::NewBinding};
use utakata_model::{BindingName, GroupName, Holder, PersonName, Role, Selector};

use super::Context;
use crate::{exit::Exit, select};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the roles, and the rights that each gives
    #[command(after_help = "Example: utakata role list")]
    List,
    /// Show who you are here, and your roles
    #[command(after_help = "Example: utakata role mine")]
    Mine,
    /// List who has which role, where, since when and from whom
    #[command(after_help = "Example: utakata role given")]
    Given,
    /// Give somebody a role, everywhere or on some targets
    #[command(after_help = "\
A group of the identity provider is written group:NAME: the role is that of everybody who logs in as
its member. Nobody gives a role to themselves, also not by way of a group. A role on targets gives nothing on what is no target, such as
releases, schedules and people.

Examples:
  utakata role give ana operator --on 'rack in (A1,A2)'
  utakata role give group:netops operator --on 'rack in (A1,A2)'
  utakata role give prometheus metrics")]
    Give {
        /// Name of the person or service, or group:NAME
        who: Holder,
        /// Role
        role: Role,
        /// Selector of the targets where it counts; everywhere if it is left out
        #[arg(long, value_name = "SELECTOR")]
        on: Option<Selector>,
        /// Name of the binding, to tell several of the same role apart; one of the same name is
        /// replaced [default: WHO-ROLE]
        #[arg(long = "as", value_name = "NAME")]
        name: Option<BindingName>,
    },
    /// Take a role away
    #[command(after_help = "\
`utakata role given` lists the names.

Example: utakata role take ana-operator")]
    Take {
        /// Name of the binding
        name: BindingName,
    },
}

impl Command {
    /// Returns true if it changes something.
    pub fn changes(&self) -> bool {
        matches!(self, Self::Give { .. } | Self::Take { .. })
    }
}

pub async fn run(command: Command, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    match command {
        Command::List => context.output.list(&client.roles().await?, "")?,
        Command::Given => {
            let empty = "nobody has a role: `utakata role give NAME ROLE`";
            context.output.list(&client.bindings().await?, empty)?;
        }
        Command::Mine => mine(&client, context).await?,
        Command::Give {
            who,
            role,
            on,
            name,
        } => {
            let selector = on.unwrap_or_else(everywhere);
            give(&client, who, role, selector, name).await?;
        }
        Command::Take { name } => {
            client.delete_binding(&name).await?;
            tell!("{name} is taken away");
        }
    }
    Ok(Exit::Done)
}

/// Returns the selector of all targets.
pub fn everywhere() -> Selector {
    Selector::default()
}

/// Gives somebody a role, and says so.
pub async fn give(
    client: &Client,
    who: Holder,
    role: Role,
    selector: Selector,
    name: Option<BindingName>,
) -> Result<()> {
    let name = match name {
        Some(name) => name,
        None => {
            let who = who.to_string().replacen(':', ".", 1);
            BindingName::new(format!("{who}-{role}")).context("give the binding a name: --as")?
        }
    };
    let new = NewBinding {
        who: who.clone(),
        role,
        selector,
    };
    let given = client.put_binding(&name, &new).await?;
    let on = match given.grant.selector.is_everything() {
        true => "everywhere".to_owned(),
        false => format!("on {}", given.grant.selector),
    };
    tell!("{who} has the role {role} {on} ({name})");
    // It may be given before there are such targets.
    let selector = &given.grant.selector;
    if !selector.is_everything()
        && let Ok(targets) = client.targets(selector).await
        && targets.is_empty()
    {
        let why = select::none(client, selector).await;
        tell!("it counts nowhere now: {why}");
    }
    Ok(())
}

async fn mine(client: &Client, context: &Context<'_>) -> Result<()> {
    let me = client.me().await?;
    if me.name == PersonName::admin() {
        return context
            .output
            .one(&me, || "admin: may do everything\n".into());
    }
    tell!("this is {}", me.name);
    if !me.groups.is_empty() {
        let groups: Vec<&str> = me.groups.iter().map(GroupName::as_str).collect();
        tell!("logged in as a member of: {}", groups.join(", "));
    }
    let empty = "no role: nothing is allowed until somebody gives one";
    context.output.list(&me.roles, empty)
}
