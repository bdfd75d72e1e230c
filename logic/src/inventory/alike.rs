//! Names that differ from others by case only: allowed, and easily mistaken for each other. Pure.

use std::collections::{BTreeMap, BTreeSet};

use utakata_api::{
    apply::{Document, Named},
    problem::Detail,
};

use super::{check::MAX_PROBLEMS, index::Index};

/// Returns a warning for each new thing whose name differs only by case from that of another one of
/// its type, as everything would be after all changes.
pub(super) fn check(documents: &[Document], delete: &[Named], index: &Index) -> Vec<Detail> {
    let of_documents = documents.iter().filter_map(|one| {
        let subject = one.subject();
        let is_new = !index.has(one);
        is_new.then_some(subject)
    });
    let new: BTreeSet<String> = of_documents.collect();
    if new.is_empty() {
        return Vec::new();
    }
    let declared = documents.iter().map(Document::subject);
    let gone: BTreeSet<String> = delete.iter().map(Named::subject).collect();
    let kept = index.subjects().filter(|subject| !gone.contains(subject));
    let folded: BTreeSet<String> = new.iter().map(|one| one.to_ascii_lowercase()).collect();
    let mut others: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for subject in declared.chain(kept) {
        let fold = subject.to_ascii_lowercase();
        if folded.contains(&fold) {
            others.entry(fold).or_default().insert(subject);
        }
    }
    let alike = new.into_iter().filter_map(|subject| {
        let mut others = others.get(&subject.to_ascii_lowercase())?.iter();
        let other = others.find(|other| **other != subject)?;
        let message = format!(
            "its name differs from that of the {other} only by upper and lower case: they are two, \
             and a selector that names one misses the other; choose another name if it is the same"
        );
        Some(Detail { subject, message })
    });
    alike.take(MAX_PROBLEMS).collect()
}
