//! Orders to pause, to drain, and to resume.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use utakata_interconnect::{Event, Events, Tasks};
use utakata_model::{
    Class, Desired, Kind, Order, Orders, ReleaseName, Scope, StandingOrders, Stop, StopState,
    Stopped, Task, TaskKey, Zone,
};

use crate::{
    ledger::Rules,
    player::{Player, play},
    site::{Site, pool},
};

/// Orders the environment of a site to stop or to resume.
async fn ask(site: &Site, revision: u64, stop: Option<Stop>) {
    let order = |stop| Order {
        stop,
        by: "kim".parse().unwrap(),
        since: "2026-03-01T12:00:00Z".parse().unwrap(),
        why: None,
    };
    let orders = Orders {
        all: stop.map(order),
        ..Orders::default()
    };
    let desired = Desired {
        zone: Zone::default(),
        revision,
        environments: [(site.handle.status().id.clone(), orders)].into(),
        kinds: BTreeMap::new(),
        standing: StandingOrders::default(),
        targets: None,
    };
    let event = Event::Desired(Arc::new(desired));
    site.bus.publish(vec![event]).await.unwrap();
}

fn tasks(class: Class, count: usize) -> Vec<Task> {
    let name = |n| format!("{class:?}-{n}").to_lowercase();
    (0..count).map(|n| play(&name(n), class)).collect()
}

/// Takes what is in the queue of the site.
async fn left(site: &Site) -> Vec<TaskKey> {
    let kind = Kind::new("play").unwrap();
    let mut other = site.tasks.consume(&Zone::default(), &kind).await.unwrap();
    let mut keys = Vec::new();
    // Nobody else fetches, so the queue is complete.
    while let Ok(Ok(some)) = tokio::time::timeout(Duration::from_secs(1), other.fetch(100)).await {
        let tags: Vec<_> = some.iter().map(|one| one.tag).collect();
        other.acknowledge(&tags).await.unwrap();
        keys.extend(some.iter().map(|one| one.task.key()));
    }
    keys
}

#[tokio::test(start_paused = true)]
async fn what_was_begun_ends_and_the_rest_is_there_for_others_once() {
    let player = Player::new(4, |_| Some((Duration::from_secs(2), "")));
    let mut site = Site::play(&player, Rules::default(), |_| {}).await;
    let mut keys = site.send(tasks(Class::Control, 20)).await;
    keys.extend(site.send(tasks(Class::Observe, 20)).await);
    site.status(|status| pool(status, "play").is_some_and(|pool| pool.running > 0))
        .await;
    ask(&site, 1, Some(Stop::Pause)).await;
    let status = site
        .status(|status| status.stopped.all == Some(StopState::Paused))
        .await;
    assert_eq!(status.desired, Some(1));
    let begun: Vec<TaskKey> = player.score.lock().given.iter().map(|one| one.0).collect();
    let left = left(&site).await;
    let all: BTreeSet<TaskKey> = begun.iter().chain(&left).copied().collect();
    assert!(!begun.is_empty() && !left.is_empty());
    assert_eq!(all, keys.iter().copied().collect());
    assert_eq!(begun.len() + left.len(), keys.len(), "some are there twice");
    site.outcomes(&begun).await;
    // A late order changes nothing; a later one does.
    ask(&site, 1, None).await;
    ask(&site, 2, None).await;
    site.status(|status| status.desired == Some(2) && status.stopped.is_empty())
        .await;
    let more = site.send(tasks(Class::Control, 3)).await;
    site.outcomes(&more).await;
    site.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_drained_environment_has_no_workers_until_it_continues() {
    let player = Player::new(4, |_| Some((Duration::from_secs(2), "")));
    let mut site = Site::play(&player, Rules::default(), |_| {}).await;
    let keys = site.send(tasks(Class::Control, 2)).await;
    site.status(|status| pool(status, "play").is_some_and(|pool| pool.running > 0))
        .await;
    ask(&site, 1, Some(Stop::Drain)).await;
    let status = site
        .status(|status| status.stopped.all == Some(StopState::Drained))
        .await;
    let drained = pool(&status, "play").unwrap();
    assert_eq!((drained.ready, drained.starting, drained.lost), (0, 0, 0));
    ask(&site, 2, None).await;
    site.outcomes(&keys).await;
    site.ready("play").await;
    site.end().await;
}

/// Orders everything in the zone to stop or to resume.
async fn ask_all(site: &Site, revision: u64, given: &[(Scope, Stop)]) {
    let order = |stop| Order {
        stop,
        by: "kim".parse().unwrap(),
        since: "2026-03-01T12:00:00Z".parse().unwrap(),
        why: None,
    };
    let given = given.iter();
    let given: BTreeMap<Scope, Order> = given
        .map(|(scope, stop)| (scope.clone(), order(*stop)))
        .collect();
    let desired = Desired {
        zone: Zone::default(),
        revision,
        environments: BTreeMap::new(),
        kinds: BTreeMap::new(),
        standing: StandingOrders::of_zone(&given, &Zone::default()),
        targets: None,
    };
    let event = Event::Desired(Arc::new(desired));
    site.bus.publish(vec![event]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_is_not_named_is_stopped_with_its_zone_its_kind_or_its_release() {
    let player = Player::new(4, |_| Some((Duration::from_secs(1), "")));
    let mut site = Site::play(&player, Rules::default(), |_| {}).await;
    let release = site.ready("play").await.release;
    let kind = Kind::new("play").unwrap();
    let name = ReleaseName::from(&release);
    let mut revision = 0;
    for (scope, other) in [
        (
            Scope::Zone(Zone::default()),
            Scope::Zone("elsewhere".parse().unwrap()),
        ),
        (
            Scope::Kind(kind.clone()),
            Scope::Kind("ups".parse().unwrap()),
        ),
        (
            Scope::KindInZone(kind.clone(), Zone::default()),
            Scope::KindInZone(kind.clone(), "elsewhere".parse().unwrap()),
        ),
        (
            Scope::Release(name.clone()),
            Scope::Release("play@0.0.1".parse().unwrap()),
        ),
    ] {
        // An order for something else has no effect.
        revision += 1;
        ask_all(&site, revision, &[(other, Stop::Drain)]).await;
        let status = site.status(|status| status.desired == Some(revision)).await;
        assert!(status.stopped.is_empty(), "{scope}: {:?}", status.stopped);
        let keys = site.send(tasks(Class::Control, 2)).await;
        site.outcomes(&keys).await;
        revision += 1;
        ask_all(&site, revision, &[(scope.clone(), Stop::Drain)]).await;
        let told = |stopped: &Stopped| {
            let states = [
                stopped.all,
                stopped.kinds.get(&kind).copied(),
                stopped.releases.get(&name).copied(),
            ];
            states.into_iter().flatten().collect::<Vec<_>>()
        };
        let status = site
            .status(|status| told(&status.stopped) == [StopState::Drained])
            .await;
        assert_eq!(pool(&status, "play").unwrap().ready, 0, "{scope}");
        let keys = site.send(tasks(Class::Control, 2)).await;
        assert_eq!(left(&site).await, keys, "{scope}: it was fetched");
    }
    site.end().await;
}
