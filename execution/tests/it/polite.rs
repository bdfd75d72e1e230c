//! The limits of targets are respected: conversations, tasks per second, and a rest when they are
//! silent.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;
use utakata_model::{BreakerState, Class, Limits, OutcomeStatus, PerSecond, Task};

use crate::{
    ledger::Rules,
    player::{Player, play},
    site::{Site, assert_ended},
};

fn bears(mut task: Task, limits: Limits) -> Task {
    Arc::make_mut(&mut task.target).limits = limits;
    task
}

#[tokio::test(start_paused = true)]
async fn a_target_has_no_more_tasks_at_a_time_and_in_a_second_than_it_bears() {
    let player = Player::new(64, |task| {
        let is_slow = task.target == "slow";
        Some((Duration::from_secs(u64::from(is_slow)), ""))
    });
    let mut site = Site::play(&player, Rules::default(), |_| {}).await;
    let limits = Limits {
        conversations: NonZeroU32::new(2),
        per_second: None,
    };
    let slow = |n| {
        let class = if n % 2 == 0 {
            Class::Control
        } else {
            Class::Observe
        };
        bears(play("slow", class), limits)
    };
    let rated = Limits {
        conversations: NonZeroU32::new(8),
        per_second: Some(PerSecond::new(5.0).unwrap()),
    };
    let mut tasks: Vec<Task> = (0..12).map(slow).collect();
    tasks.extend((0..20).map(|_| bears(play("rated", Class::Observe), rated)));
    tasks.extend((0..20).map(|_| bears(play("rated", Class::Control), rated)));
    tasks.extend((0..50).map(|n| play(&format!("t{n}"), Class::Observe)));
    let keys = site.send(tasks).await;
    for outcome in site.outcomes(&keys).await {
        assert_ended(&outcome, OutcomeStatus::Succeeded, "");
    }
    site.end().await;
    let score = player.score.lock();
    assert_eq!(score.max_on("slow"), 2);
    let at = score.at("rated");
    assert_eq!(at.len(), 40);
    for window in at.windows(6) {
        let took = window[5] - window[0];
        assert!(took >= Duration::from_millis(900), "{took:?}");
    }
    let all = at[39] - at[0];
    assert!(all < Duration::from_millis(39 * 220), "{all:?}");
    // No other target waited for these.
    let others = (0..50).map(|n| score.at(&format!("t{n}"))[0]);
    assert!(others.max().unwrap() < at[0] + Duration::from_millis(500));
}

#[tokio::test(start_paused = true)]
async fn a_silent_target_is_left_alone_and_tried_again_and_others_are_not_held_up() {
    let is_silent = Arc::new(Mutex::new(true));
    let silent = is_silent.clone();
    // Finding out that a target is silent takes long, and workers take few tasks.
    let player = Player::new(2, move |task| {
        if task.target == "silent" && *silent.lock() {
            return Some((Duration::from_secs(5), "unreachable"));
        }
        Some((Duration::ZERO, ""))
    });
    let mut site = Site::play(&player, Rules::default(), |_| {}).await;
    let read = || play("silent", Class::Observe);
    for _ in 0..5 {
        let outcome = site.ask(read()).await;
        assert_ended(&outcome, OutcomeStatus::Failed, "unreachable");
    }
    let status = site.status(|status| !status.breakers.is_empty()).await;
    let breaker = &status.breakers[0];
    assert_eq!((breaker.state, breaker.failures), (BreakerState::Open, 5));
    assert_eq!(breaker.target.as_str(), "silent");
    let before = Instant::now();
    let outcome = site.ask(read()).await;
    assert_ended(&outcome, OutcomeStatus::Failed, "breaker-open");
    assert!(before.elapsed() < Duration::from_millis(500));
    let keys = site
        .send(
            (0..50)
                .map(|n| play(&format!("t{n}"), Class::Observe))
                .collect(),
        )
        .await;
    site.outcomes(&keys).await;
    assert!(before.elapsed() < Duration::from_millis(500));
    // Control waits, is tried as soon as possible, and finds out.
    let write = site.send(vec![play("silent", Class::Control)]).await;
    let outcome = site.outcomes(&write).await.remove(0);
    assert_ended(&outcome, OutcomeStatus::Failed, "unreachable");
    assert!(outcome.permit.is_some());
    *is_silent.lock() = false;
    let write = site.send(vec![play("silent", Class::Control)]).await;
    let outcome = site.outcomes(&write).await.remove(0);
    assert_ended(&outcome, OutcomeStatus::Succeeded, "");
    site.status(|status| status.breakers.is_empty()).await;
    let outcome = site.ask(read()).await;
    assert_ended(&outcome, OutcomeStatus::Succeeded, "");
    site.end().await;
    assert_eq!(player.score.lock().at("silent").len(), 5 + 2 + 1);
}
