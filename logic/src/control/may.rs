//! The rights that an operation needs, on each of its targets. Pure.

use std::sync::Arc;

use utakata_api::problem::Detail;
use utakata_model::{Verb, manifest::Risk};

use super::{Error, plan::PlannedTarget};
use crate::{
    inventory::TargetEntry,
    rights::{Object, Rights},
};

/// Checks that somebody may control each of these targets at all.
///
/// # Errors
/// Every target that they may not.
pub(super) fn select(rights: &Rights, selection: &[Arc<TargetEntry>]) -> Result<(), Error> {
    let missing = |known: &Arc<TargetEntry>| {
        let object = Object::Target(&known.target);
        let verbs = [Verb::ControlLow, Verb::ControlHigh];
        let may = verbs.into_iter().any(|verb| rights.allow(verb, object));
        (!may).then(|| problem(known, Verb::ControlLow))
    };
    all(selection.iter().filter_map(missing).collect())
}

/// Checks that somebody may do what is planned: the catalogue says how high its risk is.
///
/// # Errors
/// Every target to which they may not do it.
pub(super) fn control(rights: &Rights, planned: &[PlannedTarget<'_>]) -> Result<(), Error> {
    let missing = |(known, (_, action)): &PlannedTarget<'_>| {
        let verb = match action.action.risk {
            Risk::High => Verb::ControlHigh,
            Risk::Low => Verb::ControlLow,
        };
        let may = rights.allow(verb, Object::Target(&known.target));
        (!may).then(|| problem(known, verb))
    };
    all(planned.iter().filter_map(missing).collect())
}

fn problem(known: &TargetEntry, verb: Verb) -> Detail {
    Detail {
        subject: format!("target {}", known.target.name),
        message: format!("the requester does not have the right {verb} on it"),
    }
}

fn all(problems: Vec<Detail>) -> Result<(), Error> {
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Error::Forbidden { problems }),
    }
}
