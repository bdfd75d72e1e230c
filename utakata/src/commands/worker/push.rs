//! `utakata worker push`: a release goes from its folder into the catalogue.

use std::{collections::HashSet, fs, path::Path};

use anyhow::{Context as _, Result, bail};
use utakata_api::{
    Client,
    client::Pushed,
    release::{NewRelease, ReleaseView},
};
use utakata_model::FileDigest;

use super::{folder::Folder, show, source};
use crate::{
    commands::Context,
    exit::Exit,
    output::{Output, words},
    progress::Bar,
};

/// An answer names 1000 missing files at the most; what was put may go again meanwhile.
const ROUNDS_MOST: usize = 20;

/// Does it.
pub async fn run(source: &source::Arguments, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    let source = source.open().await?;
    let folder = Folder::read(source.folder())?;
    let (view, sent) = push(&folder, &client).await?;
    let output = context.output;
    output.one(&view, || told(&view, sent, output))?;
    Ok(Exit::Done)
}

/// The same for others than people: gives the release as the catalogue has it.
///
/// # Errors
/// It is no release, it is refused, or nobody answers.
pub async fn to_catalogue(folder: &Path, client: &Client) -> Result<ReleaseView> {
    let folder = Folder::read(folder)?;
    Ok(push(&folder, client).await?.0)
}

/// Says how many bytes were sent, too.
async fn push(folder: &Folder, client: &Client) -> Result<(ReleaseView, u64)> {
    let new = NewRelease {
        files: folder.content.files.clone(),
        digest: Some(folder.digest()),
    };
    let mut sent = 0;
    for _ in 0..ROUNDS_MOST {
        match client.push_release(&new).await? {
            Pushed::There(view) => return Ok((*view, sent)),
            Pushed::Missing(missing) => sent += put(folder, &missing, client).await?,
        }
    }
    bail!("files of it go away as fast as they are sent: does somebody delete releases? Try again");
}

/// Sends what is missing, and says how many bytes that were.
async fn put(folder: &Folder, missing: &[FileDigest], client: &Client) -> Result<u64> {
    let mut missing: HashSet<&FileDigest> = missing.iter().collect();
    let files = folder.files();
    let files: Vec<_> = files
        .filter(|(file, _)| missing.remove(&file.digest))
        .collect();
    let all = files.iter().map(|(file, _)| file.size).sum();
    let bar = Bar::new();
    let mut done = 0;
    bar.show(done, all, "sent");
    for (file, place) in files {
        let bytes = fs::read(place).with_context(|| format!("{} is gone", place.display()))?;
        if FileDigest::of(&bytes) != file.digest {
            bail!(
                "{} was changed while it was pushed: push it again",
                place.display()
            );
        }
        client.put_release_file(&file.digest, bytes).await?;
        done += file.size;
        bar.show(done, all, "sent");
    }
    Ok(done)
}

/// What it is, what it would break, and what to do next.
fn told(view: &ReleaseView, sent: u64, output: &Output) -> String {
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
            "environments fetch it and serve {kind} by it: see `utakata worker list`\n"
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
