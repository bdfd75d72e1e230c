//! `utakata delete`: removes a target, a schedule or a credential.

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::Context;
use crate::exit::Exit;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  utakata delete target pdu-a1-a
  utakata delete schedule often")]
pub struct Arguments {
    /// Of what
    #[arg(value_enum, value_name = "TYPE")]
    what: What,
    /// Which; may be several
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

/// What can be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// A target and its last readings
    #[value(alias = "targets")]
    Target,
    /// A standing order to observe
    #[value(alias = "schedules")]
    Schedule,
    /// A credential that no target uses
    #[value(alias = "credentials")]
    Credential,
}

/// Removes, in order, until one cannot be.
pub async fn run(arguments: Arguments, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    for name in &arguments.names {
        match arguments.what {
            What::Target => client.delete_target(&name.parse()?).await?,
            What::Schedule => client.delete_schedule(&name.parse()?).await?,
            What::Credential => client.delete_credential(&name.parse()?).await?,
        }
        tell!("deleted {name}");
    }
    Ok(Exit::Done)
}
