//! `utakata watch`: follows readings and outcomes as they arrive.

mod filter;
mod keys;
mod line;
mod order;
mod screen;
mod view;

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use anyhow::{Result, bail};
use clap::Args;
use futures::StreamExt;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::Instant,
};
use utakata_api::{
    Client,
    client::{EventStream, Followed},
};
use utakata_model::Selector;

use self::{
    filter::Filter,
    keys::Keyboard,
    order::Sort,
    screen::Screen,
    view::{Then, View},
};
use super::Context;
use crate::{exit::Exit, output::Format, parameters, select};

/// The shortest interval between redraws of a terminal.
const DRAW_EVERY: Duration = Duration::from_millis(200);
/// The wait before trying again to reach a lost server.
const TRY_AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
#[command(after_help = "\
On a terminal, it shows a table that is kept up to date until q or Ctrl-C; changed values come first.
Keys sort, scroll and search: the last line names them. In a pipe, it prints a line for each reading
and each outcome of interest (all of control, and failed observation). -o json prints the same as
JSON lines, each with \"event\": reading, outcome or missed.

Exit codes: 0 ended, 2 the selector, the metric or the attribute matches nothing that exists

Examples:
  utakata watch
  utakata watch rack=A1 --metric hw.power
  utakata watch pdu-a1-a --metric hw.power --attribute outlet=3
  utakata watch --metric hw.temperature --sort value
  utakata watch kind=ups -o json | jq .value")]
pub struct Arguments {
    /// Targets: a selector (kind=apc-pdu,rack=A1), or a name [default: all]
    selector: Option<String>,
    /// Only metrics that are this or begin with it
    #[arg(long, value_name = "PREFIX")]
    metric: Option<String>,
    /// Only readings with this attribute; may be repeated
    #[arg(long = "attribute", value_name = "KEY=VALUE", value_parser = parameters::pair)]
    attributes: Vec<(String, String)>,
    /// Order of the table
    #[arg(long, value_enum, default_value = "changed")]
    sort: Sort,
    /// Reverse the order
    #[arg(long)]
    reverse: bool,
    /// End after this number of readings and outcomes
    #[arg(long, value_name = "COUNT")]
    count: Option<u64>,
}

/// Follows events until it is interrupted.
pub async fn run(arguments: Arguments, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    let selector = match &arguments.selector {
        Some(text) => select::resolve(&client, text).await?,
        None => Selector::default(),
    };
    let filter = Filter {
        metric: arguments.metric.clone(),
        attributes: arguments.attributes.clone(),
    };
    let watched = Watched { selector, filter };
    match context.output.format {
        Format::Yaml | Format::Csv => bail!(crate::exit::Usage(
            "watch prints a table, lines, or JSON lines: use -o json".into()
        )),
        Format::Table if io::stdout().is_terminal() => {
            draw(client, &watched, &arguments, context).await
        }
        _ => print(client, &watched, arguments.count, context).await,
    }
}

struct Watched {
    selector: Selector,
    filter: Filter,
}

async fn follow(client: &Client, watched: &Watched) -> Result<EventStream> {
    let followed = [Followed::Readings, Followed::Outcomes];
    Ok(client.events(&watched.selector, &followed).await?)
}

/// Keeps a table on the terminal up to date.
async fn draw(
    mut client: Client,
    watched: &Watched,
    arguments: &Arguments,
    context: &Context<'_>,
) -> Result<Exit> {
    let mut view = View::new(watched.filter.clone(), arguments.sort, arguments.reverse);
    // Both are started first, so that nothing is missed while the latest readings are fetched.
    let mut events = follow(&client, watched).await?;
    view.fill(watched.filter.first(&client, &watched.selector).await?);
    let mut terminated = signal(SignalKind::terminate())?;
    let mut keyboard = Keyboard::open();
    let mut screen = Screen::open(context.output, keyboard.is_there());
    let mut draw_at = Instant::now();
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(draw_at) => {
                let began = Instant::now();
                screen.draw(&mut view)?;
                // Sorting very many values takes long: leave processor time for others.
                draw_at = Instant::now() + DRAW_EVERY.max(began.elapsed() * 4);
            }
            key = keyboard.next() => match view.key(key) {
                Then::End => return Ok(Exit::Done),
                Then::GoOn => screen.draw(&mut view)?,
            },
            event = events.next() => match event {
                Some(Ok(event)) => view.take_in(event),
                Some(Err(_)) | None => {
                    view.lost(client.url());
                    screen.draw(&mut view)?;
                    let back = tokio::select! {
                        back = again(watched, context) => back,
                        () = keyboard.quit() => return Ok(Exit::Done),
                        _ = tokio::signal::ctrl_c() => return Ok(Exit::Done),
                        _ = terminated.recv() => return Ok(Exit::Done),
                    };
                    (client, events) = back;
                    view.found();
                }
            },
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Done),
            _ = terminated.recv() => return Ok(Exit::Done),
        }
    }
}

/// Prints lines as they arrive.
async fn print(
    mut client: Client,
    watched: &Watched,
    max: Option<u64>,
    context: &Context<'_>,
) -> Result<Exit> {
    let mut events = follow(&client, watched).await?;
    watched.filter.first(&client, &watched.selector).await?;
    let mut left = max.unwrap_or(u64::MAX);
    loop {
        match events.next().await {
            Some(Ok(event)) => {
                for line in line::lines(event, &watched.filter) {
                    line.print(context.output)?;
                    left -= 1;
                    if left == 0 {
                        return Ok(Exit::Done);
                    }
                }
            }
            Some(Err(_)) | None => {
                tell!("{} has gone; waiting until it is back", client.url());
                (client, events) = again(watched, context).await;
            }
        }
    }
}

/// Tries until a server answers, possibly at another address.
async fn again(watched: &Watched, context: &Context<'_>) -> (Client, EventStream) {
    loop {
        tokio::time::sleep(TRY_AGAIN).await;
        if let Ok(client) = context.client()
            && let Ok(events) = follow(&client, watched).await
        {
            return (client, events);
        }
    }
}
