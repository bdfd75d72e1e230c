//! The list of commands, each with the function that carries it out.

use anyhow::{Context as _, Result};
use clap::{CommandFactory as _, Parser, Subcommand};

use crate::{
    commands::{
        Context, alarm, apply, audit, completions, config, control, credential, delete, discover,
        discovery, doctor, drill, envelope, environment, error, get, history, hub, kind, le, login,
        notification, operation, person, pki, policy, profile, read, role, rollout, secret, status,
        store, target, task, token, up, watch, wee, why, worker,
    },
    connection::Purpose,
    exit::Exit,
    global::Global,
    interrupt,
    output::{Format, Output, no_csv},
};

/// Observes and controls the equipment of a data centre
#[derive(Debug, Parser)]
#[command(name = "utakata", version, after_help = FIRST_STEPS)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    command: Command,
}

const FIRST_STEPS: &str = "\
First steps:
  utakata up --demo                        a simulated room, to play with
  utakata watch                            live readings
  utakata status                           what is wrong, if anything
  utakata up                               your own site
  utakata apply -f examples/snmpd-v2c.yaml declare your equipment";

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Role(Role),
    #[command(flatten)]
    Server(Server),
    #[command(flatten)]
    Tool(Tool),
}

/// Roles: commands that run until they are asked to end.
#[derive(Debug, Subcommand)]
enum Role {
    /// Start everything on this machine: logic, inter connect, workers
    Up(up::Arguments),
    /// Start a logic environment on its own, for a site of several hosts
    Le(le::Arguments),
    /// Start a worker execution environment on its own, for a site of several hosts
    Wee(wee::Arguments),
    /// Start an inter connect for the processes of this machine
    #[command(hide = true)]
    Hub(hub::Arguments),
}

/// Commands that talk to a server.
#[derive(Debug, Subcommand)]
enum Server {
    /// Create or change targets, schedules, credentials, relations, alarm rules, envelopes,
    /// policies and floors from files
    Apply(apply::Arguments),
    /// Show targets, schedules, credentials, relations, alarm rules, floors, kinds, readings or
    /// operations
    Get(get::Arguments),
    /// Delete targets, schedules, credentials, relations, alarm rules or floors
    Delete(delete::Arguments),
    /// List, show, lock and import targets
    #[command(subcommand)]
    Target(target::Command),
    /// Ask addresses what is there, and show what was found
    Discover(discover::Arguments),
    /// List, accept and dismiss what was found, as targets
    #[command(subcommand)]
    Discovery(discovery::Command),
    /// Read targets now, and show the values
    Read(read::Arguments),
    /// Show what was seen in the past, as a chart
    History(history::Arguments),
    /// Follow readings and outcomes as they arrive
    Watch(watch::Arguments),
    /// List what devices sent unasked: SNMP traps and informs
    #[command(subcommand)]
    Notification(notification::Command),
    /// Control targets
    Control(control::Arguments),
    /// List, explain, settle and cancel tasks (one action on one target)
    #[command(subcommand)]
    Task(task::Command),
    /// List, explain, acknowledge and shelve alarms, and report how good they are
    #[command(subcommand)]
    Alarm(alarm::Command),
    /// List, test, arm and stop policies, and explain what they do
    #[command(subcommand)]
    Policy(policy::Command),
    /// List and explain envelopes: limits on what is done, whoever decides
    #[command(subcommand)]
    Envelope(envelope::Command),
    /// Show what a target depends on, each with its state
    Why(why::Arguments),
    /// List, explain, approve, pause, cancel and undo operations (requests of users)
    #[command(subcommand)]
    Operation(operation::Command),
    /// Log in by the identity provider of a server, as yourself
    #[command(after_help = login::HELP)]
    Login,
    /// End the login at a server
    #[command(after_help = login::LOGOUT_HELP)]
    Logout,
    /// Manage people: give them tokens and roles, and remove them
    #[command(subcommand)]
    Person(person::Command),
    /// Manage services, which act on their own behalf: Prometheus, scripts
    #[command(subcommand)]
    Service(person::ServiceCommand),
    /// Show, give and take roles: who may do what, where
    #[command(subcommand)]
    Role(role::Command),
    /// List, make and revoke tokens
    #[command(subcommand)]
    Token(token::Command),
    /// Change passwords of devices
    #[command(subcommand)]
    Credential(credential::Command),
    /// Show and change the key that seals secrets in the store
    #[command(subcommand)]
    Secret(secret::Command),
    /// List, check and export the audit trail: who did what
    #[command(subcommand)]
    Audit(audit::Command),
    /// Copy the stored data to PostgreSQL, or back
    #[command(subcommand)]
    Store(store::Command),
    /// List the workers and their releases, push one, and test one of your own
    #[command(subcommand)]
    Worker(worker::Command),
    /// List, follow, pause, promote and abort rollouts (from one release of a kind to another)
    #[command(subcommand)]
    Rollout(rollout::Command),
    /// Show and set the releases that serve a kind, with pins and placement
    #[command(subcommand)]
    Kind(kind::Command),
    /// List the environments that run workers
    #[command(subcommand)]
    Environment(environment::Command),
    /// Show what is wrong now on one screen: targets, control, environments, workers
    Status(status::Arguments),
    /// Check this machine, its configuration and the site, and show the cure of every problem
    Doctor(doctor::Arguments),
    /// Print the names that could stand at the cursor, for shell completions
    #[command(hide = true, name = "complete-names")]
    CompleteNames(completions::names::Arguments),
}

/// Commands that need no server.
#[derive(Debug, Subcommand)]
enum Tool {
    /// Test that nothing is lost or done twice, whatever is killed
    Drill(drill::Arguments),
    /// Try a profile on a recorded walk of a device, or draft one from MIBs
    #[command(subcommand)]
    Profile(profile::Command),
    /// Explain a code, such as the unreachable of "pdu-1 does not answer (unreachable)"
    Error(error::Arguments),
    /// Check and explain the configuration of `up`
    #[command(subcommand)]
    Config(config::Command),
    /// Make certificates for TLS, where a site has no authority of its own
    #[command(subcommand)]
    Pki(pki::Command),
    /// Print the completions for a shell
    Completions(completions::Arguments),
}

impl Cli {
    pub fn run(self, output: &Output) -> Result<Exit> {
        let Self { global, command } = self;
        let context = Context {
            global: &global,
            output,
            purpose: command.purpose(),
            grammar: Self::command,
        };
        // Checked first: a command whose result cannot be printed must not run.
        if global.format == Format::Csv && !command.is_table() {
            return Err(no_csv());
        }
        match command {
            Command::Role(role) => role.run(&context).map(|()| Exit::Done),
            Command::Server(command) => {
                if command.is_followed() {
                    interrupt::hold();
                }
                small_runtime()?.block_on(command.run(&context))
            }
            Command::Tool(tool) => tool.run(&context),
        }
    }
}

impl Command {
    fn purpose(&self) -> Purpose {
        match self {
            Self::Server(command) => command.purpose(),
            Self::Role(_) | Self::Tool(_) => Purpose::Look,
        }
    }

    /// Returns true if the result is a table of targets, or of values.
    fn is_table(&self) -> bool {
        matches!(
            self,
            Self::Server(
                Server::Get(_) | Server::History(_) | Server::Target(target::Command::List { .. })
            )
        )
    }
}

impl Role {
    fn run(self, context: &Context<'_>) -> Result<()> {
        match self {
            Self::Up(arguments) => up::run(&arguments, context),
            Self::Le(arguments) => le::run(&arguments, &context.role()),
            Self::Wee(arguments) => wee::run(&arguments, &context.role()),
            Self::Hub(arguments) => hub::run(&arguments, &context.role()),
        }
    }
}

impl Tool {
    fn run(self, context: &Context<'_>) -> Result<Exit> {
        match self {
            Self::Drill(arguments) => drill::run(&arguments, context),
            Self::Profile(command) => small_runtime()?.block_on(profile::run(command, context)),
            Self::Error(arguments) => error::run(&arguments, context),
            Self::Config(command) => config::run(command, context),
            Self::Pki(command) => pki::run(&command),
            Self::Completions(arguments) => completions::run(&arguments, context),
        }
    }
}

impl Server {
    /// Returns the effect of the command on the server and on equipment.
    pub fn purpose(&self) -> Purpose {
        let changes = match self {
            Self::Apply(_) | Self::Delete(_) | Self::Control(_) | Self::Discover(_) => true,
            Self::Discovery(command) => command.changes(),
            Self::Login | Self::Logout => true,
            Self::Target(command) => command.changes(),
            Self::Task(command) => command.changes(),
            Self::Operation(command) => command.changes(),
            Self::Alarm(command) => command.changes(),
            Self::Policy(command) => command.changes(),
            Self::Person(command) => !matches!(command, person::Command::List),
            Self::Service(command) => !matches!(command, person::ServiceCommand::List),
            Self::Role(command) => command.changes(),
            Self::Token(command) => !matches!(command, token::Command::List),
            Self::Secret(command) => matches!(command, secret::Command::Rotate),
            Self::Credential(command) => matches!(command, credential::Command::Rotate { .. }),
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

    /// Returns true if it waits for work that continues without it.
    pub fn is_followed(&self) -> bool {
        matches!(
            self,
            Self::Control(_)
                | Self::Credential(credential::Command::Rotate { .. })
                | Self::Discover(_)
                | Self::Operation(operation::Command::Undo(_))
                | Self::Worker(worker::Command::Roll(_))
                | Self::Rollout(rollout::Command::Show { .. })
        )
    }

    async fn run(self, context: &Context<'_>) -> Result<Exit> {
        match self {
            Self::Apply(arguments) => apply::run(arguments, context).await,
            Self::Get(arguments) => get::run(arguments, context).await,
            Self::Delete(arguments) => delete::run(arguments, context).await,
            Self::Target(command) => target::run(command, context).await,
            Self::Discover(arguments) => discover::run(arguments, context).await,
            Self::Discovery(command) => discovery::run(command, context).await,
            Self::Read(arguments) => read::run(arguments, context).await,
            Self::History(arguments) => history::run(arguments, context).await,
            Self::Watch(arguments) => watch::run(arguments, context).await,
            Self::Notification(command) => notification::run(command, context).await,
            Self::Control(arguments) => control::run(arguments, context).await,
            Self::Task(command) => task::run(command, context).await,
            Self::Operation(command) => operation::run(command, context).await,
            Self::Alarm(command) => alarm::run(command, context).await,
            Self::Policy(command) => policy::run(command, context).await,
            Self::Envelope(command) => envelope::run(command, context).await,
            Self::Why(arguments) => why::run(&arguments, context).await,
            Self::Login => login::run(context).await,
            Self::Logout => login::run_logout(context).await,
            Self::Person(command) => person::run(command, context).await,
            Self::Service(command) => person::run_service(command, context).await,
            Self::Role(command) => role::run(command, context).await,
            Self::Token(command) => token::run(command, context).await,
            Self::Secret(command) => secret::run(command, context).await,
            Self::Credential(command) => credential::run(command, context).await,
            Self::Audit(command) => audit::run(command, context).await,
            Self::Store(command) => store::run(command, context).await,
            Self::Worker(command) => worker::run(command, context).await,
            Self::Rollout(command) => rollout::run(command, context).await,
            Self::Kind(command) => kind::run(command, context).await,
            Self::Environment(command) => environment::run(command, context).await,
            Self::Status(arguments) => status::run(&arguments, context).await,
            Self::Doctor(arguments) => doctor::run(&arguments, context).await,
            Self::CompleteNames(arguments) => completions::names::run(arguments, context).await,
        }
    }
}

fn small_runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")
}
