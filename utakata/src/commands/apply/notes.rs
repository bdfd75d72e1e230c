//! Remarks on documents that are valid but may contain a slip: a kind or zone that nothing serves,
//! a schedule that reads nothing, a rack of a floor that is empty.

use std::collections::BTreeMap;

use utakata_api::{
    Client,
    apply::{Applied, Document},
    inventory::KindView,
};
use utakata_model::{Schedule, Target, suggest};

/// The number of schedules that are checked: more of them come from a program.
const MAX_SCHEDULES: usize = 32;

/// Notes kinds and zones that nothing serves: the worker or environment may be added later.
pub fn unserved(documents: &[Document], kinds: &[KindView]) -> Vec<String> {
    let mut notes: BTreeMap<String, (&Target, usize, String)> = BTreeMap::new();
    for document in documents {
        let Document::Target(target) = document else {
            continue;
        };
        if let Some((what, hint)) = lacking(target, kinds) {
            notes.entry(what).or_insert((target, 0, hint)).1 += 1;
        }
    }
    let line = |(what, (first, count, hint)): (String, (&Target, usize, String))| {
        let more = match count - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("note: {what} now (target {}{more}): {hint}", first.name)
    };
    notes.into_iter().map(line).collect()
}

/// Returns the missing things that a target would need, with the names that may have been meant.
fn lacking(target: &Target, kinds: &[KindView]) -> Option<(String, String)> {
    let (kind, zone) = (&target.kind, &target.zone);
    let Some(view) = kinds.iter().find(|view| view.kind == *kind) else {
        let known = kinds.iter().map(|view| view.kind.as_str());
        let what = format!("no worker serves the kind \"{kind}\"");
        return Some((what, suggest::hint(kind.as_str(), known)));
    };
    if view.zones.iter().any(|one| one.zone == *zone) {
        return None;
    }
    let known = view.zones.iter().map(|one| one.zone.as_str());
    let what = format!("no environment of the zone \"{zone}\" serves the kind \"{kind}\"");
    Some((what, suggest::hint(zone.as_str(), known)))
}

/// Notes schedules that select no target.
pub async fn idle(client: &Client, documents: &[Document]) -> Vec<String> {
    let schedules = documents.iter().filter_map(|document| match document {
        Document::Schedule(schedule) => Some(schedule),
        _ => None,
    });
    let mut notes = Vec::new();
    for schedule in schedules.take(MAX_SCHEDULES) {
        if matches!(client.any_target(&schedule.selector).await, Ok(None)) {
            notes.push(reads_nothing(schedule));
        }
    }
    notes
}

/// Notes what the server warns of in floors.
pub fn floors(applied: &Applied) -> impl Iterator<Item = String> {
    let warnings = applied.warnings.iter();
    let of_floors = warnings.filter(|one| one.subject.starts_with("floor "));
    of_floors.map(|one| format!("note: {}: {}", one.subject, one.message))
}

fn reads_nothing(schedule: &Schedule) -> String {
    let Schedule { name, selector, .. } = schedule;
    format!("note: the schedule {name} reads nothing now: \"{selector}\" selects no target")
}
