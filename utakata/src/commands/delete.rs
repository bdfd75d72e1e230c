//! `utakata delete`: deletes targets, schedules and credentials.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use utakata_api::{
    Client,
    apply::{Applied, Apply, Named, Verdict},
};
use utakata_documents as documents;
use utakata_model::{RelationKey, suggest};

use super::{
    Context,
    apply::{agree, description},
};
use crate::{
    exit::{Exit, Usage},
    progress, select,
};

#[derive(Debug, Args)]
#[command(after_help = "\
Everything is deleted, or nothing. With a selector or a file, it asks for confirmation first, and
shows the number; without a terminal, --yes is required. Things in them that no longer exist are
not an error.

Examples:
  utakata delete target pdu-a1-a
  utakata delete schedule often
  utakata delete targets -l rack=A1 --dry-run
  utakata delete -f old-rack.yaml")]
pub struct Arguments {
    /// Type of the things to delete
    #[arg(value_enum, value_name = "TYPE", required_unless_present = "files")]
    what: Option<What>,
    /// Names, one or several
    #[arg(value_name = "NAME", required_unless_present_any = ["files", "selector"])]
    names: Vec<String>,
    /// Delete all targets of a selector: rack=A1
    #[arg(short = 'l', long, conflicts_with_all = ["names", "files"])]
    selector: Option<String>,
    /// Delete everything in a file, as for `apply`; may be repeated
    #[arg(short = 'f', long = "file", value_name = "FILE|DIR|-", conflicts_with_all = ["what", "names"])]
    files: Vec<PathBuf>,
    /// Only show what would be deleted
    #[arg(long)]
    dry_run: bool,
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// A target and its latest readings
    #[value(alias = "targets")]
    Target,
    /// A schedule to observe targets
    #[value(alias = "schedules")]
    Schedule,
    /// A credential that no target uses
    #[value(alias = "credentials")]
    Credential,
    /// A relation, by what it says: 'feeds pdu-1:3 bmc-1'
    #[value(alias = "relations")]
    Relation,
    /// An alarm rule of this site
    #[value(alias = "alarm-rules")]
    AlarmRule,
    /// An envelope
    #[value(alias = "envelopes")]
    Envelope,
    /// A policy: it hands back what it has changed
    #[value(alias = "policies")]
    Policy,
    /// A floor: its room is laid out from labels again
    #[value(alias = "floors")]
    Floor,
}

pub async fn run(arguments: Arguments, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    let mut delete = match (&arguments.selector, arguments.what) {
        (Some(text), Some(What::Target)) => selected(&client, text).await?,
        (Some(_), _) => bail!(Usage("--selector goes with targets only".into())),
        (None, Some(what)) => return named(what, &arguments, context).await,
        (None, None) => documents::read(&arguments.files)?.named(),
    };
    delete.sort();
    delete.dedup();
    if delete.is_empty() {
        bail!(Usage("there is nothing in the input".into()));
    }
    let subjects: Vec<String> = delete.iter().map(Named::subject).collect();
    let asked = subjects.iter().map(String::as_str);
    if !arguments.dry_run && !agree::to_delete(asked, arguments.yes)? {
        tell!("nothing was deleted");
        return Ok(Exit::Usage);
    }
    send(&client, delete, arguments.dry_run, context).await?;
    Ok(Exit::Done)
}

/// Returns the targets of a selector.
async fn selected(client: &Client, text: &str) -> Result<Vec<Named>> {
    let selector = select::parse(text)?;
    if selector.is_everything() {
        bail!(Usage(
            "an empty selector matches every target: name what is to be deleted, as in -l room=north".into()
        ));
    }
    let found = client.targets(&selector).await?;
    if found.is_empty() {
        bail!(Usage(select::none(client, &selector).await));
    }
    let names = found
        .into_iter()
        .map(|view| Named::Target(view.target.name));
    Ok(names.collect())
}

/// Deletes things by name. All of them must exist: after a typing mistake nothing is deleted.
async fn named(what: What, arguments: &Arguments, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    let mut delete = Vec::new();
    for name in &arguments.names {
        delete.push(match what {
            What::Target => Named::Target(client.target(&name.parse()?).await?.target.name),
            What::Schedule => Named::Schedule(client.schedule(&name.parse()?).await?.name),
            What::Credential => Named::Credential(client.credential(&name.parse()?).await?.name),
            What::Relation => Named::Relation(relation(&client, name).await?),
            What::Envelope => Named::Envelope(client.envelope(&name.parse()?).await?.envelope.name),
            What::Policy => Named::Policy(client.policy(&name.parse()?).await?.policy.name),
            What::Floor => Named::Floor(client.floor(&name.parse()?).await?.name),
            What::AlarmRule => Named::Alarm(client.alarm_rule(&name.parse()?).await?.rule.name),
        });
    }
    delete.sort();
    delete.dedup();
    send(&client, delete, arguments.dry_run, context).await?;
    Ok(Exit::Done)
}

/// Finds a relation by what it says.
async fn relation(client: &Client, name: &str) -> Result<RelationKey> {
    let relations = client.relations().await?;
    let found = relations.iter().find(|view| view.name == name);
    found.map(|view| view.relation.key()).ok_or_else(|| {
        let hint = suggest::hint(name, relations.iter().map(|view| view.name.as_str()));
        Usage(format!("there is no relation \"{name}\": {hint}")).into()
    })
}

async fn send(
    client: &Client,
    delete: Vec<Named>,
    dry_run: bool,
    context: &Context<'_>,
) -> Result<()> {
    let apply = Apply {
        documents: Vec::new(),
        delete,
        dry_run,
    };
    let applied: Applied = progress::during("deleting", client.apply(&apply)).await?;
    context.output.one(&applied, || {
        let gone = |change: &&utakata_api::apply::Change| change.verdict == Verdict::Deleted;
        let count = applied.changes.iter().filter(gone).count();
        let mut lines: Vec<String> = description(&applied, context.output);
        let missing = applied.changes.len() - count;
        let mut summary = format!("{count} deleted");
        if missing > 0 {
            summary.push_str(&format!(", {missing} not there"));
        }
        if applied.dry_run {
            summary.push_str(" (dry run: nothing was done)");
        }
        lines.push(summary);
        lines.join("\n")
    })
}
