//! Refusals by a broker, and of a broker.

use utakata_interconnect::{Error, Message as _, Tasks};
use utakata_interconnect_amqp::{Amqp, Config, DeadLetter, Reason, Url};
use utakata_model::{Class, FileDigest};
use utakata_tests::servers::Rabbitmq;

use super::{
    connect,
    sample::{Hall, fetch, number, numbers, tags},
    site, until, within,
};

/// Waits until the health reports a problem.
async fn problem(amqp: &Amqp, part: &str) -> String {
    let health = amqp.health();
    let says = async || {
        health
            .problem()
            .is_some_and(|problem| problem.contains(part))
    };
    until(&format!("{part}, but {:?}", health.problem()), says).await;
    health.problem().unwrap()
}

pub async fn a_wrong_password_is_told(broker: &Rabbitmq) {
    let url = format!("amqp://admin:mistyped@{}/%2F", broker.address());
    let amqp = Amqp::connect(Config {
        url: Url::new(&url).unwrap(),
        ..Config::default()
    });
    let problem = problem(&amqp, "is the password right").await;
    assert!(problem.contains("admin"), "{problem}");
    assert!(!problem.contains("mistyped"), "{problem}");
    let hall = Hall::new("hall-1");
    let refused = amqp.publish(hall.tasks(Class::Control, 0..1)).await;
    assert_eq!(refused, Err(Error::Away { reason: problem }));
}

pub async fn a_vhost_that_is_not_there_is_told(broker: &Rabbitmq) {
    let amqp = Amqp::connect(Config {
        url: Url::new(&broker.url("nowhere")).unwrap(),
        ..Config::default()
    });
    let problem = problem(&amqp, "add_vhost nowhere").await;
    assert!(problem.contains(&broker.address().to_string()), "{problem}");
}

pub async fn missing_rights_are_told(broker: &Rabbitmq) {
    let (vhost, config) = site(broker);
    let hall = Hall::new("hall-1");
    let owner = connect(&config).await;
    drop(owner.consume(&hall.zone, &hall.kind).await.unwrap());
    broker.add_user(&vhost, "reader", "secret", "^$").unwrap();
    let url = format!("amqp://reader:secret@{}/{vhost}", broker.address());
    let amqp = connect(&Config {
        url: Url::new(&url).unwrap(),
        ..Config::default()
    })
    .await;
    let refused = amqp.publish(hall.tasks(Class::Control, 0..1)).await;
    assert!(matches!(refused, Err(Error::Away { .. })), "{refused:?}");
    let told = problem(&amqp, "no right to publish control tasks").await;
    assert!(told.contains("reader"), "{told}");
    let refused = amqp.consume(&hall.zone, &hall.kind).await;
    assert!(refused.is_err());
    problem(&amqp, "no right to consume tasks").await;
}

pub async fn what_nobody_serves_is_refused_until_somebody_does(broker: &Rabbitmq) {
    let (_, config) = site(broker);
    let amqp = connect(&config).await;
    let hall = Hall::new("hall-2");
    let mut mixed = hall.tasks(Class::Control, 0..2);
    mixed.extend(hall.tasks(Class::Observe, 2..4));
    let refused = within(amqp.publish(mixed)).await.unwrap();
    assert_eq!(refused.len(), 4);
    for refusal in refused {
        let expect = "no environment of zone hall-2 serves kind apc-pdu";
        assert_eq!(refusal.reason, expect);
    }
    let environment = connect(&config).await;
    let mut consumer = environment.consume(&hall.zone, &hall.kind).await.unwrap();
    until("it is served", async || {
        let refused = amqp.publish(hall.tasks(Class::Control, 0..1)).await;
        refused.unwrap().is_empty()
    })
    .await;
    fetch(consumer.as_mut(), 1).await;
}

pub async fn a_full_queue_is_told(broker: &Rabbitmq) {
    let (_, config) = site(broker);
    let amqp = connect(&Config {
        control_limit: 3,
        tasks_per_message: 1,
        ..config
    })
    .await;
    let hall = Hall::new("hall-1");
    drop(amqp.consume(&hall.zone, &hall.kind).await.unwrap());
    let mut kept = 0;
    let mut refused = Vec::new();
    while refused.is_empty() {
        // The broker notices with its next message, or the one after that.
        assert!(kept < 10, "the queue is never full");
        refused = within(amqp.publish(hall.tasks(Class::Control, kept..kept + 1)))
            .await
            .unwrap();
        kept += 1 - refused.len();
    }
    let reason = &refused[0].reason;
    assert!(reason.contains("is full"), "{reason}");
    assert!(amqp.health().problem().is_none());
    let mut consumer = amqp.consume(&hall.zone, &hall.kind).await.unwrap();
    let fetched = fetch(consumer.as_mut(), kept).await;
    assert_eq!(numbers(&fetched), (0..kept).collect::<Vec<_>>());
}

pub async fn foreign_messages_go_to_the_dead_letters(broker: &Rabbitmq) {
    let (vhost, config) = site(broker);
    let amqp = connect(&config).await;
    let hall = Hall::new("hall.1");
    let mut consumer = amqp.consume(&hall.zone, &hall.kind).await.unwrap();
    let other = Hall::new("hall-2").tasks(Class::Control, 5..6);
    let other = String::from_utf8(other.encode().unwrap()).unwrap();
    for class in ["control", "observe"] {
        for payload in [r#""hunter2""#, r#"{"version":7,"tasks":[]}"#, &other] {
            publish(broker, &vhost, &format!("hall~1.apc-pdu.{class}"), payload);
        }
    }
    amqp.publish(hall.tasks(Class::Control, 0..1))
        .await
        .unwrap();
    amqp.publish(hall.tasks(Class::Observe, 1..2))
        .await
        .unwrap();
    let mut came = numbers(&fetch(consumer.as_mut(), 2).await);
    came.sort_unstable();
    assert_eq!(came, [0, 1]);
    until("reads are dropped", async || {
        amqp.health().look().dropped == 3
    })
    .await;

    let mut letters = amqp.dead_letters();
    for (payload, problem) in [
        (r#""hunter2""#, "no \"version\""),
        (r#"{"version":7,"tasks":[]}"#, "version 7"),
    ] {
        let letter = within(letters.next()).await.unwrap();
        assert_eq!(letter.queue, "utakata.hall~1.apc-pdu.control");
        assert_eq!(letter.reason, Reason::Rejected);
        // F22: not even by what a parser quotes.
        assert!(!format!("{letter:?}").contains("hunter2"), "{letter:?}");
        assert_eq!(letter.bytes, payload.len());
        assert_eq!(letter.sha256, FileDigest::of(payload.as_bytes()));
        let said = letter.tasks.as_ref().unwrap_err();
        assert!(said.contains(problem), "{said}");
        letters.handled(letter).await.unwrap();
    }
    let letter = within(letters.next()).await.unwrap();
    assert_eq!(numbers_of(&letter), [5]);
    letters.handled(letter).await.unwrap();
    drop(letters);
    assert!(!queued(broker, &vhost).contains("utakata.dead\t1"));
}

pub async fn what_comes_back_too_often_goes_to_the_dead_letters(broker: &Rabbitmq) {
    let (_, config) = site(broker);
    let amqp = connect(&Config {
        delivery_limit: 2,
        ..config
    })
    .await;
    let hall = Hall::new("hall-1");
    let mut letters = amqp.dead_letters();
    let mut consumer = amqp.consume(&hall.zone, &hall.kind).await.unwrap();
    amqp.publish(hall.tasks(Class::Control, 0..2))
        .await
        .unwrap();
    for _ in 0..3 {
        let fetched = fetch(consumer.as_mut(), 2).await;
        assert_eq!(numbers(&fetched), [0, 1]);
        consumer.give_back(&tags(&fetched)).await.unwrap();
    }
    let letter = within(letters.next()).await.unwrap();
    assert_eq!(letter.reason, Reason::DeliveryLimit);
    assert_eq!(letter.queue, "utakata.hall-1.apc-pdu.control");
    assert_eq!(numbers_of(&letter), [0, 1]);
    drop((letter, letters));
    let mut again = amqp.dead_letters();
    let letter = within(again.next()).await.unwrap();
    assert_eq!(numbers_of(&letter), [0, 1], "it was not handled");
    again.handled(letter).await.unwrap();
}

fn numbers_of(letter: &DeadLetter) -> Vec<usize> {
    letter.tasks.as_ref().unwrap().iter().map(number).collect()
}

/// Publishes as somebody else does, over the management API.
fn publish(broker: &Rabbitmq, vhost: &str, key: &str, payload: &str) {
    let message = serde_json::json!({
        "properties": {},
        "routing_key": key,
        "payload": payload,
        "payload_encoding": "string",
    });
    let path = format!("exchanges/{vhost}/utakata.tasks/publish");
    let answer = broker.ask("POST", &path, &message.to_string()).unwrap();
    assert!(answer.contains("true"), "{answer}");
}

fn queued(broker: &Rabbitmq, vhost: &str) -> String {
    broker
        .ctl(&["list_queues", "-p", vhost, "name", "messages"])
        .unwrap()
}
