//! Targets by health, and groups of failing ones. Pure, with one look at each target.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use jiff::Timestamp;
use utakata_api::{
    inventory::Health,
    overview::{FailingGroup, FailingPlace, TargetCounts},
};
use utakata_model::{Kind, Problem, Target, TargetName, Zone};

use super::readers::Readers;
use crate::{
    inventory::TargetEntry,
    kinds::KindsSnapshot,
    observe::{Coverage, health},
    observed::{LastSeen, Observed},
};

/// The largest number of groups that are listed.
const MAX_GROUPS: usize = 20;
/// The number of targets that represent a group.
const EXAMPLES: usize = 3;
/// The number of values of a label that are listed for a group.
const PLACES: usize = 3;
/// The similarity from which a label describes a group, if one of its values covers about the same
/// set of targets: twice those in both, divided by those in either.
const MIN_LIKENESS: f64 = 0.15;

/// Everything by which targets are judged.
pub struct Survey<'a> {
    /// The targets that the schedules read.
    pub coverage: &'a Coverage,
    /// The latest observations of the targets.
    pub observed: &'a Observed,
    /// The kinds that are served, and their zones.
    pub served: &'a KindsSnapshot,
    /// The kinds that somebody reads now, and the zones.
    pub readers: &'a Readers,
    pub now: Timestamp,
    /// The time at which the logic environment was started.
    pub started: Timestamp,
}

/// The findings about targets.
#[derive(Debug, Default)]
pub struct Targets {
    pub counts: TargetCounts,
    /// The failing targets, the largest group first.
    pub groups: Vec<FailingGroup>,
    /// The number of targets in groups beyond the limit.
    pub left_out: u64,
    /// The targets that no environment of their zone serves.
    pub unserved: BTreeMap<(Kind, Zone), u64>,
    /// The zones that have targets.
    pub zones: BTreeSet<Zone>,
    /// Some of the targets that answer, but not as they should.
    pub short: Short,
}

/// Three targets of each sort that answer incompletely.
#[derive(Debug, Clone, Default)]
pub struct Short {
    /// Targets with a part missing, and the description of one.
    pub partial: Vec<(TargetName, Option<Problem>)>,
    /// Targets of which nothing was understood, and the description of one.
    pub strange: Vec<(TargetName, Option<Problem>)>,
}

/// The reason why targets are in a group.
type Key<'a> = (&'a Kind, Health, Arc<str>);

impl Survey<'_> {
    /// Looks at all targets.
    pub fn at(&self, all: &[Arc<TargetEntry>]) -> Targets {
        let mut found = Targets::default();
        let mut kinds: HashMap<&Kind, u64> = HashMap::new();
        let mut groups: HashMap<Key<'_>, Vec<&TargetEntry>> = HashMap::new();
        for known in all {
            let target = &known.target;
            let (health, code) = self.health(known);
            found.counts.count(health);
            let short = match health {
                Health::Partial => Some(&mut found.short.partial),
                Health::NotUnderstood => Some(&mut found.short.strange),
                _ => None,
            };
            if let Some(short) = short.filter(|short| short.len() < EXAMPLES) {
                let shortcoming = self.observed.look(known.device, LastSeen::shortcoming);
                short.push((target.name.clone(), shortcoming));
            }
            *kinds.entry(&target.kind).or_default() += 1;
            if !found.zones.contains(&target.zone) {
                found.zones.insert(target.zone.clone());
            }
            if self.served.get(&target.kind, &target.zone).is_none() {
                let place = (target.kind.clone(), target.zone.clone());
                *found.unserved.entry(place).or_default() += 1;
            }
            if let Some(code) = code {
                let key = (&target.kind, health, code);
                groups.entry(key).or_default().push(known);
            }
        }
        let mut groups: Vec<(Key<'_>, Vec<&TargetEntry>)> = groups.into_iter().collect();
        groups.sort_by(|(a, of_a), (b, of_b)| {
            (Reverse(of_a.len()), a).cmp(&(Reverse(of_b.len()), b))
        });
        let rest = groups.split_off(groups.len().min(MAX_GROUPS));
        found.left_out = rest.iter().map(|(_, members)| members.len() as u64).sum();
        let labels = Labels::of(if groups.is_empty() { &[] } else { all });
        let group = |((kind, health, code), members): (Key<'_>, Vec<&TargetEntry>)| {
            let (places, more_places) = labels.places(&members);
            let of = kinds.get(kind).copied();
            let of = utakata_invariant::present(of, "targets of a kind without a count", kind);
            FailingGroup {
                kind: kind.clone(),
                health,
                code: code.to_string(),
                count: members.len() as u64,
                of: of.unwrap_or_default(),
                says: self.says(members.first()),
                places,
                more_places,
                examples: members
                    .iter()
                    .take(EXAMPLES)
                    .map(|known| known.target.name.clone())
                    .collect(),
            }
        };
        found.groups = groups.into_iter().map(group).collect();
        found
    }

    /// Returns the health of a target, and the code with which it fails.
    fn health(&self, known: &TargetEntry) -> (Health, Option<Arc<str>>) {
        let covers = self.coverage.of(&known.target.name);
        self.observed.look(known.device, |seen| {
            let health = health(seen, covers, self.now, self.started);
            let code = match health {
                Health::Failing => seen.cause().map(|problem| Arc::clone(&problem.code)),
                // Nobody asked it: that is not its fault, and is reported once.
                Health::Stale if !self.readers.read(&known.target) => None,
                Health::Stale => Some("stale".into()),
                // It answers: that is a notice, and not part of a failing group.
                Health::Partial | Health::NotUnderstood => None,
                Health::Answering | Health::Unobserved | Health::Unseen => None,
            };
            (health, code)
        })
    }

    /// Describes the problem of a target.
    fn says(&self, known: Option<&&TargetEntry>) -> String {
        let cause = |known: &&TargetEntry| {
            let cause = |seen: &LastSeen| seen.cause().map(|problem| problem.message.to_string());
            self.observed.look(known.device, cause)
        };
        let silent = || "not heard for longer than its schedules allow".into();
        known.and_then(cause).unwrap_or_else(silent)
    }
}

/// The number of targets with each value of each label.
struct Labels<'a> {
    counts: HashMap<(&'a str, &'a str), u64>,
    all: u64,
}

impl<'a> Labels<'a> {
    fn of(all: &'a [Arc<TargetEntry>]) -> Self {
        let mut counts = HashMap::new();
        for known in all {
            for pair in pairs(&known.target) {
                *counts.entry(pair).or_default() += 1;
            }
        }
        let all = all.len() as u64;
        Self { counts, all }
    }

    /// Returns the values of the label that best describes where the members of a group are, and
    /// the number of further values.
    fn places(&self, members: &[&TargetEntry]) -> (Vec<FailingPlace>, u64) {
        if members.len() < 2 {
            return (Vec::new(), 0);
        }
        let mut here: BTreeMap<&str, HashMap<&str, u64>> = BTreeMap::new();
        for known in members {
            for (label, value) in pairs(&known.target) {
                *here.entry(label).or_default().entry(value).or_default() += 1;
            }
        }
        let size = members.len() as f64;
        let mut best: Option<(f64, &str)> = None;
        for (label, values) in &here {
            for (value, count) in values {
                let everywhere = self.counts.get(&(*label, *value)).copied();
                let everywhere = everywhere.unwrap_or(*count);
                // Something that all targets have in common says nothing.
                if everywhere == self.all || *count < 2 {
                    continue;
                }
                let likeness = 2.0 * *count as f64 / (everywhere as f64 + size);
                if likeness >= MIN_LIKENESS && best.is_none_or(|(max, _)| likeness > max) {
                    best = Some((likeness, label));
                }
            }
        }
        let Some((_, label)) = best else {
            return (Vec::new(), 0);
        };
        let mut values: Vec<(&str, u64)> = here.remove(label).into_iter().flatten().collect();
        values.sort_by_key(|(value, count)| (Reverse(*count), *value));
        let more = values.len().saturating_sub(PLACES) as u64;
        let place = |(value, count): (&str, u64)| FailingPlace {
            label: label.to_owned(),
            value: value.to_owned(),
            count,
            of: self.counts.get(&(label, value)).copied().unwrap_or(count),
        };
        (values.into_iter().take(PLACES).map(place).collect(), more)
    }
}

/// Returns the labels of a target, and its zone.
fn pairs(target: &Target) -> impl Iterator<Item = (&str, &str)> {
    let labels = target.labels.iter();
    let labels = labels.map(|(label, value)| (label.as_str(), value.as_str()));
    labels.chain([("zone", target.zone.as_str())])
}

#[cfg(test)]
mod tests;
