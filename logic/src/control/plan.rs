//! The plan of an operation: the release by which each target can be controlled as requested, or
//! the reason why not. Pure.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use serde_json::Value;
use utakata_api::problem::Detail;
use utakata_model::{ActionName, Class, Kind, Pace, Zone, suggest};

use crate::{
    inventory::{TargetEntry, unfit},
    kinds::{KindsSnapshot, Served, ServedAction},
};

/// A target, and the release that serves it.
pub type PlannedTarget<'a> = (&'a Arc<TargetEntry>, (&'a Served, &'a ServedAction));

/// Finds for every target the release that will do it.
///
/// # Errors
/// Every target that cannot be controlled as requested, by name, with the reason.
pub fn plan<'a>(
    action: &ActionName,
    parameters: &Value,
    selection: &'a [Arc<TargetEntry>],
    served: &'a KindsSnapshot,
) -> Result<Vec<PlannedTarget<'a>>, Vec<Detail>> {
    let (planned, problems) = each(action, parameters, selection, served);
    if problems.is_empty() {
        return Ok(planned);
    }
    let detail = |(known, message): (&Arc<TargetEntry>, String)| Detail {
        subject: format!("target {}", known.target.name),
        message,
    };
    Err(problems.into_iter().map(detail).collect())
}

/// Checks that the labels of a pace occur on some selected target: a limit that holds nobody back
/// is a slip, and would let more begin at once than intended.
///
/// # Errors
/// Each label that no target has.
pub fn pace(pace: &Pace, selection: &[Arc<TargetEntry>]) -> Result<(), Vec<Detail>> {
    let labels = pace.at_most.iter().map(|one| &one.label);
    let unknown = labels.chain(&pace.order_by).filter(|label| {
        let has = |known: &Arc<TargetEntry>| known.target.value(label).is_some();
        !selection.iter().any(has)
    });
    let problems: Vec<Detail> = unknown
        .map(|label| {
            let labels = selection
                .iter()
                .flat_map(|known| known.target.labels.keys());
            let words = ["kind", "zone", "address", "name"].into_iter();
            let known: BTreeSet<&str> = labels.map(String::as_str).chain(words).collect();
            Detail {
                subject: format!("label {label}"),
                message: format!(
                    "none of the selected targets has it: {}",
                    suggest::hint(label, known.iter().copied())
                ),
            }
        })
        .collect();
    if problems.is_empty() {
        return Ok(());
    }
    Err(problems)
}

/// Finds for each target the release that will do it, or the reason why it cannot be controlled.
pub fn each<'a>(
    action: &ActionName,
    parameters: &Value,
    selection: &'a [Arc<TargetEntry>],
    served: &'a KindsSnapshot,
) -> (Vec<PlannedTarget<'a>>, Vec<(&'a Arc<TargetEntry>, String)>) {
    type Found<'s> = Result<(&'s Served, &'s ServedAction), String>;
    let mut kinds: HashMap<(&Kind, &Zone), Found<'a>> = HashMap::new();
    let mut planned = Vec::with_capacity(selection.len());
    let mut problems = Vec::new();
    for known in selection {
        let (kind, zone) = (&known.target.kind, &known.target.zone);
        let of_kind = kinds
            .entry((kind, zone))
            .or_insert_with(|| of_kind(kind, zone, action, parameters, served));
        let found = match of_kind {
            Ok(found) => of_target(known, found.0).map(|()| *found),
            Err(message) => Err(message.clone()),
        };
        match found {
            Ok(found) => planned.push((known, found)),
            Err(message) => problems.push((known, message)),
        }
    }
    (planned, problems)
}

fn of_kind<'a>(
    kind: &Kind,
    zone: &Zone,
    action: &ActionName,
    parameters: &Value,
    served: &'a KindsSnapshot,
) -> Result<(&'a Served, &'a ServedAction), String> {
    let found = served.get(kind, zone);
    let served = found.ok_or_else(|| served.nobody(kind, zone))?;
    let Some(found) = served.action(action) else {
        let hint = suggest::hint(action.as_str(), served.names(Class::Control));
        return Err(format!(
            "the kind \"{kind}\" has no action \"{action}\": {hint}"
        ));
    };
    if found.action.class != Class::Control {
        return Err(format!(
            "the action \"{action}\" of the kind \"{kind}\" only observes: ask for it with `utakata read`"
        ));
    }
    if let Some(Err(refused)) = found.schema.as_ref().map(|schema| schema.check(parameters)) {
        return Err(format!(
            "the parameters of \"{action}\" are wrong: {refused}"
        ));
    }
    Ok((served, found))
}

fn of_target(known: &TargetEntry, served: &Served) -> Result<(), String> {
    let Some(credential) = &known.credential else {
        let needed = served.credential().map(|_| {
            let kind = &served.release.kind;
            format!("the kind \"{kind}\" needs a credential, and the target has none")
        });
        return needed.map_or(Ok(()), Err);
    };
    unfit(credential, served).map_or(Ok(()), Err)
}
