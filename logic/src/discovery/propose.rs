//! Proposals: sightings of the same thing put together, and compared with the targets. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use utakata_api::discovery::ProposalState;
use utakata_model::{Identifier, Kind, Target, TargetName, hash::fnv1a_64};

use super::{naming, sighting::Sighting};

/// The rest of the world that proposals depend on.
pub struct Surroundings<'a> {
    pub targets: Vec<&'a Target>,
    /// Returns the kinds whose targets are at the same addresses as those of a kind: all that speak
    /// the same protocol.
    pub relatives: &'a dyn Fn(&Sighting) -> Vec<Kind>,
    /// Returns the time at which a target last answered.
    pub answered: &'a dyn Fn(&TargetName) -> Option<Timestamp>,
    /// Returns the rank of a kind among the ways in to one thing, the least first.
    pub rank: &'a dyn Fn(&Sighting) -> usize,
}

/// Something that was found, with its ways in.
#[derive(Debug)]
pub struct Proposal {
    pub id: String,
    pub state: ProposalState,
    pub name: TargetName,
    pub ways: Vec<Way>,
    /// The target that it is, or that it concerns.
    pub target: Option<TargetName>,
    /// The address or identifier that the target had.
    pub was: Option<String>,
    /// The addresses of others with the same identifier.
    pub alike: Vec<String>,
}

/// A way in.
#[derive(Debug, Clone)]
pub struct Way {
    pub sighting: Sighting,
    /// The target with its address.
    pub target: Option<TargetName>,
    /// The things seen there before, as long as nobody has decided what to think of it.
    pub before: Vec<Sighting>,
}

impl Proposal {
    /// Returns the identifiers of the thing, the best first.
    pub fn identifiers(&self) -> Vec<Identifier> {
        let mut all = Vec::new();
        for way in &self.ways {
            for one in &way.sighting.found.identifiers {
                if !all.contains(one) {
                    all.push(one.clone());
                }
            }
        }
        all
    }
}

/// Returns the targets at the place of a sighting.
pub fn target_at<'a>(
    sighting: &Sighting,
    targets: &[&'a Target],
    relatives: &[Kind],
) -> Option<&'a Target> {
    let found = &sighting.found;
    let forms = found.also.iter().chain([&found.address]);
    let forms: HashSet<String> = forms.map(|text| plain(text)).collect();
    let is_it = |target: &&&Target| {
        target.zone == sighting.zone
            && (target.kind == sighting.kind || relatives.contains(&target.kind))
            && forms.contains(&plain(&target.address))
    };
    targets.iter().find(is_it).copied()
}

/// Returns an address in the form in which two of one place are equal.
fn plain(address: &str) -> String {
    address.trim().trim_end_matches('/').to_lowercase()
}

/// Makes proposals of all sightings.
pub fn propose(kept: &[Sighting], around: &Surroundings<'_>) -> Vec<Proposal> {
    let ways = ways(kept, around);
    let Groups {
        groups,
        alike,
        left,
    } = groups(&ways);
    let mut taken: BTreeSet<String> = around
        .targets
        .iter()
        .map(|target| target.name.as_str().to_lowercase())
        .collect();
    let owners = owners(&ways);
    let mut proposals = Vec::new();
    let is_gone = |at: &usize| left.contains(at) && ways[*at].target.is_none();
    for group in groups {
        // It is elsewhere now, and nobody's target there.
        if group.iter().all(is_gone) {
            continue;
        }
        let alike = group.iter().flat_map(|at| &alike[*at]);
        let mut alike: BTreeSet<String> = alike.cloned().collect();
        let mut own: Vec<Way> = group.iter().map(|at| ways[*at].clone()).collect();
        own.sort_by_key(|way| (around.rank)(&way.sighting));
        let Judgement {
            state,
            target,
            was,
            twin,
        } = judge(&own, &owners, around);
        alike.extend(twin);
        let sightings: Vec<&Sighting> = own.iter().map(|way| &way.sighting).collect();
        let name = match &target {
            Some(target) => Some(target.clone()),
            None => naming::propose(&sightings, |name| taken.contains(name)),
        };
        let Some(name) = name else { continue };
        taken.insert(name.as_str().to_lowercase());
        proposals.push(Proposal {
            id: id(&sightings),
            state,
            name,
            target,
            was,
            alike: alike.into_iter().collect(),
            ways: own,
        });
    }
    proposals
}

/// The present occupants of all places, in a fixed order.
fn ways(kept: &[Sighting], around: &Surroundings<'_>) -> Vec<Way> {
    let mut places: BTreeMap<(&str, &str, &str), Vec<&Sighting>> = BTreeMap::new();
    for one in kept {
        let place = (
            one.zone.as_str(),
            one.found.address.as_str(),
            one.kind.as_str(),
        );
        places.entry(place).or_default().push(one);
    }
    let ways = places.into_values().filter_map(|mut all| {
        all.sort_by_key(|one| (one.last, one.first));
        let sighting = all.pop()?.clone();
        let relatives = (around.relatives)(&sighting);
        let target = target_at(&sighting, &around.targets, &relatives);
        Some(Way {
            target: target.map(|target| target.name.clone()),
            before: all.into_iter().cloned().collect(),
            sighting,
        })
    });
    ways.collect()
}

/// The ways in to the same things.
struct Groups {
    groups: Vec<Vec<usize>>,
    /// For each way, the addresses of others with the same identifier.
    alike: Vec<BTreeSet<String>>,
    /// The ways whose thing was found elsewhere since.
    left: BTreeSet<usize>,
}

/// Puts ways together whose things share an identifier. One that two things of the same kind have
/// at the same time proves nothing: both stay apart, and each has the address of the other among
/// those alike.
fn groups(ways: &[Way]) -> Groups {
    let mut by_identifier: BTreeMap<(&str, &Identifier), Vec<usize>> = BTreeMap::new();
    for (at, way) in ways.iter().enumerate() {
        for one in &way.sighting.found.identifiers {
            let key = (way.sighting.zone.as_str(), one);
            by_identifier.entry(key).or_default().push(at);
        }
    }
    let mut group_of: Vec<usize> = (0..ways.len()).collect();
    let mut alike = vec![BTreeSet::new(); ways.len()];
    let mut left = BTreeSet::new();
    for all in by_identifier.into_values() {
        let has_left = |at: &usize| {
            let one = &ways[*at].sighting;
            let mut others = all.iter().map(|other| &ways[*other].sighting);
            others.any(|other| other.kind == one.kind && one.last < other.first)
        };
        let (gone, members): (Vec<usize>, Vec<usize>) = all.iter().partition(|at| has_left(at));
        left.extend(gone);
        let kinds: HashSet<&Kind> = members.iter().map(|at| &ways[*at].sighting.kind).collect();
        if kinds.len() == members.len() {
            let first = members.iter().map(|at| group_of[*at]).min();
            let joined: HashSet<usize> = members.iter().map(|at| group_of[*at]).collect();
            for group in group_of.iter_mut().filter(|group| joined.contains(group)) {
                *group = first.unwrap_or(*group);
            }
            continue;
        }
        for at in &members {
            let others = members.iter().filter(|other| {
                *other != at && ways[**other].sighting.kind == ways[*at].sighting.kind
            });
            let addresses = others.map(|other| ways[*other].sighting.found.address.clone());
            alike[*at].extend(addresses);
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, group) in group_of.into_iter().enumerate() {
        groups.entry(group).or_default().push(at);
    }
    Groups {
        groups: groups.into_values().collect(),
        alike,
        left,
    }
}

/// The thing that a target is, as it was found last before anybody doubted it.
struct Owner {
    target: TargetName,
    last: Timestamp,
}

/// The targets by what identifies their things, with the kind by which they were found.
fn owners(ways: &[Way]) -> HashMap<(Kind, Identifier), Owner> {
    let mut owners = HashMap::new();
    for way in ways {
        let Some(target) = &way.target else { continue };
        let thing = way.before.first().unwrap_or(&way.sighting);
        for one in &thing.found.identifiers {
            let owner = Owner {
                target: target.clone(),
                last: thing.last,
            };
            owners.insert((thing.kind.clone(), one.clone()), owner);
        }
    }
    owners
}

/// The relation of a thing to the targets.
struct Judgement {
    state: ProposalState,
    target: Option<TargetName>,
    was: Option<String>,
    /// The address of a target whose thing has the same identifier, and is still there.
    twin: Option<String>,
}

impl Judgement {
    fn of(state: ProposalState) -> Self {
        Self {
            state,
            target: None,
            was: None,
            twin: None,
        }
    }
}

fn judge(
    ways: &[Way],
    owners: &HashMap<(Kind, Identifier), Owner>,
    around: &Surroundings<'_>,
) -> Judgement {
    if let Some(way) = ways.iter().find(|way| way.target.is_some()) {
        let before = way.before.first();
        let before = before.filter(|_| way.sighting.dismissed.is_none());
        let was = |before: &Sighting| before.found.identifiers.first().map(ToString::to_string);
        return Judgement {
            target: way.target.clone(),
            was: before.and_then(was),
            ..Judgement::of(match before {
                Some(_) => ProposalState::Replaced,
                None => ProposalState::Known,
            })
        };
    }
    if ways.iter().all(|way| way.sighting.dismissed.is_some()) {
        return Judgement::of(ProposalState::Dismissed);
    }
    let owner = ways
        .iter()
        .find_map(|way| owner(&way.sighting, owners, around));
    match owner {
        Some((target, true)) => Judgement {
            twin: Some(target.address.clone()),
            ..Judgement::of(ProposalState::New)
        },
        Some((target, false)) => Judgement {
            target: Some(target.name.clone()),
            was: Some(target.address.clone()),
            ..Judgement::of(ProposalState::Moved)
        },
        None => Judgement::of(ProposalState::New),
    }
}

/// Returns the target whose thing this is by what identifies it, and whether that thing is still
/// where it was: then they are two.
fn owner<'a>(
    sighting: &Sighting,
    owners: &HashMap<(Kind, Identifier), Owner>,
    around: &Surroundings<'a>,
) -> Option<(&'a Target, bool)> {
    let identifiers = sighting.found.identifiers.iter();
    let mut known = identifiers.filter_map(|one| owners.get(&(sighting.kind.clone(), one.clone())));
    let owner = known.next()?;
    let answered = (around.answered)(&owner.target);
    let is_there = owner.last >= sighting.first || answered > Some(sighting.first);
    let mut targets = around.targets.iter().copied();
    let target = targets.find(|target| target.name == owner.target)?;
    Some((target, is_there))
}

/// Returns an identifier that stays as long as the thing does: that of the way that was found first.
fn id(ways: &[&Sighting]) -> String {
    let first = ways.iter().min_by_key(|way| (way.first, way.key()));
    let key = first.map(|way| way.key()).unwrap_or_default();
    format!("{:012x}", fnv1a_64(key.bytes()) >> 16)
}

#[cfg(test)]
mod tests;
