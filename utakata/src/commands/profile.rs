//! `utakata profile`: tools for writing profiles. They need no server.

mod draft;
mod trial;

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;
use utakata_model::workbench::WalkSummary;
use utakata_up::paths;

use super::Context;
use crate::exit::Exit;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read a recorded walk of a device with profiles, and show the readings
    #[command(after_help = "\
WALK is the output of snmpwalk, preferably with -On (-Oqn loses the types), or a recording of snmpsim
(.snmprec). It is served over SNMP on the loopback, and read there by the worker itself, with these
profiles and those that they include, but no others. The result lists each reading with its object,
and the objects of the walk that no profile uses.

Examples:
  snmpwalk -v2c -c public -On -Cc 10.0.3.7 .1 > pdu.walk
  utakata profile try acme-pdu.toml --walk pdu.walk
  utakata profile try acme-pdu.toml --walk pdu.walk -o json")]
    Try {
        /// Files of the profiles
        #[arg(required = true, value_name = "FILE", value_parser = paths::absolute())]
        files: Vec<PathBuf>,
        /// Walk of the device
        #[arg(long, value_name = "WALK", value_parser = paths::absolute())]
        walk: PathBuf,
    },
    /// Draft a profile from MIBs and a recorded walk of a device
    #[command(after_help = "\
The draft contains the tables and scalars that occur in the walk, with units and states from the
MIBs. Anything that they do not say is guessed, and marked `# guess:`. Imported MIBs are looked for
beside the given ones, in --mib-folder, and where the system has MIBs.

Examples:
  utakata profile draft --mib ACME-PDU-MIB.txt --walk pdu.walk > acme-pdu.toml
  utakata profile try acme-pdu.toml --walk pdu.walk")]
    Draft {
        /// File of a MIB; may be repeated
        #[arg(long = "mib", required = true, value_name = "FILE", num_args = 1.., value_parser = paths::absolute())]
        mibs: Vec<PathBuf>,
        /// Folder with MIBs that these import; may be repeated
        #[arg(long = "mib-folder", value_name = "DIR", value_parser = paths::absolute())]
        folders: Vec<PathBuf>,
        /// Walk of the device
        #[arg(long, value_name = "WALK", value_parser = paths::absolute())]
        walk: PathBuf,
    },
}

pub async fn run(command: Command, context: &Context<'_>) -> Result<Exit> {
    match command {
        Command::Try { files, walk } => trial::run(files, walk, context).await,
        Command::Draft {
            mibs,
            folders,
            walk,
        } => draft::run(mibs, folders, walk, context).await,
    }
}

/// Reports the parts of a walk that were not understood.
pub fn tell_walk(walk: &WalkSummary) {
    for skipped in &walk.skipped {
        tell!(
            "line {} of the walk is left out: {} ({})",
            skipped.line,
            skipped.problem,
            skipped.text
        );
    }
    let more = walk.skipped_count.saturating_sub(walk.skipped.len());
    if more > 0 {
        tell!("{more} more lines of the walk are left out");
    }
    if walk.repeated > 0 {
        tell!(
            "{} lines of the walk repeat an OID: the first counts",
            walk.repeated
        );
    }
}
