//! `utakata target import`: imports targets from a CSV file, all or none.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use utakata_documents as documents;

use crate::commands::{Context, apply};

#[derive(Debug, Args)]
#[command(after_help = "\
The first line names the columns: name, kind and address are required; zone, credential, pin,
limits.conversations and limits.per_second are optional; every other column is a label (label:NAME if
the label has one of these names). Empty cells count as absent.

  name,kind,address,credential,rack,feed
  pdu-a1-a,apc-pdu,10.0.3.7,pdus,A1,A

The file is UTF-8, with cells separated by commas; a cell with a comma or a quote is put in quotes:
\"left, top\". Every mistake is reported with its line, and then nothing is imported.
`utakata get targets -o csv` writes such a file, and `utakata apply -f` accepts it, too.

Examples:
  utakata target import site.csv --dry-run
  iconv -f LATIN1 -t UTF-8 site.csv | utakata target import -")]
pub struct Arguments {
    /// The file, or - for standard input
    file: PathBuf,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
}

pub async fn run(arguments: &Arguments, context: &Context<'_>) -> Result<()> {
    let documents = documents::read_table(&arguments.file)?;
    if documents.is_empty() {
        let name = arguments.file.display();
        bail!("{name} has only a header line, and no target: nothing is imported");
    }
    apply::send(documents, Vec::new(), arguments.dry_run, context).await
}
