//! Several consumers of one queue, and connections that end.

use std::time::Duration;

use utakata_interconnect::{Error, Tasks};
use utakata_interconnect_amqp::Config;
use utakata_model::Class;
use utakata_tests::servers::Rabbitmq;

use super::{
    connect,
    sample::{Hall, fetch, numbers, tags},
    site, until, within,
};

pub async fn what_nobody_fetches_goes_to_another(broker: &Rabbitmq) {
    let (_, config) = site(broker);
    let config = Config {
        tasks_per_message: 4,
        stalled_after: Duration::from_millis(500),
        ..config
    };
    let [slow, quick] = [connect(&config).await, connect(&config).await];
    let hall = Hall::new("hall-1");
    let mut stalled = slow.consume(&hall.zone, &hall.kind).await.unwrap();
    slow.publish(hall.tasks(Class::Control, 0..20))
        .await
        .unwrap();
    // It requests many at a time, so that it gets many; then it takes two, and no more.
    let first = fetch(stalled.as_mut(), 4).await;
    stalled.acknowledge(&tags(&first)).await.unwrap();
    let held = fetch(stalled.as_mut(), 2).await;
    assert_eq!(numbers(&held), [4, 5]);

    let mut other = quick.consume(&hall.zone, &hall.kind).await.unwrap();
    let rest = fetch(other.as_mut(), 14).await;
    other.acknowledge(&tags(&rest)).await.unwrap();
    let mut came = numbers(&rest);
    came.sort_unstable();
    assert_eq!(came, (6..20).collect::<Vec<_>>());

    // It still has what it holds, and is served again when it recovers.
    stalled.acknowledge(&tags(&held)).await.unwrap();
    drop(other);
    quick
        .publish(hall.tasks(Class::Control, 20..21))
        .await
        .unwrap();
    assert_eq!(numbers(&fetch(stalled.as_mut(), 1).await), [20]);
}

pub async fn a_connection_that_is_closed_is_made_again(broker: &Rabbitmq) {
    let (vhost, config) = site(broker);
    let amqp = connect(&config).await;
    let hall = Hall::new("hall-1");
    let mut consumer = amqp.consume(&hall.zone, &hall.kind).await.unwrap();
    amqp.publish(hall.tasks(Class::Control, 0..3))
        .await
        .unwrap();
    let fetched = fetch(consumer.as_mut(), 3).await;
    broker
        .ctl(&[
            "close_all_connections",
            "--vhost",
            &vhost,
            "the tests want it",
        ])
        .unwrap();
    let lost = within(consumer.fetch(1)).await;
    assert!(matches!(lost, Err(Error::Away { .. })), "{lost:?}");
    assert!(consumer.acknowledge(&tags(&fetched)).await.is_err());
    until("it is made again", async || {
        let seen = amqp.health().look();
        seen.problem.is_none() && seen.lost == 1
    })
    .await;
    drop(consumer);
    let mut consumer = amqp.consume(&hall.zone, &hall.kind).await.unwrap();
    let again = fetch(consumer.as_mut(), 3).await;
    assert_eq!(numbers(&again), [0, 1, 2]);
    assert!(again.iter().all(|delivery| delivery.redelivered));
}

pub async fn the_oldest_reads_go_when_there_are_too_many(broker: &Rabbitmq) {
    let (_, config) = site(broker);
    let amqp = connect(&Config {
        tasks_per_message: 1,
        observe_limit: 10,
        ..config
    })
    .await;
    let hall = Hall::new("hall-1");
    drop(amqp.consume(&hall.zone, &hall.kind).await.unwrap());
    amqp.publish(hall.tasks(Class::Observe, 0..30))
        .await
        .unwrap();
    until("all are sent", async || amqp.health().look().waiting == 0).await;
    let mut consumer = amqp.consume(&hall.zone, &hall.kind).await.unwrap();
    let fetched = fetch(consumer.as_mut(), 10).await;
    assert_eq!(numbers(&fetched), (20..30).collect::<Vec<_>>());
}

pub async fn who_closes_gives_back(broker: &Rabbitmq) {
    let (_, config) = site(broker);
    let [first, second] = [connect(&config).await, connect(&config).await];
    let hall = Hall::new("hall-1");
    let mut consumer = first.consume(&hall.zone, &hall.kind).await.unwrap();
    first
        .publish(hall.tasks(Class::Control, 0..3))
        .await
        .unwrap();
    let fetched = fetch(consumer.as_mut(), 3).await;
    consumer.acknowledge(&tags(&fetched[1..2])).await.unwrap();
    within(first.close()).await;
    assert_eq!(within(consumer.fetch(1)).await.unwrap_err(), Error::Closed);
    let refused = first.publish(hall.tasks(Class::Control, 3..4)).await;
    assert_eq!(refused, Err(Error::Closed));
    let mut other = second.consume(&hall.zone, &hall.kind).await.unwrap();
    let fetched = fetch(other.as_mut(), 2).await;
    assert_eq!(numbers(&fetched), [0, 2]);
    assert!(fetched.iter().all(|delivery| delivery.redelivered));
}
