//! From one image to the next under load: a good one takes over, a bad one is rolled back, and
//! neither killed containers nor a killed engine lose anything.

use std::time::Duration;

use tempfile::TempDir;
use utakata_model::{
    EnvironmentStatus, Outcome, OutcomeStatus, ReleaseId, RolloutPhase, RolloutPlan,
    rollout::GoOrder,
};
use utakata_tests::servers::Registry;

use super::port::{LABEL, Port, manifest};
use crate::{
    rollouts::{
        Asking, What, all_succeeded, by, has_ended, id, load, plan, rollout, without_shadow,
    },
    site::{Site, add_image, echo},
    tool,
};

/// A site with two releases from a registry, serving the old one.
struct Dock {
    port: Port,
    site: Site,
    asking: Asking,
    old: ReleaseId,
    new: ReleaseId,
    /// The registry from which images are pulled.
    _registry: Registry,
}

impl Dock {
    /// Opens it with this program in the image of the new release.
    async fn open(program: &std::path::Path, options: &[&str]) -> Self {
        let port = Port::open_with(options);
        let registry = Registry::start().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let old = manifest();
        add(&port, &registry, &folder, ("old", &old), &tool::echo());
        let mut new = old.replace("0.1.0", "0.2.0");
        let name = program.file_name().unwrap().to_str().unwrap();
        new = new.replace("utakata-worker-echo", name);
        add(&port, &registry, &folder, ("new", &new), program);
        let (old, new) = (id(&folder, "old"), id(&folder, "new"));
        let state = folder.path().join("state");
        let site = port
            .start(folder, |config| config.state_folder = Some(state))
            .await;
        let mut asking = Asking::new();
        asking.stable(&site, &old).await;
        let served = old.clone();
        site.status(move |status| {
            let is_ready = |pool: &utakata_model::PoolStatus| {
                pool.release == served && pool.active && pool.ready > 0
            };
            status.pools.iter().any(is_ready)
        })
        .await;
        Self {
            port,
            site,
            asking,
            old,
            new,
            _registry: registry,
        }
    }

    async fn begin(&mut self, plan: &RolloutPlan) {
        let way = (&self.old, &self.new);
        self.asking.order(&self.site, way, plan, GoOrder::Go).await;
    }

    fn phase(&self) -> RolloutPhase {
        rollout(&self.site.handle.status()).unwrap().phase
    }

    async fn end(self) {
        self.site.end().await;
        self.port.assert_empty().await;
    }

    /// Returns the containers of a release.
    fn containers(&self, release: &ReleaseId) -> Vec<String> {
        let filter = format!("label=utakata.release={release}");
        let listed = self
            .port
            .engine
            .docker(&["ps", "--quiet", "--no-trunc", "--filter", &filter]);
        listed.unwrap().lines().map(str::to_owned).collect()
    }
}

/// Builds and publishes an image, and puts its release into the folder.
fn add(
    port: &Port,
    registry: &Registry,
    folder: &TempDir,
    (name, text): (&str, &str),
    program: &std::path::Path,
) {
    port.image_of(name, program, text, &[(LABEL, text)]);
    let reference = registry.push(&port.engine, name, name).unwrap();
    let releases = folder.path().join("releases");
    add_image(&releases, name, text, &format!("image = \"{reference}\""));
}

/// Checks that each task has one outcome and none is lost: tasks that died in progress are reported
/// as such.
fn nothing_is_lost(site: &Site, outcomes: &[Outcome]) {
    for outcome in outcomes {
        assert_eq!(site.outcomes_of(outcome.key()).len(), 1, "{outcome:#?}");
        let code = outcome.problem.as_ref().map_or("", |problem| &problem.code);
        let is_known = outcome.status == OutcomeStatus::Succeeded || code == "worker-lost";
        assert!(is_known, "{outcome:#?}");
    }
}

fn is_in(phase: RolloutPhase) -> impl Fn(&EnvironmentStatus) -> bool {
    move |status| rollout(status).is_some_and(|rollout| rollout.phase >= phase)
}

#[tokio::test]
async fn an_image_takes_over_from_another_under_load_without_a_loss() {
    let mut dock = Dock::open(&tool::echo(), &[]).await;
    dock.begin(&plan()).await;
    let tried = is_in(RolloutPhase::Canary);
    let mut outcomes = load(&mut dock.site, What::Reads, tried).await;
    outcomes.extend(load(&mut dock.site, What::All, has_ended).await);
    assert_eq!(dock.phase(), RolloutPhase::Done);
    all_succeeded(&outcomes.iter().collect::<Vec<_>>());
    nothing_is_lost(&dock.site, &outcomes);
    let after = dock.site.ask(echo("a", "x")).await;
    assert_eq!(*after.ran_by.unwrap().release, dock.new);
    dock.end().await;
}

#[tokio::test]
async fn an_image_that_does_not_say_hello_goes_back() {
    let mut dock = Dock::open(&tool::build(), &[]).await;
    dock.begin(&plan()).await;
    let outcomes = load(&mut dock.site, What::All, has_ended).await;
    let status = dock.site.handle.status();
    let seen = rollout(&status).unwrap();
    let code = seen.problem.as_ref().map(|problem| &*problem.code);
    assert_eq!(
        (seen.phase, code),
        (RolloutPhase::Back, Some("rollout-no-start"))
    );
    all_succeeded(&outcomes.iter().collect::<Vec<_>>());
    assert_eq!(by(&outcomes, &dock.old).len(), outcomes.len());
    dock.end().await;
}

#[tokio::test]
async fn containers_that_are_killed_during_a_canary_turn_it_back_and_lose_nothing() {
    let mut dock = Dock::open(&tool::echo(), &[]).await;
    dock.begin(&without_shadow()).await;
    let mut outcomes = load(&mut dock.site, What::All, is_in(RolloutPhase::Canary)).await;
    while !has_ended(&dock.site.handle.status()) {
        for id in dock.containers(&dock.new) {
            // It may have ended by itself.
            let _ = dock.port.engine.docker(&["kill", &id]);
        }
        let batch = dock
            .site
            .send((0..8).map(|n| echo(&format!("t{n}"), "x")).collect());
        let keys = batch.await;
        outcomes.extend(dock.site.outcomes(&keys).await);
    }
    let status = dock.site.handle.status();
    let seen = rollout(&status).unwrap();
    let code = seen.problem.as_ref().map(|problem| &*problem.code);
    assert_eq!(
        (seen.phase, code),
        (RolloutPhase::Back, Some("rollout-dies"))
    );
    nothing_is_lost(&dock.site, &outcomes);
    all_succeeded(&by(&outcomes, &dock.old));
    dock.end().await;
}

#[tokio::test]
async fn a_rollout_outlives_an_engine_that_is_killed_and_loses_nothing() {
    // Containers keep running, as on a machine where the engine may be updated.
    let mut dock = Dock::open(&tool::echo(), &["--live-restore"]).await;
    let slow = RolloutPlan {
        watch: Duration::from_secs(2),
        ..plan()
    };
    dock.begin(&slow).await;
    let mut outcomes = load(&mut dock.site, What::Reads, is_in(RolloutPhase::Shadow)).await;
    dock.port.engine.kill().unwrap();
    let without = dock
        .site
        .send((0..50).map(|n| echo(&format!("t{n}"), "x")).collect());
    let keys = without.await;
    outcomes.extend(dock.site.outcomes(&keys).await);
    dock.port.engine.start_again().unwrap();
    outcomes.extend(load(&mut dock.site, What::Reads, has_ended).await);
    assert_eq!(dock.phase(), RolloutPhase::Done);
    all_succeeded(&outcomes.iter().collect::<Vec<_>>());
    nothing_is_lost(&dock.site, &outcomes);
    dock.end().await;
}
