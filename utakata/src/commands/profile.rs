//! `utakata profile`: the tools of whoever writes a profile. They need no server.

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
    /// Read a walk of a device with profiles, and show what they make of it
    #[command(after_help = "\
WALK is what snmpwalk printed, best with -On (-Oqn loses the types), or a recording of snmpsim
(.snmprec). It is answered over SNMP on the loopback, and the worker itself reads it there, with
these profiles, what they include, and nothing else. Shown is each reading with the object that it
comes from, and what of the walk no profile looks at.

Examples:
  snmpwalk -v2c -c public -On -Cc 10.0.3.7 .1 > pdu.walk
  utakata profile try acme-pdu.toml --walk pdu.walk
  utakata profile try acme-pdu.toml --walk pdu.walk -o json")]
    Try {
        /// The profiles
        #[arg(required = true, value_name = "FILE", value_parser = paths::absolute())]
        files: Vec<PathBuf>,
        /// The walk of the device
        #[arg(long, value_name = "WALK", value_parser = paths::absolute())]
        walk: PathBuf,
    },
    /// Draft a profile from MIBs and a walk of a device
    #[command(after_help = "\
The draft has the tables and scalars that occur in the walk, with units and states as the MIBs have
them. What those do not say is guessed, and marked `# guess:`. What the MIBs import is looked for
beside them, in --mib-folder, and where the system has MIBs.

Examples:
  utakata profile draft --mib ACME-PDU-MIB.txt --walk pdu.walk > acme-pdu.toml
  utakata profile try acme-pdu.toml --walk pdu.walk")]
    Draft {
        /// The file of a MIB; may be given several times
        #[arg(long = "mib", required = true, value_name = "FILE", num_args = 1.., value_parser = paths::absolute())]
        mibs: Vec<PathBuf>,
        /// A folder with MIBs that these import; may be given several times
        #[arg(long = "mib-folder", value_name = "DIR", value_parser = paths::absolute())]
        folders: Vec<PathBuf>,
        /// The walk of the device
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

/// Says what of a walk was not understood as one.
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
            "{} lines of the walk have an OID that came before: the first counts",
            walk.repeated
        );
    }
}
