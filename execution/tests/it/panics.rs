//! A kind whose service panics: it is served again, and nothing is done twice.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use utakata_interconnect::{Consumer, Delivery, Error, Refusal, Tag, Tasks};
use utakata_model::{Class, EnvironmentStatus, Kind, OutcomeStatus, Task, Zone};

use crate::{
    ledger::Rules,
    player::{Player, play, until},
    site::{Site, assert_ended},
};

/// Task queues that panic when tasks are requested, as often as ordered.
pub struct PanickingTasks {
    pub inner: Arc<dyn Tasks>,
    pub panics: Arc<AtomicBool>,
}

struct PanickingConsumer {
    inner: Box<dyn Consumer>,
    panics: Arc<AtomicBool>,
}

#[async_trait]
impl Tasks for PanickingTasks {
    async fn publish(&self, tasks: Vec<Task>) -> Result<Vec<Refusal>, Error> {
        self.inner.publish(tasks).await
    }

    async fn consume(&self, zone: &Zone, kind: &Kind) -> Result<Box<dyn Consumer>, Error> {
        Ok(Box::new(PanickingConsumer {
            inner: self.inner.consume(zone, kind).await?,
            panics: self.panics.clone(),
        }))
    }
}

#[async_trait]
impl Consumer for PanickingConsumer {
    async fn fetch(&mut self, max: usize) -> Result<Vec<Delivery>, Error> {
        assert!(!self.panics.swap(false, Ordering::Relaxed), "told to panic");
        self.inner.fetch(max).await
    }

    async fn acknowledge(&mut self, tags: &[Tag]) -> Result<(), Error> {
        self.inner.acknowledge(tags).await
    }

    async fn give_back(&mut self, tags: &[Tag]) -> Result<(), Error> {
        self.inner.give_back(tags).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_kind_whose_service_panics_is_served_again_and_nothing_is_done_twice() {
    // Control of `stuck` is begun and never answered.
    let player = Player::new(8, |task| {
        (task.target != "stuck").then_some((Duration::ZERO, ""))
    });
    let panics = Arc::new(AtomicBool::new(false));
    let mut site = Site::play_with_panics(&player, Rules::default(), panics.clone()).await;
    let begun = play("stuck", Class::Control);
    let key = site.send(vec![begun.clone()]).await[0];
    until(|| player.score.lock().times(key) == 1).await;
    assert_eq!(site.handle.status().invariants_broken, 0);

    for count in 1..=2 {
        panics.store(true, Ordering::Relaxed);
        let status = site
            .status(|status| status.restarted.iter().any(|one| one.count == count))
            .await;
        assert_eq!(status.restarted[0].kind.as_str(), "play");
        // The first ask of the new service: under a number used by the previous one, it would be
        // answered with that one's permit.
        site.send(vec![begun.clone()]).await;
        let left = || site.tasks.counts().control_waiting + site.tasks.counts().control_fetched;
        until(|| left() == 0).await;
        assert_eq!(player.score.lock().times(key), 1);
        let outcome = site.ask(play("t1", Class::Control)).await;
        assert_ended(&outcome, OutcomeStatus::Succeeded, "");
    }
    assert_eq!(utakata_invariant::count(), 2);
    let is_whole = |status: &EnvironmentStatus| status.pools.len() == 1;
    site.status(|status| status.invariants_broken == 2 && is_whole(status))
        .await;
    site.end().await;
}
