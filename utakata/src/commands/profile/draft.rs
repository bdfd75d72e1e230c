//! `utakata profile draft`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use utakata_model::workbench::{Answer, Request};
use utakata_up::workbench;

use super::tell_walk;
use crate::{commands::Context, exit::Exit};

pub async fn run(
    mibs: Vec<PathBuf>,
    folders: Vec<PathBuf>,
    walk: PathBuf,
    context: &Context<'_>,
) -> Result<Exit> {
    let request = Request::Draft {
        mibs,
        folders,
        walk,
    };
    let draft = match workbench::ask(&request).await? {
        Answer::Draft(draft) => draft,
        Answer::Refused { problems } => return Err(workbench::refused(&problems)),
        _ => bail!("the workbench gave an unexpected answer: is it another version?"),
    };
    tell_walk(&draft.walk);
    for notice in &draft.notices {
        tell!("{notice}");
    }
    context.output.one(&draft, || draft.text.clone())?;
    tell!(
        "a draft with {} metrics and {} guesses, each marked \"# guess:\"",
        draft.metrics,
        draft.guesses
    );
    Ok(Exit::Done)
}
