//! The cause of an alarm, by the relations of its target.

use std::collections::BTreeSet;

use utakata_model::{AlarmId, RelationKind, TargetName};

/// The relations between targets.
pub trait Topology {
    /// Returns what feeds, reaches, cools or contains a target.
    fn parents(&self, target: &TargetName, relation: RelationKind) -> Vec<Parent<'_>>;
}

/// One end of a relation, seen from the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent<'t> {
    /// The target at that end.
    pub target: &'t TargetName,
    /// Its outlet, if the relation goes through one.
    pub outlet: Option<&'t str>,
}

/// The standing of a target that may be the cause of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// An alarm of it explains what depends on it.
    Down(AlarmId),
    /// It is well: it has answered since.
    Up,
    /// It has not been heard since.
    Unsure,
    /// Nobody watches it.
    Unwatched,
}

/// The explanation of an alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Explanation {
    /// Another alarm explains it.
    Cause(AlarmId),
    /// Nobody knows before these targets are read.
    Ask(BTreeSet<TargetName>),
    /// Nothing explains it.
    None,
}

/// Explains an alarm of a target by what it depends on, nearest first.
///
/// A target with two feeds, or two ways to it, is explained only if both are down. One that nobody
/// watches passes on what it depends on itself. Relations may have any form: the search ends.
pub fn explain(
    because: &[RelationKind],
    topology: &impl Topology,
    target: &TargetName,
    standing: impl Fn(Parent<'_>, RelationKind) -> Standing,
) -> Explanation {
    let mut ask = BTreeSet::new();
    for relation in because {
        let mut search = Search {
            relation: *relation,
            topology,
            standing: &standing,
            visited: BTreeSet::from([target.clone()]),
        };
        match search.above(target) {
            Found::Down(cause) => return Explanation::Cause(cause),
            Found::Unsure(targets) => ask.extend(targets),
            Found::Up => {}
        }
    }
    match ask.is_empty() {
        true => Explanation::None,
        false => Explanation::Ask(ask),
    }
}

struct Search<'s, T, S> {
    relation: RelationKind,
    topology: &'s T,
    standing: &'s S,
    visited: BTreeSet<TargetName>,
}

/// The standing of everything that a target depends on.
enum Found {
    /// All of it is down; the nearest.
    Down(AlarmId),
    /// None of it is known to be well.
    Unsure(BTreeSet<TargetName>),
    /// Something of it is well, or there is nothing.
    Up,
}

impl<T: Topology, S: Fn(Parent<'_>, RelationKind) -> Standing> Search<'_, T, S> {
    fn above(&mut self, target: &TargetName) -> Found {
        let topology = self.topology;
        let mut cause = None;
        let mut unsure = BTreeSet::new();
        for parent in topology.parents(target, self.relation) {
            match (self.standing)(parent, self.relation) {
                Standing::Down(alarm) => {
                    cause.get_or_insert(alarm);
                }
                Standing::Up => return Found::Up,
                Standing::Unsure => {
                    unsure.insert(parent.target.clone());
                }
                Standing::Unwatched => {
                    if !self.visited.insert(parent.target.clone()) {
                        return Found::Up;
                    }
                    match self.above(parent.target) {
                        Found::Down(alarm) => {
                            cause.get_or_insert(alarm);
                        }
                        Found::Unsure(targets) => unsure.extend(targets),
                        Found::Up => return Found::Up,
                    }
                }
            }
        }
        match (cause, unsure.is_empty()) {
            (Some(cause), true) => Found::Down(cause),
            (None, true) => Found::Up,
            (_, false) => Found::Unsure(unsure),
        }
    }
}
