//! What is published: which environment could begin it, and why does none?

use std::sync::Arc;

use utakata_api::ledger::Explanation;
use utakata_model::{EnvironmentState, Kind, Target, Zone};

use super::Facts;
use crate::dispatch::Batch;

/// Why it is still in a queue.
pub(super) struct Queue {
    pub waits_for: &'static str,
    pub says: String,
    pub cure: Option<&'static str>,
}

/// Why a task of this kind is still in its queue.
pub(super) fn of(kind: &Kind, zone: Option<&Zone>, facts: &Facts) -> Queue {
    let running = facts.environments.iter().map(Arc::as_ref);
    let running = running.filter(|one| one.state == EnvironmentState::Running);
    let of_zone = running.filter(|one| zone.is_none_or(|zone| *zone == one.zone));
    let pools = of_zone.flat_map(|one| &one.pools);
    let pools: Vec<_> = pools
        .filter(|pool| pool.release.kind == *kind && pool.active)
        .collect();
    let zone = zone.map_or_else(String::new, |zone| format!(" of the zone {zone}"));
    let cure = Some("see `utakata environment list` and `utakata worker list`");
    if pools.is_empty() {
        return Queue {
            waits_for: "no-worker",
            says: format!("no environment{zone} serves the kind {kind} now"),
            cure,
        };
    }
    let ready: u32 = pools.iter().map(|pool| pool.ready).sum();
    if ready == 0 {
        let problem = pools.iter().find_map(|pool| pool.problem.as_ref());
        let why = problem.map_or_else(String::new, |problem| format!(": {problem}"));
        return Queue {
            waits_for: "no-worker",
            says: format!("no worker of the kind {kind} is ready{zone}{why}"),
            cure,
        };
    }
    let waiting: u32 = pools.iter().map(|pool| pool.waiting).sum();
    Queue {
        waits_for: if waiting > 0 { "full" } else { "queue" },
        says: format!(
            "it is in the queue of the kind {kind}; {ready} workers are ready{zone}, and \
             {waiting} tasks wait for them"
        ),
        cure: None,
    }
}

/// What a read waits for that is under way.
pub fn read(target: &Target, batch: &Batch, facts: &Facts) -> Explanation {
    let queue = of(&target.kind, Some(&target.zone), facts);
    Explanation {
        waits_for: queue.waits_for.into(),
        says: queue.says,
        since: Some(batch.made),
        until: Some(batch.expires),
        cure: queue.cure.map(Into::into),
    }
}
