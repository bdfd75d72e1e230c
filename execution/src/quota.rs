//! The workers that the environment may run, of all kinds together: each kind states its needs, and
//! learns what it may have.

mod division;

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use tokio::time::Instant;
use utakata_model::{Kind, environment::WorkersStatus};

use self::division::divide;
pub(crate) use self::division::{Allowed, Need, Turn};

/// The workers that all kinds together may run. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct WorkerQuota(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// The limit; `None` if there is none.
    max: Option<u32>,
    kinds: Mutex<BTreeMap<Kind, KindClaim>>,
}

/// The workers that a kind has, and those that it needs.
#[derive(Debug, Default)]
struct KindClaim {
    /// The number of its workers, including those that are ending, and those that it was allowed to
    /// start.
    there: u32,
    /// The needs of each of its releases.
    needs: Vec<Need>,
    /// True if it has tasks for a worker that it may not have.
    is_short: bool,
}

impl WorkerQuota {
    /// Creates a quota, with a limit if there is one.
    pub(crate) fn new(max: Option<u32>) -> Self {
        let kinds = Mutex::default();
        Self(Arc::new(Inner { max, kinds }))
    }

    /// Returns what the releases of a kind may do, which has this number of workers and these
    /// needs; `None`: what they want. The workers that it may start count as existing until
    /// [`tell`](Self::tell) reports more.
    pub(crate) fn ask(
        &self,
        kind: &Kind,
        there: u32,
        needs: Vec<Need>,
        now: Instant,
    ) -> Option<Vec<Allowed>> {
        let mut kinds = self.0.kinds.lock();
        let claim = kinds.entry(kind.clone()).or_default();
        (claim.there, claim.needs) = (there, needs);
        let max = self.0.max?;
        let at = kinds.range::<Kind, _>(..kind).count();
        let all: Vec<Vec<Need>> = kinds.values().map(|claim| claim.needs.clone()).collect();
        // There is a share for each need of each kind, in order.
        let shares = divide(max, &all, now).swap_remove(at);
        let there = kinds.values().map(|claim| claim.there);
        let mut room = max.saturating_sub(there.fold(0, u32::saturating_add));
        let claim = kinds.entry(kind.clone()).or_default();
        let mut allow = |(need, share): (&Need, u32)| {
            let starts = share.saturating_sub(need.live).min(room);
            room -= starts;
            Allowed { share, starts }
        };
        let needs = claim.needs.iter();
        let allowed: Vec<Allowed> = needs.zip(shares).map(&mut allow).collect();
        claim.there += allowed.iter().map(|allowed| allowed.starts).sum::<u32>();
        let mut given = claim.needs.iter().zip(&allowed);
        claim.is_short = given.any(|(need, allowed)| need.is_short(*allowed));
        Some(allowed)
    }

    /// Reports the number of workers that a kind has, once it has carried out its plan.
    pub(crate) fn tell(&self, kind: &Kind, there: u32) {
        if let Some(claim) = self.0.kinds.lock().get_mut(kind) {
            claim.there = there;
        }
    }

    /// Forgets a kind that is not served any more.
    pub(crate) fn remove(&self, kind: &Kind) {
        self.0.kinds.lock().remove(kind);
    }

    /// Returns the quota as others see it; `None` if there is no limit.
    pub(crate) fn status(&self) -> Option<WorkersStatus> {
        let max = self.0.max?;
        let kinds = self.0.kinds.lock();
        let short = kinds.iter().filter(|(_, claim)| claim.is_short);
        Some(WorkersStatus {
            max,
            short: short.map(|(kind, _)| kind.clone()).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(busy: u32, live: u32) -> Vec<Need> {
        vec![Need {
            least: 0,
            busy,
            wanted: busy,
            live,
            turn: Turn::None.after(live, busy, Instant::now()),
            is_control: false,
            is_tried: false,
        }]
    }

    fn allowed(share: u32, starts: u32) -> Option<Vec<Allowed>> {
        Some(vec![Allowed { share, starts }])
    }

    #[test]
    fn nobody_starts_a_worker_for_which_another_must_go_first() {
        let (a, b) = ("a".parse().unwrap(), "b".parse().unwrap());
        let (places, now) = (WorkerQuota::new(Some(4)), Instant::now());
        assert_eq!(places.ask(&a, 0, need(100, 0), now), allowed(4, 4));
        // All of them are allotted, though none exists yet.
        assert_eq!(places.ask(&b, 0, need(2, 0), now), allowed(2, 0));
        assert_eq!(
            places.status().unwrap().short,
            [a.clone(), b.clone()].into()
        );
        places.tell(&a, 4);
        assert_eq!(places.ask(&a, 4, need(100, 4), now), allowed(2, 0));
        assert_eq!(places.ask(&a, 3, need(100, 2), now), allowed(2, 0));
        assert_eq!(places.ask(&b, 0, need(2, 0), now), allowed(2, 1));
        assert_eq!(places.status().unwrap().max, 4);
        places.remove(&a);
        assert_eq!(places.ask(&b, 1, need(9, 1), now), allowed(4, 3));
    }

    #[test]
    fn without_a_limit_nobody_is_held_up() {
        let (places, a) = (WorkerQuota::default(), "a".parse().unwrap());
        assert_eq!(places.ask(&a, 3, need(100, 3), Instant::now()), None);
        assert_eq!(places.status(), None);
    }
}
