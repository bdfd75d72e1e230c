//! `utakata apply`: brings the site into the state that files describe.

pub mod agree;
mod notes;
mod prune;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use console::Style;
use serde_json::Value;
use utakata_api::{
    Client,
    apply::{Applied, Apply, Change, Difference, Document, Named, Verdict},
};
use utakata_documents::{self as documents, Contents, Kept};

use super::Context;
use crate::{
    exit::{Exit, Usage},
    output::Output,
    progress, select,
};

#[derive(Debug, Args)]
#[command(after_help = "\
Everything is applied, or nothing. Applying it again changes nothing.

A document has a type, and the fields of that type; documents are separated by ---:

  type: credential                 type: target              type: schedule
  name: pdus                       name: pdu-a1              name: power
  values:                          kind: apc-pdu             selector: kind=apc-pdu
    community: { env: COMMUNITY }  address: 10.0.3.7         interval: 5s
                                   credential: pdus
                                   labels: { rack: A1 }

The value of a credential is a text, { env: NAME } or { file: PATH }, read here and now. With
keys: [community] instead of values, as printed by `get credentials -o yaml`, an existing credential
with these keys stays unchanged. A table of targets (CSV) is a file whose name ends in .csv: see
`utakata target import --help`.

--prune -l SELECTOR also deletes the targets that the selector matches and the files do not contain;
--prune=relations,alarm-rules,floors deletes the relations, alarm rules and floors of this site that
they do not contain. Schedules and credentials stay. If any file has a mistake, nothing is deleted.

Examples:
  utakata apply -f examples/rack-of-pdus.yaml --dry-run
  utakata apply -f site/
  utakata apply -f north/ --prune -l room=north --dry-run
  utakata apply -f site/ --prune=relations,alarm-rules --dry-run
  utakata get targets -o yaml > site.yaml; utakata apply -f site.yaml
  generate | utakata apply -f -")]
pub struct Arguments {
    /// A YAML or CSV file, a folder of them, or - for standard input; may be given more than once
    #[arg(short = 'f', long = "file", required = true, value_name = "FILE|DIR|-")]
    files: Vec<PathBuf>,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
    /// Delete what the files do not contain: targets that --selector matches, or other types
    #[arg(long, value_enum, value_name = "TYPE,...", value_delimiter = ',', num_args = 0..,
        require_equals = true, default_missing_value = "targets")]
    prune: Vec<prune::What>,
    /// Targets that --prune considers: room=north
    #[arg(short = 'l', long, requires = "prune")]
    selector: Option<String>,
    /// Do not ask for confirmation before deleting
    #[arg(short, long)]
    yes: bool,
}

pub async fn run(arguments: Arguments, context: &Context<'_>) -> Result<Exit> {
    let Contents { documents, kept } = documents::read(&arguments.files)?;
    if documents.is_empty() && kept.is_empty() {
        return nothing(&arguments.prune);
    }
    let client = context.client()?;
    check_kept(&client, &kept).await?;
    let selector = arguments
        .selector
        .as_deref()
        .map(select::parse)
        .transpose()?;
    let delete = prune::unnamed(&client, &arguments.prune, selector.as_ref(), &documents).await?;
    let subjects: Vec<String> = delete.iter().map(Named::subject).collect();
    let names = subjects.iter().map(String::as_str);
    if !arguments.dry_run && !agree::to_delete(names, arguments.yes)? {
        tell!("nothing was done");
        return Ok(Exit::Usage);
    }
    if !documents.is_empty() || !delete.is_empty() {
        send(documents, delete, arguments.dry_run, context).await?;
    }
    for kept in &kept {
        tell!(
            "credential {}: left unchanged, its values are not in the file",
            kept.name
        );
    }
    Ok(Exit::Done)
}

/// Does nothing, as for a list that is empty. With --prune everything else would be deleted, which
/// nobody means by an empty input.
fn nothing(prune: &[prune::What]) -> Result<Exit> {
    if !prune.is_empty() {
        bail!(Usage(
            "there are no documents in the input: --prune would delete everything".into()
        ));
    }
    tell!("there are no documents in the input: nothing was applied");
    Ok(Exit::Done)
}

/// Refuses credentials without values if the server does not have the same keys.
async fn check_kept(client: &Client, kept: &[Kept]) -> Result<()> {
    if kept.is_empty() {
        return Ok(());
    }
    let there = client.credentials().await?;
    let mut wrong = Vec::new();
    for one in kept {
        let found = there.iter().find(|view| view.name == one.name);
        let mut keys = one.keys.clone();
        keys.sort_unstable();
        let why = match found {
            None => "there is none on the server".to_owned(),
            Some(view) if view.keys != keys => {
                format!(
                    "the one on the server has the keys {}",
                    view.keys.join(", ")
                )
            }
            Some(_) => continue,
        };
        wrong.push(format!(
            "{}: credential {}: its values are kept secret, and {why}: write values: instead of \
             keys:, or leave it out",
            one.place, one.name
        ));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    bail!(Usage(format!("nothing was applied\n{}", wrong.join("\n"))))
}

/// Sends documents and shows the changes.
pub async fn send(
    documents: Vec<Document>,
    delete: Vec<Named>,
    dry_run: bool,
    context: &Context<'_>,
) -> Result<()> {
    let client = context.client()?;
    let message = format!("applying {} documents", documents.len());
    let apply = Apply {
        documents,
        delete,
        dry_run,
    };
    let applied = progress::during(message, client.apply(&apply)).await?;
    let output = context.output;
    output.one(&applied, || summed(&applied, output))?;
    if apply.documents.is_empty() {
        return Ok(());
    }
    let kinds = client.kinds().await.unwrap_or_default();
    let mut notes = notes::unserved(&apply.documents, &kinds);
    if !dry_run {
        notes.extend(notes::idle(&client, &apply.documents).await);
    }
    notes.extend(notes::floors(&applied));
    notes.iter().for_each(|note| tell!("{note}"));
    Ok(())
}

/// Returns the differences, one or more lines each.
pub fn description(applied: &Applied, output: &Output) -> Vec<String> {
    let differs = |change: &&Change| change.verdict != Verdict::Unchanged;
    let changes = applied.changes.iter().filter(differs);
    changes.map(|change| line(change, output)).collect()
}

/// Returns the differences with a count.
fn summed(applied: &Applied, output: &Output) -> String {
    let mut lines = description(applied, output);
    lines.push(summary(applied));
    lines.join("\n")
}

fn line(change: &Change, output: &Output) -> String {
    let colours = output.colours();
    let green = Style::new().green().force_styling(colours);
    let yellow = Style::new().yellow().force_styling(colours);
    let red = Style::new().red().force_styling(colours);
    let subject = &change.subject;
    match change.verdict {
        Verdict::Created => return green.apply_to(format!("+ {subject}")).to_string(),
        Verdict::Deleted => return red.apply_to(format!("- {subject}")).to_string(),
        Verdict::Changed | Verdict::Unchanged => {}
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
    let mut text = format!(
        "{} created, {} changed, {} unchanged",
        count(Verdict::Created),
        count(Verdict::Changed),
        count(Verdict::Unchanged)
    );
    let deleted = count(Verdict::Deleted);
    if deleted > 0 {
        text.push_str(&format!(", {deleted} deleted"));
    }
    if applied.dry_run {
        return format!("{text} (dry run: nothing was done)");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_is_applied_and_never_deletes_the_rest() {
        assert_eq!(nothing(&[]).unwrap(), Exit::Done);
        let refused = nothing(&[prune::What::Targets]).unwrap_err();
        assert!(refused.is::<Usage>(), "{refused}");
    }
}
