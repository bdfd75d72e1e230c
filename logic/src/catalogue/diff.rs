//! The differences between two releases, and the breaking ones among them. Pure.

mod actions;
mod schema;

use std::collections::BTreeMap;

use utakata_api::release::{FileChange, FileDifference, ManifestDifference};
use utakata_model::{
    Content, ContentFile, Manifest,
    manifest::{Run, limits::Network},
};

/// Creates a difference: its place, its description, and whether it is breaking.
fn difference(
    what: impl Into<String>,
    breaking: Breaking,
    why: impl Into<String>,
) -> ManifestDifference {
    ManifestDifference {
        what: what.into(),
        breaking: breaking == Breaking::Yes,
        why: why.into(),
    }
}

/// The effect of a difference on values that were valid before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Breaking {
    Yes,
    No,
}

impl Breaking {
    fn when(is_breaking: bool) -> Self {
        if is_breaking { Self::Yes } else { Self::No }
    }
}

/// Returns the differences between two manifests, breaking ones first. Versions and descriptions
/// are left out.
pub fn diff(before: &Manifest, after: &Manifest) -> Vec<ManifestDifference> {
    let mut all = Vec::new();
    if before.kind != after.kind {
        let why = format!("{} instead of {}", after.kind, before.kind);
        all.push(difference("kind", Breaking::Yes, why));
    }
    if before.protocol != after.protocol {
        let why = format!(
            "{} instead of {}: environments that do not speak it refuse the release",
            after.protocol, before.protocol
        );
        all.push(difference("protocol", Breaking::No, why));
    }
    all.extend(credential(before, after));
    all.extend(actions::diff(before, after));
    all.extend(run(&before.run, &after.run));
    if before.pool != after.pool {
        let size = |manifest: &Manifest| {
            let pool = &manifest.pool;
            format!(
                "{} to {} workers, {} idle",
                pool.min, pool.max, pool.reserve
            )
        };
        let why = format!("{} instead of {}", size(after), size(before));
        all.push(difference("pool", Breaking::No, why));
    }
    if before.settings != after.settings {
        let why = "they differ; only the worker itself reads them";
        all.push(difference("settings", Breaking::No, why));
    }
    all.sort_by_key(|one| !one.breaking);
    all
}

fn credential(before: &Manifest, after: &Manifest) -> Vec<ManifestDifference> {
    match (&before.credential, &after.credential) {
        (None, None) => Vec::new(),
        (None, Some(_)) => vec![difference(
            "credential",
            Breaking::Yes,
            "one is required now",
        )],
        (Some(_), None) => vec![difference(
            "credential",
            Breaking::No,
            "none is required any more",
        )],
        (Some(before), Some(after)) => schema::diff("credential", "key", before, after),
    }
}

fn run(before: &Run, after: &Run) -> Vec<ManifestDifference> {
    let mut all = Vec::new();
    let mut changed = |what: &str, before: String, after: String| {
        if before != after {
            let why = format!("{after} instead of {before}");
            all.push(difference(format!("run.{what}"), Breaking::No, why));
        }
    };
    let limit = |limit: Option<String>| limit.unwrap_or_else(|| "the default".into());
    changed("program", before.program.clone(), after.program.clone());
    let arguments = |run: &Run| format!("[{}]", run.arguments.join(" "));
    changed("arguments", arguments(before), arguments(after));
    let memory = |run: &Run| limit(run.memory.map(|memory| memory.to_string()));
    changed("memory", memory(before), memory(after));
    let cpus = |run: &Run| limit(run.cpus.map(|cpus| serde_json::json!(cpus).to_string()));
    changed("cpus", cpus(before), cpus(after));
    let pids = |run: &Run| limit(run.pids.map(|pids| pids.to_string()));
    changed("pids", pids(before), pids(after));
    all.extend(network(before.network, after.network));
    all
}

fn network(before: Network, after: Network) -> Option<ManifestDifference> {
    if before == after {
        return None;
    }
    let (then, now) = (before.as_str(), after.as_str());
    let mut why = format!("{now} instead of {then}");
    if after.is_none() {
        why.push_str(": in a container it reaches its manager, and no equipment any more");
    }
    let breaking = Breaking::when(after.is_none());
    Some(difference("run.network", breaking, why))
}

/// Returns the files in which two releases differ, by path.
pub fn files(before: &Content, after: &Content) -> Vec<FileDifference> {
    type Both<'c> = (Option<&'c ContentFile>, Option<&'c ContentFile>);
    let mut both: BTreeMap<&str, Both<'_>> = BTreeMap::new();
    for file in &before.files {
        both.entry(&file.path).or_default().0 = Some(file);
    }
    for file in &after.files {
        both.entry(&file.path).or_default().1 = Some(file);
    }
    let change = |both: &Both<'_>| match both {
        (None, _) => Some(FileChange::Added),
        (_, None) => Some(FileChange::Removed),
        (Some(before), Some(after)) => (before != after).then_some(FileChange::Changed),
    };
    let differs = both.iter().filter_map(|(path, both)| {
        Some(FileDifference {
            path: (*path).into(),
            change: change(both)?,
        })
    });
    differs.collect()
}

#[cfg(test)]
mod tests;
