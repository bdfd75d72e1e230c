//! `utakata notification`: what devices said unasked.

use anyhow::Result;
use clap::Subcommand;
use utakata_api::client::NotificationQuery;
use utakata_model::Selector;

use super::Context;
use crate::{exit::Exit, select};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List notifications, the latest first
    #[command(after_help = "\
Messages of one device about the same thing are one notification, with the number of times it came.
Follow them as they arrive: MQTT topic utakata/v1/notification/#, or /v1/events?types=notifications.

Examples:
  utakata notification list
  utakata notification list rack=A1
  utakata notification list --name linkDown
  utakata notification list --unknown       sources that are no targets")]
    List {
        /// Targets: a selector (kind=apc-pdu,rack=A1), or a name [default: all]
        selector: Option<String>,
        /// Only notifications whose name begins with this
        #[arg(long, value_name = "PREFIX")]
        name: Option<String>,
        /// Only notifications of sources that are no targets
        #[arg(long)]
        unknown: bool,
    },
}

pub async fn run(command: Command, context: &Context<'_>) -> Result<Exit> {
    let Command::List {
        selector,
        name,
        unknown,
    } = command;
    let client = context.client()?;
    let selector = match &selector {
        Some(text) => select::resolve(&client, text).await?,
        None => Selector::default(),
    };
    let query = NotificationQuery {
        selector,
        name,
        unknown,
    };
    let found = client.notifications(&query).await?;
    context.output.list(
        &found,
        "no device has sent a notification; see docs/guide/observe.md",
    )?;
    Ok(Exit::Done)
}
