//! `utakata audit`: the record of all that was done, and the check that nobody has edited it.

mod list;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use utakata_api::{
    Client,
    audit::{AuditFinding, AuditPageView, AuditReport, MAX_HEADS, PublishedHeads},
};
use utakata_logic::{
    audit::verify::{verify, verify_published},
    store::{AuditPage, Snapshot, sqlite},
};
use utakata_seal::{HeadSigner, SignedHead};

use super::Context;
use crate::{
    exit::{Exit, Usage},
    output::{Cell, Format, Row},
    progress,
};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List who did what, newest first
    List(list::ListArguments),
    /// Check that the trail is complete and agrees with the ledger
    Verify(VerifyArguments),
    /// Print the trail as JSON, one page per line
    #[command(after_help = "\
Each page has its number, its hash and its lines, byte for byte.

Examples:
  utakata audit export > trail.jsonl
  utakata audit export --from 1200
  utakata audit export | jq -c '.lines[]'
  utakata audit export --store /backup/store.db | grep 01a227e8-437e-765f-a6b0-22e0ea0da308")]
    Export {
        /// First page to print
        #[arg(long, value_name = "PAGE", default_value_t = 1)]
        from: u64,
        /// Read this store, without a server: the file store.db of a data directory, or a copy
        #[arg(long, value_name = "FILE")]
        store: Option<PathBuf>,
    },
    /// Print the number and hash of the last page, to be kept elsewhere
    #[command(after_help = "Example: utakata audit head")]
    Head,
}

#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct VerifyArguments {
    /// Hash of a page that was kept elsewhere: some page must have it
    #[arg(long, value_name = "HASH", value_parser = hash)]
    head: Option<String>,
    /// Compare with the heads that were published: a log of utakata, or any text that has them
    #[arg(long, value_name = "FILE", conflicts_with = "head")]
    heads: Option<PathBuf>,
    /// Take heads that are signed with this key alone (trail_key of `utakata secret show`); may be
    /// repeated
    #[arg(long, value_name = "KEY", requires = "heads")]
    signed_by: Vec<HeadSigner>,
    /// Read this store, without a server: the file store.db of a data directory, or a copy
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
}

const AFTER: &str = "\
Anybody who can write the file can rewrite the whole trail. Only a head that was kept elsewhere
reveals that. Once a minute, while the trail grows, its head is written to the log, signed with the
key of the site: keep the log on another machine.

Examples:
  utakata audit verify
  utakata audit verify --head 3f2a...
  journalctl -u utakata-le > le.log && utakata audit verify --heads le.log
  utakata audit verify --store /backup/store.db

Exit codes: 0 the trail is intact, 1 it is not";

impl Row for AuditFinding {
    const HEADERS: &'static [&'static str] = &["WHAT", "PROBLEM"];

    fn cells(&self) -> Vec<Cell> {
        vec![self.subject.clone().into(), self.message.clone().into()]
    }
}

pub async fn run(command: Command, context: &Context<'_>) -> Result<Exit> {
    match command {
        Command::List(arguments) => list::run(&arguments, context).await,
        Command::Verify(arguments) => {
            let report = report(&arguments, context);
            let report = progress::during("reading the trail", report).await?;
            show(&report, context)?;
            Ok(if report.whole {
                Exit::Done
            } else {
                Exit::Failed
            })
        }
        Command::Export { from, store: None } => export(&context.client()?, from, context).await,
        Command::Export {
            from,
            store: Some(path),
        } => export_offline(&path, from, context).await,
        Command::Head => {
            let head = context.client()?.audit_head().await?;
            if head.page == 0 {
                bail!(Usage("the trail is still empty".into()));
            }
            context.output.one(&head, || {
                let signed = head.signed.as_ref();
                let signed = signed.map_or(String::new(), |signed| format!("\n{signed}"));
                format!("{} {}{signed}", head.page, head.hash)
            })?;
            Ok(Exit::Done)
        }
    }
}

async fn report(arguments: &VerifyArguments, context: &Context<'_>) -> Result<AuditReport> {
    if let Some(file) = &arguments.heads {
        return published(file, arguments, context).await;
    }
    let head = arguments.head.as_deref();
    match &arguments.store {
        Some(path) => offline(path, head).await,
        None => Ok(context.client()?.verify_audit(head).await?),
    }
}

async fn published(
    file: &Path,
    arguments: &VerifyArguments,
    context: &Context<'_>,
) -> Result<AuditReport> {
    let heads = read_heads(file, &arguments.signed_by)?;
    if let Some(path) = &arguments.store {
        return Ok(verify_published(open(path).await?.as_mut(), None, &heads).await?);
    }
    let some = thinned(&heads, MAX_HEADS);
    if some.len() < heads.len() {
        let (some, all) = (some.len(), heads.len());
        tell!("{some} of the {all} heads are compared; with --store all of them are");
    }
    let published = PublishedHeads {
        heads: some.into_iter().map(ToString::to_string).collect(),
    };
    Ok(context.client()?.verify_audit_published(&published).await?)
}

/// Reads the heads in a file, each page once, in order. All are rightly signed, by these keys if
/// there are any.
fn read_heads(file: &Path, signed_by: &[HeadSigner]) -> Result<Vec<SignedHead>> {
    let name = file.display();
    let bytes = fs::read(file).with_context(|| format!("{name} cannot be read"))?;
    let text = String::from_utf8_lossy(&bytes);
    let mut heads = Vec::new();
    for (line, head) in SignedHead::find_in(&text) {
        let head = head.with_context(|| format!("{name}, line {line}"))?;
        if !signed_by.is_empty() && !signed_by.contains(&head.signer) {
            bail!(
                "{name}, line {line}: it is signed with the key {}",
                head.signer
            );
        }
        heads.push(head);
    }
    heads.sort_by(|a, b| (a.page, &a.hash).cmp(&(b.page, &b.hash)));
    heads.dedup_by(|a, b| (a.page, &a.hash) == (b.page, &b.hash));
    if heads.is_empty() {
        bail!(Usage(format!(
            "there is no head in {name}: they look like utakata-head-1:PAGE:HASH:KEY:SIGNATURE"
        )));
    }
    Ok(heads)
}

/// Returns at most `max` of them, evenly, with the first and the last.
fn thinned<T>(all: &[T], max: usize) -> Vec<&T> {
    let Some(last) = all
        .len()
        .checked_sub(1)
        .filter(|_| all.len() > max && max > 1)
    else {
        return all.iter().collect();
    };
    (0..max).map(|at| &all[at * last / (max - 1)]).collect()
}

async fn offline(path: &Path, head: Option<&str>) -> Result<AuditReport> {
    let mut snapshot = open(path).await?;
    Ok(verify(snapshot.as_mut(), head).await?)
}

async fn open(path: &Path) -> Result<Box<dyn Snapshot>> {
    if !path.is_file() {
        bail!(Usage(format!(
            "there is no file {}: it is store.db in the data directory",
            path.display()
        )));
    }
    Ok(sqlite::read_only(path).await?)
}

fn show(report: &AuditReport, context: &Context<'_>) -> Result<()> {
    let output = context.output;
    if output.format != Format::Table {
        return output.one(report, String::new);
    }
    if !report.findings.is_empty() {
        output.list(&report.findings, "")?;
    }
    let told = report.findings.len() as u64;
    if report.found > told {
        tell!("only the first {told} of {} are shown", report.found);
    }
    let (pages, lines, tasks) = (report.pages, report.lines, report.tasks);
    let older = match report.older {
        0 => String::new(),
        older => format!(" ({older} operations and tasks are older than the trail)"),
    };
    let whole = if report.whole {
        "the trail is whole"
    } else {
        "the trail is NOT whole"
    };
    output.text(&format!(
        "{whole}: {pages} pages, {lines} lines, {tasks} tasks compared{older}\nhead {} {}",
        report.head.page, report.head.hash
    ))
}

async fn export(client: &Client, from: u64, context: &Context<'_>) -> Result<Exit> {
    let mut from = from;
    loop {
        let page = client.audit(from).await?;
        for item in &page.items {
            context.output.json_line(item)?;
        }
        match page.next.and_then(|next| next.parse().ok()) {
            Some(next) if next > from => from = next,
            _ => return Ok(Exit::Done),
        }
    }
}

async fn export_offline(path: &Path, from: u64, context: &Context<'_>) -> Result<Exit> {
    let mut printed = Ok(());
    let mut print = |page: AuditPage| {
        if page.page >= from && printed.is_ok() {
            printed = context.output.json_line(&AuditPageView::from(page));
        }
    };
    open(path).await?.each_page(&mut print).await?;
    printed.map(|()| Exit::Done)
}

fn hash(text: &str) -> Result<String, String> {
    let is_hash = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash {
        return Ok(text.to_ascii_lowercase());
    }
    Err("it has 64 hexadecimal digits: see `utakata audit head`".into())
}

#[cfg(test)]
mod tests {
    use super::thinned;

    #[test]
    fn the_first_and_the_last_are_kept_when_many_are_thinned() {
        let all: Vec<usize> = (0..10_001).collect();
        let some = thinned(&all, 1000);
        assert_eq!(some.len(), 1000);
        assert_eq!((some[0], some[999]), (&0, &10_000));
        assert!(some.is_sorted());
        assert_eq!(thinned(&all[..5], 1000).len(), 5);
        assert_eq!(thinned::<usize>(&[], 1000).len(), 0);
    }
}
