//! Things that would stop working if another release served a kind.
//!
//! Only what works now can break: a schedule that the kind already refuses is left out. For a kind
//! that nothing serves now, everything that the release refuses is reported.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;
use utakata_api::release::{Break, Broken};
use utakata_model::{
    ActionName, Class, Kind, Manifest, OperationId, Schedule, Target, Zone, manifest::Verify,
    suggest,
};

use crate::{
    inventory::{TargetEntry, refuses, unfit},
    kinds::{KindsSnapshot, Served, ServedAction},
    store::{self, Ledger},
};

/// The largest number of things that an answer of the API lists.
pub(super) const MAX_SHOWN: usize = 1000;

/// Everything that may use a kind.
#[derive(Debug, Default)]
pub(super) struct Using {
    pub schedules: Vec<Arc<Schedule>>,
    pub targets: Arc<[Arc<TargetEntry>]>,
    pub tasks: Vec<OpenTask>,
}

/// A task of the kind that has not ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OpenTask {
    pub operation: OperationId,
    pub action: ActionName,
    pub parameters: Value,
    pub verify: Option<Verify>,
}

/// Returns everything that a release with this manifest would break.
pub(super) fn breaks(
    kind: &Kind,
    manifest: &Manifest,
    served: &KindsSnapshot,
    using: &Using,
) -> Vec<Break> {
    let after = Served::by(manifest);
    let mut breaks = Vec::new();
    for schedule in &using.schedules {
        let Some(why) = refuses(&after, schedule) else {
            continue;
        };
        let kinds = kinds_of(schedule, &using.targets);
        if !kinds.iter().any(|(one, _)| *one == kind) {
            continue;
        }
        let works = |(one, zone): &(&Kind, &Zone)| {
            let found = served.get(one, zone);
            found.is_some_and(|found| refuses(found, schedule).is_none())
        };
        let worked = match served.has(kind) {
            true => kinds.iter().any(|one| one.0 == kind && works(one)),
            // The schedule may be meant for other kinds that it selects.
            false => !kinds.iter().any(works),
        };
        breaks.extend(worked.then(|| Break {
            what: Broken::Schedule,
            name: schedule.name.to_string(),
            why,
        }));
    }
    for known in using
        .targets
        .iter()
        .filter(|known| known.target.kind == *kind)
    {
        let before = served.get(kind, &known.target.zone);
        let worked = before.is_none_or(|before| shut_out(known, before).is_none());
        let why = shut_out(known, &after).filter(|_| worked);
        breaks.extend(why.map(|why| Break {
            what: Broken::Target,
            name: known.target.name.to_string(),
            why,
        }));
    }
    breaks.extend(operations(&after, &using.tasks));
    breaks
}

/// Returns the kinds and zones of the targets that a schedule selects.
fn kinds_of<'t>(
    schedule: &Schedule,
    targets: &'t [Arc<TargetEntry>],
) -> BTreeSet<(&'t Kind, &'t Zone)> {
    let targets = targets.iter().map(|known| &*known.target);
    let selected = targets.filter(|target: &&Target| schedule.selector.matches(target));
    selected
        .map(|target| (&target.kind, &target.zone))
        .collect()
}

/// Returns the reason why a target does not give access to the workers of a release.
fn shut_out(known: &TargetEntry, served: &Served) -> Option<String> {
    if let Some(credential) = &known.credential {
        return unfit(credential, served);
    }
    let schema = served.credential()?;
    let is_refused = schema.check(&serde_json::json!({})).is_err();
    let kind = &served.release.kind;
    is_refused.then(|| format!("it has no credential, and the kind \"{kind}\" needs one"))
}

/// Returns the first problem of each operation, and the number of its tasks that have one.
fn operations(after: &Served, tasks: &[OpenTask]) -> Vec<Break> {
    let mut wrong: BTreeMap<OperationId, (usize, String)> = BTreeMap::new();
    for task in tasks {
        let Some(why) = undoable(after, task) else {
            continue;
        };
        wrong.entry(task.operation).or_insert((0, why)).0 += 1;
    }
    let told = wrong.into_iter().map(|(operation, (count, why))| Break {
        what: Broken::Operation,
        name: operation.to_string(),
        why: format!("{count} of its tasks have not ended, and then {why}"),
    });
    told.collect()
}

/// Returns the reason why a task cannot be done, or cannot be read back.
fn undoable(after: &Served, task: &OpenTask) -> Option<String> {
    let name = &task.action;
    let kind = &after.release.kind;
    let Some(found) = after.action(name) else {
        let hint = suggest::hint(name.as_str(), after.names(Class::Control));
        return Some(format!(
            "the kind \"{kind}\" has no action \"{name}\": {hint}"
        ));
    };
    if found.action.class != Class::Control {
        return Some(format!("the action \"{name}\" only observes"));
    }
    let refused = found
        .schema
        .as_ref()
        .and_then(|schema| schema.check(&task.parameters).err());
    if let Some(refused) = refused {
        return Some(format!(
            "the parameters of its action \"{name}\" are wrong: {refused}"
        ));
    }
    let read_back = &task.verify.as_ref()?.action;
    let found = after.action(read_back);
    let observes = found.is_some_and(|found| found.action.class == Class::Observe);
    (!observes).then(|| {
        format!("it cannot be read back: there is no action \"{read_back}\" that observes")
    })
}

/// Returns an action of a kind as some zone serves it.
fn action_of<'s>(
    served: &'s KindsSnapshot,
    kind: &Kind,
    name: &ActionName,
) -> Option<&'s ServedAction> {
    let mut zones = served.of_kind(kind);
    zones.find_map(|(_, served)| served.action(name))
}

/// Returns the tasks of a kind that have not ended, of the operations that the manifest may break.
pub(super) async fn open_tasks(
    store: &dyn Ledger,
    kind: &Kind,
    manifest: &Manifest,
    served: &KindsSnapshot,
) -> Result<Vec<OpenTask>, store::Error> {
    let after = Served::by(manifest);
    let mut open = Vec::new();
    for (operation, _) in store.open_operations().await? {
        let undoes = operation.undoes.is_some();
        let name = operation.action.as_ref();
        let action = name.and_then(|name| action_of(served, kind, name));
        if served.has(kind) && name.is_some() && action.is_none() && !undoes {
            continue;
        }
        let verify = action.and_then(|found| found.action.verify.clone());
        let is_fine = operation.action.as_ref().is_some_and(|action| {
            let task = OpenTask {
                operation: operation.id,
                action: action.clone(),
                parameters: operation.parameters.clone(),
                verify,
            };
            undoable(&after, &task).is_none()
        });
        // Each task of an operation that undoes another one has its own action.
        if is_fine && !undoes {
            continue;
        }
        let rows = store.tasks_of(operation.id).await?.into_iter();
        let rows = rows.filter(|row| row.task.kind == *kind && !row.progress.state.is_final());
        open.extend(rows.map(|row| OpenTask {
            operation: operation.id,
            action: row.task.action,
            parameters: row.task.parameters.to_json(),
            verify: row.task.verify,
        }));
    }
    Ok(open)
}

#[cfg(test)]
mod tests;
