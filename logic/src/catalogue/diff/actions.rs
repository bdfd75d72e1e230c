//! The differences between the actions of two releases.

use utakata_api::release::ManifestDifference;
use utakata_model::{
    Action, Class, Manifest, duration,
    manifest::{Repeat, Risk},
};

use super::{Breaking, difference, schema};

pub(super) fn diff(before: &Manifest, after: &Manifest) -> Vec<ManifestDifference> {
    let mut all = Vec::new();
    for action in &before.actions {
        match after.action(&action.name) {
            None => all.push(difference(place(action), Breaking::Yes, "it was removed")),
            Some(after) => all.extend(changed(action, after)),
        }
    }
    let is_new = |action: &&Action| before.action(&action.name).is_none();
    let new = after.actions.iter().filter(is_new);
    all.extend(new.map(|action| difference(place(action), Breaking::No, "it is new")));
    all.extend(default(before, after));
    all
}

fn place(action: &Action) -> String {
    format!("action {}", action.name)
}

/// Compares the default action of a plain read.
fn default(before: &Manifest, after: &Manifest) -> Option<ManifestDifference> {
    let name = |manifest: &Manifest| manifest.default_observe().map(|one| one.name.to_string());
    let (then, now) = (name(before)?, name(after));
    if now.as_ref() == Some(&then) {
        return None;
    }
    let why = match now {
        Some(now) => format!("it means {now} instead of {then}"),
        None => "there is no observing action any more".into(),
    };
    Some(difference("a plain read", Breaking::Yes, why))
}

fn changed(before: &Action, after: &Action) -> Vec<ManifestDifference> {
    let place = place(before);
    if before.class != after.class {
        let why = match after.class {
            Class::Control => "it changes something, and only observed before",
            Class::Observe => "it only observes, and changed something before",
        };
        return vec![difference(place, Breaking::Yes, why)];
    }
    let mut all = schema::diff(&place, "parameter", &before.parameters, &after.parameters);
    let mut add = |breaking, why: &str| all.push(difference(place.clone(), breaking, why));
    match (before.repeat, after.repeat) {
        (Repeat::Repeatable, Repeat::Once) => add(
            Breaking::No,
            "doing it twice does harm: it is not repeated when its outcome is unknown",
        ),
        (Repeat::Once, Repeat::Repeatable) => add(
            Breaking::No,
            "doing it twice does no harm: it is repeated when its outcome is unknown",
        ),
        _ => {}
    }
    match (before.risk, after.risk) {
        (Risk::Low, Risk::High) => add(
            Breaking::Yes,
            "its risk is high now: it may need an approval by somebody else",
        ),
        (Risk::High, Risk::Low) => add(Breaking::No, "its risk is low, and was high"),
        _ => {}
    }
    if before.timeout != after.timeout {
        let (then, now) = (before.timeout, after.timeout);
        let (then, now) = (duration::format(then), duration::format(now));
        let why = format!("its timeout is {now} instead of {then}");
        add(Breaking::No, &why);
    }
    if let Some((breaking, why)) = verify(before, after) {
        add(breaking, why);
    }
    if let Some((breaking, why)) = undo(before, after) {
        add(breaking, why);
    }
    all
}

fn verify(before: &Action, after: &Action) -> Option<(Breaking, &'static str)> {
    match (&before.verify, &after.verify) {
        (before, after) if before == after => None,
        (Some(_), None) => Some((
            Breaking::Yes,
            "its effect is no longer read back: unknown outcomes wait for a person",
        )),
        (None, _) => Some((Breaking::No, "its effect is read back")),
        _ => Some((Breaking::No, "its effect is read back in another way")),
    }
}

fn undo(before: &Action, after: &Action) -> Option<(Breaking, &'static str)> {
    match (&before.undo, &after.undo) {
        (before, after) if before == after => None,
        (Some(_), None) => Some((Breaking::Yes, "it can no longer be undone")),
        (None, _) => Some((Breaking::No, "it can be undone now")),
        _ => Some((Breaking::No, "it is undone in another way")),
    }
}
