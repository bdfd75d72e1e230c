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

const ENDS: [End; 4] = [End::Evicted, End::Pushed, End::Killed, End::Memory];
const WATCHES: [Watch; 4] = [Watch::Whole, Watch::Cut, Watch::Expired, Watch::Away];

impl End {
    fn come(self, cluster: &Cluster, pod: &str) {
        match self {
            Self::Evicted => cluster.evict(NAMESPACE, pod).unwrap(),
            Self::Pushed => cluster.evict_by_kubelet(NAMESPACE, pod, "low on memory"),
            Self::Killed => cluster.signal(NAMESPACE, pod, Signal::SEGV),
            Self::Memory => cluster.run_out_of_memory(NAMESPACE, pod),
        }
    }

    /// The workers that are lost by it, and the words that blame the release.
    fn blame(self) -> (u64, Option<&'static str>) {
        match self {
            Self::Evicted | Self::Pushed => (0, None),
            Self::Killed => (1, Some("signal 11")),
            Self::Memory => (1, Some("memory")),
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
    watch.fail(&quay.cluster);
    end.come(&quay.cluster, &first);
    until(|| quay.cluster.processes().is_empty() || quay.pods() != [first.clone()]).await;
    quay.cluster.open();
    until(|| quay.cluster.object("pods", NAMESPACE, &first).is_none()).await;
    let read = site.ask(echo("a", "x")).await;
    assert_ended(&read, OutcomeStatus::Succeeded, "");
    let (lost, words) = end.blame();
    let is_right = || {
        let pool = &site.handle.status().pools[0];
        let problem = pool.problem.as_ref().map(|problem| &*problem.message);
        pool.lost == lost
            && words.is_none_or(|words| problem.is_some_and(|said| said.contains(words)))
    };
    if lost > 0 {
        until(is_right).await;
    }
    assert!(is_right(), "{end:?}, {watch:?}: {:?}", blamed(&site));
    site.end().await;
    quay.assert_empty().await;
}

#[tokio::test]
async fn whoever_is_to_blame_is_blamed_whatever_is_heard_of_the_cluster() {
    for watch in WATCHES {
        for end in ENDS {
            check(end, watch).await;
        }
    }
}
