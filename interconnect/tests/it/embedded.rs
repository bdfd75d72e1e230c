//! Queues in memory.

use jiff::{SignedDuration, Timestamp};
use utakata_interconnect::{
    Delivery, Error, Tag, Tasks,
    clock::Clock,
    tasks::embedded::{Config, Counts, Embedded},
};
use utakata_interconnect_conformance::sample::{self, Queue};
use utakata_model::Class;

fn sample_queue() -> Queue {
    Queue::new("hall-1", "apc-pdu").unwrap()
}

fn numbers(deliveries: &[Delivery]) -> Vec<usize> {
    let number = |d: &Delivery| sample::number(&d.task).unwrap();
    deliveries.iter().map(number).collect()
}

#[tokio::test]
async fn the_oldest_observe_tasks_go_when_there_are_too_many_and_are_counted() {
    let queue = sample_queue();
    let tasks = Embedded::new(Config {
        observe_limit: 3,
        ..Config::default()
    });
    tasks
        .publish(queue.tasks(Class::Observe, 0..5))
        .await
        .unwrap();
    let mut consumer = tasks.consume(&queue.zone, &queue.kind).await.unwrap();
    assert_eq!(numbers(&consumer.fetch(9).await.unwrap()), [2, 3, 4]);
    assert_eq!(tasks.counts().dropped, 2);
}

#[tokio::test]
async fn an_observe_task_expires_by_the_clock_and_a_control_task_does_not() {
    let queue = sample_queue();
    let tasks = Embedded::new(Config {
        clock: Clock::new(|| Timestamp::now() + SignedDuration::from_hours(1)),
        ..Config::default()
    });
    tasks
        .publish(queue.tasks(Class::Observe, 0..2))
        .await
        .unwrap();
    tasks
        .publish(queue.tasks(Class::Control, 2..3))
        .await
        .unwrap();
    let mut consumer = tasks.consume(&queue.zone, &queue.kind).await.unwrap();
    assert_eq!(numbers(&consumer.fetch(9).await.unwrap()), [2]);
    assert_eq!(tasks.counts().expired, 2);
}

#[tokio::test]
async fn control_tasks_beyond_the_limit_are_refused_with_the_reason() {
    let queue = sample_queue();
    let tasks = Embedded::new(Config {
        control_limit: 2,
        ..Config::default()
    });
    let published = queue.tasks(Class::Control, 0..3);
    let last = published[2].key();
    let refused = tasks.publish(published).await.unwrap();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].key, last);
    assert!(
        refused[0].reason.contains("apc-pdu"),
        "{}",
        refused[0].reason
    );

    let mut consumer = tasks.consume(&queue.zone, &queue.kind).await.unwrap();
    let fetched = consumer.fetch(9).await.unwrap();
    let again = || tasks.publish(queue.tasks(Class::Control, 3..4));
    assert_eq!(again().await.unwrap().len(), 1, "fetched ones count");
    consumer.acknowledge(&[fetched[0].tag]).await.unwrap();
    assert_eq!(again().await.unwrap(), [], "acknowledged ones do not");
}

#[tokio::test]
async fn one_batch_for_several_queues_reaches_each_of_them() {
    let (one, other) = (sample_queue(), Queue::new("hall-2", "snmp").unwrap());
    let tasks = Embedded::default();
    let mixed = (0..6).map(|n| [&one, &other][n % 2].task(Class::Control, n));
    tasks.publish(mixed.collect()).await.unwrap();
    for (queue, expect) in [(one, [0, 2, 4]), (other, [1, 3, 5])] {
        let mut consumer = tasks.consume(&queue.zone, &queue.kind).await.unwrap();
        assert_eq!(numbers(&consumer.fetch(9).await.unwrap()), expect);
    }
}

#[tokio::test]
async fn what_is_waiting_and_fetched_is_counted_by_queue() {
    let queue = sample_queue();
    let tasks = Embedded::default();
    tasks
        .publish(queue.tasks(Class::Control, 0..3))
        .await
        .unwrap();
    tasks
        .publish(queue.tasks(Class::Observe, 3..5))
        .await
        .unwrap();
    let mut consumer = tasks.consume(&queue.zone, &queue.kind).await.unwrap();
    let fetched = consumer.fetch(2).await.unwrap();
    consumer
        .acknowledge(&[fetched[0].tag, Tag(99)])
        .await
        .unwrap();
    let expect = Counts {
        control_waiting: 1,
        control_fetched: 1,
        observe_waiting: 2,
        dropped: 0,
        expired: 0,
    };
    assert_eq!(tasks.queues(), [(queue.zone, queue.kind, expect)]);
    drop(consumer);
    assert_eq!(tasks.counts().control_waiting, 2);
    assert_eq!(tasks.counts().control_fetched, 0);
}

#[tokio::test]
async fn closing_tells_those_who_wait_and_those_who_come() {
    let queue = sample_queue();
    let tasks = Embedded::default();
    let mut consumer = tasks.consume(&queue.zone, &queue.kind).await.unwrap();
    let waiting = consumer.fetch(1);
    let close = async { tasks.close() };
    assert_eq!(tokio::join!(waiting, close).0.unwrap_err(), Error::Closed);
    let late = tasks.publish(queue.tasks(Class::Control, 0..1)).await;
    assert_eq!(late, Err(Error::Closed));
}
