//! The pool and worker for a task: by kind, then pin, then health, then load.

use crate::worker::Number;

/// The facts about a pool that decide a choice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PoolFacts<'a> {
    /// The version of its release.
    pub(crate) version: &'a str,
    /// True if its release still exists.
    pub(crate) is_desired: bool,
    /// True if tasks without a pin go to its release.
    pub(crate) is_active: bool,
    /// True if it was turned back: nothing goes to it any more.
    pub(crate) is_retired: bool,
    /// True if it is stopped by an order: tasks that would go to it wait.
    pub(crate) is_stopped: bool,
    /// The number of workers that take tasks.
    pub(crate) ready: u32,
}

/// The facts about a worker that decide a choice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    pub(crate) number: Number,
    /// The number of tasks that it runs.
    pub(crate) running: u32,
    /// The number of tasks that it takes at once.
    pub(crate) capacity: u32,
}

/// Returns the pool for tasks with this pin, by its index in `pools`. While the release that should
/// serve has no worker ready, the one that it replaces continues. `None` if there is no such
/// release. Tasks of a stopped release go to no other.
pub(crate) fn pool(pools: &[PoolFacts], pin: Option<&str>) -> Option<usize> {
    let suits = |pool: &PoolFacts| match pin {
        Some(pin) => pool.version == pin,
        None => pool.is_active || !pool.is_desired,
    };
    let first = |wanted: &dyn Fn(&PoolFacts) -> bool| {
        // The latest of several that are being replaced.
        let fits = |pool: &PoolFacts| !pool.is_retired && suits(pool) && wanted(pool);
        (0..pools.len()).rfind(|&at| fits(&pools[at]))
    };
    first(&|pool| pool.is_desired && (pool.ready > 0 || pool.is_stopped))
        .or_else(|| first(&|pool| pool.ready > 0))
        .or_else(|| first(&|pool| pool.is_desired))
}

/// Returns the least loaded worker with room.
pub(crate) fn worker(candidates: impl Iterator<Item = Candidate>) -> Option<Number> {
    candidates
        .filter(|candidate| candidate.running < candidate.capacity)
        // By share of the capacity: (a / b) < (c / d) if a * d < c * b.
        .min_by(|a, b| {
            let left = u64::from(a.running) * u64::from(b.capacity);
            let right = u64::from(b.running) * u64::from(a.capacity);
            left.cmp(&right)
        })
        .map(|candidate| candidate.number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTIVE: PoolFacts = PoolFacts {
        version: "2",
        is_desired: true,
        is_active: true,
        is_retired: false,
        is_stopped: false,
        ready: 1,
    };
    const OLDER: PoolFacts = PoolFacts {
        version: "1",
        is_desired: true,
        is_active: false,
        is_retired: false,
        is_stopped: false,
        ready: 1,
    };
    const REPLACED: PoolFacts = PoolFacts {
        version: "2",
        is_desired: false,
        is_active: false,
        is_retired: false,
        is_stopped: false,
        ready: 1,
    };

    const RETIRED: PoolFacts = PoolFacts {
        version: "3",
        is_desired: true,
        is_active: false,
        is_retired: true,
        is_stopped: false,
        ready: 1,
    };

    const STOPPED: PoolFacts = PoolFacts {
        version: "2",
        is_desired: true,
        is_active: true,
        is_retired: false,
        is_stopped: true,
        ready: 0,
    };

    fn idle(pool: PoolFacts) -> PoolFacts {
        PoolFacts { ready: 0, ..pool }
    }

    #[test]
    fn a_task_goes_to_the_active_release_or_the_pinned_one() {
        for (pools, pin, expect) in [
            (vec![OLDER, ACTIVE], None, Some(1)),
            (vec![OLDER, ACTIVE], Some("1"), Some(0)),
            (vec![OLDER, ACTIVE], Some("2"), Some(1)),
            (vec![OLDER, ACTIVE], Some("3"), None),
            (vec![], None, None),
            // An older release is never used without a pin.
            (vec![OLDER, idle(ACTIVE)], None, Some(1)),
            (vec![OLDER], None, None),
            // A replaced release serves until its successor is ready.
            (vec![REPLACED, ACTIVE], None, Some(1)),
            (vec![REPLACED, idle(ACTIVE)], None, Some(0)),
            (vec![REPLACED, idle(ACTIVE)], Some("2"), Some(0)),
            (vec![idle(REPLACED), idle(ACTIVE)], None, Some(1)),
            (vec![idle(REPLACED)], None, None),
            // A stopped release keeps its own tasks, and nothing else.
            (vec![REPLACED, STOPPED], None, Some(1)),
            (vec![OLDER, STOPPED], Some("1"), Some(0)),
            (vec![OLDER, STOPPED], Some("2"), Some(1)),
            // A release that was turned back serves nobody.
            (vec![idle(ACTIVE), RETIRED], None, Some(0)),
            (vec![ACTIVE, RETIRED], Some("3"), None),
        ] {
            assert_eq!(pool(&pools, pin), expect, "{pools:?} {pin:?}");
        }
    }

    #[test]
    fn the_worker_with_the_least_to_do_for_its_size_is_taken() {
        let candidate = |number, running, capacity| Candidate {
            number: Number(number),
            running,
            capacity,
        };
        for (candidates, expect) in [
            (vec![], None),
            (vec![candidate(1, 4, 4)], None),
            (vec![candidate(1, 4, 4), candidate(2, 3, 4)], Some(2)),
            (vec![candidate(1, 0, 4), candidate(2, 0, 4)], Some(1)),
            (vec![candidate(1, 1, 2), candidate(2, 4, 1024)], Some(2)),
        ] {
            assert_eq!(worker(candidates.into_iter()), expect.map(Number));
        }
    }
}
