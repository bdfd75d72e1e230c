//! Releases one after the other under load, while nodes are drained and pods are evicted.

use std::time::Duration;

use utakata_kube_for_tests::{Image, Options};
use utakata_model::{EnvironmentStatus, PoolStatus, ReleaseId, RolloutPhase, rollout::GoOrder};

use super::{
    Quay,
    quay::{self, NAMESPACE, reference},
};
use crate::{
    docker::manifest,
    rollouts::{Asking, What, all_succeeded, has_ended, id, load, plan, rollout},
    site::{Site, add_image, echo},
};

/// Releases in a row; the benchmark `rollouts --runtime kubernetes` does fifty.
const RELEASES: usize = 5;
const NODES: usize = 3;

/// A release with an image of its own.
fn publish(quay: &Quay, folder: &tempfile::TempDir, number: usize) -> ReleaseId {
    let name = format!("v{number}");
    let text = manifest().replace("0.1.0", &format!("0.{}.0", number + 1));
    let root = folder.path().join("images").join(&name);
    std::fs::create_dir_all(&root).unwrap();
    let worker = quay.images().join("utakata-worker-echo");
    std::os::unix::fs::symlink(worker, root.join("utakata-worker-echo")).unwrap();
    std::fs::write(root.join("worker.toml"), &text).unwrap();
    let image = reference().replace("aa", &format!("{:02x}", 0xa0 + number));
    quay.cluster.register(&image, Image::folder(root));
    let releases = folder.path().join("releases");
    add_image(&releases, &name, &text, &format!("image = \"{image}\""));
    id(folder, &name)
}

fn serves(status: &EnvironmentStatus, release: &ReleaseId) -> bool {
    let is_ready = |pool: &PoolStatus| pool.release == *release && pool.active && pool.ready > 0;
    status.pools.iter().any(is_ready)
}

/// Evicts a pod, or drains a node.
fn disturb(quay: &Quay, round: usize) {
    let pods = quay.pods();
    if let Some(pod) = pods.get(round % pods.len().max(1)) {
        // It may have gone meanwhile.
        let _ = quay.cluster.evict(NAMESPACE, pod);
    }
    let node = |round: usize| format!("node-{}", round % NODES + 1);
    quay.cluster.drain_node(&node(round)).unwrap();
    quay.cluster
        .uncordon_node(&node(round + NODES - 1))
        .unwrap();
}

#[tokio::test]
async fn releases_follow_each_other_under_load_while_nodes_are_drained() {
    let quay = Quay::open_with(Options {
        nodes: NODES,
        ..Options::default()
    });
    let folder = tempfile::tempdir().unwrap();
    let releases: Vec<ReleaseId> = (0..=RELEASES)
        .map(|number| publish(&quay, &folder, number))
        .collect();
    let state = folder.path().join("state");
    let keep = |config: &mut utakata_execution::Config| config.state_folder = Some(state);
    let mut site: Site = quay::start(folder, quay.config(), keep).await;
    let mut asking = Asking::new();
    asking.stable(&site, &releases[0]).await;
    let first = releases[0].clone();
    site.status(move |status| serves(status, &first)).await;
    let quick = utakata_model::RolloutPlan {
        watch: Duration::from_millis(100),
        ..plan()
    };
    let mut outcomes = Vec::new();
    for (number, way) in releases.windows(2).enumerate() {
        asking.another();
        asking
            .order(&site, (&way[0], &way[1]), &quick, GoOrder::Go)
            .await;
        disturb(&quay, number);
        let is_tried = |status: &EnvironmentStatus| {
            rollout(status).is_some_and(|rollout| rollout.phase >= RolloutPhase::Canary)
        };
        outcomes.extend(load(&mut site, What::Reads, is_tried).await);
        disturb(&quay, number + 1);
        outcomes.extend(load(&mut site, What::All, has_ended).await);
        let seen = rollout(&site.handle.status()).unwrap().clone();
        assert_eq!(seen.phase, RolloutPhase::Done, "{seen:#?}");
        asking.stable(&site, &way[1]).await;
        let next = way[1].clone();
        site.status(move |status| status.rollouts.is_empty() && serves(status, &next))
            .await;
    }
    all_succeeded(&outcomes.iter().collect::<Vec<_>>());
    for outcome in &outcomes {
        assert_eq!(site.outcomes_of(outcome.key()).len(), 1, "{outcome:#?}");
    }
    let last = site.ask(echo("a", "x")).await;
    assert_eq!(*last.ran_by.unwrap().release, releases[RELEASES]);
    site.end().await;
    quay.assert_empty().await;
}
