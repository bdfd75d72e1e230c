//! Brokers that disappear, return, and stall.

use std::time::Duration;

use utakata_interconnect::{Error, Interest};
use utakata_interconnect_mqtt::client::Version;
use utakata_tests::servers::{Mosquitto, Port, Transport};

use super::{
    proxy::Proxy,
    samples::{answers, ledger, outcome, permit, readings, recorded, running, start, wait_for},
    world::{Broker, config, process, soon, until},
};
use crate::mosquitto::Subscriber;

const VERSIONS: [Version; 2] = [Version::V5, Version::V3];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_mosquitto_was_killed_control_flows_and_statuses_are_retained_again() {
    for version in VERSIONS {
        check_killed(Broker::mosquitto(), version).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_rabbitmq_was_killed_control_flows_and_statuses_are_retained_again() {
    check_killed(Broker::rabbitmq(), Version::V3).await;
}

async fn check_killed(mut broker: Broker, version: Version) {
    let le = process(&broker.url(), version, "utakata-le").await;
    let wee = process(&broker.url(), version, "utakata-wee-1").await;
    let mut heard = le.events().subscribe(ledger()).await.unwrap();
    let mut answered = wee.events().subscribe(answers("wee-1")).await.unwrap();
    wee.events().publish(vec![running("wee-1")]).await.unwrap();
    wait_for(heard.as_mut(), "wee-1 Running").await;

    broker.kill();
    until("it is seen to be away", async || {
        wee.health().problem().is_some()
    })
    .await;
    let refused = wee.events().publish(vec![outcome("hall-1", 1)]).await;
    assert!(matches!(refused, Err(Error::Away { .. })), "{refused:?}");
    broker.start_again();
    until("what is repeated is published", async || {
        let both = vec![start("wee-1", 2), outcome("hall-1", 3)];
        wee.events().publish(both).await.is_ok()
    })
    .await;
    soon(le.connected()).await;
    until("the logic environment follows again", async || {
        le.events().publish(vec![permit("wee-1", 4)]).await.is_ok()
    })
    .await;
    wait_for(answered.as_mut(), "permit wee-1 4").await;
    until("asks come again", async || {
        wee.events().publish(vec![start("wee-1", 5)]).await.unwrap();
        let came = tokio::time::timeout(Duration::from_millis(200), heard.next()).await;
        came.is_ok()
    })
    .await;
    assert_eq!(
        (wee.health().look().lost, wee.health().problem()),
        (1, None)
    );
    let arguments = [
        "-u",
        "admin",
        "-P",
        "secret",
        "-t",
        "utakata/v1/environment/wee-1",
    ];
    let mut stranger = Subscriber::with(broker.address(), &arguments);
    let (is_retained, topic, _) = stranger.next().await;
    assert!(is_retained, "{topic}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_away_at_the_start_is_waited_for() {
    let port = Port::claim(Transport::Tcp).unwrap();
    let url = format!("mqtt://admin:secret@127.0.0.1:{}", port.number());
    let config = config(&url, Version::V5, "utakata-le");
    let le = utakata_interconnect_mqtt::MqttEvents::connect(config, None).unwrap();
    until("the reason is told", async || {
        let problem = le.health().problem().unwrap_or_default();
        problem.contains("nobody listens there")
    })
    .await;
    assert!(
        le.events()
            .publish(vec![readings("pdu-a1", 1.0)])
            .await
            .is_err()
    );
    assert_eq!(
        le.health().look().dropped,
        1,
        "what is expendable is counted"
    );
    let events = le.events();
    let following = tokio::spawn(async move { events.subscribe(Interest::ALL).await });
    let _broker = Mosquitto::start_on(&port).unwrap();
    soon(le.connected()).await;
    let mut heard = match soon(following).await.unwrap() {
        Ok(heard) => heard,
        // It had no patience left.
        Err(_) => le.events().subscribe(Interest::ALL).await.unwrap(),
    };
    le.events()
        .publish(vec![outcome("hall-1", 1)])
        .await
        .unwrap();
    wait_for(heard.as_mut(), "outcome hall-1 1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_for_an_environment_that_was_cut_off_arrive_when_it_is_back() {
    for version in VERSIONS {
        check_cut(&Broker::mosquitto(), version).await;
    }
    check_cut(&Broker::rabbitmq(), Version::V3).await;
}

async fn check_cut(broker: &Broker, version: Version) {
    let proxy = Proxy::start(broker.address()).await;
    let le = process(&broker.url(), version, "utakata-le").await;
    let wee = process(&proxy.url(), version, "utakata-wee-1").await;
    let mut answered = wee.events().subscribe(answers("wee-1")).await.unwrap();
    proxy.cut();
    until("it is cut", async || wee.health().problem().is_some()).await;
    let meanwhile = vec![permit("wee-1", 1), recorded("wee-1", 2), permit("wee-1", 3)];
    le.events().publish(meanwhile).await.unwrap();
    proxy.mend();
    let came = wait_for(answered.as_mut(), "permit wee-1 3").await;
    assert_eq!(
        came,
        ["permit wee-1 1", "recorded wee-1 2", "permit wee-1 3"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mosquitto_that_stalls_holds_nobody_up_for_long() {
    check_stalled(&Broker::mosquitto(), Version::V5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rabbitmq_that_stalls_holds_nobody_up_for_long() {
    check_stalled(&Broker::rabbitmq(), Version::V3).await;
}

async fn check_stalled(broker: &Broker, version: Version) {
    let le = process(&broker.url(), version, "utakata-le").await;
    let mut heard = le.events().subscribe(Interest::ALL).await.unwrap();
    broker.server().pause().unwrap();
    // It stalls all the while: a caller that would be held up for good is told so.
    let many = (0..3_000).map(|n| outcome("hall-1", n)).collect();
    let stalled = soon(le.events().publish(many)).await;
    assert!(matches!(stalled, Err(Error::Away { .. })), "{stalled:?}");
    // Nothing is awaited when only readings are published.
    let _ = soon(le.events().publish(vec![readings("pdu-a1", 1.0)])).await;
    until("the silence is told", async || {
        let problem = le.health().problem().unwrap_or_default();
        problem.contains("does not answer")
    })
    .await;
    broker.server().resume().unwrap();
    until("it is published", async || {
        le.events()
            .publish(vec![outcome("hall-1", 5_000)])
            .await
            .is_ok()
    })
    .await;
    wait_for(heard.as_mut(), "outcome hall-1 5000").await;
}
