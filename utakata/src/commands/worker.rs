//! `utakata worker`: the workers that run, their releases, and a trial for one of your own.

mod container;
mod diff;
mod list;
pub mod push;
mod show;
mod sign;
mod source;
mod target;
mod trial;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use utakata_api::{client::EnvironmentVerb as Verb, release::ReleaseReference};
use utakata_model::{ReleaseName, Scope};
use utakata_up::paths;

use super::{Context, order};
use crate::exit::Exit;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the pools of workers, one for each release, and the releases of the catalogue
    #[command(after_help = "Example: utakata worker list")]
    List,
    /// Bring a kind to another release, environment by environment
    Roll(super::rollout::begin::Arguments),
    /// Show a release: what it can do, and what it would break
    #[command(after_help = "\
It is one that was pushed, that comes with utakata, or that lies in a folder and is served.

Examples:
  utakata worker show apc-pdu@1.2.0
  utakata worker show 3f9ac1 -o yaml")]
    Show {
        /// KIND@VERSION, or the digest, of which the first digits are enough
        release: ReleaseReference,
    },
    /// Add a release to the catalogue, from which every environment can have it
    #[command(after_help = "\
DIR is a release: a folder with worker.toml and, unless it comes with utakata, the program. What
comes with utakata is added: what is pushed brings all that it runs. Only files that the catalogue
does not have are sent.

IMAGE is looked at by the Docker engine here: its manifest is in its label org.utakata.manifest, or
is its /worker.toml. What is pushed is that manifest and the digest of the image: environments get
the image itself from the registry. What a tag means is asked of the registry once, now. An archive
of docker save (docker-archive:FILE) is pushed as a whole.
 
Nothing is served by it until `utakata worker roll` says so; it says what that would break.

A version is one release for good: another one needs another version.

Examples:
  utakata worker push ./my-worker
  utakata worker push registry.example/my-worker:1.2.0
  utakata worker push docker-archive:my-worker.tar")]
    Push(source::Arguments),
    /// Compare two releases: what they declare, and their files
    #[command(after_help = "\
Example: utakata worker diff apc-pdu@1.1.0 apc-pdu@1.2.0")]
    Diff {
        /// KIND@VERSION or digest of the one
        from: ReleaseReference,
        /// KIND@VERSION or digest of the other
        to: ReleaseReference,
    },
    /// Remove a release from the catalogue, unless something wants it to stay
    #[command(after_help = "Example: utakata worker delete apc-pdu@1.0.0")]
    Delete {
        /// KIND@VERSION, or the digest, of which the first digits are enough
        release: ReleaseReference,
    },
    /// Let a release begin nothing more; other releases of its kind go on
    #[command(after_help = "\
The tasks that would go to it wait: those of targets that are pinned to it, or all of its kind
where it serves. It holds until `resume`, in every environment, also in those that come later.

Example: utakata worker pause apc-pdu@1.2.0 --why 'it floods old firmware'")]
    Pause(Stop),
    /// The same, and stop its workers when what was begun has ended
    #[command(after_help = "Example: utakata worker drain apc-pdu@1.2.0")]
    Drain(Stop),
    /// Let a release go on
    #[command(after_help = "Example: utakata worker resume apc-pdu@1.2.0")]
    Resume(Stop),
    /// Run a worker through everything that it must keep to before it may enter a pool
    #[command(after_help = "\
DIR is a release: a folder with worker.toml and, unless it comes with utakata, the program. An
image, or a folder with image.toml, is tried in containers of the Docker engine here, as an
environment would run it. Nothing but the loopback is touched, unless there is a --target: then its
actions are run there, once each, those that change something only where --control names them.
What they do is read back, as the manifest says. With --walk, the target is a walk of a device (see
`utakata profile try --help`), which is only read.

Examples:
  utakata worker test ./my-worker
  utakata worker test ./my-worker --target 10.0.3.7 --credential lab.yaml
  utakata worker test ./my-worker --target 10.0.3.7 --control outlet-off -p outlet=8
  utakata worker test ./my-worker --walk pdu.walk
  utakata worker test registry.example/my-worker:1.2.0")]
    Test {
        #[command(flatten)]
        source: source::Arguments,
        #[command(flatten)]
        target: target::Target,
        /// Multiply every limit of time by this, on a slow machine
        #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
        time_scale: f64,
    },
    /// Sign a release, so that environments that ask for signatures serve it
    #[command(after_help = "\
DIR is a release as for worker test. The signature is added to signatures.toml in it, and is of
everything in it as it is now. Environments serve what one of execution.trust.keys has signed.

Keys: openssl genpkey -algorithm ed25519 -out key.pem
      openssl pkey -in key.pem -pubout -out key.pub.pem

Example: utakata worker sign ./my-worker --key key.pem")]
    Sign {
        /// The folder of the release
        #[arg(value_name = "DIR", value_parser = paths::absolute())]
        folder: PathBuf,
        /// The secret key: Ed25519, PEM
        #[arg(long, value_name = "FILE", value_parser = paths::absolute())]
        key: PathBuf,
    },
}

/// Of which release.
#[derive(Debug, Args)]
pub struct Stop {
    /// KIND@VERSION
    release: ReleaseName,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

impl Command {
    /// Returns whether it changes anything at the server.
    pub fn changes(&self) -> bool {
        matches!(
            self,
            Self::Roll(_)
                | Self::Push(_)
                | Self::Delete { .. }
                | Self::Pause(_)
                | Self::Drain(_)
                | Self::Resume(_)
        )
    }
}

pub async fn run(command: Command, context: &Context<'_>) -> Result<Exit> {
    match command {
        Command::List => list::run(context).await,
        Command::Show { release } => show::run(&release, context).await,
        Command::Push(source) => push::run(&source, context).await,
        Command::Diff { from, to } => diff::run(&from, &to, context).await,
        Command::Delete { release } => delete(&release, context).await,
        Command::Pause(of) => stop(Verb::Pause, of, context).await,
        Command::Drain(of) => stop(Verb::Drain, of, context).await,
        Command::Resume(of) => stop(Verb::Resume, of, context).await,
        Command::Test {
            source,
            target,
            time_scale,
        } => trial::run(&source, &target, time_scale, context).await,
        Command::Roll(arguments) => super::rollout::begin::run(arguments, context).await,
        Command::Sign { folder, key } => sign::run(&folder, &key, context),
    }
}

async fn stop(verb: Verb, of: Stop, context: &Context<'_>) -> Result<Exit> {
    order::run(verb, Scope::Release(of.release), of.why, context).await
}

async fn delete(release: &ReleaseReference, context: &Context<'_>) -> Result<Exit> {
    context.client()?.delete_release(release).await?;
    tell!("{release} is in the catalogue no more");
    Ok(Exit::Done)
}
