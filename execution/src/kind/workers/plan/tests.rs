mod slots;

use std::num::NonZeroU64;

use proptest::prelude::*;
use utakata_model::manifest::{PoolSize, Recycle, limits::Memory};

use super::{super::failures::Failures, *};
use crate::{config::Backoff, quota::Allowed};

const TIMES: Times = Times {
    hello_within: Duration::from_secs(10),
    hung_after: Duration::from_secs(5),
    grow_after: Duration::from_millis(200),
    idle_after: Duration::from_secs(60),
    drain_within: Duration::from_secs(30),
};

fn ago(seconds: u64) -> Instant {
    now() - Duration::from_secs(seconds)
}

fn now() -> Instant {
    static NOW: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    *NOW.get_or_init(|| Instant::now() + Duration::from_secs(100_000))
}

fn worker(number: u64, phase: Phase) -> ObservedWorker {
    ObservedWorker {
        number: Number(number),
        phase,
        running: 0,
        overdue: 0,
        capacity: 10,
        begun: 0,
        is_spent: false,
        ready_since: None,
        memory: None,
    }
}

fn starting(number: u64, seconds: u64) -> ObservedWorker {
    worker(
        number,
        Phase::Starting {
            since: ago(seconds),
        },
    )
}

fn ready(number: u64) -> ObservedWorker {
    let phase = Phase::Ready {
        heard: now(),
        busy: now(),
    };
    worker(number, phase)
}

fn idle(number: u64) -> ObservedWorker {
    let phase = Phase::Ready {
        heard: now(),
        busy: ago(61),
    };
    worker(number, phase)
}

fn running(number: u64, running: u32) -> ObservedWorker {
    ObservedWorker {
        running,
        ..ready(number)
    }
}

fn pool(min: u32, max: u32, reserve: u32, workers: Vec<ObservedWorker>) -> ObservedPool {
    ObservedPool {
        desired: Some(Desired {
            is_active: true,
            size: PoolSize {
                min,
                max,
                reserve,
                ..PoolSize::default()
            },
            least: 0,
            is_brief: false,
        }),
        is_stopped: false,
        workers,
        wait: None,
        queued: 0,
        warm: 0,
        failures: Failures::default(),
        allowed: None,
    }
}

fn recycled(tasks: u64, pool: ObservedPool) -> ObservedPool {
    let mut pool = pool;
    let recycle = Recycle {
        tasks: NonZeroU64::new(tasks),
        age: Some(Duration::from_secs(3600)),
        memory: Some(Memory::mebibytes(100)),
    };
    pool.desired.as_mut().unwrap().size.recycle = recycle;
    pool
}

/// A worker that has lived for so long, and was given so many tasks.
fn lived(seconds: u64, begun: u64, worker: ObservedWorker) -> ObservedWorker {
    ObservedWorker {
        ready_since: Some(ago(seconds)),
        begun,
        ..worker
    }
}

/// Each task has a worker of its own.
fn single(pool: ObservedPool) -> ObservedPool {
    let mut pool = pool;
    pool.desired.as_mut().unwrap().size.lifetime = Lifetime::Task;
    for worker in &mut pool.workers {
        worker.capacity = 1;
        worker.begun = u64::from(worker.running);
        worker.is_spent = worker.running > 0;
    }
    pool
}

fn gone(workers: Vec<ObservedWorker>) -> ObservedPool {
    ObservedPool {
        desired: None,
        ..pool(0, 1, 0, workers)
    }
}

fn inactive(workers: Vec<ObservedWorker>) -> ObservedPool {
    let mut pool = pool(1, 4, 1, workers);
    pool.desired.as_mut().unwrap().is_active = false;
    pool
}

fn failed(times: u32, pool: ObservedPool) -> ObservedPool {
    let failures = (0..times).fold(pool.failures, |failures, _| {
        failures.on_death(ago(1), Duration::ZERO, &Backoff::default())
    });
    ObservedPool { failures, ..pool }
}

fn stopped(pool: ObservedPool) -> ObservedPool {
    ObservedPool {
        is_stopped: true,
        ..pool
    }
}

fn waits(milliseconds: u64, pool: ObservedPool) -> ObservedPool {
    ObservedPool {
        wait: Some(Duration::from_millis(milliseconds)),
        ..pool
    }
}

const START: Action = Action::Start { pool: 0 };

fn kill(number: u64, why: Why) -> Action {
    Action::Kill {
        worker: Number(number),
        why,
    }
}

fn drain(number: u64) -> Action {
    Action::Drain {
        worker: Number(number),
        within: TIMES.drain_within,
    }
}

#[track_caller]
fn check(pools: &[ObservedPool], expect: &[Action]) {
    assert_eq!(plan(pools, &TIMES, now()), expect);
}

#[test]
fn a_pool_has_its_least_and_its_reserve() {
    check(&[pool(0, 4, 0, vec![])], &[]);
    check(&[pool(2, 4, 0, vec![])], &[START, START]);
    check(&[pool(2, 4, 0, vec![starting(1, 1)])], &[START]);
    check(&[pool(2, 4, 0, vec![ready(1), starting(2, 1)])], &[]);
    check(&[pool(1, 4, 1, vec![ready(1)])], &[]);
    check(&[pool(1, 4, 1, vec![running(1, 3)])], &[START]);
    check(&[pool(1, 4, 1, vec![running(1, 3), ready(2)])], &[]);
    // Two that share the work of one are one that works and one in reserve.
    check(&[pool(1, 4, 1, vec![running(1, 3), running(2, 3)])], &[]);
    check(&[pool(1, 2, 5, vec![running(1, 3), running(2, 3)])], &[]);
}

#[test]
fn a_pool_grows_by_one_when_tasks_have_waited_and_up_to_its_most() {
    let full = || running(1, 10);
    check(&[waits(199, pool(1, 4, 0, vec![full()]))], &[]);
    check(&[waits(200, pool(1, 4, 0, vec![full()]))], &[START]);
    let growing = vec![full(), starting(2, 0)];
    check(&[waits(900, pool(1, 4, 0, growing))], &[]);
    check(&[waits(900, pool(1, 1, 0, vec![full()]))], &[]);
    // Nobody is there: at once.
    check(&[waits(0, pool(0, 4, 0, vec![]))], &[START]);
}

#[test]
fn idle_workers_beyond_those_needed_are_let_go() {
    check(&[pool(1, 4, 0, vec![idle(1)])], &[]);
    check(
        &[pool(1, 4, 0, vec![idle(1), idle(2), idle(3)])],
        &[drain(3), drain(2)],
    );
    check(&[pool(1, 4, 0, vec![ready(1), ready(2)])], &[]);
    check(&[pool(1, 4, 1, vec![running(1, 1), idle(2)])], &[]);
    check(&[pool(0, 4, 0, vec![idle(1)])], &[drain(1)]);
}

#[test]
fn a_worker_that_is_not_as_it_should_be_is_killed_and_replaced() {
    let silent = worker(
        1,
        Phase::Ready {
            heard: ago(5),
            busy: now(),
        },
    );
    let late = worker(
        1,
        Phase::Draining {
            until: now(),
            heard: now(),
        },
    );
    let deaf = worker(
        1,
        Phase::Draining {
            until: now() + Duration::from_secs(9),
            heard: ago(6),
        },
    );
    let overdue = ObservedWorker {
        overdue: 3,
        running: 3,
        ..ready(1)
    };
    let left = worker(1, Phase::Ending { since: ago(2) });
    for (worker, why) in [
        (starting(1, 10), Why::NoHello),
        (silent, Why::Silent),
        (overdue, Why::Overdue),
        (deaf, Why::Silent),
    ] {
        // Its successor waits as long as this failure makes it.
        check(&[pool(1, 4, 0, vec![worker])], &[kill(1, why)]);
    }
    for (worker, why) in [(late, Why::DrainedTooLong), (left, Why::Left)] {
        check(&[pool(1, 4, 0, vec![worker])], &[kill(1, why), START]);
    }
    let stuck = ObservedWorker {
        overdue: 1,
        running: 1,
        ..ready(1)
    };
    // It may yet do the other things that it has, but gets nothing more.
    check(&[pool(1, 4, 0, vec![stuck])], &[drain(1)]);
    check(
        &[pool(
            1,
            4,
            0,
            vec![worker(1, Phase::Ending { since: now() })],
        )],
        &[START],
    );
}

#[test]
fn after_deaths_one_worker_at_a_time_is_started_when_the_wait_is_over() {
    check(&[failed(1, pool(3, 4, 0, vec![]))], &[START]);
    check(&[failed(1, pool(3, 4, 0, vec![starting(1, 1)]))], &[]);
    check(&[failed(1, pool(3, 4, 0, vec![ready(1)]))], &[START]);
    check(&[failed(3, pool(3, 4, 0, vec![]))], &[]);
    // The others go on.
    check(
        &[failed(9, pool(1, 4, 0, vec![])), pool(1, 4, 0, vec![])],
        &[Action::Start { pool: 1 }],
    );
}

#[test]
fn a_worker_that_has_served_its_time_goes_when_its_successor_is_there_and_one_at_a_time() {
    let memory = |mebibytes: u64, worker| ObservedWorker {
        memory: Some(mebibytes << 20),
        ..worker
    };
    let due = |number| lived(60, 10, running(number, 2));
    for (worker, is_due) in [
        (lived(3599, 9, running(1, 2)), false),
        (lived(60, 10, running(1, 2)), true),
        (lived(3600, 0, running(1, 2)), true),
        (memory(100, lived(60, 1, running(1, 2))), false),
        (memory(101, lived(60, 1, running(1, 2))), true),
        // A limit that is too small makes no storm.
        (memory(101, lived(29, 1, running(1, 2))), false),
    ] {
        let expect: &[Action] = if is_due { &[START] } else { &[] };
        check(&[recycled(10, pool(1, 1, 0, vec![worker]))], expect);
    }
    // The successor comes first, and takes over before the other one goes.
    let fresh = || lived(1, 0, ready(9));
    check(
        &[recycled(10, pool(1, 1, 0, vec![due(1), starting(9, 1)]))],
        &[],
    );
    check(
        &[recycled(10, pool(1, 1, 0, vec![due(1), fresh()]))],
        &[drain(1)],
    );
    // Of several the oldest, and the next one when that is gone.
    let all = || vec![due(1), lived(61, 10, running(2, 2)), due(3), fresh()];
    check(&[recycled(10, pool(3, 3, 0, all()))], &[drain(2)]);
    let mut ending = all();
    ending[1].phase = Phase::Draining {
        until: now() + Duration::from_secs(9),
        heard: now(),
    };
    check(&[recycled(10, pool(3, 3, 0, ending))], &[START]);
    // While starts fail, those that work go on.
    check(&[failed(3, recycled(10, pool(1, 1, 0, vec![due(1)])))], &[]);
    // One that has nothing to do does not go before its successor is there, either.
    let idle = || lived(7200, 0, idle(1));
    check(&[recycled(10, pool(1, 4, 0, vec![idle()]))], &[START]);
    check(
        &[recycled(10, pool(1, 4, 0, vec![idle(), starting(2, 1)]))],
        &[],
    );
    check(&[recycled(10, pool(0, 4, 0, vec![idle()]))], &[drain(1)]);
}

#[test]
fn where_each_task_has_its_own_worker_the_reserve_is_refilled_and_the_used_ones_go() {
    let used = |number| ObservedWorker {
        begun: 1,
        is_spent: true,
        capacity: 1,
        ..ready(number)
    };
    let reserve = |workers| single(pool(0, 8, 2, workers));
    check(&[reserve(vec![])], &[START, START]);
    check(&[reserve(vec![ready(1), ready(2)])], &[]);
    // One is used: the next is started at once.
    check(&[reserve(vec![running(1, 1), ready(2)])], &[START]);
    check(
        &[reserve(vec![running(1, 1), ready(2), starting(3, 0)])],
        &[],
    );
    let mut done = reserve(vec![ready(2), ready(3)]);
    done.workers.push(used(1));
    check(&[done], &[drain(1)]);
    // What is queued has a worker each, and the reserve is for the next.
    let queued = |queued, pool| ObservedPool { queued, ..pool };
    let busy = vec![running(1, 1), running(2, 1)];
    check(&[queued(3, reserve(busy))], &[START; 5]);
    check(&[queued(30, reserve(vec![running(1, 1)]))], &[START; 7]);
}

#[test]
fn a_pool_keeps_as_many_workers_as_it_needed_lately() {
    let warm = |warm, pool| ObservedPool { warm, ..pool };
    check(&[warm(3, pool(1, 4, 0, vec![ready(1)]))], &[START, START]);
    check(
        &[warm(3, pool(1, 4, 0, vec![idle(1), idle(2), idle(3)]))],
        &[],
    );
    check(&[warm(9, pool(1, 2, 0, vec![idle(1), idle(2)]))], &[]);
    check(&[warm(3, inactive(vec![]))], &[]);
    // What is queued counts when it has waited as long as a pool takes to grow.
    for (wait, queued, workers, expect) in [
        (None, 50, vec![running(1, 10)], 1),
        (Some(199), 50, vec![running(1, 10)], 1),
        (Some(200), 50, vec![running(1, 10)], 6),
        (Some(200), 50, vec![starting(1, 1)], 1),
        (None, 0, vec![idle(1), running(2, 3), running(3, 8)], 2),
    ] {
        let pool = ObservedPool {
            wait: wait.map(Duration::from_millis),
            queued,
            ..pool(1, 4, 0, workers)
        };
        assert_eq!(pool.demand(&TIMES), expect, "{pool:?}");
    }
}

#[test]
fn a_release_that_is_not_active_has_workers_only_for_pinned_tasks() {
    check(&[inactive(vec![])], &[]);
    check(&[waits(0, inactive(vec![]))], &[START]);
    check(&[inactive(vec![running(1, 1)])], &[]);
    check(&[inactive(vec![idle(1)])], &[drain(1)]);
}

#[test]
fn a_replaced_release_continues_until_its_successor_is_ready_and_is_drained_then() {
    let old = || gone(vec![ready(1), starting(2, 1)]);
    check(&[pool(1, 4, 0, vec![starting(3, 1)]), old()], &[]);
    check(
        &[pool(1, 4, 0, vec![ready(3)]), old()],
        &[drain(1), kill(2, Why::NotNeeded)],
    );
    // It has fewer than there were, and may have as many.
    let two = || gone(vec![ready(1), ready(2)]);
    check(&[pool(1, 4, 0, vec![ready(3)]), two()], &[START]);
    check(
        &[pool(1, 1, 0, vec![ready(3)]), two()],
        &[drain(1), drain(2)],
    );
    // Nobody takes over from one that is just gone.
    check(&[old()], &[drain(1), kill(2, Why::NotNeeded)]);
    check(&[gone(vec![])], &[Action::Close { pool: 0 }]);
    let ending = worker(1, Phase::Ending { since: now() });
    check(&[gone(vec![ending])], &[]);
}

#[test]
fn a_rollout_has_as_many_workers_as_it_needs_and_lets_those_go_that_it_does_not() {
    let candidate = |least, is_brief, workers| {
        let mut pool = inactive(workers);
        let desired = pool.desired.as_mut().unwrap();
        (desired.least, desired.is_brief) = (least, is_brief);
        pool
    };
    check(&[candidate(1, false, vec![])], &[START]);
    check(&[candidate(3, false, vec![ready(1)])], &[START, START]);
    check(&[candidate(9, false, vec![])], &[START; 4]);
    check(&[candidate(1, false, vec![idle(1)])], &[]);
    check(&[candidate(0, false, vec![ready(1)])], &[]);
    check(
        &[candidate(
            0,
            true,
            vec![ready(1), running(2, 1), starting(3, 1)],
        )],
        &[kill(3, Why::NotNeeded), drain(1)],
    );
    check(&[failed(1, candidate(0, true, vec![]))], &[]);
    // A target is pinned to it.
    check(&[waits(0, candidate(0, true, vec![]))], &[START]);
    check(&[waits(0, candidate(0, true, vec![starting(1, 0)]))], &[]);
}

fn phases() -> impl Strategy<Value = Phase> {
    prop_oneof![
        (0u64..15).prop_map(|s| Phase::Starting { since: ago(s) }),
        (0u64..8, 0u64..100).prop_map(|(heard, busy)| Phase::Ready {
            heard: ago(heard),
            busy: ago(busy),
        }),
        (0u64..8, 0u64..10).prop_map(|(heard, left)| Phase::Draining {
            heard: ago(heard),
            until: ago(5) + Duration::from_secs(left),
        }),
        (0u64..4).prop_map(|s| Phase::Ending { since: ago(s) }),
    ]
}

fn pools() -> impl Strategy<Value = Vec<ObservedPool>> {
    let worker = (phases(), 0u32..12, 0u32..5, 0u64..4);
    let asked = (0u32..4, any::<bool>(), any::<bool>(), 0u64..4);
    let size = (0u32..4, 1u32..6, 0u32..3, any::<bool>(), asked);
    let pool = (
        any::<bool>(),
        prop::option::of(size),
        prop::collection::vec(worker, 0..8),
        prop::option::of(0u64..1000),
        0u32..5,
        0u32..8,
    );
    prop::collection::vec(pool, 0..4).prop_map(|pools| {
        let mut number = 0;
        let mut has_active = false;
        type Parts<D, W> = (bool, Option<D>, Vec<W>, Option<u64>, u32, u32);
        let build = |(is_stopped, desired, workers, wait, deaths, warm): Parts<_, _>| {
            type Asked = (u32, u32, u32, bool, (u32, bool, bool, u64));
            let mut is_single = false;
            let desired = desired.map(|(min, max, reserve, is_active, asked): Asked| {
                let (least, is_brief, single, tasks) = asked;
                let is_active = is_active && !has_active;
                has_active |= is_active;
                is_single = single;
                let min = min.min(max);
                let recycle = Recycle {
                    tasks: NonZeroU64::new(tasks),
                    ..Recycle::default()
                };
                let lifetime = if single {
                    Lifetime::Task
                } else {
                    Lifetime::Pool
                };
                let size = PoolSize {
                    min,
                    max,
                    reserve,
                    lifetime,
                    recycle,
                };
                Desired {
                    is_active,
                    size,
                    least,
                    is_brief,
                }
            });
            let workers =
                workers
                    .into_iter()
                    .map(|(phase, running, overdue, begun): (_, u32, u32, u64)| {
                        number += 1;
                        let running = if is_single { running.min(1) } else { running };
                        let begun = begun.max(u64::from(running));
                        ObservedWorker {
                            running,
                            overdue: overdue.min(running),
                            capacity: if is_single { 1 } else { 10 },
                            begun,
                            is_spent: is_single && begun > 0,
                            ..one(number, phase)
                        }
                    });
            let pool = ObservedPool {
                desired,
                is_stopped,
                workers: workers.collect(),
                wait: wait.map(Duration::from_millis),
                queued: u64::from(deaths) * 3,
                warm,
                failures: Failures::default(),
                allowed: None,
            };
            failed(deaths, pool)
        };
        pools.into_iter().map(build).collect()
    })
}

fn one(number: u64, phase: Phase) -> ObservedWorker {
    worker(number, phase)
}

/// The world after the actions were carried out.
fn carry_out(pools: &[ObservedPool], actions: &[Action]) -> Vec<ObservedPool> {
    let mut after = pools.to_vec();
    for action in actions {
        match action {
            Action::Start { pool } => {
                let number = 1000 + after.iter().map(|p| p.workers.len() as u64).sum::<u64>();
                after[*pool].workers.push(starting(number, 0));
            }
            Action::Kill { worker, .. } => set(&mut after, *worker, Phase::Ending { since: now() }),
            Action::Drain { worker, within } => {
                let phase = Phase::Draining {
                    until: now() + *within,
                    heard: now(),
                };
                set(&mut after, *worker, phase);
            }
            Action::Close { .. } => {}
        }
    }
    let closed = |at: &usize| actions.contains(&Action::Close { pool: *at });
    let kept = (0..after.len()).filter(|at| !closed(at));
    kept.map(|at| after[at].clone()).collect()
}

fn set(pools: &mut [ObservedPool], number: Number, phase: Phase) {
    for worker in pools.iter_mut().flat_map(|pool| &mut pool.workers) {
        if worker.number == number {
            worker.phase = phase;
        }
    }
}

#[test]
fn workers_of_a_stopped_pool_end_when_they_have_nothing_to_do_and_none_is_started() {
    let overdue = ObservedWorker {
        overdue: 1,
        ..running(3, 2)
    };
    for (pool, expect) in [
        (pool(1, 4, 1, vec![]), vec![]),
        (waits(1000, pool(1, 4, 1, vec![])), vec![]),
        (pool(1, 4, 1, vec![ready(1), running(2, 3)]), vec![drain(1)]),
        (
            pool(2, 4, 0, vec![starting(1, 1)]),
            vec![kill(1, Why::NotNeeded)],
        ),
        (pool(1, 4, 0, vec![overdue]), vec![drain(3)]),
        (gone(vec![ready(1)]), vec![drain(1)]),
        (gone(vec![]), vec![Action::Close { pool: 0 }]),
    ] {
        let pool = stopped(pool);
        let planned = plan(std::slice::from_ref(&pool), &TIMES, now());
        assert_eq!(planned, expect, "{pool:?}");
    }
}

proptest! {
    #[test]
    fn a_plan_that_was_carried_out_leaves_nothing_to_do(pools in pools()) {
        let actions = plan(&pools, &TIMES, now());
        let after = carry_out(&pools, &actions);
        let again = plan(&after, &TIMES, now());
        // A drained worker makes room for the next: what stays is starting its successor.
        let rest: Vec<_> = again
            .iter()
            .filter(|action| !matches!(action, Action::Start { .. }))
            .collect();
        prop_assert!(rest.is_empty(), "{actions:?} then {again:?}");
    }

    #[test]
    fn a_pool_is_never_made_larger_than_its_most(pools in pools()) {
        let after = carry_out(&pools, &plan(&pools, &TIMES, now()));
        for pool in &after {
            let Some(desired) = &pool.desired else { continue };
            let live = |workers: &[ObservedWorker]| workers.iter().filter(|w| w.is_live()).count();
            let before = pools
                .iter()
                .find(|other| other.workers.first().map(|w| w.number) == pool.workers.first().map(|w| w.number))
                .map_or(0, |other| live(&other.workers));
            // But for the one that takes the place of another.
            let max = desired.size.max as usize + usize::from(!desired.size.recycle.is_never());
            prop_assert!(live(&pool.workers) <= before.max(max));
        }
    }

    #[test]
    fn a_worker_that_is_well_and_ready_is_never_killed(pools in pools()) {
        for action in plan(&pools, &TIMES, now()) {
            let Action::Kill { worker, .. } = action else { continue };
            let all = pools.iter().flat_map(|pool| &pool.workers);
            let killed: Vec<_> = all.filter(|w| w.number == worker).collect();
            let is_well = |w: &&&ObservedWorker| w.is_ready() && w.wrong(&TIMES, now()).is_none();
            prop_assert_eq!(killed.iter().filter(is_well).count(), 0);
        }
    }
}
