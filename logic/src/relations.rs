//! Relations (feeds, reaches, cools, contains): declared relations, and those that follow from the
//! labels `feed`, `rack` and `room`. Pure.

mod circle;
mod derived;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use utakata_alarm::{Parent, Topology};
use utakata_model::{Relation, RelationKind, Selector, Target, TargetName, relation::Endpoint};

/// The number of a target in the graph.
type Number = u32;

/// The relations between all targets.
#[derive(Debug, Default)]
pub struct Graph {
    names: Vec<TargetName>,
    numbers: HashMap<TargetName, Number>,
    up: BTreeMap<RelationKind, Edges>,
    down: BTreeMap<RelationKind, Edges>,
}

/// The edges from each target.
type Edges = HashMap<Number, Vec<Edge>>;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Edge {
    to: Number,
    outlet: Option<Arc<str>>,
    /// True if it follows from labels.
    derived: bool,
}

/// One relation of a target, from its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour<'g> {
    pub relation: RelationKind,
    pub target: &'g TargetName,
    pub outlet: Option<&'g str>,
    /// True if it follows from labels.
    pub derived: bool,
}

impl Graph {
    /// Builds the graph. Relations with targets that do not exist are left out.
    pub fn build<'a>(
        targets: impl Iterator<Item = &'a Target>,
        relations: impl Iterator<Item = &'a Relation>,
    ) -> Self {
        let targets: Vec<&Target> = targets.collect();
        let places = Places::of(&targets);
        let mut graph = Self {
            names: targets.iter().map(|target| target.name.clone()).collect(),
            ..Self::default()
        };
        for (number, name) in (0..).zip(&graph.names) {
            graph.numbers.insert(name.clone(), number);
        }
        for relation in relations {
            let from = graph.ends(&relation.from, &places);
            let to = graph.ends(&relation.to, &places);
            let outlet: Option<Arc<str>> = relation.from.outlet().map(Arc::from);
            for from in from {
                for to in &to {
                    graph.add(relation.relation, from, *to, outlet.clone(), false);
                }
            }
        }
        for (relation, from, to) in derived::edges(&targets, &places) {
            if !graph.is_declared(relation, to) {
                graph.add(relation, from, to, None, true);
            }
        }
        graph
    }

    fn ends(&self, end: &Endpoint, places: &Places<'_>) -> Vec<Number> {
        match end {
            Endpoint::Target(target) | Endpoint::Outlet { target, .. } => {
                self.numbers.get(target).copied().into_iter().collect()
            }
            Endpoint::Selected(selector) => places.select(&selector.selector()),
        }
    }

    fn add(
        &mut self,
        relation: RelationKind,
        from: Number,
        to: Number,
        outlet: Option<Arc<str>>,
        derived: bool,
    ) {
        // A selector that names a rack also means the switch in it.
        if from == to {
            return;
        }
        let edge = |to, outlet| Edge {
            to,
            outlet,
            derived,
        };
        let up = self.up.entry(relation).or_default().entry(to).or_default();
        let upward = edge(from, outlet.clone());
        if up.contains(&upward) {
            return;
        }
        up.push(upward);
        let down = self.down.entry(relation).or_default();
        down.entry(from).or_default().push(edge(to, outlet));
    }

    /// Returns true if a relation of a target is declared, so that labels say nothing about it.
    fn is_declared(&self, relation: RelationKind, to: Number) -> bool {
        let edges = self.up.get(&relation).and_then(|edges| edges.get(&to));
        edges.is_some_and(|edges| edges.iter().any(|edge| !edge.derived))
    }

    fn name(&self, number: Number) -> Option<&TargetName> {
        self.names.get(usize::try_from(number).ok()?)
    }

    /// Returns what a target depends on directly.
    pub fn above(&self, target: &TargetName) -> Vec<Neighbour<'_>> {
        self.neighbours(&self.up, target)
    }

    /// Returns what depends on a target directly.
    pub fn below(&self, target: &TargetName) -> Vec<Neighbour<'_>> {
        self.neighbours(&self.down, target)
    }

    fn neighbours<'g>(
        &'g self,
        edges: &'g BTreeMap<RelationKind, Edges>,
        target: &TargetName,
    ) -> Vec<Neighbour<'g>> {
        let Some(number) = self.numbers.get(target) else {
            return Vec::new();
        };
        let of_kind = |(relation, edges): (&RelationKind, &'g Edges)| {
            let relation = *relation;
            let found = edges.get(number).into_iter().flatten();
            found.filter_map(move |edge| {
                Some(Neighbour {
                    relation,
                    target: self.name(edge.to)?,
                    outlet: edge.outlet.as_deref(),
                    derived: edge.derived,
                })
            })
        };
        edges.iter().flat_map(of_kind).collect()
    }

    /// Returns a circle of one kind of relation, if there is one: its first and last are the same.
    pub fn circle(&self, relation: RelationKind) -> Option<Vec<TargetName>> {
        let edges = self.down.get(&relation)?;
        let numbers = circle::find(edges, |edge| edge.to)?;
        numbers
            .into_iter()
            .map(|number| self.name(number).cloned())
            .collect()
    }
}

impl Topology for Graph {
    fn parents(&self, target: &TargetName, relation: RelationKind) -> Vec<Parent<'_>> {
        let edges = self.up.get(&relation);
        let edges = edges.zip(self.numbers.get(target));
        let edges = edges.and_then(|(edges, number)| edges.get(number));
        edges
            .into_iter()
            .flatten()
            .filter_map(|edge| {
                Some(Parent {
                    target: self.name(edge.to)?,
                    outlet: edge.outlet.as_deref(),
                })
            })
            .collect()
    }
}

/// Targets by their labels, so that a selector of a place looks at few of them.
struct Places<'a> {
    targets: &'a [&'a Target],
    values: HashMap<(&'a str, &'a str), Vec<Number>>,
}

impl<'a> Places<'a> {
    fn of(targets: &'a [&'a Target]) -> Self {
        let mut values: HashMap<(&str, &str), Vec<Number>> = HashMap::new();
        for (number, target) in (0..).zip(targets) {
            for (key, value) in &target.labels {
                values.entry((key, value)).or_default().push(number);
            }
        }
        Self { targets, values }
    }

    fn select(&self, selector: &Selector) -> Vec<Number> {
        let is_label = |(key, _): &(&str, &str)| !utakata_model::label::RESERVED.contains(key);
        let first = selector.equals().find(is_label);
        let matches = |number: &Number| {
            let target = usize::try_from(*number)
                .ok()
                .and_then(|at| self.targets.get(at));
            target.is_some_and(|target| selector.matches(target))
        };
        match first {
            Some(place) => {
                let found = self.values.get(&place).into_iter().flatten().copied();
                found.filter(matches).collect()
            }
            None => {
                let all = (0..).zip(self.targets).map(|(number, _)| number);
                all.filter(matches).collect()
            }
        }
    }

    /// Returns the targets with a value of a label.
    fn with(&self, key: &'a str, value: &'a str) -> &[Number] {
        self.values.get(&(key, value)).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests;
