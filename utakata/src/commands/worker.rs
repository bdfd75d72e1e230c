//! `utakata worker`: workers and their releases, and tests of one's own.

mod container;
mod diff;
mod list;
mod new;
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
use utakata_model::{Kind, ReleaseName, Scope};
use utakata_up::paths;

use super::{Context, order};
use crate::exit::Exit;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the pools of workers, one per release, and the releases of the catalogue
    #[command(after_help = "Example: utakata worker list")]
    List,
    /// Roll out a release, environment by environment
    Roll(super::rollout::begin::Arguments),
    /// Show a release: its actions, and what it would break
    #[command(after_help = "\
It may be a pushed release, one shipped with utakata, or one in a folder that is served.

Examples:
  utakata worker show apc-pdu@1.2.0
  utakata worker show 3f9ac1 -o yaml")]
    Show {
        /// KIND@VERSION, or the first digits of the digest
        release: ReleaseReference,
    },
    /// Push a release to the catalogue, from which every environment can fetch it
    #[command(after_help = "\
DIR is a release: a folder with worker.toml and the program. A program shipped with utakata is added
by the push, so that a pushed release contains everything that it runs. Only files missing from the
catalogue are sent.

IMAGE is inspected by the Docker engine here: its manifest is in its label org.utakata.manifest, or
in its /worker.toml. That manifest and the digest of the image are pushed; environments fetch the
image itself from the registry. A tag is resolved by the registry once, now. An archive made by
docker save (docker-archive:FILE) is pushed as a whole.

A pushed release serves nothing until `utakata worker roll`; push shows what that would break.

A version belongs to one release for good: a changed release needs a new version.

Examples:
  utakata worker push ./my-worker
  utakata worker push registry.example/my-worker:1.2.0
  utakata worker push docker-archive:my-worker.tar")]
    Push(source::Arguments),
    /// Compare two releases: their declarations and their files
    #[command(after_help = "\
Example: utakata worker diff apc-pdu@1.1.0 apc-pdu@1.2.0")]
    Diff {
        /// KIND@VERSION or digest of the first release
        from: ReleaseReference,
        /// KIND@VERSION or digest of the second release
        to: ReleaseReference,
    },
    /// Delete a release from the catalogue, unless it is still needed
    #[command(after_help = "Example: utakata worker delete apc-pdu@1.0.0")]
    Delete {
        /// KIND@VERSION, or the first digits of the digest
        release: ReleaseReference,
    },
    /// Pause a release: it begins nothing more, while other releases of its kind continue
    #[command(after_help = "\
The tasks that would go to it wait: those of targets that are pinned to it, or all of its kind where
it serves. The order holds until `resume`, in every environment, including those that join later.

Example: utakata worker pause apc-pdu@1.2.0 --why 'it floods old firmware'")]
    Pause(Stop),
    /// Drain a release: pause it, and stop its workers when their running tasks have ended
    #[command(after_help = "Example: utakata worker drain apc-pdu@1.2.0")]
    Drain(Stop),
    /// Resume a release
    #[command(after_help = "Example: utakata worker resume apc-pdu@1.2.0")]
    Resume(Stop),
    /// Make a folder for a kind of your own, from a shipped one
    #[command(after_help = "\
The folder has a manifest, with the actions of the kind that it is from, and a profile to be filled
in: what a device of yours says, and what it means. Profiles for SNMP need no folder: see
`utakata profile`.

Examples:
  utakata worker new acme-bmc --from redfish
  utakata worker new acme-pdu --from http-json --folder /var/lib/utakata/releases/acme-pdu")]
    New {
        /// Name of the new kind
        kind: Kind,
        /// The shipped kind that it is like: `utakata get kinds` lists them
        #[arg(long, value_name = "KIND")]
        from: Kind,
        /// Folder to make; by default one with the name of the kind, here
        #[arg(long, value_name = "DIR", value_parser = paths::absolute())]
        folder: Option<PathBuf>,
    },
    /// Test that a worker meets every requirement for entering a pool
    #[command(after_help = "\
DIR is a release: a folder with worker.toml and, unless it is shipped with utakata, the program. An
image, or a folder with image.toml, is tested in containers of the Docker engine here, as an
environment would run it. Nothing but the loopback is touched, unless there is a --target: then its
actions are run there, once each, and those that change something only if --control names them.
Their effects are read back as the manifest declares. With --walk, the target is a recorded walk of
a device (see `utakata profile try --help`), which is only read.

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
        /// Factor for all time limits, for slow machines
        #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
        time_scale: f64,
    },
    /// Sign a release, for environments that require signatures
    #[command(after_help = "\
DIR is a release as for worker test. The signature covers everything in the folder as it is now, and
is added to its signatures.toml. Environments serve releases signed by one of execution.trust.keys.

Keys: openssl genpkey -algorithm ed25519 -out key.pem
      openssl pkey -in key.pem -pubout -out key.pub.pem

Example: utakata worker sign ./my-worker --key key.pem")]
    Sign {
        /// Folder of the release
        #[arg(value_name = "DIR", value_parser = paths::absolute())]
        folder: PathBuf,
        /// Secret key: Ed25519, PEM
        #[arg(long, value_name = "FILE", value_parser = paths::absolute())]
        key: PathBuf,
    },
}

/// The release to stop.
#[derive(Debug, Args)]
pub struct Stop {
    /// KIND@VERSION
    release: ReleaseName,
    /// Reason, for the record
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

impl Command {
    /// Returns true if it changes something at the server.
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
        Command::New { kind, from, folder } => new::run(&kind, &from, folder, context),
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
    tell!("{release} was removed from the catalogue");
    Ok(Exit::Done)
}
