//! `utakata worker show`: a release of the catalogue.

use anyhow::Result;
use utakata_api::release::{ReleaseReference, ReleaseSource, ReleaseSummary, ReleaseView};
use utakata_model::{
    EnvironmentId, duration,
    manifest::{Repeat, Risk},
};

use crate::{
    commands::Context,
    exit::Exit,
    output::{Cell, Output, Table, Tone, words},
};

pub async fn run(release: &ReleaseReference, context: &Context<'_>) -> Result<Exit> {
    let view = context.client()?.release(release).await?;
    let output = context.output;
    output.one(&view, || description(&view, output))?;
    Ok(Exit::Done)
}

fn description(view: &ReleaseView, output: &Output) -> String {
    let release = &view.summary;
    let manifest = &view.manifest;
    let mut text = format!("{}@{}", release.kind, release.version);
    if !manifest.description.is_empty() {
        text.push_str(&format!(": {}", manifest.description));
    }
    let wanted = match view.wanted_by.join("; ") {
        none if none.is_empty() => "nobody".into(),
        wanted => wanted,
    };
    for (what, value) in [
        ("digest", release.digest.0.to_string()),
        ("source", comes_from(release)),
        ("runs in", runs_in(view)),
        ("wanted by", wanted),
        ("program", manifest.run.program.clone()),
        ("files", files(release)),
    ] {
        text.push_str(&format!("\n{what:<10} {value}"));
    }
    text.push_str("\n\n");
    text.push_str(&actions(view).render(output.colours()));
    let breaks = breaks(view, output);
    if !breaks.is_empty() {
        text.push_str(&format!("\n\n{breaks}"));
    }
    text
}

/// Returns the person who pushed it and the time, or the folder in which it is.
pub(super) fn comes_from(release: &ReleaseSummary) -> String {
    match (release.source, &release.pushed_by, release.pushed_at) {
        (ReleaseSource::Pushed, Some(by), Some(at)) => {
            format!("pushed {} by {by}", words::ago(at))
        }
        (ReleaseSource::Pushed, ..) => "pushed".into(),
        (ReleaseSource::Shipped, ..) => "shipped with utakata".into(),
        (ReleaseSource::Folder, ..) => "the folders of this machine".into(),
        (ReleaseSource::Environment, ..) => "the folders of the environments it runs in".into(),
    }
}

fn files(release: &ReleaseSummary) -> String {
    let size = words::bytes(release.size);
    match release.source {
        ReleaseSource::Environment => "only the environment has them".into(),
        ReleaseSource::Shipped => format!("{}, {size}, and its program", release.files),
        _ => format!("{}, {size}", release.files),
    }
}

/// Returns the environments in which it runs.
pub(super) fn runs_in(view: &ReleaseView) -> String {
    let runs_in = &view.summary.runs_in;
    if runs_in.is_empty() {
        return "nowhere".into();
    }
    let ids: Vec<&str> = runs_in.iter().map(EnvironmentId::as_str).collect();
    ids.join(", ")
}

fn actions(view: &ReleaseView) -> Table {
    let mut table = Table::new(&["ACTION", "CLASS", "RISK", "TWICE", "TIMEOUT", "MEANING"]);
    for action in &view.manifest.actions {
        let risk = match action.risk {
            Risk::Low => Cell::from("low"),
            Risk::High => Cell::toned("high", Tone::Doubtful),
        };
        let twice = match action.repeat {
            Repeat::Repeatable => "harmless",
            Repeat::Once => "harmful",
        };
        let observes = action.class == utakata_model::Class::Observe;
        table.add(vec![
            action.name.to_string().into(),
            action.class.as_str().into(),
            if observes { Cell::default() } else { risk },
            if observes { "" } else { twice }.into(),
            duration::format(action.timeout).into(),
            action.description.clone().into(),
        ]);
    }
    table
}

/// Returns the things that it would break, if any.
pub(super) fn breaks(view: &ReleaseView, output: &Output) -> String {
    if view.breaks.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["WHAT", "NAME", "WHY"]);
    for one in &view.breaks {
        table.add(vec![
            one.what.as_str().into(),
            Cell::toned(one.name.clone(), Tone::Bad),
            one.why.clone().into(),
        ]);
    }
    let table = table.render(output.colours());
    format!("If it served the kind, this would stop working:\n{table}\n")
}
