//! `utakata store`: copies of the logic environment's data.

mod backup;

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde::Serialize;
use utakata_api::audit::AuditReport;
use utakata_logic::{
    audit::verify::verify,
    config::Url,
    store::{
        Store,
        copy::{Copied, Side, copy},
        postgres::Postgres,
        sqlite::Sqlite,
    },
};
use utakata_up::{claim, folder::Folder};

use super::Context;
use crate::{
    exit::{Exit, Usage},
    output::{Cell, Format, Row},
    progress::Bar,
};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Copy a store into an empty one, and verify the copy
    Copy(CopyArguments),
    /// Copy the store of a data directory into a file, even while `utakata up` runs
    Backup(backup::BackupArguments),
    /// Restore a backup into a data directory
    Restore(backup::RestoreArguments),
    /// Record that a store was restored from a backup by other means
    MarkRestored(backup::MarkArguments),
}

#[derive(Debug, Args)]
#[command(after_help = "\
A store is the file store.db of a data directory, or a PostgreSQL database. Everything is copied in
one transaction, including secrets and the audit trail: an interrupted copy leaves nothing behind.
Secrets stay sealed: the copy needs the same key (site.key in the data directory, or
logic.secrets.key_file). End the logic environment first, and set logic.store.url to the copy before
it starts again.

A password in a URL can be seen by other users of this machine: set PGPASSWORD, or put it into
~/.pgpass.

Examples:
  utakata store copy --from ~/.local/share/utakata/store.db --to postgres://utakata@db1/utakata
  utakata store copy --from postgres://utakata@db1/utakata --to /backup/store.db

Exit codes: 0 it was copied and is intact, 1 it was not, or its audit trail is not intact")]
pub struct CopyArguments {
    /// Store to copy from
    #[arg(long, value_name = "URL|FILE", value_parser = whereabouts)]
    from: Whereabouts,
    /// Store to copy to: an empty database, or a file that does not exist yet
    #[arg(long, value_name = "URL|FILE", value_parser = whereabouts)]
    to: Whereabouts,
}

/// The place of a store.
#[derive(Debug, Clone)]
enum Whereabouts {
    Database(Url),
    File(PathBuf),
}

/// An open store.
enum Opened {
    Database(Box<Postgres>),
    /// An SQLite file, with the lock of its data directory, if it is in one.
    File(
        Box<Sqlite>,
        #[expect(dead_code, reason = "kept as long as the store")] Option<File>,
    ),
}

/// The number of rows copied from a table.
#[derive(Debug, Serialize)]
struct Table {
    table: &'static str,
    rows: u64,
}

impl Row for Table {
    const HEADERS: &'static [&'static str] = &["TABLE", "ROWS"];

    fn cells(&self) -> Vec<Cell> {
        vec![self.table.into(), self.rows.to_string().into()]
    }
}

pub async fn run(command: Command, context: &Context<'_>) -> Result<Exit> {
    match command {
        Command::Copy(arguments) => copy_all(arguments, context).await,
        Command::Backup(arguments) => backup::back_up(&arguments, context).await,
        Command::Restore(arguments) => backup::restore(&arguments, context).await,
        Command::MarkRestored(arguments) => backup::mark(&arguments, context).await,
    }
}

async fn copy_all(arguments: CopyArguments, context: &Context<'_>) -> Result<Exit> {
    if let Whereabouts::File(path) = &arguments.from
        && !path.is_file()
    {
        let path = path.display();
        bail!(Usage(format!(
            "there is no file {path}: it is store.db in the data directory"
        )));
    }
    let from = arguments.from.open().await?;
    let to = arguments.to.open().await?;
    let bar = Bar::new();
    let show = &mut |progress: utakata_logic::store::copy::Progress| {
        bar.show(progress.done, progress.all, progress.table);
    };
    let copied = copy(from.source().await?, to.target().await?, show).await?;
    let report = to.verify().await?;
    drop(bar);
    from.close().await;
    to.close().await;
    tell(&copied, &report, context)?;
    Ok(if report.whole {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn tell(copied: &Copied, report: &AuditReport, context: &Context<'_>) -> Result<()> {
    let table = |&(table, rows): &(&'static str, u64)| Table { table, rows };
    let tables: Vec<Table> = copied.tables.iter().map(table).collect();
    context.output.list(&tables, "")?;
    if context.output.format != Format::Table {
        return Ok(());
    }
    let (page, hash) = (report.head.page, &report.head.hash);
    context.output.text(&match (report.whole, page) {
        (true, 0) => "every row was compared".to_owned(),
        (true, _) => format!("every row was compared, and the trail is whole\nhead {page} {hash}"),
        (false, _) => format!(
            "every row was compared, but the trail is NOT whole ({} findings), as in the source: \
             see `utakata audit verify`",
            report.found
        ),
    })
}

impl Whereabouts {
    async fn open(&self) -> Result<Opened> {
        Ok(match self {
            Self::Database(url) => Opened::Database(Box::new(Postgres::open(url).await?)),
            Self::File(path) => {
                let lock = lock(path)?;
                Opened::File(Box::new(Sqlite::open(path).await?), lock)
            }
        })
    }
}

/// Keeps `utakata up` out of the data directory of a store.
fn lock(path: &Path) -> Result<Option<File>, claim::Error> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    claim::keep_out(&Folder::new(folder.unwrap_or(Path::new("."))))
}

impl Opened {
    async fn source(&self) -> Result<Box<dyn Side>> {
        Ok(match self {
            Self::Database(store) => store.source().await?,
            Self::File(store, _) => store.side().await?,
        })
    }

    async fn target(&self) -> Result<Box<dyn Side>> {
        Ok(match self {
            Self::Database(store) => store.target().await?,
            Self::File(store, _) => store.side().await?,
        })
    }

    fn store(&self) -> &dyn Store {
        match self {
            Self::Database(store) => store.as_ref(),
            Self::File(store, _) => store.as_ref(),
        }
    }

    async fn verify(&self) -> Result<AuditReport> {
        let mut snapshot = self.store().snapshot().await?;
        Ok(verify(snapshot.as_mut(), None).await?)
    }

    async fn close(&self) {
        self.store().close().await;
    }
}

fn whereabouts(text: &str) -> Result<Whereabouts, String> {
    if !text.contains("://") {
        return Ok(Whereabouts::File(text.into()));
    }
    let url = text.parse().map(Whereabouts::Database);
    url.map_err(|error: utakata_logic::config::Invalid| error.to_string())
}
