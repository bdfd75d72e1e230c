//! Policies of documents, which do not fight with each other. Pure.

use std::collections::BTreeMap;

use utakata_api::{
    apply::{Document, Named},
    problem::Detail,
};
use utakata_model::{Policy, PolicyName, RelationKind, Selector, Target, TargetName};
use utakata_policy::conflicts;

use super::index::Index;
use crate::relations::Graph;

/// Returns the policies among documents that fight with others, as they would be after all changes.
pub(super) fn check(documents: &[Document], delete: &[Named], index: &Index) -> Vec<Detail> {
    let declared: Vec<&Policy> = documents
        .iter()
        .filter_map(|document| match document {
            Document::Policy(policy) => Some(&**policy),
            _ => None,
        })
        .collect();
    if declared.is_empty() {
        return Vec::new();
    }
    let mut all: BTreeMap<&PolicyName, &Policy> = index
        .policies
        .iter()
        .filter(|(name, _)| !delete.contains(&Named::Policy((*name).clone())))
        .map(|(name, policy)| (name, &**policy))
        .collect();
    all.extend(declared.iter().map(|policy| (&policy.name, *policy)));
    let all: Vec<&Policy> = all.into_values().collect();
    let mut targets: BTreeMap<&TargetName, &Target> = index
        .targets
        .iter()
        .map(|(name, known)| (name, &*known.target))
        .collect();
    for document in documents {
        if let Document::Target(target) = document {
            targets.insert(&target.name, target);
        }
    }
    let targets: Vec<&Target> = targets.into_values().collect();
    let graph = Graph::build(
        targets.iter().copied(),
        index.relations.values().map(|relation| &**relation),
    );
    let of_act = |policy: &Policy, at: usize| changed(policy, at, &targets, &graph);
    let found = declared.iter().flat_map(|one| conflicts(one, &all, of_act));
    found
        .map(|conflict| Detail {
            subject: format!("policy {}", conflict.policy),
            message: format!("{}: {}", conflict.field, conflict.message),
        })
        .collect()
}

/// Returns the targets that an act of a policy may change.
fn changed(policy: &Policy, at: usize, targets: &[&Target], graph: &Graph) -> Vec<TargetName> {
    let Some(on) = policy.act.get(at).map(|act| &act.on) else {
        return Vec::new();
    };
    let everything = Selector::default();
    let selector = on.selector.as_ref().or(policy.for_each.as_ref());
    let selector = selector.unwrap_or(&everything);
    let chosen = targets.iter().filter(|target| selector.matches(target));
    match on.relation {
        None => chosen.map(|target| target.name.clone()).collect(),
        Some(relation) => {
            let sources = chosen.flat_map(|target| sources(graph, &target.name, relation));
            let mut sources: Vec<TargetName> = sources.collect();
            sources.sort_unstable();
            sources.dedup();
            if let Some(from) = &on.from {
                let is_one = |name: &TargetName| {
                    let found = targets.iter().find(|target| target.name == *name);
                    found.is_some_and(|target| from.matches(target))
                };
                sources.retain(is_one);
            }
            sources
        }
    }
}

fn sources(graph: &Graph, target: &TargetName, relation: RelationKind) -> Vec<TargetName> {
    let above = graph.above(target).into_iter();
    above
        .filter(|one| one.relation == relation)
        .map(|one| one.target.clone())
        .collect()
}
