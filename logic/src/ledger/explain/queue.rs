//! Explanations of published tasks: the environments that could begin one, and the reasons why none
//! does.

use std::sync::Arc;

use jiff::Timestamp;
use utakata_api::ledger::Explanation;
use utakata_model::{
    EnvironmentState, EnvironmentStatus, Kind, Order, Orders, PoolStatus, ReleaseName, Scope,
    Selector, StandingOrders, Target, Zone,
};

use super::Facts;
use crate::{desired::orders::InWords, dispatch::Batch};

/// The reason why a task is still in a queue.
pub(super) struct Queue {
    pub waits_for: &'static str,
    pub says: String,
    /// True if nobody can do it at present.
    pub is_held: bool,
    /// The time since which that is so, if known.
    pub since: Option<Timestamp>,
    pub cure: Option<String>,
}

/// Returns the reason why a task of this kind, perhaps for a target that keeps a version, is still
/// in its queue.
pub(super) fn of(kind: &Kind, zone: Option<&Zone>, pin: Option<&str>, facts: &Facts) -> Queue {
    let seen = QueuedTask {
        kind,
        zone,
        pin,
        facts,
    };
    let running = facts.environments.iter().map(Arc::as_ref);
    let running = running.filter(|one| one.state == EnvironmentState::Running);
    let here: Vec<_> = running
        .filter(|one| zone.is_none_or(|zone| *zone == one.zone))
        .collect();
    let meant: Vec<_> = here
        .iter()
        .copied()
        .filter(|one| seen.is_meant(one))
        .collect();
    if meant.is_empty() && !here.is_empty() {
        return seen.nobody_meant();
    }
    let held: Vec<_> = meant.iter().filter_map(|one| seen.order(one)).collect();
    if held.len() == meant.len()
        && let Some(queue) = seen.stopped(&held)
    {
        return queue;
    }
    let going = meant
        .iter()
        .copied()
        .filter(|one| seen.order(one).is_none());
    let pools: Vec<_> = going.flat_map(|one| seen.pools(one)).collect();
    if pools.is_empty() {
        return seen.no_pool(&meant);
    }
    let held: Vec<_> = pools
        .iter()
        .filter_map(|pool| seen.order_of_release(pool))
        .collect();
    if held.len() == pools.len()
        && let Some(queue) = seen.stopped(&held)
    {
        return queue;
    }
    seen.going(&pools)
}

/// A queued task, and the facts about those who could do it.
struct QueuedTask<'f> {
    kind: &'f Kind,
    zone: Option<&'f Zone>,
    pin: Option<&'f str>,
    facts: &'f Facts,
}

impl<'f> QueuedTask<'f> {
    fn in_zone(&self) -> String {
        self.zone
            .map_or_else(String::new, |zone| format!(" in zone {zone}"))
    }

    fn placement(&self) -> Option<&Selector> {
        self.facts.kinds.get(self.kind)?.placement.as_ref()
    }

    /// Returns true if an environment is to serve the kind.
    fn is_meant(&self, one: &EnvironmentStatus) -> bool {
        self.placement().is_none_or(|placement| {
            placement.matches_by(|key| match key {
                "name" => Some(one.id.as_str()),
                "zone" => Some(one.zone.as_str()),
                _ => one.labels.get(key).map(String::as_str),
            })
        })
    }

    fn nobody_meant(&self) -> Queue {
        let (kind, zone) = (self.kind, self.in_zone());
        let placement = self
            .placement()
            .map_or_else(String::new, Selector::to_string);
        Queue {
            is_held: true,
            waits_for: "placement",
            says: format!(
                "kind {kind} is to be served by environments {placement}, and there is no such \
                 environment{zone}"
            ),
            since: None,
            cure: Some(format!(
                "`utakata kind place {kind} ...`, or an environment with these labels"
            )),
        }
    }

    /// Returns the order by which an environment begins nothing of the kind.
    fn order(&self, one: &EnvironmentStatus) -> Option<(Scope, Order)> {
        let standing = StandingOrders::of_zone(&self.facts.standing, &one.zone);
        let nothing = Orders::default();
        let own = self.facts.orders.get(&one.id).unwrap_or(&nothing);
        let (scope, order) = standing.of(&one.zone, &one.id, own, self.kind)?;
        Some((scope, order.clone()))
    }

    /// Returns the order by which a release begins nothing.
    fn order_of_release(&self, pool: &PoolStatus) -> Option<(Scope, Order)> {
        let scope = Scope::Release(ReleaseName::from(&pool.release));
        let order = self.facts.standing.get(&scope)?.clone();
        Some((scope, order))
    }

    /// Returns the pools that could do it.
    fn pools(&self, one: &'f EnvironmentStatus) -> impl Iterator<Item = &'f PoolStatus> {
        let (kind, pin) = (self.kind, self.pin);
        let is_it = move |pool: &&PoolStatus| {
            let serves = match pin {
                Some(pin) => *pool.release.version == *pin,
                None => pool.active,
            };
            pool.release.kind == *kind && serves
        };
        one.pools.iter().filter(is_it)
    }

    /// Explains that everybody who could do it is stopped.
    fn stopped(&self, held: &[(Scope, Order)]) -> Option<Queue> {
        let ((scope, order), rest) = held.split_first()?;
        let more = rest.iter().filter(|(other, _)| other != scope).count();
        let others = match more {
            0 => String::new(),
            1 => ", and the other one that serves it is stopped, too".into(),
            more => format!(", and the {more} others that serve it are stopped, too"),
        };
        Some(Queue {
            is_held: true,
            waits_for: "order",
            says: format!("{scope} is {}{others}", InWords(order)),
            since: Some(order.since),
            cure: Some(format!("`{}`", scope.lift())),
        })
    }

    /// Explains that nobody has a release that could do it.
    fn no_pool(&self, meant: &[&EnvironmentStatus]) -> Queue {
        let (kind, zone) = (self.kind, self.in_zone());
        let desired = self.facts.kinds.get(kind);
        let stable = desired.and_then(|desired| desired.stable.as_ref());
        let version = self.pin.or(stable.map(|stable| &*stable.version));
        let version = version.filter(|_| !meant.is_empty());
        let Some(version) = version else {
            return no_worker(format!("no environment{zone} serves kind {kind} now"));
        };
        let name = format!("{kind}@{version}");
        let refused = meant.iter().flat_map(|one| &one.refused);
        let mut told = refused.filter(|refused| refused.path.ends_with(&name));
        let why = told.next();
        let why = why.map_or_else(String::new, |refused| format!(": {}", refused.problem));
        let pinned = if self.pin.is_some() {
            ", which the target is pinned to,"
        } else {
            ""
        };
        Queue {
            is_held: true,
            waits_for: "release",
            says: format!(
                "the release {name}{pinned} has not reached any environment{zone} yet{why}"
            ),
            since: None,
            cure: Some(format!(
                "wait until it is there; see `utakata environment list` and `utakata kind show {kind}`"
            )),
        }
    }

    /// Explains that somebody will begin it.
    fn going(&self, pools: &[&PoolStatus]) -> Queue {
        let (kind, zone) = (self.kind, self.in_zone());
        let ready: u32 = pools.iter().map(|pool| pool.ready).sum();
        if ready == 0 {
            let problem = pools.iter().find_map(|pool| pool.problem.as_ref());
            let why = problem.map_or_else(String::new, |problem| format!(": {problem}"));
            return no_worker(format!("no worker for kind {kind}{zone} is ready{why}"));
        }
        let waiting: u32 = pools.iter().map(|pool| pool.waiting).sum();
        let (workers, them) = match ready {
            1 => (format!("1 worker{zone} is ready"), "it"),
            ready => (format!("{ready} workers{zone} are ready"), "them"),
        };
        let tasks = match waiting {
            1 => "1 task waits".to_owned(),
            waiting => format!("{waiting} tasks wait"),
        };
        let says = format!("it is in the queue for kind {kind}; {workers}, and {tasks} for {them}");
        let (limit, cure) = match self.limit().filter(|_| waiting > 0) {
            Some((limit, cure)) => (limit, Some(cure)),
            None => (String::new(), None),
        };
        Queue {
            is_held: false,
            waits_for: if waiting > 0 { "full" } else { "queue" },
            says: says + &limit,
            since: None,
            cure,
        }
    }

    /// Returns the environment that has no room for another worker of the kind, and the cure.
    fn limit(&self) -> Option<(String, String)> {
        let here = self.facts.environments.iter();
        let mut here = here.filter(|one| self.zone.is_none_or(|zone| *zone == one.zone));
        let (one, max) = here.find_map(|one| {
            let workers = one.workers.as_ref()?;
            let is_short = workers.short.contains(self.kind) && self.is_meant(one);
            is_short.then_some((one, workers.max))
        })?;
        let id = &one.id;
        let says = format!(": the environment {id} runs {max} workers, as many as it may");
        let cure = format!(
            "more memory and a larger `execution.max_workers` for {id}, or another environment"
        );
        Some((says, cure))
    }
}

fn no_worker(says: String) -> Queue {
    Queue {
        is_held: true,
        waits_for: "no-worker",
        says,
        since: None,
        cure: Some("see `utakata environment list` and `utakata worker list`".into()),
    }
}

/// Explains what a read under way waits for.
pub fn read(target: &Target, batch: &Batch, facts: &Facts) -> Explanation {
    let pin = facts.pins.version(target);
    let queue = of(&target.kind, Some(&target.zone), pin.as_deref(), facts);
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
