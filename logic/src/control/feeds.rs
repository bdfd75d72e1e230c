//! The targets that an operation leaves without power: those all of whose feeds it touches, directly
//! or by what is fed by them. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;
use utakata_model::{RelationKind, TargetName};

use crate::relations::{Graph, Neighbour};

/// The parameter that names an outlet, which relations name, too.
const OUTLET: &str = "outlet";

/// A target that loses every feed that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpowered {
    pub target: TargetName,
    pub feeds: Vec<TargetName>,
    /// True if one of its feeds is known by labels alone.
    pub is_derived: bool,
}

impl Unpowered {
    /// Returns true for the slip that nobody may make unawares: every feed of something that has
    /// several, of which people know because they have declared them.
    pub fn is_refused(&self) -> bool {
        self.feeds.len() > 1 && !self.is_derived
    }
}

/// Returns the outlet that parameters name, as relations name it.
pub fn outlet(parameters: &Value) -> Option<String> {
    match parameters.get(OUTLET)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Finds the targets that lose every feed if these targets, or an outlet of each, feed nothing.
pub fn unpowered(
    graph: &Graph,
    touched: &BTreeSet<&TargetName>,
    outlet: Option<&str>,
) -> Vec<Unpowered> {
    let mut lost: BTreeMap<&TargetName, Unpowered> = BTreeMap::new();
    let is_outlet = |feed: &Neighbour<'_>| match (outlet, feed.outlet) {
        (Some(touched), Some(of)) => touched == of,
        _ => true,
    };
    let mut queue: VecDeque<&TargetName> = touched.iter().copied().collect();
    while let Some(from) = queue.pop_front() {
        for fed in feeds(graph.below(from)) {
            if touched.contains(fed.target) || lost.contains_key(fed.target) {
                continue;
            }
            let above: Vec<Neighbour<'_>> = feeds(graph.above(fed.target)).collect();
            let is_lost = |feed: &Neighbour<'_>| {
                lost.contains_key(feed.target) || (touched.contains(feed.target) && is_outlet(feed))
            };
            if above.iter().all(is_lost) {
                let unpowered = Unpowered {
                    target: fed.target.clone(),
                    feeds: names(&above),
                    is_derived: above.iter().any(|feed| feed.derived),
                };
                lost.insert(fed.target, unpowered);
                queue.push_back(fed.target);
            }
        }
    }
    lost.into_values().collect()
}

fn feeds(neighbours: Vec<Neighbour<'_>>) -> impl Iterator<Item = Neighbour<'_>> {
    neighbours
        .into_iter()
        .filter(|one| one.relation == RelationKind::Feeds)
}

/// Returns the names of feeds, each once: two outlets of one PDU are two relations.
fn names(feeds: &[Neighbour<'_>]) -> Vec<TargetName> {
    let names: BTreeSet<&TargetName> = feeds.iter().map(|feed| feed.target).collect();
    names.into_iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use utakata_model::{Relation, Target};

    use super::*;

    fn graph(targets: &[&str], relations: &[(Value, &str)]) -> Graph {
        let target = |name: &&str| {
            let (name, rack) = name.split_once('@').unwrap_or((name, ""));
            let kind = if name.starts_with("pdu") {
                "apc-pdu"
            } else {
                "snmp"
            };
            let mut target = Target::new(name.parse().unwrap(), kind.parse().unwrap(), "a".into());
            if !rack.is_empty() {
                target.labels.insert("rack".into(), rack.into());
            }
            target
        };
        let targets: Vec<Target> = targets.iter().map(target).collect();
        let relation = |(from, to): &(Value, &str)| -> Relation {
            let relation = json!({ "relation": "feeds", "from": from, "to": to });
            serde_json::from_value(relation).unwrap()
        };
        let relations: Vec<Relation> = relations.iter().map(relation).collect();
        Graph::build(targets.iter(), relations.iter())
    }

    fn found(graph: &Graph, touched: &[&str], outlet: Option<&str>) -> Vec<(String, usize, bool)> {
        let touched: Vec<TargetName> = touched.iter().map(|name| name.parse().unwrap()).collect();
        let touched = touched.iter().collect();
        let found = unpowered(graph, &touched, outlet).into_iter();
        found
            .map(|one| (one.target.to_string(), one.feeds.len(), one.is_refused()))
            .collect()
    }

    #[test]
    fn a_machine_is_without_power_once_every_feed_of_it_is_touched() {
        let of = |target: &str, outlet: &str| json!({ "target": target, "outlet": outlet });
        let site = graph(
            &["ups-a", "ups-b", "pdu-a", "pdu-b", "srv-1", "srv-2"],
            &[
                ("ups-a".into(), "pdu-a"),
                ("ups-b".into(), "pdu-b"),
                (of("pdu-a", "3"), "srv-1"),
                (of("pdu-b", "3"), "srv-1"),
                (of("pdu-a", "4"), "srv-2"),
            ],
        );
        let one = |name: &str, feeds, is_refused| (name.to_owned(), feeds, is_refused);
        for (touched, outlet, expect) in [
            (&["pdu-a"][..], None, vec![one("srv-2", 1, false)]),
            (&["pdu-a"], Some("3"), vec![]),
            (&["pdu-a", "pdu-b"], Some("3"), vec![one("srv-1", 2, true)]),
            (&["pdu-a", "pdu-b"], Some("4"), vec![one("srv-2", 1, false)]),
            (
                &["pdu-a", "pdu-b"],
                None,
                vec![one("srv-1", 2, true), one("srv-2", 1, false)],
            ),
            (
                &["ups-a"],
                None,
                vec![one("pdu-a", 1, false), one("srv-2", 1, false)],
            ),
            (
                &["ups-a", "pdu-b"],
                None,
                vec![
                    one("pdu-a", 1, false),
                    one("srv-1", 2, true),
                    one("srv-2", 1, false),
                ],
            ),
            (&["srv-1", "nobody"], None, vec![]),
        ] {
            assert_eq!(
                found(&site, touched, outlet),
                expect,
                "{touched:?} {outlet:?}"
            );
        }
    }

    #[test]
    fn what_labels_alone_say_is_told_and_not_refused() {
        let site = graph(&["pdu-a@A1", "pdu-b@A1", "srv-1@A1"], &[]);
        let expect = [("srv-1".to_owned(), 2, false)];
        assert_eq!(found(&site, &["pdu-a", "pdu-b"], Some("3")), expect);
        assert_eq!(found(&site, &["pdu-a"], None), []);
    }

    #[test]
    fn an_outlet_is_named_by_a_number_or_a_text() {
        for (parameters, expect) in [
            (json!({ "outlet": 3 }), Some("3")),
            (json!({ "outlet": "B7" }), Some("B7")),
            (json!({ "outlet": [3] }), None),
            (json!({}), None),
        ] {
            assert_eq!(outlet(&parameters).as_deref(), expect);
        }
    }
}
