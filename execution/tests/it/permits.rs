//! Control under permits, whatever is lost, duplicated, late or refused on the way.

use std::time::Duration;

use utakata_execution::Config;
use utakata_interconnect_conformance::faulty::{Faults, Lose};
use utakata_model::{Class, OutcomeStatus, Task, TaskKey};
use utakata_permit::message::Refused;

use crate::{
    ledger::{Rules, WINDOW},
    player::{Player, manifest, play, until},
    site::{Setup, Site, add_release, assert_ended},
};

/// Returns workers that answer at once.
fn prompt(capacity: u32) -> Player {
    Player::new(capacity, |_| Some((Duration::ZERO, "")))
}

fn writes(count: usize) -> Vec<Task> {
    let write = |n| play(&format!("t{n}"), Class::Control);
    (0..count).map(write).collect()
}

/// Sends control through a site with such a ledger, and checks that each is done once and reported
/// with its permit.
async fn is_done_once(rules: Rules) {
    let player = prompt(8);
    let mut site = Site::play(&player, rules, |_| {}).await;
    let keys = site.send(writes(20)).await;
    for outcome in site.outcomes(&keys).await {
        assert_ended(&outcome, OutcomeStatus::Succeeded, "");
        let permit = site.ledger.book.lock().permitted[&outcome.key()].1;
        assert_eq!(outcome.permit, Some(permit));
    }
    let ledger = site.ledger.clone();
    site.end().await;
    for key in keys {
        assert_eq!(player.score.lock().times(key), 1);
        assert!(!ledger.book.lock().outcomes_of(key).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn control_is_done_once_under_its_permit() {
    is_done_once(Rules::default()).await;
}

#[tokio::test(start_paused = true)]
async fn an_ask_that_is_lost_is_repeated() {
    is_done_once(Rules {
        lose_asks: 5,
        ..Rules::default()
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_is_lost_is_reported_again() {
    is_done_once(Rules {
        lose_permits: 5,
        ..Rules::default()
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_is_duplicated_is_used_once() {
    is_done_once(Rules {
        times: 3,
        ..Rules::default()
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_is_slow_and_within_its_window_is_used() {
    is_done_once(Rules {
        delay: WINDOW / 2,
        ..Rules::default()
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_is_late_begins_nothing_and_is_reported_useless() {
    let player = prompt(8);
    let rules = Rules {
        delay: WINDOW * 2,
        ..Rules::default()
    };
    let mut site = Site::play(&player, rules, |_| {}).await;
    let keys = site.send(writes(5)).await;
    for outcome in site.outcomes(&keys).await {
        assert_ended(&outcome, OutcomeStatus::Expired, "permit-late");
        let permit = site.ledger.book.lock().permitted[&outcome.key()].1;
        assert_eq!(outcome.permit, Some(permit));
    }
    site.end().await;
    assert!(player.score.lock().given.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_not_begun_and_leaves_the_queue() {
    let player = prompt(8);
    let rules = Rules {
        refuse: Some(Refused::Recalled),
        ..Rules::default()
    };
    let mut site = Site::play(&player, rules, |_| {}).await;
    let keys = site.send(writes(5)).await;
    let read = site.ask(play("t0", Class::Observe)).await;
    assert_ended(&read, OutcomeStatus::Succeeded, "");
    until(|| site.tasks.counts().control_waiting + site.tasks.counts().control_fetched == 0).await;
    for key in keys {
        assert!(site.outcomes_of(key).is_empty());
        assert_eq!(player.score.lock().times(key), 0);
    }
    site.end().await;
}

#[tokio::test(start_paused = true)]
async fn two_deliveries_of_an_attempt_are_one_run() {
    let player = prompt(8);
    let mut site = Site::play(&player, Rules::default(), |_| {}).await;
    let tasks = writes(20);
    site.send(tasks.clone()).await;
    let keys = site.send(tasks.clone()).await;
    site.outcomes(&keys).await;
    site.send(tasks).await;
    until(|| site.tasks.counts().control_waiting + site.tasks.counts().control_fetched == 0).await;
    site.end().await;
    for key in keys {
        assert_eq!(player.score.lock().times(key), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_outcome_is_reported_until_it_is_recorded() {
    let player = prompt(8);
    let rules = Rules {
        record_from: 3,
        ..Rules::default()
    };
    let mut site = Site::play(&player, rules, |_| {}).await;
    let keys = site.send(writes(1)).await;
    site.outcomes(&keys).await;
    let ledger = site.ledger.clone();
    until(|| ledger.book.lock().outcomes.len() == 4).await;
    // A drain waits for what is not recorded, and everything is.
    site.end().await;
    assert_eq!(ledger.book.lock().outcomes_of(keys[0]).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_records_until_its_deadline() {
    let player = prompt(8);
    let rules = Rules {
        record_from: usize::MAX,
        ..Rules::default()
    };
    let mut site = Site::play(&player, rules, |_| {}).await;
    let keys = site.send(writes(1)).await;
    site.outcomes(&keys).await;
    let before = tokio::time::Instant::now();
    let within = Duration::from_secs(20);
    site.handle.drain(within).await.unwrap();
    assert!(before.elapsed() >= within, "{:?}", before.elapsed());
    assert!(before.elapsed() < within + Duration::from_secs(1));
    assert!(site.ledger.book.lock().outcomes_of(keys[0]).len() > 3);
}

#[tokio::test(start_paused = true)]
async fn an_environment_that_dies_between_permit_and_begin_has_begun_nothing() {
    let player = prompt(8);
    let rules = Rules {
        delay: WINDOW / 2,
        ..Rules::default()
    };
    let site = Site::play(&player, rules, |_| {}).await;
    let keys = site.send(writes(1)).await;
    let book = site.ledger.book.clone();
    until(|| book.lock().permitted.contains_key(&keys[0])).await;
    let Site { handle, tasks, .. } = site;
    let mut status = handle.watch();
    drop(handle);
    while status.changed().await.is_ok() {}
    tokio::time::advance(WINDOW * 2).await;
    assert!(player.score.lock().given.is_empty());
    assert_eq!(tasks.counts().control_waiting, 1);
}

#[tokio::test(start_paused = true)]
async fn asks_are_never_more_than_workers_take() {
    let player = Player::new(8, |_| Some((Duration::from_millis(100), "")));
    let rules = Rules {
        delay: Duration::from_millis(50),
        ..Rules::default()
    };
    let mut site = Site::play(&player, rules, |_| {}).await;
    let keys = site.send(writes(100)).await;
    for outcome in site.outcomes(&keys).await {
        assert_ended(&outcome, OutcomeStatus::Succeeded, "");
    }
    site.end().await;
    assert!(player.score.lock().max <= 8);
}

/// Whatever is lost, duplicated and reordered: nothing runs without its permit, or twice under it.
#[tokio::test(start_paused = true)]
async fn on_a_bad_day_each_attempt_runs_at_most_once_and_only_under_its_permit() {
    for seed in 1..=5 {
        let player = prompt(64);
        let folder = tempfile::tempdir().unwrap();
        let releases = folder.path().join("releases");
        add_release(&releases, "play", &manifest("play", ""), Some("x"));
        let setup = Setup {
            runtime: player.runtime(),
            faults: Some(Faults {
                may_lose: Lose::Anything,
                ..Faults::bad_day(seed)
            }),
            ..Setup::new(folder)
        };
        let site = Site::build(setup, |_: &mut Config| {}).await;
        let tasks = writes(200);
        let keys: Vec<TaskKey> = site.send(tasks).await;
        let counts = || site.tasks.counts();
        until(|| counts().control_waiting + counts().control_fetched == 0).await;
        assert_eq!(site.handle.status().pools.len(), 1);
        let ledger = site.ledger.clone();
        site.handle.drain(Duration::from_secs(60)).await.unwrap();
        let (score, book) = (player.score.lock(), ledger.book.lock());
        let mut succeeded = 0;
        for key in keys {
            assert!(score.times(key) <= 1, "seed {seed}");
            let permit = book.permitted.get(&key).map(|(_, ask)| *ask);
            assert!(score.times(key) == 0 || permit.is_some(), "seed {seed}");
            for outcome in book.outcomes_of(key) {
                assert_eq!(outcome.permit, permit, "seed {seed}: {outcome:?}");
                let ran = outcome.status != OutcomeStatus::Expired;
                assert_eq!(score.times(key), usize::from(ran), "seed {seed}");
            }
            succeeded += score.times(key);
        }
        assert!(succeeded > 100, "seed {seed}: {succeeded} of 200 ran");
    }
}
