//! `utakata audit`: the record of all that was done, and the check that nobody has edited it.

mod list;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use utakata_api::{
    Client,
    audit::{AuditFinding, AuditPageView, AuditReport},
};
use utakata_logic::{
    audit::verify::verify,
    store::{AuditPage, Snapshot, sqlite},
};

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
    /// Read this store, without a server: the file store.db of a data directory, or a copy
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
}

const AFTER: &str = "\
Anybody who can write the file can rewrite the whole trail. Only a head that was kept elsewhere
(utakata audit head) reveals that.

Examples:
  utakata audit verify
  utakata audit verify --head 3f2a...
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
            context
                .output
                .one(&head, || format!("{} {}", head.page, head.hash))?;
            Ok(Exit::Done)
        }
    }
}

async fn report(arguments: &VerifyArguments, context: &Context<'_>) -> Result<AuditReport> {
    let head = arguments.head.as_deref();
    match &arguments.store {
        Some(path) => offline(path, head).await,
        None => Ok(context.client()?.verify_audit(head).await?),
    }
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
