//! Rights on documents: each is looked at before anything is compared, so that nobody learns from a
//! dry run what they may not see.

use utakata_api::{
    apply::{Document, Named},
    problem::Detail,
};
use utakata_model::{Target, TargetName, Verb};

use crate::{
    code::Code,
    http::{
        Refused,
        allowed::{Allowed, Right},
    },
    rights::{Object, Rights},
};

/// Checks that the caller may write these documents, and delete these things.
///
/// # Errors
/// Everything that the caller may not change, each with the right that is missing.
pub(super) fn check<R: Right>(
    allowed: &Allowed<R>,
    documents: &[Document],
    delete: &[Named],
) -> Result<(), Refused> {
    let rights = &allowed.caller.rights;
    let inventory = allowed.api.handle.inventory();
    let find = |name: &TargetName| inventory.find(name).map(|known| known.target.clone());
    let mut problems = Vec::new();
    for document in documents {
        let missing = match document {
            Document::Target(target) => {
                of_target(rights, find(&target.name).as_deref(), Some(target))
            }
            Document::Credential(_) => of_site(rights, Verb::SecretWrite),
            Document::Schedule(_)
            | Document::Relation(_)
            | Document::Alarm(_)
            | Document::Policy(_)
            | Document::Floor(_) => of_site(rights, Verb::Inventory),
            Document::Envelope(_) => of_site(rights, Verb::People),
        };
        problems.extend(missing.map(|verb| problem(allowed, document.subject(), verb)));
    }
    for named in delete {
        let missing = match named {
            Named::Target(name) => match find(name) {
                Some(target) => of_target(rights, Some(target.as_ref()), None),
                None => None,
            },
            Named::Credential(_) => of_site(rights, Verb::SecretWrite),
            Named::Schedule(_)
            | Named::Relation(_)
            | Named::Alarm(_)
            | Named::Policy(_)
            | Named::Floor(_) => of_site(rights, Verb::Inventory),
            Named::Envelope(_) => of_site(rights, Verb::People),
        };
        problems.extend(missing.map(|verb| problem(allowed, named.subject(), verb)));
    }
    let Some(first) = problems.first() else {
        return Ok(());
    };
    let detail = match problems.len() {
        1 => format!("{}: {}", first.subject, first.message),
        count => format!(
            "{count} things may not be changed, the first: {}: {}",
            first.subject, first.message
        ),
    };
    let cure = "nothing was changed: leave out what is listed, or ask somebody who may change it \
                (`utakata role list`)";
    Err(Refused::new(Code::Forbidden, detail, cure).with(problems))
}

/// Returns the right that is missing to make a target into another: on what it was, and on what it
/// becomes. A credential that it has is sent to its address.
fn of_target(rights: &Rights, before: Option<&Target>, after: Option<&Target>) -> Option<Verb> {
    let may = |verb: Verb, target: Option<&Target>| {
        target.is_none_or(|target| rights.allow(verb, Object::Target(target)))
    };
    if !may(Verb::Inventory, before) || !may(Verb::Inventory, after) {
        return Some(Verb::Inventory);
    }
    let sends = |target: &Target| {
        let fields = (&target.credential, &target.address, &target.kind);
        (fields.0.clone(), fields.1.clone(), fields.2.clone())
    };
    let gives =
        after.filter(|after| after.credential.is_some() && before.map(sends) != Some(sends(after)));
    (!may(Verb::SecretUse, gives)).then_some(Verb::SecretUse)
}

fn of_site(rights: &Rights, verb: Verb) -> Option<Verb> {
    (!rights.allow(verb, Object::Site)).then_some(verb)
}

fn problem<R: Right>(allowed: &Allowed<R>, subject: String, verb: Verb) -> Detail {
    let who = allowed.by();
    let message = format!("{who} does not have the right {verb} on it");
    Detail { subject, message }
}
