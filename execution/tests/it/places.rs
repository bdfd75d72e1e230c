//! A limit of workers for the whole environment, shared by kinds, with real workers.

use std::{sync::Arc, time::Duration};

use utakata_execution::Config;
use utakata_model::{
    EnvironmentStatus, Kind, Outcome, OutcomeStatus, Target, Task,
    manifest::{Lifetime, PoolSize},
};

use crate::site::{Site, add_echo, assert_ended, pool, set, task};

/// The limit of workers in the environment.
const MAX: u32 = 4;
/// Tasks of the kind with the backlog.
const BACKLOG: usize = 1000;

/// A site with several kinds, whose workers take one task each.
async fn start(kinds: &[&str], change: impl FnOnce(&mut Config)) -> Site {
    let folder = tempfile::tempdir().unwrap();
    for kind in kinds {
        add_echo(&folder.path().join("releases"), kind, |manifest| {
            *manifest = manifest.replace("kind = \"echo\"", &format!("kind = \"{kind}\""));
        });
    }
    let size = PoolSize {
        min: 0,
        max: 16,
        reserve: 0,
        lifetime: Lifetime::Task,
        ..PoolSize::default()
    };
    Site::start_in(folder, |config| {
        config.max_workers = Some(MAX);
        for kind in kinds {
            config.pools.insert(kind.parse().unwrap(), size.clone());
        }
        change(config);
    })
    .await
}

fn of(kind: &str, task: Task) -> Task {
    let target = Target {
        kind: Kind::new(kind).unwrap(),
        ..(*task.target).clone()
    };
    Task {
        target: Arc::new(target),
        ..task
    }
}

fn slow(kind: &str, count: usize) -> Vec<Task> {
    let parameters = serde_json::json!({ "payload": "x", "delay": "20ms" });
    let one = |n| {
        of(
            kind,
            task(&format!("{kind}-{n}"), "echo", parameters.clone()),
        )
    };
    (0..count).map(one).collect()
}

/// Returns the number of workers reported in the status.
fn there(status: &EnvironmentStatus) -> u32 {
    let workers = |pool: &utakata_model::PoolStatus| pool.starting + pool.ready + pool.draining;
    status.pools.iter().map(workers).sum()
}

fn all_succeeded(outcomes: &[Outcome]) {
    for outcome in outcomes {
        assert_ended(outcome, OutcomeStatus::Succeeded, "");
    }
}

#[tokio::test]
async fn a_kind_with_an_endless_backlog_leaves_another_its_workers_and_there_are_never_more() {
    let mut site = start(&["echo", "other"], |_| {}).await;
    let mut watch = site.handle.watch();
    let max = tokio::spawn(async move {
        let mut max = 0;
        while watch.changed().await.is_ok() {
            max = max.max(there(&watch.borrow_and_update()));
        }
        max
    });
    let mut backlog = slow("echo", BACKLOG);
    for task in &mut backlog {
        task.expires += Duration::from_secs(600);
    }
    let backlog = site.send(backlog).await;
    let told = site
        .status(|status| {
            let short = status.workers.as_ref().map(|workers| &workers.short);
            there(status) == MAX && short.is_some_and(|short| !short.is_empty())
        })
        .await;
    assert_eq!(told.workers.unwrap().max, MAX);

    let mut few = slow("other", 3);
    few.push(of("other", set("other-set", "1ms")));
    let few = site.send(few).await;
    all_succeeded(&site.outcomes(&few).await);
    let done = backlog
        .iter()
        .filter(|key| !site.outcomes_of(**key).is_empty());
    let done = done.count();
    assert!(done < BACKLOG / 2, "{done} of the backlog came first");
    // The other kind continues, with all workers again.
    all_succeeded(&site.outcomes(&backlog[..100.max(done + 50)]).await);
    site.status(|status| pool(status, "other").is_some_and(|pool| pool.ready == 0))
        .await;
    site.end().await;
    let max = max.await.unwrap();
    assert_eq!(max, MAX);
}

#[tokio::test]
async fn more_kinds_than_places_take_turns_and_each_has_its_tasks_done() {
    let kinds = ["a", "b", "c", "d", "echo", "f"];
    let mut site = start(&kinds, |config| config.max_workers = Some(2)).await;
    let tasks = kinds.iter().flat_map(|kind| slow(kind, 4)).collect();
    let keys = site.send(tasks).await;
    all_succeeded(&site.outcomes(&keys).await);
    site.end().await;
}
