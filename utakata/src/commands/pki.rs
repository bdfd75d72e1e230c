//! `utakata pki`: certificates for sites without an authority of their own.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Subcommand;
use utakata_up::pki::{self, Files};

use crate::{exit::Exit, output::tell_lines};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make an authority: a certificate that clients trust, and a key that issues others
    #[command(after_help = "\
Keep the key (ca.key) where certificates are issued, and copy the certificate (ca.pem) to everybody
who connects: `utakata --ca ca.pem --url https://le-1.example:7700 get targets`.

Example: utakata pki init")]
    Init {
        /// Folder for the files
        #[arg(long, default_value = "pki", value_name = "DIR")]
        dir: PathBuf,
    },
    /// Issue a certificate for a server, by the authority that `init` made
    #[command(after_help = "\
It also has the names localhost, 127.0.0.1 and ::1. A running server reads its files again when they
change.

Examples:
  utakata pki issue le-1.example
  utakata pki issue le-1.example --name 192.0.2.11 --days 90")]
    Issue {
        /// Name by which clients reach the server; the files are named after it
        name: String,
        /// Further name or address of the server; may be repeated
        #[arg(long = "name", value_name = "NAME")]
        more: Vec<String>,
        /// Days for which it is valid
        #[arg(long, default_value_t = 397, value_name = "DAYS")]
        days: u32,
        /// Folder of the authority
        #[arg(long, default_value = "pki", value_name = "DIR")]
        dir: PathBuf,
    },
}

pub fn run(command: &Command) -> Result<Exit> {
    match command {
        Command::Init { dir } => {
            let files = pki::init(dir)?;
            tell_lines(&format!(
                "the authority is {}; its key, which nobody else may have, is {}",
                files.certificate.display(),
                files.key.display(),
            ));
        }
        Command::Issue {
            name,
            more,
            days,
            dir,
        } => {
            let files = pki::issue(dir, name, more, *days)?;
            tell_lines(&settings(&files, &pki::authority(dir).certificate));
        }
    }
    Ok(Exit::Done)
}

fn settings(files: &Files, authority: &Path) -> String {
    format!(
        "copy {} and {} to the server, and name them in its configuration:\n\n  [logic.http.tls]\n  \
         certificate = \"{}\"\n  key = \"{}\"\n  authority = \"{}\"",
        files.certificate.display(),
        files.key.display(),
        files.certificate.display(),
        files.key.display(),
        authority.display(),
    )
}
