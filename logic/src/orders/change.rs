//! What comes of what people say, and what is published of it: pure.

use std::{collections::BTreeMap, fmt, sync::Arc};

use jiff::Timestamp;
use utakata_api::{
    environment::Standing,
    rollout::{KindAsked, Rollout},
};
use utakata_model::{
    Desired, EnvironmentStatus, Kind, KindDesired, Order, Orders, Scope, Stop, Zone,
};

use crate::{rollouts, store::OrderRow};

/// It is something else that is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// The kind goes on with everything, or not at all.
    AsAWhole(Kind, Box<Order>),
    /// Kinds are stopped, each by an order of its own.
    Kinds(BTreeMap<Kind, Order>),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsAWhole(kind, order) => write!(
                f,
                "the kind {kind} is not stopped by itself: the whole environment is {}",
                Said(order)
            ),
            Self::Kinds(kinds) => {
                f.write_str("it is not stopped as a whole, but of it are")?;
                for (at, (kind, order)) in kinds.iter().enumerate() {
                    let comma = if at > 0 { "," } else { "" };
                    write!(f, "{comma} {kind} ({})", Said(order))?;
                }
                Ok(())
            }
        }
    }
}

/// Orders in words, each with what it is for.
pub(super) fn said(orders: &[Standing]) -> String {
    let one = |one: &Standing| format!("{} is {}", one.scope, Said(&one.order));
    let all: Vec<String> = orders.iter().map(one).collect();
    all.join(", ")
}

/// An order in words: `paused by kim since ..., because ...`.
pub(crate) struct Said<'o>(pub(crate) &'o Order);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Order {
            stop,
            by,
            since,
            why,
        } = self.0;
        let stopped = match stop {
            Stop::Pause => "paused",
            Stop::Drain => "drained",
        };
        write!(f, "{stopped} by {by} since {since:.0}")?;
        match why {
            Some(why) => write!(f, " ({why})"),
            None => Ok(()),
        }
    }
}

/// The orders of an environment after an order for everything or a kind was given, or lifted
/// (`None`). An order is lifted where it was given, so that nobody lifts that of another unseen.
pub(super) fn after(
    before: &Orders,
    kind: Option<&Kind>,
    order: Option<Order>,
) -> Result<Orders, Unfit> {
    let mut orders = before.clone();
    match (kind, order) {
        (None, Some(order)) => orders.all = Some(order),
        (Some(kind), Some(order)) => drop(orders.kinds.insert(kind.clone(), order)),
        (None, None) if orders.all.is_none() && !orders.kinds.is_empty() => {
            return Err(Unfit::Kinds(orders.kinds));
        }
        (None, None) => orders.all = None,
        (Some(kind), None) => {
            let own = orders.kinds.remove(kind);
            if let (None, Some(all)) = (own, &orders.all) {
                return Err(Unfit::AsAWhole(kind.clone(), Box::new(all.clone())));
            }
        }
    }
    Ok(orders)
}

/// The revision after this one. Milliseconds since 1970, so that a store that was lost and
/// begins anew is not behind.
pub(super) fn next(revision: u64, now: Timestamp) -> u64 {
    let now = u64::try_from(now.as_millisecond()).unwrap_or_default();
    now.max(revision.saturating_add(1))
}

/// What is asked of each kind.
pub(super) fn kinds(
    asked: &BTreeMap<Kind, KindAsked>,
    rollouts: &BTreeMap<Kind, Rollout>,
) -> BTreeMap<Kind, KindDesired> {
    let named = asked.keys().chain(rollouts.keys());
    let of_kind = |kind: &Kind| {
        let asked = asked.get(kind).cloned().unwrap_or_default();
        let desired = KindDesired {
            stable: asked.stable,
            kept: asked.kept,
            rollout: rollouts.get(kind).map(rollouts::order),
            placement: asked.placement,
        };
        (kind.clone(), desired)
    };
    named.map(of_kind).collect()
}

/// What is published: for each zone of which an environment was heard, or has orders.
pub(super) fn desired<'r>(
    revision: u64,
    rows: impl Iterator<Item = &'r OrderRow>,
    kinds: &BTreeMap<Kind, KindDesired>,
    standing: &BTreeMap<Scope, Order>,
    heard: &[Arc<EnvironmentStatus>],
) -> Vec<Desired> {
    let empty = |zone: &Zone| Desired {
        zone: zone.clone(),
        revision,
        environments: BTreeMap::new(),
        kinds: kinds.clone(),
        standing: utakata_model::Standing::of_zone(standing, zone),
    };
    let mut zones: BTreeMap<Zone, Desired> = heard
        .iter()
        .map(|one| (one.zone.clone(), empty(&one.zone)))
        .collect();
    // Who comes later is to be told at once.
    for scope in standing.keys() {
        if let Scope::Zone(zone) | Scope::KindInZone(_, zone) = scope {
            zones.entry(zone.clone()).or_insert_with(|| empty(zone));
        }
    }
    for row in rows {
        // Where it is now, if that is known.
        let status = heard.iter().find(|one| one.id == row.environment);
        let zone = status.map_or(&row.zone, |one| &one.zone);
        let desired = zones.entry(zone.clone()).or_insert_with(|| empty(zone));
        let id = row.environment.clone();
        desired.environments.insert(id, row.orders.clone());
    }
    zones.into_values().collect()
}

#[cfg(test)]
mod tests;
