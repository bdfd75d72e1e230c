//! `utakata store backup`, `restore` and `mark-restored`.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use utakata_api::audit::AuditReport;
use utakata_logic::{
    audit::{seen, verify::verify},
    store::{
        Audit, Store,
        sqlite::{self, Sqlite},
    },
};
use utakata_up::claim;

use super::Whereabouts;
use crate::{
    commands::Context,
    exit::{Exit, Usage},
};

/// The store of a data directory, and the files that SQLite keeps beside it.
const STORE: &str = "store.db";
const BESIDE: [&str; 3] = ["", "-wal", "-shm"];

#[derive(Debug, Args)]
#[command(after_help = "\
The copy is complete and consistent, even while `utakata up` writes to the store, which continues.
It contains everything, including secrets, so only its owner can read it. Its audit trail is
checked. Back up a store in PostgreSQL with pg_dump.

Examples:
  utakata store backup /backup/utakata-$(date +%F).db
  utakata --data /var/lib/utakata store backup /backup/utakata.db

Exit codes: 0 the copy is complete and intact, 1 it is not, or its audit trail is not intact")]
pub struct BackupArguments {
    /// File of the copy, which must not exist yet
    #[arg(value_name = "FILE")]
    to: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "\
End `utakata up` first. The backup does not know what was done after it was made. So no task that
had not ended by then begins automatically: at the next start each of them is left to a person
(`utakata task list --state unsettled`), and the audit trail records this.

Examples:
  utakata store restore /backup/utakata-2026-03-01.db
  utakata store restore /backup/utakata.db --replace

Exit codes: 0 it is restored, 1 it is not")]
pub struct RestoreArguments {
    /// A copy made by `utakata store backup`, or any other copy of a store
    #[arg(value_name = "FILE")]
    from: PathBuf,
    /// Replace an existing store, and keep it as store.db.before-restore
    #[arg(long)]
    replace: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Use this for a database restored by pg_restore, or a file taken from a snapshot of a disk or copied
by hand: at the next start, no task in its ledger that had not ended begins automatically; all are
left to a person. `utakata store restore` does this by itself. End all logic environments first.

Example: utakata store mark-restored postgres://utakata@db1/utakata

Exit codes: 0 it is marked, 1 it is not")]
pub struct MarkArguments {
    /// The store
    #[arg(value_name = "URL|FILE", value_parser = super::whereabouts)]
    store: Whereabouts,
}

/// Copies the store of the data directory.
pub async fn back_up(arguments: &BackupArguments, context: &Context<'_>) -> Result<Exit> {
    let from = store_of(context)?;
    if !from.is_file() {
        let message = format!("there is no store {}: see --data", from.display());
        bail!(Usage(message));
    }
    if arguments.to.symlink_metadata().is_ok() {
        let message = format!("{} exists: name another file", arguments.to.display());
        bail!(Usage(message));
    }
    sqlite::back_up(&from, &arguments.to).await?;
    let report = check(&arguments.to).await?;
    let to = arguments.to.display();
    context.output.text(&match report.whole {
        true => format!("{to} is whole\n{}", head(&report)),
        false => format!(
            "{to} was written, but its audit trail is NOT whole ({} findings): see \
             `utakata audit verify`",
            report.found
        ),
    })?;
    Ok(exit(&report))
}

/// Puts a copy in the place of the store.
pub async fn restore(arguments: &RestoreArguments, context: &Context<'_>) -> Result<Exit> {
    let from = &arguments.from;
    if !from.is_file() {
        bail!(Usage(format!("there is no file {}", from.display())));
    }
    let folder = context.data_folder()?;
    let unusable = || format!("{} cannot be written", folder.path().display());
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder.path())
        .with_context(unusable)?;
    let _lock = claim::keep_out(&folder)?;
    let store = folder.path().join(STORE);
    if store.exists() && !arguments.replace {
        let store = store.display();
        bail!(Usage(format!(
            "there is a store {store}: --replace keeps it as {STORE}.before-restore"
        )));
    }
    let report = check(from).await?;
    if !report.whole {
        bail!(
            "the audit trail of {} is not whole ({} findings): see `utakata audit verify --store`; \
             nothing was changed",
            from.display(),
            report.found
        );
    }
    let coming = folder.path().join("store.db.restoring");
    prepare(from, &coming).await?;
    if arguments.replace {
        set_aside(&store).with_context(unusable)?;
    }
    set_heads_aside(folder.path()).with_context(unusable)?;
    fs::rename(&coming, &store)
        .and_then(|()| File::open(folder.path())?.sync_all())
        .with_context(unusable)?;
    context.output.text(&format!(
        "{} is restored\n{}\nat the next start, its unfinished tasks are left to a person: \
         see `utakata task list --state unsettled`",
        store.display(),
        head(&report)
    ))?;
    Ok(Exit::Done)
}

/// Marks a store as restored from a backup.
pub async fn mark(arguments: &MarkArguments, context: &Context<'_>) -> Result<Exit> {
    if let Whereabouts::File(path) = &arguments.store
        && !path.is_file()
    {
        bail!(Usage(format!("there is no file {}", path.display())));
    }
    let store = arguments.store.open().await?;
    store.store().put_gap().await?;
    store.close().await;
    let text = "at the next start, the unfinished tasks in its ledger are left to a person";
    context.output.text(text)?;
    if let Whereabouts::File(path) = &arguments.store {
        let folder = path.parent().unwrap_or(Path::new("."));
        set_heads_aside(folder)
            .with_context(|| format!("{} cannot be written", folder.display()))?;
    }
    Ok(Exit::Done)
}

/// Prepares a copy of the copy: migrates and marks it.
async fn prepare(from: &Path, coming: &Path) -> Result<()> {
    // Left over from a restore that was killed.
    for end in BESIDE {
        remove(&with_end(coming, end))?;
    }
    sqlite::back_up(from, coming).await?;
    let store = Sqlite::open(coming).await?;
    store.put_gap().await?;
    store.close().await;
    Ok(())
}

fn set_aside(store: &Path) -> io::Result<()> {
    let aside = with_end(store, ".before-restore");
    if aside.exists() {
        let message = format!("{} exists already: move it away", aside.display());
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
    }
    for end in BESIDE {
        let file = with_end(store, end);
        if file.exists() {
            fs::rename(file, with_end(&aside, end))?;
        }
    }
    Ok(())
}

/// Sets aside the heads of the trail that were seen before: one that is restored on purpose does not
/// fit the later ones.
fn set_heads_aside(folder: &Path) -> io::Result<()> {
    let heads = folder.join(seen::FILE);
    match heads.exists() {
        true => fs::rename(&heads, with_end(&heads, ".before-restore")),
        false => Ok(()),
    }
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn store_of(context: &Context<'_>) -> Result<PathBuf> {
    Ok(context.data_folder()?.path().join(STORE))
}

async fn check(path: &Path) -> Result<AuditReport> {
    let mut snapshot = sqlite::read_only(path).await?;
    Ok(verify(snapshot.as_mut(), None).await?)
}

fn head(report: &AuditReport) -> String {
    format!("head {} {}", report.head.page, report.head.hash)
}

fn exit(report: &AuditReport) -> Exit {
    match report.whole {
        true => Exit::Done,
        false => Exit::Failed,
    }
}
