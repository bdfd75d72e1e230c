//! Plans of pools that have no more than their share of what the environment may run.

use super::*;

fn may(share: u32, starts: u32, pool: ObservedPool) -> ObservedPool {
    ObservedPool {
        allowed: Some(Allowed { share, starts }),
        ..pool
    }
}

#[test]
fn a_pool_has_no_more_than_its_share_of_the_environment() {
    let full = |number| running(number, 10);
    check(&[may(1, 1, pool(2, 4, 0, vec![]))], &[START]);
    check(&[may(2, 0, pool(2, 4, 0, vec![]))], &[]);
    check(&[may(0, 0, waits(900, pool(1, 4, 0, vec![])))], &[]);
    check(&[may(1, 0, waits(900, pool(1, 4, 0, vec![full(1)])))], &[]);
    // Who has the least to do goes, and the last of equals.
    check(
        &[may(
            2,
            0,
            waits(
                900,
                pool(1, 4, 0, vec![running(1, 2), full(2), running(3, 2)]),
            ),
        )],
        &[drain(3)],
    );
    check(
        &[may(
            1,
            0,
            pool(3, 4, 0, vec![ready(1), full(2), starting(3, 0)]),
        )],
        &[kill(3, Why::NotNeeded), drain(1)],
    );
    check(&[may(0, 0, pool(1, 4, 0, vec![ready(1)]))], &[drain(1)]);
}

#[test]
fn a_worker_that_is_due_makes_room_for_its_successor_where_there_is_no_more() {
    let due = lived(4000, 1, ready(1));
    let pool = |share, starts, workers| may(share, starts, recycled(10, pool(1, 4, 0, workers)));
    check(&[pool(2, 1, vec![due])], &[START]);
    check(&[pool(1, 0, vec![due])], &[drain(1)]);
}

#[test]
fn a_release_takes_over_from_another_within_what_both_may_have() {
    let old = |workers| may(2, 0, gone(workers));
    let new = |workers| may(2, 1, pool(1, 4, 0, workers));
    let four = vec![running(1, 3), running(2, 1), running(3, 9), running(4, 9)];
    check(&[old(four), may(2, 0, new(vec![]))], &[drain(2), drain(1)]);
    let two = vec![running(3, 9), running(4, 9)];
    check(
        &[old(two.clone()), new(vec![ready(5), ready(6)])],
        &[drain(3), drain(4)],
    );
    check(
        &[old(two), new(vec![ready(5)])],
        &[Action::Start { pool: 1 }],
    );
}

#[test]
fn what_a_pool_could_do_with_is_reported() {
    let queued = |queued, pool| ObservedPool {
        queued,
        ..waits(900, pool)
    };
    for (what, pool, expect) in [
        ("nothing", pool(0, 4, 0, vec![]), (0, 0, 0, 0)),
        (
            "its least, and a reserve",
            pool(1, 4, 2, vec![]),
            (1, 0, 2, 0),
        ),
        (
            "a backlog",
            queued(1000, pool(0, 8, 0, vec![running(1, 10)])),
            (0, 8, 8, 1),
        ),
        (
            "a few tasks",
            queued(3, pool(0, 8, 0, vec![])),
            (0, 3, 3, 0),
        ),
        (
            "idle ones",
            pool(0, 8, 0, vec![idle(1), idle(2)]),
            (0, 0, 2, 2),
        ),
        (
            "one that was busy just now",
            pool(0, 8, 0, vec![ready(1)]),
            (0, 1, 1, 1),
        ),
        (
            "nothing before the next start",
            failed(3, queued(9, pool(2, 8, 0, vec![]))),
            (0, 0, 0, 0),
        ),
        (
            "what it has, when it is replaced",
            gone(vec![ready(1), ready(2)]),
            (0, 2, 2, 2),
        ),
        (
            "nothing, when it is stopped",
            stopped(pool(1, 8, 0, vec![ready(1)])),
            (0, 0, 0, 1),
        ),
    ] {
        let need = pool.need(Turn::None, &TIMES, now());
        let told = (need.least, need.busy, need.wanted, need.live);
        assert_eq!(told, expect, "{what}");
    }
}

proptest! {
    #[test]
    fn no_pool_starts_or_keeps_more_than_it_may(pools in pools(), share in 0..6u32, starts in 0..3u32) {
        let pools: Vec<ObservedPool> = pools.into_iter().map(|pool| may(share, starts, pool)).collect();
        let actions = plan(&pools, &TIMES, now());
        for at in 0..pools.len() {
            let started = actions.iter().filter(|action| **action == Action::Start { pool: at });
            prop_assert!(started.count() <= starts as usize);
        }
        for pool in carry_out(&pools, &actions).iter().filter(|pool| !pool.is_stopped) {
            let live = pool.workers.iter().filter(|worker| worker.is_live()).count();
            prop_assert!(live <= share as usize, "{pool:?}");
        }
        let after = carry_out(&pools, &actions);
        let again = plan(&after, &TIMES, now());
        let mut rest = again.iter().filter(|action| !matches!(action, Action::Start { .. }));
        prop_assert_eq!(rest.next(), None);
    }
}
