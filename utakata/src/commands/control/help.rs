//! `utakata control --help KIND ACTION`: the help of an action, from the server.

use anyhow::Result;
use utakata_api::Client;
use utakata_model::{ActionName, Kind};

use crate::{
    commands::{Context, kind::actions},
    select,
};

/// Prints the help of the command, of a kind, or of an action. In place of the selector there may
/// be a kind, or a selector of targets of one kind.
pub async fn print(
    of: Option<&str>,
    action: Option<&ActionName>,
    context: &Context<'_>,
) -> Result<()> {
    let Some(of) = of else {
        let mut command = (context.grammar)();
        command.build();
        if let Some(control) = command.find_subcommand_mut("control") {
            return context.output.text(&control.render_long_help().to_string());
        }
        return Ok(());
    };
    let client = context.client()?;
    let view = actions::find(&client, &kind(&client, of).await?).await?;
    let colours = context.output.colours();
    match action {
        Some(name) => context
            .output
            .text(&actions::one(actions::action(&view, name)?, colours)),
        None => context.output.text(&actions::all(&view, colours)),
    }
}

/// Returns the kind, given by its name or by targets.
async fn kind(client: &Client, of: &str) -> Result<Kind> {
    let named: Result<Kind, _> = of.parse();
    if let Ok(kind) = named {
        let is_served = client.kinds().await?.iter().any(|view| view.kind == kind);
        let is_target = match of.parse() {
            Ok(name) => client.target(&name).await.is_ok(),
            Err(_) => false,
        };
        if is_served || !is_target {
            return Ok(kind);
        }
    }
    let selector = select::resolve(client, of).await?;
    let found = client.targets(&selector).await?;
    match found.first() {
        Some(view) => Ok(view.target.kind.clone()),
        None => Err(crate::exit::Usage(select::none(client, &selector).await).into()),
    }
}
