//! `utakata apply`: makes what is as files say.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use console::Style;
use serde_json::Value;
use utakata_api::{
    apply::{Applied, Apply, Change, Difference, Document, Verdict},
    inventory::KindView,
};
use utakata_model::{Kind, TargetName, suggest};

use super::Context;
use crate::{documents, exit::Exit, output::Output, progress};

#[derive(Debug, Args)]
#[command(after_help = "\
All of it is done, or nothing. A second time changes nothing.

A document has a type, and the fields of that type; documents are separated by ---:

  type: credential                 type: target              type: schedule
  name: pdus                       name: pdu-a1              name: power
  values:                          kind: apc-pdu             selector: kind=apc-pdu
    community: { env: COMMUNITY }  address: 10.0.3.7         interval: 5s
                                   credential: pdus
                                   labels: { rack: A1 }

A value of a credential can be a text, { env: NAME } or { file: PATH }, read here and now.

Examples:
  utakata apply -f examples/rack-of-pdus.yaml --dry-run
  utakata apply -f site/
  generate | utakata apply -f -")]
pub struct Arguments {
    /// A YAML file, a folder of them, or - for standard input; may be given more than once
    #[arg(short = 'f', long = "file", required = true, value_name = "FILE|DIR|-")]
    files: Vec<PathBuf>,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
}

/// Applies.
pub async fn run(arguments: Arguments, context: &Context<'_>) -> Result<Exit> {
    let documents = documents::read(&arguments.files)?;
    if documents.is_empty() {
        bail!("there is no document in what was given");
    }
    send(documents, arguments.dry_run, context).await?;
    Ok(Exit::Done)
}

/// Sends documents and shows what became of them.
pub async fn send(documents: Vec<Document>, dry_run: bool, context: &Context<'_>) -> Result<()> {
    let client = context.client()?;
    let message = format!("applying {} documents", documents.len());
    let apply = Apply { documents, dry_run };
    let applied = progress::during(message, client.apply(&apply)).await?;
    let output = context.output;
    output.one(&applied, || told(&applied, output))?;
    let kinds = client.kinds().await.unwrap_or_default();
    for line in unserved(&apply.documents, &kinds) {
        tell!("{line}");
    }
    Ok(())
}

/// A kind that nothing serves is allowed, because its worker may come later; it may be a slip too.
fn unserved(documents: &[Document], kinds: &[KindView]) -> Vec<String> {
    let mut counts: BTreeMap<&Kind, (&TargetName, usize)> = BTreeMap::new();
    for document in documents {
        if let Document::Target(target) = document
            && kinds.iter().all(|view| view.kind != target.kind)
        {
            counts.entry(&target.kind).or_insert((&target.name, 0)).1 += 1;
        }
    }
    let line = |(kind, (first, count)): (&Kind, (&TargetName, usize))| {
        let more = match count - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let known = kinds.iter().map(|view| view.kind.as_str());
        let hint = suggest::hint(kind.as_str(), known);
        format!("note: no worker serves the kind \"{kind}\" now (target {first}{more}): {hint}")
    };
    counts.into_iter().map(line).collect()
}

fn told(applied: &Applied, output: &Output) -> String {
    let mut lines: Vec<String> = applied
        .changes
        .iter()
        .filter(|change| change.verdict != Verdict::Unchanged)
        .map(|change| line(change, output))
        .collect();
    lines.push(summary(applied));
    lines.join("\n")
}

fn line(change: &Change, output: &Output) -> String {
    let colours = output.colours();
    let green = Style::new().green().force_styling(colours);
    let yellow = Style::new().yellow().force_styling(colours);
    let subject = &change.subject;
    if change.verdict == Verdict::Created {
        return green.apply_to(format!("+ {subject}")).to_string();
    }
    let mut text = yellow.apply_to(format!("~ {subject}")).to_string();
    for difference in &change.differences {
        text.push_str(&format!("\n    {}", changed(difference, colours)));
    }
    text
}

fn changed(difference: &Difference, colours: bool) -> String {
    let red = Style::new().red().force_styling(colours);
    let green = Style::new().green().force_styling(colours);
    let text = |value: &Option<Value>| match value {
        None => "(nothing)".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    format!(
        "{}: {} → {}",
        difference.field,
        red.apply_to(text(&difference.before)),
        green.apply_to(text(&difference.after))
    )
}

fn summary(applied: &Applied) -> String {
    let count = |verdict| {
        let of = |change: &&Change| change.verdict == verdict;
        applied.changes.iter().filter(of).count()
    };
    let text = format!(
        "{} created, {} changed, {} unchanged",
        count(Verdict::Created),
        count(Verdict::Changed),
        count(Verdict::Unchanged)
    );
    if applied.dry_run {
        return format!("{text} (dry run: nothing was done)");
    }
    text
}
