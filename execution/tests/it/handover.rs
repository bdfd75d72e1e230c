//! An environment prepares for another program in its process, with workers that can be handed over
//! and others that cannot.

use std::time::Duration;

use utakata_execution::Error;
use utakata_model::{Class, OutcomeStatus};
use utakata_tests::wait;

use crate::{
    ledger::Rules,
    player::{Player, pass, play, until},
    site::{Site, assert_ended, set},
};

const LEAVE_WITHIN: Duration = Duration::from_secs(30);

/// Workers of another SDK, answering after this delay.
fn slow(after: Duration) -> Player {
    Player::new(8, move |_| Some((after, "")))
}

async fn begun(site: &Site, player: &Player) -> Vec<utakata_model::TaskKey> {
    let tasks = vec![play("a", Class::Control), play("b", Class::Observe)];
    let keys = site.send(tasks).await;
    until(|| player.score.lock().given.len() == 2).await;
    keys
}

#[tokio::test(start_paused = true)]
async fn workers_that_cannot_be_handed_over_are_drained_and_lose_nothing() {
    let player = slow(Duration::from_secs(5));
    let mut site = Site::play(&player, Rules::default(), |_| {}).await;
    let keys = begun(&site, &player).await;
    let handle = site.handle.clone();
    let left = tokio::spawn(async move { handle.leave(LEAVE_WITHIN).await });
    for outcome in site.outcomes(&keys).await {
        assert_ended(&outcome, OutcomeStatus::Succeeded, "");
    }
    left.await.unwrap().unwrap();
    // Nothing new begins until somebody resumes.
    let more = site.send(vec![play("c", Class::Control)]).await;
    pass(Duration::from_secs(10)).await;
    assert_eq!(player.score.lock().times(more[0]), 0);
    site.handle.go_on().await;
    assert_ended(&site.outcomes(&more).await[0], OutcomeStatus::Succeeded, "");
    assert_eq!(player.score.lock().times(keys[0]), 1);
    site.end().await;
}

#[tokio::test(start_paused = true)]
async fn control_that_takes_longer_is_not_cut_and_the_environment_continues() {
    let player = slow(Duration::from_secs(50));
    let mut site = Site::play(&player, Rules::default(), |_| {}).await;
    let mut long = play("a", Class::Control);
    long.timeout = Duration::from_secs(60);
    let keys = site.send(vec![long]).await;
    until(|| player.score.lock().given.len() == 1).await;
    let left = site.handle.leave(LEAVE_WITHIN).await;
    assert!(matches!(left, Err(Error::Held(_))), "{left:?}");
    pass(Duration::from_secs(25)).await;
    let outcome = site.outcomes(&keys).await.remove(0);
    assert_ended(&outcome, OutcomeStatus::Succeeded, "");
    // Another worker serves.
    let player_score = player.score.clone();
    let more = site.send(vec![play("b", Class::Observe)]).await;
    until(|| player_score.lock().times(more[0]) == 1).await;
    pass(Duration::from_secs(60)).await;
    site.end().await;
}

#[tokio::test]
async fn workers_that_were_let_go_come_back_when_nobody_takes_them_over() {
    let mut site = Site::start(|_| {}).await;
    site.ready("echo").await;
    let before = site.processes();
    for _ in 0..3 {
        let keys = site.send(vec![set("a", "1s")]).await;
        // Once the queue is empty, the worker has it.
        let counts = || site.tasks.counts();
        wait::until("it is begun", async || {
            counts().control_waiting + counts().control_fetched == 0
        })
        .await;
        let left = site.handle.leave(LEAVE_WITHIN);
        wait::soon("it has left", left).await.unwrap();
        assert!(site.outcomes_of(keys[0]).is_empty(), "it still runs");
        site.handle.go_on().await;
        let outcome = site.outcomes(&keys).await.remove(0);
        assert_ended(&outcome, OutcomeStatus::Succeeded, "");
        assert_eq!(site.outcomes_of(keys[0]).len(), 1);
    }
    assert_eq!(site.processes(), before);
    site.end().await;
}
