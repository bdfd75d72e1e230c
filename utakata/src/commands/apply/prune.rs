//! Pruning: what the server has and no document mentions.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use clap::ValueEnum;
use utakata_api::{
    Client,
    apply::{Document, Named},
};
use utakata_model::Selector;

use crate::exit::Usage;

/// A type of things to prune.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Targets of --selector
    Targets,
    /// All relations of this site
    Relations,
    /// All alarm rules of this site; shipped ones of their names are in force again
    AlarmRules,
    /// All floors of this site
    Floors,
}

/// Returns everything of these types that the documents do not contain.
pub async fn unnamed(
    client: &Client,
    what: &[What],
    selector: Option<&Selector>,
    documents: &[Document],
) -> Result<Vec<Named>> {
    let mut there = Vec::new();
    if what.contains(&What::Targets) {
        let found = client.targets(meant(selector)?).await?;
        there.extend(
            found
                .into_iter()
                .map(|view| Named::Target(view.target.name)),
        );
    } else if selector.is_some() {
        bail!(Usage(
            "--selector goes with targets: --prune, or --prune=targets,relations".into()
        ));
    }
    if what.contains(&What::Relations) {
        let found = client.relations().await?;
        there.extend(
            found
                .iter()
                .map(|view| Named::Relation(view.relation.key())),
        );
    }
    if what.contains(&What::AlarmRules) {
        let found = client.alarm_rules().await?.into_iter();
        let of_site = found.filter(|view| !view.shipped);
        there.extend(of_site.map(|view| Named::Alarm(view.rule.name)));
    }
    if what.contains(&What::Floors) {
        let found = client.floors().await?.into_iter();
        there.extend(found.map(|floor| Named::Floor(floor.name)));
    }
    Ok(without(there, documents))
}

fn meant(selector: Option<&Selector>) -> Result<&Selector> {
    match selector.filter(|selector| !selector.is_everything()) {
        Some(selector) => Ok(selector),
        None => bail!(Usage(
            "--prune needs a selector for the targets that the files list completely: --prune -l \
             room=north"
                .into()
        )),
    }
}

fn without(there: Vec<Named>, documents: &[Document]) -> Vec<Named> {
    let named: BTreeSet<Named> = documents.iter().map(Named::from).collect();
    let is_gone = |one: &Named| !named.contains(one);
    there.into_iter().filter(is_gone).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_document_mentions_stays() {
        let document = |value| -> Document { serde_json::from_value(value).unwrap() };
        let documents = [
            document(json!({ "type": "alarm", "name": "x", "on": { "silence": 3 } })),
            document(json!({
                "type": "relation", "relation": "feeds", "from": "pdu-1", "to": "bmc-1",
            })),
        ];
        let relation = |to: &str| {
            let relation = json!({
                "type": "relation", "relation": "feeds", "from": "pdu-1", "to": to,
            });
            Named::from(&document(relation))
        };
        let there = vec![
            Named::Alarm("x".parse().unwrap()),
            Named::Alarm("y".parse().unwrap()),
            // A target of that name is another thing.
            Named::Target("x".parse().unwrap()),
            relation("bmc-1"),
            relation("bmc-2"),
        ];
        let gone: Vec<String> = without(there, &documents)
            .iter()
            .map(Named::subject)
            .collect();
        assert_eq!(gone, ["alarm y", "target x", "relation feeds pdu-1 bmc-2"]);
    }
}
