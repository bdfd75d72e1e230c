//! `utakata worker push`: uploads a release from its folder to the catalogue.

use anyhow::Result;
use utakata_api::release::ReleaseView;

use super::{show, source};
use crate::{
    commands::Context,
    exit::Exit,
    output::{Output, words},
    progress::Bar,
};

pub async fn run(source: &source::Arguments, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    let source = source.open().await?;
    let folder = source.read()?;
    let bar = Bar::new();
    let (view, sent) = folder
        .push(&client, |done, all| bar.show(done, all, "sent"))
        .await?;
    drop(bar);
    let output = context.output;
    output.one(&view, || description(&view, sent, output))?;
    Ok(Exit::Done)
}

/// Returns a description, the things that the release would break, and the next command.
fn description(view: &ReleaseView, sent: u64, output: &Output) -> String {
    let release = &view.summary;
    let (kind, version) = (&release.kind, &release.version);
    let files = match release.files {
        1 => "1 file".to_owned(),
        files => format!("{files} files"),
    };
    let mut text = format!(
        "{kind}@{version} ({}) is in the catalogue: {files}, {}; {} sent\n",
        release.digest.short(),
        words::bytes(release.size),
        words::bytes(sent)
    );
    text.push_str(&show::breaks(view, output));
    if release.runs_in.is_empty() && !view.wanted_by.is_empty() {
        text.push_str(&format!(
            "environments fetch it and serve {kind} with it: see `utakata worker list`\n"
        ));
    } else if release.runs_in.is_empty() {
        text.push_str(&format!(
            "it serves no targets yet: `utakata worker roll {kind} --to {version}`\n"
        ));
    } else {
        text.push_str(&format!("it runs in {}\n", show::runs_in(view)));
    }
    text
}
