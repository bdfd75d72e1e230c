//! Floors of documents, beside the rooms, racks and targets that there are. Pure.

use std::collections::{BTreeMap, BTreeSet};

use utakata_api::{
    apply::{Document, Named},
    problem::Detail,
};
use utakata_model::{Floor, FloorName, Target, TargetName, suggest};

use super::{check::CheckFindings, index::Index};

/// The number of racks without a target that a warning names.
const NAMED: usize = 5;

/// Checks the floors among documents, as everything would be after all changes: a room is drawn
/// once, and what stands in it exists. A rack that is still empty is worth a warning only.
pub(super) fn check(documents: &[Document], delete: &[Named], index: &Index) -> CheckFindings {
    let mut findings = CheckFindings::default();
    let declared: Vec<&Floor> = documents
        .iter()
        .filter_map(|document| match document {
            Document::Floor(floor) => Some(&**floor),
            _ => None,
        })
        .collect();
    if declared.is_empty() {
        return findings;
    }
    let mut all: BTreeMap<&FloorName, &Floor> = index
        .floors
        .iter()
        .filter(|(name, _)| !delete.contains(&Named::Floor((*name).clone())))
        .map(|(name, floor)| (name, &**floor))
        .collect();
    all.extend(declared.iter().map(|floor| (&floor.name, *floor)));
    let targets = targets(documents, delete, index);
    for floor in declared {
        let subject = format!("floor {}", floor.name);
        let wrong = drawn_twice(floor, &all).into_iter();
        let detail = |message| Detail {
            subject: subject.clone(),
            message,
        };
        let wrong = wrong.chain(unknown_units(floor, &targets));
        findings.errors.extend(wrong.map(detail));
        findings.warnings.extend(empty(floor, &targets).map(detail));
    }
    findings
}

/// Returns the targets as they would be after all changes.
fn targets<'a>(
    documents: &'a [Document],
    delete: &[Named],
    index: &'a Index,
) -> BTreeMap<&'a TargetName, &'a Target> {
    let mut targets: BTreeMap<&TargetName, &Target> = index
        .targets
        .iter()
        .map(|(name, known)| (name, &*known.target))
        .collect();
    for named in delete {
        if let Named::Target(name) = named {
            targets.remove(name);
        }
    }
    for document in documents {
        if let Document::Target(target) = document {
            targets.insert(&target.name, target);
        }
    }
    targets
}

fn drawn_twice(floor: &Floor, all: &BTreeMap<&FloorName, &Floor>) -> Option<String> {
    let is_same = |other: &&&Floor| other.name != floor.name && other.room() == floor.room();
    let other = all.values().find(is_same)?;
    Some(format!(
        "the room \"{}\" is drawn by the floor {} already: change that one, or delete it in the \
         same step (`utakata delete floor {}`)",
        floor.room(),
        other.name,
        other.name
    ))
}

fn unknown_units(
    floor: &Floor,
    targets: &BTreeMap<&TargetName, &Target>,
) -> impl Iterator<Item = String> {
    let units = floor.units.iter().enumerate();
    units
        .filter(|(_, unit)| !targets.contains_key(&unit.target))
        .map(|(at, unit)| {
            let name = unit.target.as_str();
            let near = suggest::nearest(name, targets.keys().map(|name| name.as_str()));
            let hint = near.map_or_else(
                || "declare it, or leave it out".to_owned(),
                |near| format!("did you mean \"{near}\"?"),
            );
            format!("units.{at}.target: there is no target \"{name}\": {hint}")
        })
        .collect::<Vec<_>>()
        .into_iter()
}

/// Returns a warning about drawn racks in which no target is.
fn empty(floor: &Floor, targets: &BTreeMap<&TargetName, &Target>) -> Option<String> {
    let racks: BTreeSet<&str> = targets
        .values()
        .filter(|target| target.labels.get("room").map_or("", String::as_str) == floor.room())
        .filter_map(|target| target.labels.get("rack"))
        .map(String::as_str)
        .collect();
    let drawn: BTreeSet<&str> = floor.racks().collect();
    let missing: Vec<&str> = drawn.difference(&racks).copied().collect();
    let undrawn: Vec<&str> = racks.difference(&drawn).copied().collect();
    let first = missing.first()?;
    let shown = missing.iter().take(NAMED).copied().collect::<Vec<_>>();
    let more = match missing.len() > NAMED {
        true => format!(" and {} more", missing.len() - NAMED),
        false => String::new(),
    };
    // Only what has no place can be what was meant.
    let hint = match suggest::nearest(first, undrawn.iter().copied()) {
        Some(near) => format!("; did you mean \"{near}\"?"),
        None => String::new(),
    };
    Some(format!(
        "no target of the room \"{}\" is in rack {}{more}: drawn empty{hint}",
        floor.room(),
        shown.join(", ")
    ))
}
