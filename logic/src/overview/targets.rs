//! Targets by health, and those that fail in groups: pure, and one look at each.

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

use crate::{
    inventory::TargetEntry,
    kinds::KindsSnapshot,
    observe::{Coverage, health},
    observed::{LastSeen, Observed},
};

/// The most groups that are listed.
const MAX_GROUPS: usize = 20;
/// Targets that stand for a group.
const EXAMPLES: usize = 3;
/// Values of a label that are told of a group.
const PLACES: usize = 3;
/// A label says something of a group when one of its values is about the same set of targets:
/// twice those in both, by those in either.
const MIN_LIKENESS: f64 = 0.15;

/// All that targets are looked at with.
pub struct Survey<'a> {
    /// The targets that the schedules read.
    pub coverage: &'a Coverage,
    /// The last observations of them.
    pub observed: &'a Observed,
    /// The kinds that are served, and in which zones.
    pub served: &'a KindsSnapshot,
    pub now: Timestamp,
    /// The time when the logic environment was started.
    pub started: Timestamp,
}

/// The findings.
#[derive(Debug, Default)]
pub struct Targets {
    pub counts: TargetCounts,
    /// Those that fail, the largest group first.
    pub groups: Vec<FailingGroup>,
    /// Targets of groups beyond the most.
    pub left_out: u64,
    /// Targets that no environment of their zone serves.
    pub unserved: BTreeMap<(Kind, Zone), u64>,
    /// The zones that there are targets of.
    pub zones: BTreeSet<Zone>,
    /// Targets that answer, but not as they should: some of them.
    pub short: Short,
}

/// Targets that answer, and are not read as a whole: three of each.
#[derive(Debug, Clone, Default)]
pub struct Short {
    /// Those that lack a part, and what one of them lacks.
    pub partial: Vec<(TargetName, Option<Problem>)>,
    /// Those that nothing was understood of, and what one of them is.
    pub strange: Vec<(TargetName, Option<Problem>)>,
}

/// The reason why targets are in a group.
type Key<'a> = (&'a Kind, Health, Arc<str>);

impl Survey<'_> {
    /// Looks at all of them.
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
            FailingGroup {
                kind: kind.clone(),
                health,
                code: code.to_string(),
                count: members.len() as u64,
                of: kinds.get(kind).copied().unwrap_or_default(),
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

    /// Returns the health of a target, and the code under which it fails.
    fn health(&self, known: &TargetEntry) -> (Health, Option<Arc<str>>) {
        let covers = self.coverage.of(&known.target.name);
        self.observed.look(known.device, |seen| {
            let health = health(seen, covers, self.now, self.started);
            let code = match health {
                Health::Failing => seen.cause().map(|problem| Arc::clone(&problem.code)),
                Health::Stale => Some("stale".into()),
                // It answers: that is told as worth knowing, and is no group of what fails.
                Health::Partial | Health::NotUnderstood => None,
                Health::Answering | Health::Unobserved | Health::Unseen => None,
            };
            (health, code)
        })
    }

    /// Returns the problem of a target, in words.
    fn says(&self, known: Option<&&TargetEntry>) -> String {
        let cause = |known: &&TargetEntry| {
            let cause = |seen: &LastSeen| seen.cause().map(|problem| problem.message.to_string());
            self.observed.look(known.device, cause)
        };
        let silent = || "no answer for longer than its schedules allow".into();
        known.and_then(cause).unwrap_or_else(silent)
    }
}

/// The number of targets that have each value of each label.
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

    /// The values of one label that tell best where the members of a group are, and how many
    /// more values of it they have.
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
                // What all targets have in common says nothing.
                if everywhere == self.all || *count < 2 {
                    continue;
                }
                let likeness = 2.0 * *count as f64 / (everywhere as f64 + size);
                if likeness >= MIN_LIKENESS && best.is_none_or(|(most, _)| likeness > most) {
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

/// The labels of a target, and its zone.
fn pairs(target: &Target) -> impl Iterator<Item = (&str, &str)> {
    let labels = target.labels.iter();
    let labels = labels.map(|(label, value)| (label.as_str(), value.as_str()));
    labels.chain([("zone", target.zone.as_str())])
}

#[cfg(test)]
mod tests;
