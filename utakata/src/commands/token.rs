//! `utakata token`: the tokens of people and services.

use std::time::Duration;

use anyhow::Result;
use clap::Subcommand;
use utakata_api::client::TokenRequest;
use utakata_model::{PersonName, TokenName, duration};

use super::{Context, person::show};
use crate::exit::Exit;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List all tokens: who made them, when they end, and when they were last used
    #[command(after_help = "Example: utakata token list")]
    List,
    /// Give somebody a further token, which is shown only this once
    #[command(after_help = "\
One of the same name is replaced. Tokens of services end after 90 days, unless --for says otherwise.

Example: utakata token add ana laptop --for 30d")]
    Add {
        /// Name of the person or service
        owner: PersonName,
        /// Name of the token
        name: TokenName,
        /// Time for which it is accepted, such as 30d
        #[arg(long = "for", value_name = "TIME", value_parser = duration::parse)]
        lasts: Option<Duration>,
    },
    /// Say that the owner of a token is the person who has it, as somebody who has not made it
    #[command(after_help = "\
Whoever makes a token has seen it: until somebody else confirms it, it does not count as a second
person. Ask its owner first: in person, or on another way than the one by which the token came.

Example: utakata token confirm ana first")]
    Confirm {
        /// Name of the person or service
        owner: PersonName,
        /// Name of the token
        name: TokenName,
    },
    /// Revoke a token; what is followed with it ends
    #[command(after_help = "Example: utakata token revoke ana laptop")]
    Revoke {
        /// Name of the person or service
        owner: PersonName,
        /// Name of the token
        name: TokenName,
    },
}

pub async fn run(command: Command, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    match command {
        Command::List => {
            let empty = "there are no tokens besides that of admin";
            context.output.list(&client.tokens().await?, empty)?;
        }
        Command::Add { owner, name, lasts } => {
            let request = TokenRequest {
                service: false,
                lasts,
            };
            let new = client.put_token(&owner, &name, request).await?;
            show(&new, &client, context)?;
        }
        Command::Confirm { owner, name } => {
            let token = client.confirm_token(&owner, &name).await?;
            let by = &token.by;
            tell!("confirmed: {owner} has the token {name}, which {by} has made");
        }
        Command::Revoke { owner, name } => {
            client.delete_token(&owner, &name).await?;
            tell!("the token {name} of {owner} has ended");
        }
    }
    Ok(Exit::Done)
}
