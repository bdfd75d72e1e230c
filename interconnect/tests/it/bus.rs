//! The bus of one process.

use futures::FutureExt;
use utakata_interconnect::{
    Error, Event, Events, Interest,
    events::bus::{Bus, Config},
};
use utakata_interconnect_conformance::sample::{Queue, mark};
use utakata_model::{Class, EnvironmentState};

fn samples() -> Queue {
    Queue::new("hall-1", "apc-pdu").unwrap()
}

fn readings(numbers: std::ops::Range<u32>) -> Vec<Event> {
    let samples = samples();
    numbers.map(|n| samples.readings(n).unwrap()).collect()
}

fn marks(events: &[Event]) -> Vec<String> {
    events.iter().map(mark).collect()
}

#[tokio::test]
async fn the_oldest_readings_go_when_nobody_fetches_and_are_counted() {
    let bus = Bus::new(Config { limit: 3 });
    let mut subscriber = bus.subscribe(Interest::ALL).await.unwrap();
    bus.publish(readings(0..5)).await.unwrap();
    let events = subscriber.next().await.unwrap();
    assert_eq!(marks(&events), ["reading 2", "reading 3", "reading 4"]);
    assert_eq!(subscriber.missed(), 2);
    assert_eq!(subscriber.missed(), 0, "counted once");
}

#[tokio::test]
async fn readings_make_room_for_a_control_outcome_and_the_next_one_waits() {
    let (bus, samples) = (Bus::new(Config { limit: 2 }), samples());
    let mut subscriber = bus.subscribe(Interest::ALL).await.unwrap();
    bus.publish(readings(0..2)).await.unwrap();
    let outcomes = (0..3).map(|n| samples.outcome(Class::Control, n)).collect();
    let mut publishing = bus.publish(outcomes);
    assert!(publishing.as_mut().now_or_never().is_none(), "no room");
    let events = subscriber.next().await.unwrap();
    assert_eq!(marks(&events), ["outcome 0", "outcome 1"]);
    publishing.await.unwrap();
    assert_eq!(marks(&subscriber.next().await.unwrap()), ["outcome 2"]);
    assert_eq!(subscriber.missed(), 2);
}

#[tokio::test]
async fn one_who_reads_slowly_does_not_keep_the_others_from_getting_it() {
    let (bus, samples) = (Bus::new(Config { limit: 1 }), samples());
    let slow = bus.subscribe(Interest::ALL).await.unwrap();
    let mut quick = bus.subscribe(Interest::ALL).await.unwrap();
    let publish = |n| bus.publish(vec![samples.outcome(Class::Control, n)]);
    publish(0).await.unwrap();
    assert_eq!(marks(&quick.next().await.unwrap()), ["outcome 0"]);
    let mut publishing = publish(1);
    assert!(publishing.as_mut().now_or_never().is_none());
    assert_eq!(marks(&quick.next().await.unwrap()), ["outcome 1"]);
    drop(slow);
    publishing.await.unwrap();
    assert_eq!(bus.subscribers(), 1);
}

#[tokio::test]
async fn different_events_come_in_the_order_in_which_they_were_published() {
    let (bus, samples) = (Bus::default(), samples());
    let mut subscriber = bus.subscribe(Interest::ALL).await.unwrap();
    bus.publish(vec![
        samples.outcome(Class::Control, 0),
        samples.readings(1).unwrap(),
        samples.status("wee-1", EnvironmentState::Running).unwrap(),
        samples.outcome(Class::Observe, 2),
        samples.outcome(Class::Control, 3),
    ])
    .await
    .unwrap();
    let expect = [
        "outcome 0",
        "reading 1",
        "environment wee-1 Running",
        "outcome 2",
        "outcome 3",
    ];
    assert_eq!(marks(&subscriber.next().await.unwrap()), expect);
}

#[tokio::test]
async fn an_event_larger_than_the_limit_passes_alone() {
    let (bus, samples) = (Bus::new(Config { limit: 0 }), samples());
    let mut subscriber = bus.subscribe(Interest::ALL).await.unwrap();
    bus.publish(vec![samples.outcome(Class::Control, 0)])
        .await
        .unwrap();
    assert_eq!(marks(&subscriber.next().await.unwrap()), ["outcome 0"]);
}

#[tokio::test]
async fn subscribers_get_what_is_left_when_the_last_handle_goes_and_then_the_end() {
    let bus = Bus::default();
    let mut subscriber = bus.subscribe(Interest::ALL).await.unwrap();
    bus.publish(readings(0..1)).await.unwrap();
    drop(bus);
    assert_eq!(marks(&subscriber.next().await.unwrap()), ["reading 0"]);
    assert_eq!(subscriber.next().await.unwrap_err(), Error::Closed);
}

#[tokio::test]
async fn closing_ends_publishing_and_subscribing() {
    let bus = Bus::default();
    bus.close();
    assert_eq!(bus.publish(readings(0..1)).await, Err(Error::Closed));
    assert!(bus.subscribe(Interest::ALL).await.is_err());
}
