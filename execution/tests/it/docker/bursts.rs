//! How long a burst takes where each task has a fresh worker, with a reserve and without one, as
//! processes and as containers. The figures are printed, for docs/benchmarks.md.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use utakata_execution::Config;
use utakata_model::{
    OutcomeStatus, PoolStatus,
    manifest::{Lifetime, PoolSize},
};

use super::Port;
use crate::site::{Site, assert_ended, echo, pool};

const ROUNDS: usize = 7;

fn fresh(reserve: u32) -> impl FnOnce(&mut Config) {
    let size = PoolSize {
        min: 0,
        max: 12,
        reserve,
        lifetime: Lifetime::Task,
        ..PoolSize::default()
    };
    move |config| {
        config.pools.insert("echo".parse().unwrap(), size);
    }
}

/// The times of bursts of so many tasks, each from its publication to its last outcome, when
/// the reserve is full and nothing else runs; sorted.
async fn bursts(site: &mut Site, count: usize, reserve: u32) -> Vec<Duration> {
    let mut since = Timestamp::UNIX_EPOCH;
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        site.status(|status| {
            let is_calm = |p: &PoolStatus| (p.ready, p.starting, p.draining) == (reserve, 0, 0);
            status.time > since && pool(status, "echo").is_some_and(is_calm)
        })
        .await;
        let tasks = (0..count).map(|n| echo(&format!("t{round}-{n}"), "x"));
        let begun = Instant::now();
        let keys = site.send(tasks.collect()).await;
        for outcome in site.outcomes(&keys).await {
            assert_ended(&outcome, OutcomeStatus::Succeeded, "");
        }
        times.push(begun.elapsed());
        since = Timestamp::now();
    }
    times.sort_unstable();
    times
}

fn tell(what: &str, times: &[Duration]) -> Duration {
    let median = times[times.len() / 2];
    let (least, most) = (times[0], times[times.len() - 1]);
    println!("{what}: {median:.1?} ({least:.1?} to {most:.1?})");
    median
}

/// The medians of a burst of four with a reserve, and without.
async fn compare(what: &str, mut with: Site, mut without: Site) -> (Duration, Duration) {
    let cold = bursts(&mut without, 1, 0).await;
    tell(&format!("{what}: cold start to first outcome"), &cold);
    let four = bursts(&mut without, 4, 0).await;
    let slow = tell(&format!("{what}: four, no reserve"), &four);
    let four = bursts(&mut with, 4, 4).await;
    let fast = tell(&format!("{what}: four, reserve of four"), &four);
    with.end().await;
    without.end().await;
    (fast, slow)
}

#[tokio::test]
async fn a_reserve_takes_the_start_out_of_a_burst_of_processes_and_of_containers() {
    let port = Port::open();
    let (with, without) = (Site::start(fresh(4)).await, Site::start(fresh(0)).await);
    let (fast, slow) = compare("process", with, without).await;
    assert!(fast < slow, "{fast:?}, {slow:?}");
    let (with, without) = (port.site(fresh(4)).await, port.site(fresh(0)).await);
    let (fast, slow) = compare("container", with, without).await;
    assert!(fast * 2 < slow, "{fast:?}, {slow:?}");
    port.assert_empty().await;
}
