//! Followers that take nothing for a while.

use std::time::{Duration, Instant};

use utakata_interconnect::Interest;
use utakata_interconnect_mqtt::{
    MqttEvents,
    client::{Config, Version},
};
use utakata_tests::servers::Mosquitto;

use super::{
    samples::{mark, outcome, readings},
    world::{config, process, soon, until},
};

const OUTCOMES: u32 = 500;
const READINGS: u64 = 300;
/// The time after which the broker hangs up on a silent client: one and a half keep-alives of 5 s.
const HANGS_UP_AFTER: Duration = Duration::from_millis(7_500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_takes_nothing_loses_readings_but_neither_control_nor_the_connection_of_mqtt_5() {
    check(Version::V5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_takes_nothing_loses_readings_but_neither_control_nor_the_connection() {
    check(Version::V3).await;
}

async fn check(version: Version) {
    let broker = Mosquitto::start().unwrap();
    let small = Config {
        limit: 20,
        ..config(&broker.url(), version, "utakata-le")
    };
    let le = MqttEvents::connect(small, None).unwrap();
    soon(le.connected()).await;
    let wee = process(&broker.url(), version, "utakata-wee-1").await;
    let mut slow = le.events().subscribe(Interest::ALL).await.unwrap();
    let said = (0..OUTCOMES).map(|n| outcome("hall-1", n)).collect();
    wee.events().publish(said).await.unwrap();
    for _ in 0..READINGS {
        wee.events()
            .publish(vec![readings("pdu-a1", 1.0)])
            .await
            .unwrap();
    }
    let (health, began) = (le.health(), Instant::now());
    until("readings were dropped", async || health.look().dropped > 0).await;
    until(
        "a client that is silent would have been cut off",
        async || began.elapsed() > HANGS_UP_AFTER,
    )
    .await;
    assert_eq!((health.look().lost, health.problem()), (0, None));

    let (mut outcomes, mut values) = (Vec::new(), 0_u64);
    while outcomes.len() < OUTCOMES as usize {
        for event in soon(slow.next()).await.unwrap() {
            match mark(&event).strip_prefix("outcome hall-1 ") {
                Some(number) => outcomes.push(number.parse::<u32>().unwrap()),
                None => values += 1,
            }
        }
    }
    assert_eq!(outcomes, (0..OUTCOMES).collect::<Vec<_>>());
    until("every reading came or was counted", async || {
        let next = tokio::time::timeout(Duration::from_millis(1), slow.next()).await;
        values += next.map_or(0, |events| events.unwrap().len() as u64);
        values += slow.missed();
        values == READINGS
    })
    .await;
}
