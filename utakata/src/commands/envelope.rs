//! `utakata envelope`: limits on what is done, whoever decides.

use anyhow::Result;
use clap::{Args, Subcommand};
use utakata_api::policy::EnvelopeView;
use utakata_model::EnvelopeName;

use super::Context;
use crate::{
    exit::Exit,
    output::{Cell, Row, Tone},
};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List envelopes, and how much of each limit is used
    #[command(after_help = "Example: utakata envelope list")]
    List,
    /// Show one envelope as a document
    #[command(after_help = "Example: utakata envelope show site")]
    Show(Which),
    /// Explain what an envelope holds back now, and how much of each limit is used
    #[command(after_help = "Example: utakata envelope explain site")]
    Explain(Which),
}

#[derive(Debug, Args)]
pub struct Which {
    /// The name of the envelope
    #[arg(value_name = "ENVELOPE")]
    name: EnvelopeName,
}

impl Row for EnvelopeView {
    const HEADERS: &'static [&'static str] = &["NAME", "BINDS", "USED", "WAIT", "ABOUT"];
    const SORTED_BY: usize = 1;

    fn cells(&self) -> Vec<Cell> {
        let uses = self.uses.iter();
        let uses: Vec<String> = uses
            .map(|one| format!("{} of {}", one.used, one.limit))
            .collect();
        let waits = match (&self.red, self.waits.len()) {
            (Some(_), _) => Cell::toned("red: no policy acts", Tone::Doubtful),
            (None, 0) => "".into(),
            (None, count) => count.to_string().into(),
        };
        vec![
            self.envelope.name.to_string().into(),
            self.envelope.applies.as_str().into(),
            uses.join(", ").into(),
            waits,
            self.envelope.about.clone().into(),
        ]
    }
}

pub async fn run(command: Command, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    match command {
        Command::List => {
            let found = client.envelopes().await?;
            context.output.list(&found, "there is no envelope")?;
        }
        Command::Show(which) => {
            let found = client.envelope(&which.name).await?;
            let document = utakata_api::apply::Document::Envelope(Box::new(found.envelope.clone()));
            let text = utakata_documents::write::yaml([document])?;
            context.output.one(&found, || text)?;
        }
        Command::Explain(which) => {
            let found = client.envelope(&which.name).await?;
            context.output.one(&found, || explanation(&found))?;
        }
    }
    Ok(Exit::Done)
}

fn explanation(view: &EnvelopeView) -> String {
    let mut lines = vec![format!("{}", view.envelope.name)];
    if let Some(red) = &view.red {
        lines.push(format!("  red       no policy acts: {red}"));
        lines.push("            utakata policy resume --why '...'".into());
    }
    for one in &view.uses {
        lines.push(format!("  {:>3} of {}", one.used, one.limit));
    }
    for wait in &view.waits {
        lines.push(format!("  holds back {}: {}", wait.task, wait.why));
    }
    if view.waits.is_empty() {
        lines.push("  holds nothing back now".into());
    }
    lines.join("\n")
}
