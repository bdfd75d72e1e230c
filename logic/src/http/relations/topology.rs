//! The topology around a target.

use std::collections::{BTreeSet, VecDeque};

use utakata_api::{
    alarm::AlarmView,
    relation::{Topology, TopologyEdge, TopologyNode},
};
use utakata_model::{ReadingValue, TargetName};

use crate::{
    http::Api,
    observe::health,
    relations::{Graph, Neighbour},
};

/// The largest number of targets in an answer.
const MAX_NODES: usize = 200;
/// The labels that name the places of a target, the nearest first.
const PLACES: [&str; 3] = ["rack", "row", "room"];
/// The metric of the state of an outlet.
const OUTLET_STATE: &str = "utakata.outlet.state";

pub(super) fn around(api: &Api, target: TargetName) -> Topology {
    let graph = api.handle.inventory().graph();
    let mut found = Found {
        api,
        nodes: vec![target.clone()],
        known: BTreeSet::from([target.clone()]),
        edges: Vec::new(),
        more: false,
    };
    let mut open = VecDeque::from([target.clone()]);
    while let Some(at) = open.pop_front() {
        for above in graph.above(&at) {
            found.edge(&above, above.target, &at);
            if found.add(above.target) {
                open.push_back(above.target.clone());
            }
        }
    }
    below(&graph, &target, &mut found);
    Topology {
        nodes: found.nodes.iter().map(|name| node(api, name)).collect(),
        edges: found.edges,
        more: found.more,
        around: target,
    }
}

fn below(graph: &Graph, target: &TargetName, found: &mut Found<'_>) {
    for below in graph.below(target) {
        let is_new = found.add(below.target);
        if is_new || found.known.contains(below.target) {
            found.edge(&below, target, below.target);
        }
    }
}

struct Found<'a> {
    api: &'a Api,
    nodes: Vec<TargetName>,
    known: BTreeSet<TargetName>,
    edges: Vec<TopologyEdge>,
    more: bool,
}

impl Found<'_> {
    /// Adds a target. Returns true if it is new and there is room for it.
    fn add(&mut self, target: &TargetName) -> bool {
        if self.known.contains(target) {
            return false;
        }
        if self.nodes.len() >= MAX_NODES {
            self.more = true;
            return false;
        }
        self.known.insert(target.clone());
        self.nodes.push(target.clone());
        true
    }

    fn edge(&mut self, neighbour: &Neighbour<'_>, from: &TargetName, to: &TargetName) {
        self.edges.push(TopologyEdge {
            relation: neighbour.relation,
            from: from.clone(),
            to: to.clone(),
            outlet: neighbour.outlet.map(str::to_owned),
            outlet_state: neighbour
                .outlet
                .and_then(|outlet| state(self.api, from, outlet)),
            derived: neighbour.derived,
        });
    }
}

/// Returns the state of an outlet, if it was read.
fn state(api: &Api, target: &TargetName, outlet: &str) -> Option<String> {
    let entry = api.handle.inventory().find(target)?;
    api.handle.observed().look(entry.device, |seen| {
        let readings = seen.actions.iter().flat_map(|action| &action.last.readings);
        let mut readings = readings.filter(|reading| {
            let is_outlet = reading
                .attributes
                .get("outlet")
                .is_some_and(|one| **one == *outlet);
            reading.metric.as_str() == OUTLET_STATE && is_outlet
        });
        match &readings.next()?.value {
            ReadingValue::Text(state) => Some(state.to_string()),
            ReadingValue::Number(_) => None,
        }
    })
}

fn node(api: &Api, name: &TargetName) -> TopologyNode {
    let entry = api.handle.inventory().find(name);
    let coverage = api.handle.observe().coverage();
    let (now, started) = (crate::clock::now(), api.handle.started());
    let seen = entry.as_ref().map(|entry| {
        api.handle.observed().look(entry.device, |seen| {
            let health = health(seen, coverage.of(name), now, started);
            (
                health,
                seen.cause().map(|problem| problem.message.to_string()),
            )
        })
    });
    let (health, problem) = match seen {
        Some(seen) => seen,
        None => (utakata_api::inventory::Health::Unobserved, None),
    };
    let labels = entry
        .map(|entry| entry.target.labels.clone())
        .unwrap_or_default();
    let place = |key: &&str| labels.get(*key).map(|value| format!("{key} {value}"));
    let alarms = api.handle.alarms().look(|shown| shown.of(name));
    let mut alarms: Vec<AlarmView> = alarms
        .iter()
        .filter(|alarm| alarm.active)
        .map(|alarm| AlarmView::clone(alarm))
        .collect();
    alarms.sort_by_key(crate::alarms::order);
    TopologyNode {
        target: name.clone(),
        health,
        problem,
        places: PLACES.iter().filter_map(place).collect(),
        alarms,
    }
}
