//! `utakata worker diff`: the differences between two releases.

use anyhow::Result;
use utakata_api::release::{ReleaseDiff, ReleaseReference};

use crate::{
    commands::Context,
    exit::Exit,
    output::{Cell, Output, Table, Tone},
};

pub async fn run(
    from: &ReleaseReference,
    to: &ReleaseReference,
    context: &Context<'_>,
) -> Result<Exit> {
    let diff = context.client()?.release_diff(from, to).await?;
    let output = context.output;
    output.one(&diff, || description(&diff, output))?;
    Ok(Exit::Done)
}

fn description(diff: &ReleaseDiff, output: &Output) -> String {
    let mut parts = vec![format!("from {} to {}", diff.from, diff.to)];
    if diff.manifest.is_empty() {
        parts.push("They declare the same, except for descriptions and versions.".into());
    } else {
        parts.push(declared(diff).render(output.colours()));
    }
    if !diff.files.is_empty() {
        let mut table = Table::new(&["FILE", "CHANGE"]);
        for file in &diff.files {
            table.add(vec![file.path.clone().into(), file.change.as_str().into()]);
        }
        parts.push(table.render(output.colours()));
    }
    parts.join("\n\n")
}

fn declared(diff: &ReleaseDiff) -> Table {
    let mut table = Table::new(&["BREAKS", "WHAT", "WHY"]);
    for one in &diff.manifest {
        let breaks = if one.breaking {
            Cell::toned("yes", Tone::Bad)
        } else {
            Cell::dim("no")
        };
        table.add(vec![
            breaks,
            one.what.clone().into(),
            one.why.clone().into(),
        ]);
    }
    table
}
