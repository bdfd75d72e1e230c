//! The arguments that every command has, and the list of commands.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{
    commands::{
        apply, audit, completions, config, control, delete, doctor, drill, environment, error, get,
        hub, kind, le, operation, person, profile, read, rollout, status, store, target, task, up,
        watch, wee, worker,
    },
    connection::Purpose,
    output::{Colour, Format, Output},
    paths,
};

/// Observes and controls everything inside a data centre
#[derive(Debug, Parser)]
#[command(name = "utakata", version, after_help = FIRST_STEPS)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

const FIRST_STEPS: &str = "\
First steps:
  utakata up --demo                        a simulated room, to play with
  utakata watch                            readings, as they come
  utakata status                           what is wrong, if anything
  utakata up                               your own site
  utakata apply -f examples/snmpd-v2c.yaml tell it what there is";

/// What every command understands.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// How to print what was asked for
    #[arg(short = 'o', long = "output", global = true, value_enum, default_value_t = Format::Table, value_name = "FORMAT", help_heading = "Everywhere")]
    pub format: Format,
    /// Whether to use colours; NO_COLOR=1 does the same as never
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        value_name = "WHEN",
        help_heading = "Everywhere"
    )]
    pub color: When,
    /// The data directory of `utakata up` [default: $XDG_DATA_HOME/utakata]
    #[arg(
        long,
        global = true,
        env = "UTAKATA_DATA",
        hide_env_values = true,
        value_parser = paths::absolute(),
        value_name = "DIR",
        help_heading = "Everywhere"
    )]
    pub data: Option<PathBuf>,
    /// Where the API is, instead of where the data directory says
    #[arg(
        long,
        global = true,
        env = "UTAKATA_URL",
        hide_env_values = true,
        value_name = "URL",
        help_heading = "Everywhere"
    )]
    pub url: Option<String>,
    /// The file with the token, instead of the data directory's; or set UTAKATA_TOKEN
    #[arg(long, global = true, value_parser = paths::absolute(), value_name = "FILE", help_heading = "Everywhere")]
    pub token_file: Option<PathBuf>,
}

/// Whether to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start everything on this machine: logic, inter connect, workers
    Up(up::Arguments),
    /// Start a logic environment alone, on a site of several hosts
    Le(le::Arguments),
    /// Start a worker execution environment alone, on a site of several hosts
    Wee(wee::Arguments),
    /// Start an inter connect for the processes of this machine
    #[command(hide = true)]
    Hub(hub::Arguments),
    /// Create or change targets, schedules and credentials from files
    Apply(apply::Arguments),
    /// Show what there is: targets, schedules, credentials, kinds, readings, operations
    Get(get::Arguments),
    /// Remove a target, a schedule or a credential
    Delete(delete::Arguments),
    /// List, show, lock and import targets
    #[command(subcommand)]
    Target(target::Command),
    /// Observe targets now, and show what was seen
    Read(read::Arguments),
    /// Follow readings and outcomes as they come
    Watch(watch::Arguments),
    /// Do something to targets
    Control(control::Arguments),
    /// List, explain, settle and cancel tasks: one action on one target
    #[command(subcommand)]
    Task(task::Command),
    /// List, explain, approve, pause, cancel and undo operations: what was asked for
    #[command(subcommand)]
    Operation(operation::Command),
    /// Manage the people who may use it: give them tokens, and revoke them
    #[command(subcommand)]
    Person(person::Command),
    /// Check and print the audit trail of control
    #[command(subcommand)]
    Audit(audit::Command),
    /// Copy the stored data to PostgreSQL, or back
    #[command(subcommand)]
    Store(store::Command),
    /// List the workers and their releases, push one, and test one of your own
    #[command(subcommand)]
    Worker(worker::Command),
    /// List, follow, pause, promote and abort rollouts: a kind on its way to another release
    #[command(subcommand)]
    Rollout(rollout::Command),
    /// Show and set which release serves a kind, where, and for which targets
    #[command(subcommand)]
    Kind(kind::Command),
    /// List the environments that run workers
    #[command(subcommand)]
    Environment(environment::Command),
    /// Show what is wrong now, on one screen: targets, control, environments, workers
    Status(status::Arguments),
    /// Check this machine, its configuration and the site, and say how to cure what is wrong
    Doctor(doctor::Arguments),
    /// Prove that nothing is lost or done twice, whatever is killed
    Drill(drill::Arguments),
    /// Try a profile on a walk of a device, and draft one from MIBs
    #[command(subcommand)]
    Profile(profile::Command),
    /// Explain a code, such as the unreachable of "pdu-1 does not answer (unreachable)"
    Error(error::Arguments),
    /// Check and explain the configuration of `up`
    #[command(subcommand)]
    Config(config::Command),
    /// Print the completions for a shell
    Completions(completions::Arguments),
    /// Print names that could stand at the cursor, for the completions of a shell
    #[command(hide = true, name = "complete-names")]
    CompleteNames(completions::names::Arguments),
}

impl Command {
    /// Whether it changes anything at the server that it talks to, or at equipment.
    pub fn purpose(&self) -> Purpose {
        let changes = match self {
            Self::Apply(_) | Self::Delete(_) | Self::Control(_) => true,
            Self::Target(command) => command.changes(),
            Self::Task(command) => command.changes(),
            Self::Operation(command) => command.changes(),
            Self::Person(command) => !matches!(command, person::Command::List),
            Self::Worker(command) => command.changes(),
            Self::Rollout(command) => command.changes(),
            Self::Kind(command) => !matches!(command, kind::Command::Show { .. }),
            Self::Environment(command) => !matches!(command, environment::Command::List),
            _ => false,
        };
        if changes {
            Purpose::Change
        } else {
            Purpose::Look
        }
    }
}

impl Command {
    /// Whether it waits for something that goes on without it.
    pub fn is_followed(&self) -> bool {
        matches!(
            self,
            Self::Control(_)
                | Self::Operation(operation::Command::Undo(_))
                | Self::Worker(worker::Command::Roll(_))
                | Self::Rollout(rollout::Command::Show { .. })
        )
    }
}

impl Global {
    /// How to print.
    pub fn output(&self) -> Output {
        let colour = match self.color {
            When::Always => Colour::Always,
            When::Never => Colour::Never,
            When::Auto if std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty()) => {
                Colour::Never
            }
            When::Auto => Colour::Terminal,
        };
        Output::new(self.format, colour)
    }
}
