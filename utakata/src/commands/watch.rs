//! `utakata watch`: follows readings and outcomes as they come.

mod line;
mod screen;
mod view;

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use anyhow::{Result, bail};
use clap::Args;
use futures::StreamExt;
use utakata_api::{
    Client,
    client::{EventStream, Followed, ReadingQuery},
};
use utakata_model::Selector;

use self::{screen::Screen, view::View};
use super::Context;
use crate::{exit::Exit, output::Format, select};

/// A terminal is drawn no more often than this.
const DRAW_EVERY: Duration = Duration::from_millis(200);
/// How long to wait before a lost server is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
#[command(after_help = "\
On a terminal: a table that is kept up to date, until Ctrl-C. In a pipe: a line for each reading
and each outcome that is of interest (all of control; of observation those that failed). With
-o json: the same as JSON lines, each with \"event\": reading, outcome or missed.

Examples:
  utakata watch
  utakata watch rack=A1 --metric hw.power
  utakata watch kind=ups -o json | jq .value")]
pub struct Arguments {
    /// Which targets: a selector (kind=apc-pdu,rack=A1), or the name of one [default: all]
    selector: Option<String>,
    /// Only metrics that are this or begin with it
    #[arg(long, value_name = "PREFIX")]
    metric: Option<String>,
    /// End after so many readings and outcomes
    #[arg(long, value_name = "COUNT")]
    count: Option<u64>,
}

/// Follows until it is interrupted.
pub async fn run(arguments: Arguments, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    let selector = match &arguments.selector {
        Some(text) => select::resolve(&client, text).await?,
        None => Selector::default(),
    };
    let query = ReadingQuery {
        selector,
        metric: arguments.metric,
    };
    match context.output.format {
        Format::Yaml => bail!(crate::exit::Usage(
            "watch prints a table, lines, or JSON lines: use -o json".into()
        )),
        Format::Table if io::stdout().is_terminal() => draw(client, &query, context).await,
        _ => print(client, &query, arguments.count, context).await,
    }
}

async fn follow(client: &Client, query: &ReadingQuery) -> Result<EventStream> {
    let followed = [Followed::Readings, Followed::Outcomes];
    Ok(client.events(&query.selector, &followed).await?)
}

/// Keeps a table on the terminal up to date.
async fn draw(mut client: Client, query: &ReadingQuery, context: &Context<'_>) -> Result<Exit> {
    let mut view = View::new(query.metric.clone());
    // Both from the start: what comes while the last readings are fetched is not missed.
    let mut events = follow(&client, query).await?;
    view.fill(client.readings(query).await?);
    let mut screen = Screen::open(context.output);
    let mut timer = tokio::time::interval(DRAW_EVERY);
    loop {
        tokio::select! {
            _ = timer.tick() => screen.draw(&view)?,
            event = events.next() => match event {
                Some(Ok(event)) => view.take_in(event),
                Some(Err(_)) | None => {
                    view.lost(client.url());
                    screen.draw(&view)?;
                    (client, events) = again(query, context).await;
                    view.found();
                }
            },
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Done),
        }
    }
}

/// Prints lines, as they come.
async fn print(
    mut client: Client,
    query: &ReadingQuery,
    most: Option<u64>,
    context: &Context<'_>,
) -> Result<Exit> {
    let mut events = follow(&client, query).await?;
    let mut left = most.unwrap_or(u64::MAX);
    loop {
        match events.next().await {
            Some(Ok(event)) => {
                for line in line::lines(event, query.metric.as_deref()) {
                    line.print(context.output)?;
                    left -= 1;
                    if left == 0 {
                        return Ok(Exit::Done);
                    }
                }
            }
            Some(Err(_)) | None => {
                tell!("{} is gone; waiting until it is back", client.url());
                (client, events) = again(query, context).await;
            }
        }
    }
}

/// Tries until there is a server again: perhaps at another place.
async fn again(query: &ReadingQuery, context: &Context<'_>) -> (Client, EventStream) {
    loop {
        tokio::time::sleep(TRY_AGAIN).await;
        if let Ok(client) = context.client()
            && let Ok(events) = follow(&client, query).await
        {
            return (client, events);
        }
    }
}
