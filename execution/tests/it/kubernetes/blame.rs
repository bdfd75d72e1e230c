//! Whoever is to blame for the end of a pod is blamed, and nobody else, whatever the environment
//! hears of the cluster when that pod ends.

use std::fmt;

use rustix::process::Signal;
use utakata_kube_for_tests::Cluster;
use utakata_model::OutcomeStatus;

use super::{Quay, quay::NAMESPACE};
use crate::{
    player::until,
    site::{Site, assert_ended, echo},
};

/// The end of a pod.
#[derive(Debug, Clone, Copy)]
enum End {
    /// Its place takes it away: nobody's fault.
    Evicted,
    /// The kubelet needs its room: nobody's fault.
    Pushed,
    /// A crash of the release.
    Killed,
    /// The release wants more than it said.
    Memory,
}

/// The way in which the environment hears of it.
#[derive(Debug, Clone, Copy)]
enum Watch {
    Whole,
    /// It breaks at that moment.
    Cut,
    /// It breaks, and what happened meanwhile is forgotten.
    Expired,
    /// The API server is away until the pod has ended.
    Away,
}

impl End {
    fn come(self, cluster: &Cluster, pod: &str) {
        match self {
            Self::Evicted => cluster.evict(NAMESPACE, pod).unwrap(),
            Self::Pushed => cluster.evict_by_kubelet(NAMESPACE, pod, "low on memory"),
            Self::Killed => cluster.signal(NAMESPACE, pod, Signal::ABORT),
            Self::Memory => cluster.run_out_of_memory(NAMESPACE, pod),
        }
    }

    /// The number of workers by whose loss the release is blamed.
    fn lost(self) -> u64 {
        match self {
            Self::Evicted | Self::Pushed => 0,
            Self::Killed | Self::Memory => 1,
        }
    }
}

impl Watch {
    fn fail(self, cluster: &Cluster) {
        match self {
            Self::Whole => {}
            Self::Cut => cluster.cut_watches(),
            Self::Expired => {
                cluster.compact();
                cluster.expire_watches(1);
                cluster.cut_watches();
            }
            Self::Away => cluster.close(),
        }
    }
}

/// The blame of a pool, for a message.
fn blamed(site: &Site) -> impl fmt::Debug {
    let pool = &site.handle.status().pools[0];
    (pool.lost, pool.problem.clone())
}

async fn check(end: End, watch: Watch) {
    let quay = Quay::open();
    let mut site = quay.site(|_| {}).await;
    site.ready("echo").await;
    let first = quay.one().await;
    eprintln!("{end:?}, {watch:?}");
    watch.fail(&quay.cluster);
    end.come(&quay.cluster, &first);
    until(|| quay.cluster.processes().is_empty() || quay.pods() != [first.clone()]).await;
    quay.cluster.open();
    until(|| quay.cluster.object("pods", NAMESPACE, &first).is_none()).await;
    let read = site.ask(echo("a", "x")).await;
    assert_ended(&read, OutcomeStatus::Succeeded, "");
    let lost = || site.handle.status().pools[0].lost;
    if end.lost() > 0 {
        until(|| lost() > 0).await;
    }
    assert_eq!(
        lost(),
        end.lost(),
        "{end:?}, {watch:?}: {:?}",
        blamed(&site)
    );
    site.end().await;
    quay.assert_empty().await;
}

/// Checks all ends, one after the other.
async fn check_all(watch: Watch) {
    for end in [End::Evicted, End::Pushed, End::Killed, End::Memory] {
        check(end, watch).await;
    }
}

#[tokio::test]
async fn whoever_is_to_blame_is_blamed_where_everything_is_heard() {
    check_all(Watch::Whole).await;
}

#[tokio::test]
async fn whoever_is_to_blame_is_blamed_where_the_watch_breaks() {
    check_all(Watch::Cut).await;
}

#[tokio::test]
async fn whoever_is_to_blame_is_blamed_where_what_happened_is_forgotten() {
    check_all(Watch::Expired).await;
}

#[tokio::test]
async fn whoever_is_to_blame_is_blamed_while_the_cluster_is_away() {
    check_all(Watch::Away).await;
}
