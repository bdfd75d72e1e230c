//! The promises about events, kept over each broker.

use std::{fs, sync::Arc};

use utakata_interconnect_conformance::{
    check_all,
    events::{PROMISES, Setup, Slack},
};
use utakata_interconnect_mqtt::client::Version;
use utakata_tests::{
    repository,
    servers::{Mosquitto, Rabbitmq},
};

use super::world::{World, fresh};

/// Each outcome waits for the broker's acknowledgement of the previous one.
const MOSQUITTO: Slack = Slack {
    overtakes: false,
    forgets_statuses: false,
    many: 2_000,
};
/// RabbitMQ publishes QoS 0 and QoS 1 over separate channels, delivers retained messages only to
/// subscriptions of one topic, and writes to disk before it acknowledges.
const RABBITMQ: Slack = Slack {
    overtakes: true,
    forgets_statuses: true,
    many: 2_000,
};

/// Checks with a new broker for each promise: in one process, or with one that publishes and
/// another that follows.
async fn check_mosquitto(version: Version, processes: usize) {
    let make = async || {
        let broker = Mosquitto::start().unwrap();
        let url = broker.url();
        let events = World::build(broker, &url, version, processes).await;
        Ok(Setup {
            events: Arc::new(events),
            limit: None,
            slack: MOSQUITTO,
        })
    };
    assert_eq!(check_all(&PROMISES, make).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mosquitto_with_mqtt_5_keeps_every_promise() {
    check_mosquitto(Version::V5, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mosquitto_with_mqtt_3_1_1_keeps_every_promise() {
    check_mosquitto(Version::V3, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mosquitto_with_mqtt_5_keeps_every_promise_across_two_processes() {
    check_mosquitto(Version::V5, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mosquitto_with_mqtt_3_1_1_keeps_every_promise_across_two_processes() {
    check_mosquitto(Version::V3, 2).await;
}

/// Checks with one broker, and a virtual host for each promise.
async fn check_rabbitmq(processes: usize) {
    let settings = repository::root().join("deploy/rabbitmq/mqtt.conf.example");
    let broker = Rabbitmq::start_with(&fs::read_to_string(settings).unwrap()).unwrap();
    let make = async || {
        let vhost = fresh("promise");
        broker.add_vhost(&vhost).unwrap();
        let address = broker.mqtt().unwrap();
        let url = format!("mqtt://{vhost}%3Aadmin:secret@{address}");
        let events = World::build((), &url, Version::V3, processes).await;
        Ok(Setup {
            events: Arc::new(events),
            limit: None,
            slack: RABBITMQ,
        })
    };
    assert_eq!(check_all(&PROMISES, make).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbitmq_keeps_every_promise() {
    check_rabbitmq(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbitmq_keeps_every_promise_across_two_processes() {
    check_rabbitmq(2).await;
}
