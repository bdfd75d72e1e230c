//! Workers that are used once, replaced in time, and kept warm: with real processes.

use std::collections::BTreeSet;

use jiff::Timestamp;
use utakata_execution::Config;
use utakata_model::{
    OutcomeStatus, PoolStatus, Task,
    manifest::{Lifetime, PoolSize, Recycle},
};

use crate::site::{Site, assert_ended, pool, set, task};

fn sized(size: PoolSize) -> impl FnOnce(&mut Config) {
    move |config| {
        config.pools.insert("echo".parse().unwrap(), size);
    }
}

fn echoes(round: usize, count: usize, delay: &str) -> Vec<Task> {
    let parameters = serde_json::json!({ "payload": "x", "delay": delay });
    let echo = |n| task(&format!("t{round}-{n}"), "echo", parameters.clone());
    (0..count).map(echo).collect()
}

#[tokio::test]
async fn a_burst_up_to_the_reserve_waits_for_no_start_and_each_task_has_a_fresh_worker() {
    let size = PoolSize {
        min: 0,
        max: 12,
        reserve: 4,
        lifetime: Lifetime::Task,
        ..PoolSize::default()
    };
    let mut site = Site::start(sized(size)).await;
    let mut since = Timestamp::UNIX_EPOCH;
    for round in 0..4 {
        // A status from before the end of the last burst says nothing about the next one.
        site.status(|status| {
            let is_full = |p: &PoolStatus| (p.ready, p.starting, p.draining) == (4, 0, 0);
            status.time > since && pool(status, "echo").is_some_and(is_full)
        })
        .await;
        let mut tasks = echoes(round, 3, "100ms");
        tasks.push(set(&format!("s{round}"), "100ms"));
        let keys = site.send(tasks).await;
        let mut workers = BTreeSet::new();
        for outcome in site.outcomes(&keys).await {
            assert_ended(&outcome, OutcomeStatus::Succeeded, "");
            workers.insert(outcome.ran_by.unwrap().worker.to_string());
        }
        since = Timestamp::now();
        // The workers that were ready before the burst, so none started for it.
        let ready = (1..=4).map(|n| format!("echo-{}", 4 * round + n));
        assert_eq!(workers, ready.collect::<BTreeSet<_>>());
    }
    // Tasks beyond the reserve are done as well, and nothing is lost.
    let keys = site.send(echoes(9, 40, "5ms")).await;
    let outcomes = site.outcomes(&keys).await;
    let workers: BTreeSet<_> = outcomes
        .into_iter()
        .map(|outcome| {
            assert_ended(&outcome, OutcomeStatus::Succeeded, "");
            outcome.ran_by.unwrap().worker
        })
        .collect();
    assert_eq!(workers.len(), 40);
    assert_eq!(pool(&site.handle.status(), "echo").unwrap().lost, 0);
    site.end().await;
}

#[tokio::test]
async fn workers_that_are_replaced_under_load_lose_nothing() {
    let size = PoolSize {
        min: 2,
        max: 2,
        recycle: Recycle {
            tasks: std::num::NonZeroU64::new(40),
            ..Recycle::default()
        },
        ..PoolSize::default()
    };
    let mut site = Site::start(sized(size)).await;
    site.ready("echo").await;
    let mut workers = BTreeSet::new();
    for round in 0.. {
        let keys = site.send(echoes(round, 60, "5ms")).await;
        for outcome in site.outcomes(&keys).await {
            assert_ended(&outcome, OutcomeStatus::Succeeded, "");
            workers.insert(outcome.ran_by.unwrap().worker);
        }
        let told: Vec<usize> = keys
            .iter()
            .map(|key| site.outcomes_of(*key).len())
            .collect();
        assert_eq!(told, vec![1; 60]);
        if workers.len() >= 6 {
            break;
        }
        assert!(round < 200, "nobody is replaced: {workers:?}");
    }
    assert_eq!(pool(&site.handle.status(), "echo").unwrap().lost, 0);
    site.end().await;
}

#[tokio::test]
async fn a_pool_tells_how_much_memory_a_worker_has() {
    let site = Site::start(|_| {}).await;
    let status = site
        .status(|status| pool(status, "echo").is_some_and(|pool| pool.memory.is_some()))
        .await;
    let memory = pool(&status, "echo").unwrap().memory.unwrap();
    assert!((1 << 20..1 << 30).contains(&memory), "{memory}");
    site.end().await;
}
