//! What is published: which environment could begin it, and why does none?

use std::sync::Arc;

use jiff::Timestamp;
use utakata_api::ledger::Explanation;
use utakata_model::{EnvironmentState, EnvironmentStatus, Kind, Order, PoolStatus, Target, Zone};

use super::Facts;
use crate::{dispatch::Batch, orders::Said};

/// Why it is still in a queue.
pub(super) struct Queue {
    pub waits_for: &'static str,
    pub says: String,
    /// Since when that is so, where it is known.
    pub since: Option<Timestamp>,
    pub cure: Option<String>,
}

/// Why a task of this kind is still in its queue.
pub(super) fn of(kind: &Kind, zone: Option<&Zone>, facts: &Facts) -> Queue {
    let running = facts.environments.iter().map(Arc::as_ref);
    let running = running.filter(|one| one.state == EnvironmentState::Running);
    let of_zone = running.filter(|one| zone.is_none_or(|zone| *zone == one.zone));
    let serves = |one: &&EnvironmentStatus| pools(one, kind).next().is_some();
    let serving: Vec<&EnvironmentStatus> = of_zone.filter(serves).collect();
    let zone = zone.map_or_else(String::new, |zone| format!(" of the zone {zone}"));
    if serving.is_empty() {
        let says = format!("no environment{zone} serves the kind {kind} now");
        return no_worker(says);
    }
    let order = |one: &EnvironmentStatus| facts.orders.get(&one.id)?.of(kind);
    let going: Vec<&EnvironmentStatus> = serving
        .iter()
        .copied()
        .filter(|one| order(one).is_none())
        .collect();
    if let (true, [first, rest @ ..]) = (going.is_empty(), &*serving)
        && let Some(found) = order(first)
    {
        return stopped(first, found, rest.len(), kind, facts);
    }
    let pools: Vec<_> = going.iter().flat_map(|one| pools(one, kind)).collect();
    let ready: u32 = pools.iter().map(|pool| pool.ready).sum();
    if ready == 0 {
        let problem = pools.iter().find_map(|pool| pool.problem.as_ref());
        let why = problem.map_or_else(String::new, |problem| format!(": {problem}"));
        return no_worker(format!("no worker of the kind {kind} is ready{zone}{why}"));
    }
    let waiting: u32 = pools.iter().map(|pool| pool.waiting).sum();
    Queue {
        waits_for: if waiting > 0 { "full" } else { "queue" },
        says: format!(
            "it is in the queue of the kind {kind}; {ready} workers are ready{zone}, and \
             {waiting} tasks wait for them"
        ),
        since: None,
        cure: None,
    }
}

fn pools<'s>(status: &'s EnvironmentStatus, kind: &Kind) -> impl Iterator<Item = &'s PoolStatus> {
    let is_it = move |pool: &&PoolStatus| pool.release.kind == *kind && pool.active;
    status.pools.iter().filter(is_it)
}

fn no_worker(says: String) -> Queue {
    Queue {
        waits_for: "no-worker",
        says,
        since: None,
        cure: Some("see `utakata environment list` and `utakata worker list`".into()),
    }
}

/// Everybody who could do it is asked not to.
fn stopped(
    first: &EnvironmentStatus,
    order: &Order,
    more: usize,
    kind: &Kind,
    facts: &Facts,
) -> Queue {
    let id = &first.id;
    let all = facts.orders.get(id).and_then(|orders| orders.all.as_ref());
    let is_whole = all == Some(order);
    let of = if is_whole {
        String::new()
    } else {
        format!("the kind {kind} of ")
    };
    let others = match more {
        0 => String::new(),
        1 => ", and the other one that serves it is stopped, too".into(),
        more => format!(", and the {more} others that serve it are stopped, too"),
    };
    let option = if is_whole {
        String::new()
    } else {
        format!(" --kind {kind}")
    };
    Queue {
        waits_for: "order",
        says: format!("{of}the environment {id} is {}{others}", Said(order)),
        since: Some(order.since),
        cure: Some(format!("`utakata environment resume {id}{option}`")),
    }
}

/// What a read waits for that is under way.
pub fn read(target: &Target, batch: &Batch, facts: &Facts) -> Explanation {
    let queue = of(&target.kind, Some(&target.zone), facts);
    Explanation {
        waits_for: queue.waits_for.into(),
        says: queue.says,
        since: queue.since.or(Some(batch.made)),
        until: Some(batch.expires),
        cure: queue.cure,
    }
}

#[cfg(test)]
mod tests;
