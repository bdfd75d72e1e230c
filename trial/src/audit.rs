//! The commands that devices received, held against the envelopes by counting: none of the gate is in here.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use utakata_envelope::{Bound, InForce};
use utakata_model::{
    TargetName, duration,
    envelope::{ActLimit, BothFeeds, Per},
};

use crate::{
    ledger::Received,
    report::{Broken, Promise},
    site::Site,
};

/// Returns every promise that what devices received breaks.
pub(crate) fn audit(received: &[Received], envelopes: &[InForce], site: &Site) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut keys = BTreeSet::new();
    for one in received {
        if !keys.insert(one.key.as_str()) {
            let what = format!("{} on {} under {}", one.action, one.target, one.key);
            broken.push(Broken::new(one.at, Promise::DoneTwice, what));
        }
    }
    for envelope in envelopes {
        let bound: Vec<&Received> = received
            .iter()
            .filter(|one| envelope.bound.binds(Some(&one.policy)) && is_about(envelope, one, site))
            .collect();
        for limit in &envelope.limits.at_most {
            broken.extend(at_most(envelope, limit, &bound, site));
        }
        if let Some(feeds) = &envelope.limits.both_feeds {
            broken.extend(both_feeds(envelope, feeds, received, site));
        }
        for one in &bound {
            broken.extend(outside(envelope, one, site));
        }
    }
    broken
}

fn is_about(envelope: &InForce, one: &Received, site: &Site) -> bool {
    let entry = site.find(&one.target);
    envelope.selector.is_everything()
        || entry.is_some_and(|entry| envelope.selector.matches(&entry.target))
}

/// Counts the acts of every window of a limit.
fn at_most(envelope: &InForce, limit: &ActLimit, bound: &[&Received], site: &Site) -> Vec<Broken> {
    let mut windows: BTreeMap<String, Vec<Duration>> = BTreeMap::new();
    let mut broken = Vec::new();
    let count = usize::try_from(limit.rate.count).unwrap_or(usize::MAX);
    for one in bound.iter().filter(|one| !one.is_back && !one.is_renewal) {
        let window = windows.entry(of(one, &limit.per, site)).or_default();
        window.retain(|at| one.at.saturating_sub(*at) < limit.rate.within);
        window.push(one.at);
        if window.len() > count {
            let (number, within) = (window.len(), duration::format(limit.rate.within));
            let name = &envelope.name;
            let what = format!("{number} acts in {within}, and {name} allows {limit}");
            broken.push(Broken::new(one.at, Promise::Envelope, what));
        }
    }
    broken
}

fn of(one: &Received, per: &Per, site: &Site) -> String {
    match per {
        Per::Site => String::new(),
        Per::Policy => one.policy.to_string(),
        Per::Kind => one.kind.to_string(),
        Per::Target => format!("{}:{}", one.target, one.outlet.as_deref().unwrap_or("")),
        Per::Label(label) => {
            let entry = site.find(&one.target);
            let value = entry.and_then(|entry| entry.target.value(label));
            value.unwrap_or_default().to_owned()
        }
    }
}

/// Follows the outlets: a machine that must not lose its last one never has all of them off.
fn both_feeds(
    envelope: &InForce,
    limit: &BothFeeds,
    received: &[Received],
    site: &Site,
) -> Vec<Broken> {
    let mut off: BTreeSet<(TargetName, Option<String>)> = BTreeSet::new();
    let mut broken = Vec::new();
    for one in received {
        let outlet = (one.target.clone(), one.outlet.clone());
        if !limit.actions.contains(&one.action) {
            off.remove(&outlet);
            continue;
        }
        off.insert(outlet);
        if !matches!(&envelope.bound, Bound::Policy(name) if *name != one.policy) {
            for load in site.loads(&one.target, one.outlet.as_deref()) {
                let is_dark = site
                    .sources(load)
                    .iter()
                    .all(|source| off.contains(&(source.target.clone(), source.outlet.clone())));
                let entry = site.find(load);
                let may_go = limit
                    .except
                    .as_ref()
                    .is_some_and(|except| entry.is_some_and(|entry| except.matches(&entry.target)));
                if is_dark && !may_go {
                    let what = format!("{load} has no feed left, and {} forbids it", envelope.name);
                    broken.push(Broken::new(one.at, Promise::Envelope, what));
                }
            }
        }
    }
    broken
}

/// Returns what is outside of the targets, actions and ranges of an envelope.
fn outside(envelope: &InForce, one: &Received, site: &Site) -> Option<Broken> {
    let limits = &envelope.limits;
    let entry = site.find(&one.target)?;
    let only = limits.only.as_ref().filter(|_| !one.is_back);
    if only.is_some_and(|only| {
        !only.actions.contains(&one.action) || !only.selector.matches(&entry.target)
    }) {
        let what = format!(
            "{} on {} is none of {}",
            one.action, one.target, envelope.name
        );
        return Some(Broken::new(one.at, Promise::Envelope, what));
    }
    let mut ranges = limits.ranges.iter();
    ranges.find_map(|(name, range)| {
        let value = one.parameters.get(name)?.as_f64()?;
        let is_in =
            range.min.is_none_or(|min| value >= min) && range.max.is_none_or(|max| value <= max);
        (!is_in).then(|| {
            let what = format!(
                "{name} {value} on {} is outside of {}",
                one.target, envelope.name
            );
            Broken::new(one.at, Promise::Envelope, what)
        })
    })
}
