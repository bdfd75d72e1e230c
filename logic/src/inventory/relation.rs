//! Relations of documents, which form no circle. Pure.

use std::collections::BTreeSet;

use utakata_api::{
    apply::{Document, Named},
    problem::Detail,
};
use utakata_model::{Relation, RelationKey, RelationKind, Target, TargetName};

use super::index::Index;
use crate::relations::Graph;

/// Returns a circle of each kind of relation that there would be after all changes.
pub(super) fn check(documents: &[Document], delete: &[Named], index: &Index) -> Vec<Detail> {
    let declared: Vec<&Relation> = documents
        .iter()
        .filter_map(|document| match document {
            Document::Relation(relation) => Some(relation),
            _ => None,
        })
        .collect();
    if declared.is_empty() {
        return Vec::new();
    }
    let graph = graph(documents, delete, &declared, index);
    let circle = |kind: &RelationKind| {
        let names = graph.circle(*kind)?;
        let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        let (verb, names) = (kind.as_str(), names.join(&format!(" {} ", kind.as_str())));
        Some(Detail {
            subject: format!("relation {verb}"),
            message: format!(
                "it goes in a circle: {names}. A selector that means too much can be narrowed: \
                 rack=A1,kind!=apc-pdu"
            ),
        })
    };
    RelationKind::ALL.iter().filter_map(circle).collect()
}

fn graph(documents: &[Document], delete: &[Named], declared: &[&Relation], index: &Index) -> Graph {
    let gone: BTreeSet<&RelationKey> = delete
        .iter()
        .filter_map(|one| match one {
            Named::Relation(key) => Some(key),
            _ => None,
        })
        .collect();
    let mut targets: std::collections::BTreeMap<&TargetName, &Target> = index
        .targets
        .iter()
        .map(|(name, known)| (name, &*known.target))
        .collect();
    for document in documents {
        if let Document::Target(target) = document {
            targets.insert(&target.name, target);
        }
    }
    let there = index.relations.iter();
    let there = there
        .filter(|(key, _)| !gone.contains(*key))
        .map(|(_, relation)| &**relation);
    Graph::build(targets.into_values(), there.chain(declared.iter().copied()))
}
