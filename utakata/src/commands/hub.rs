//! `utakata hub`: an inter connect for the processes of this machine.

use std::{path::PathBuf, sync::Arc};

use anyhow::Result;
use clap::Args;
use utakata_interconnect::{
    Events, Tasks,
    events::bus::{self, Bus},
    hub::{Config, Hub},
    tasks::embedded::{self, Embedded},
};
use utakata_interconnect_conformance::faulty::{Faults, FaultyEvents, FaultyTasks};

use super::{
    Context,
    role::{self, End},
};
use crate::{exit::Exit, log, paths};

#[derive(Debug, Args)]
#[command(after_help = "\
It moves tasks and events between `utakata le` and `utakata wee`, and needs nothing installed. What
it keeps, it keeps in memory. It is for drills and tests, on one machine.

Faults are chances from 0 to 1: lose, double, reorder (within a call), late (overtaken by others),
delay (a call takes longer), fail (a call fails). max-delay bounds late and delay. What may be lost
is may-lose=expendable (reads and readings), protocol (also what the permit of control repeats; the
default) or anything (also control tasks: that breaks what is promised).

Examples:
  utakata hub --socket /run/utakata/hub.sock
  utakata hub --socket hub.sock --faults lose=0.02,double=0.05,late=0.1,max-delay=200ms --seed 7")]
pub struct Arguments {
    /// The socket to listen on; only this user can connect to it
    #[arg(long, value_name = "PATH", value_parser = paths::absolute())]
    socket: PathBuf,
    /// What goes wrong on purpose
    #[arg(long, value_name = "FAULT=CHANCE,...")]
    faults: Option<Faults>,
    /// Where the dice of the faults begin
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    #[command(flatten)]
    end: End,
}

/// Serves until a signal.
pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<Exit> {
    log::start(context.output);
    role::run(serve(arguments))
}

async fn serve(arguments: &Arguments) -> Result<Exit> {
    let mut signals = arguments.end.listen()?;
    let (tasks, events) = inter_connect(arguments);
    let hub = Hub::serve(Config::new(&arguments.socket), tasks, events).await?;
    tracing::info!(socket = %hub.path().display(), "the hub serves");
    let ended = role::end(&mut signals, std::future::pending()).await;
    role::drain(&mut signals, hub.stop()).await?;
    ended
}

fn inter_connect(arguments: &Arguments) -> (Arc<dyn Tasks>, Arc<dyn Events>) {
    let tasks: Arc<dyn Tasks> = Arc::new(Embedded::new(embedded::Config::default()));
    let events: Arc<dyn Events> = Arc::new(Bus::new(bus::Config::default()));
    let Some(faults) = arguments.faults.clone() else {
        return (tasks, events);
    };
    let faults = Faults {
        seed: arguments.seed,
        ..faults
    };
    (
        Arc::new(FaultyTasks::new(tasks, faults.clone())),
        Arc::new(FaultyEvents::new(events, faults)),
    )
}
