//! Deletions, compared with the present inventory. Pure.

use std::collections::BTreeSet;

use utakata_api::{
    apply::{Change as DocumentChange, Document, Named, Verdict},
    problem::Detail,
};
use utakata_model::{CredentialName, TargetName};

use super::index::Index;
use crate::store::Change;

/// The largest number of targets that a message lists.
const NAMED: usize = 3;

/// Returns the reasons why things cannot be deleted: they are among the documents, too, or a target
/// still uses them.
pub(super) fn check(delete: &[Named], documents: &[Document], index: &Index) -> Vec<Detail> {
    let mut wrong = Vec::new();
    let kept: BTreeSet<String> = documents.iter().map(Document::subject).collect();
    let gone: BTreeSet<&TargetName> = delete
        .iter()
        .filter_map(|one| match one {
            Named::Target(name) => Some(name),
            _ => None,
        })
        .collect();
    for one in delete {
        let subject = one.subject();
        if kept.contains(&subject) {
            let message = "it is to be both created and deleted".into();
            wrong.push(Detail { subject, message });
            continue;
        }
        let Named::Credential(name) = one else {
            continue;
        };
        let users = users(name, &gone, documents, index);
        if !users.is_empty() {
            let shown: Vec<&str> = users.iter().take(NAMED).map(|name| name.as_str()).collect();
            let more = if users.len() > NAMED { ", …" } else { "" };
            let message = format!("it is used by {}{more}", shown.join(", "));
            wrong.push(Detail { subject, message });
        }
    }
    wrong
}

/// Returns the targets that use a credential after all changes.
fn users<'a>(
    credential: &CredentialName,
    gone: &BTreeSet<&TargetName>,
    documents: &'a [Document],
    index: &'a Index,
) -> Vec<&'a TargetName> {
    let declared: Vec<&utakata_model::Target> = documents
        .iter()
        .filter_map(|document| match document {
            Document::Target(target) => Some(target),
            _ => None,
        })
        .collect();
    let again: BTreeSet<&TargetName> = declared.iter().map(|target| &target.name).collect();
    let there = index.targets.values().map(|known| known.target.as_ref());
    let stays = |target: &&utakata_model::Target| {
        !gone.contains(&target.name) && !again.contains(&target.name)
    };
    let uses = |target: &&utakata_model::Target| target.credential.as_ref() == Some(credential);
    let all = there.filter(stays).chain(declared).filter(uses);
    all.map(|target| &target.name).collect()
}

/// Returns the verdict on each, in order. Something that does not exist needs no deletion.
pub(super) fn told(delete: &[Named], index: &Index) -> Vec<DocumentChange> {
    let verdict = |one: &Named| match is_there(one, index) {
        true => Verdict::Deleted,
        false => Verdict::Unchanged,
    };
    let told = |one: &Named| DocumentChange {
        subject: one.subject(),
        verdict: verdict(one),
        differences: Vec::new(),
    };
    delete.iter().map(told).collect()
}

/// Returns the changes that delete what exists: targets first, because they use the others.
pub(super) fn changes(delete: Vec<Named>, index: &Index) -> Vec<Change> {
    let there = delete.into_iter().filter(|one| is_there(one, index));
    let mut changes: Vec<Change> = there
        .map(|one| match one {
            Named::Target(name) => Change::DeleteTarget(name),
            Named::Schedule(name) => Change::DeleteSchedule(name),
            Named::Credential(name) => Change::DeleteCredential(name),
            Named::Relation(key) => Change::DeleteRelation(key),
            Named::Alarm(name) => Change::DeleteAlarmRule(name),
            Named::Envelope(name) => Change::DeleteEnvelope(name),
            Named::Policy(name) => Change::DeletePolicy(name),
            Named::Floor(name) => Change::DeleteFloor(name),
        })
        .collect();
    changes.sort_by_key(|change| matches!(change, Change::DeleteCredential(_)));
    changes
}

fn is_there(one: &Named, index: &Index) -> bool {
    match one {
        Named::Target(name) => index.targets.contains_key(name),
        Named::Schedule(name) => index.schedules.contains_key(name),
        Named::Credential(name) => index.credential(name).is_ok(),
        Named::Relation(key) => index.relations.contains_key(key),
        Named::Alarm(name) => index.alarm_rules.contains_key(name),
        Named::Envelope(name) => index.envelopes.contains_key(name),
        Named::Policy(name) => index.policies.contains_key(name),
        Named::Floor(name) => index.floors.contains_key(name),
    }
}
