//! Pruning: the selected targets that no document mentions.

use anyhow::{Result, bail};
use utakata_api::{
    Client,
    apply::{Document, Named},
};
use utakata_model::{Selector, TargetName};

use crate::exit::Usage;

/// Returns the targets of a selector that the documents do not contain.
pub async fn unnamed(
    client: &Client,
    selector: &Selector,
    documents: &[Document],
) -> Result<Vec<TargetName>> {
    if selector.is_everything() {
        bail!(Usage(
            "--prune needs a selector for the targets that the files list completely: --prune -l \
             room=north"
                .into()
        ));
    }
    let there = client.targets(selector).await?;
    let named: std::collections::BTreeSet<&TargetName> = documents
        .iter()
        .filter_map(|document| match document {
            Document::Target(target) => Some(&target.name),
            _ => None,
        })
        .collect();
    let names = there.into_iter().map(|view| view.target.name);
    Ok(names.filter(|name| !named.contains(name)).collect())
}

/// Returns the names as deletions.
pub fn targets(names: &[TargetName]) -> Vec<Named> {
    names.iter().cloned().map(Named::Target).collect()
}
