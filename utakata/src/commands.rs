//! The commands, one file each.

pub mod apply;
pub mod audit;
pub mod completions;
pub mod config;
pub mod control;
pub mod delete;
pub mod doctor;
pub mod drill;
pub mod environment;
pub mod error;
pub mod get;
pub mod hub;
pub mod kind;
pub mod le;
pub mod operation;
mod order;
pub mod person;
pub mod profile;
pub mod read;
mod role;
pub mod rollout;
pub mod status;
pub mod store;
pub mod target;
pub mod task;
pub mod up;
pub mod watch;
pub mod wee;
pub mod worker;

use anyhow::{Context as _, Result};
use utakata_api::Client;

use crate::{
    cli::{Cli, Command, Global},
    connection::{self, Purpose},
    exit::{Exit, Usage},
    folder::Folder,
    interrupt,
    output::{Format, Output, no_csv},
};

/// What a command has besides its own arguments.
#[derive(Debug)]
pub struct Context<'a> {
    /// What every command understands.
    pub global: &'a Global,
    /// How to print.
    pub output: &'a Output,
    /// What the command is about to do.
    pub purpose: Purpose,
}

impl Context<'_> {
    /// A client of the server that is meant.
    pub fn client(&self) -> Result<Client> {
        connection::client(self.global, self.purpose)
    }
}

/// The data directory of a role: the one that is named, or the default.
fn data_folder(context: &Context<'_>, default: fn() -> Option<Folder>) -> Result<Folder> {
    let named = context.global.data.as_ref().map(Folder::new);
    let folder = named.or_else(default);
    folder.ok_or_else(|| {
        let message = "there is no home directory for the data: say where it goes with --data DIR";
        Usage(message.into()).into()
    })
}

/// Does what the command line says.
pub fn run(cli: Cli, output: &Output) -> Result<Exit> {
    let Cli { global, command } = cli;
    let context = Context {
        global: &global,
        output,
        purpose: command.purpose(),
    };
    // Before anything is done: what cannot be printed so must not be done first.
    let is_table = matches!(
        command,
        Command::Get(_) | Command::Target(target::Command::List { .. })
    );
    if global.format == Format::Csv && !is_table {
        return Err(no_csv());
    }
    match command {
        Command::Up(arguments) => up::run(&arguments, &context),
        Command::Le(arguments) => le::run(&arguments, &context),
        Command::Wee(arguments) => wee::run(&arguments, &context),
        Command::Hub(arguments) => hub::run(&arguments, &context),
        Command::Completions(arguments) => completions::run(&arguments, &context),
        Command::Config(command) => config::run(command, &context),
        Command::Error(arguments) => error::run(&arguments, &context),
        Command::Drill(arguments) => drill::run(&arguments, &context),
        command => {
            if command.is_followed() {
                interrupt::hold();
            }
            small_runtime()?.block_on(talk(command, &context))
        }
    }
}

/// The commands that talk to a server.
async fn talk(command: Command, context: &Context<'_>) -> Result<Exit> {
    match command {
        Command::CompleteNames(arguments) => completions::names::run(arguments, context).await,
        Command::Apply(arguments) => apply::run(arguments, context).await,
        Command::Get(arguments) => get::run(arguments, context).await,
        Command::Delete(arguments) => delete::run(arguments, context).await,
        Command::Target(command) => target::run(command, context).await,
        Command::Read(arguments) => read::run(arguments, context).await,
        Command::Watch(arguments) => watch::run(arguments, context).await,
        Command::Control(arguments) => control::run(arguments, context).await,
        Command::Task(command) => task::run(command, context).await,
        Command::Operation(command) => operation::run(command, context).await,
        Command::Audit(command) => audit::run(command, context).await,
        Command::Person(command) => person::run(command, context).await,
        Command::Profile(command) => profile::run(command, context).await,
        Command::Store(command) => store::run(command, context).await,
        Command::Worker(command) => worker::run(command, context).await,
        Command::Environment(command) => environment::run(command, context).await,
        Command::Rollout(command) => rollout::run(command, context).await,
        Command::Kind(command) => kind::run(command, context).await,
        Command::Status(arguments) => status::run(&arguments, context).await,
        Command::Doctor(arguments) => doctor::run(&arguments, context).await,
        Command::Up(_)
        | Command::Le(_)
        | Command::Wee(_)
        | Command::Hub(_)
        | Command::Drill(_)
        | Command::Completions(_)
        | Command::Config(_)
        | Command::Error(_) => Ok(Exit::Done),
    }
}

fn small_runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")
}
