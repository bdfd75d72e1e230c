//! The reasons for a missing connection, in words.

use utakata_interconnect::{Interest, connection::Tls};
use utakata_interconnect_mqtt::{
    MqttEvents,
    client::{Config, Version},
};
use utakata_tests::servers::{Mosquitto, Rabbitmq};

use super::{
    samples::{outcome, wait_for},
    world::{config, soon, until},
};

async fn trouble(config: Config, words: &str) {
    let events = MqttEvents::connect(config.clone(), None).unwrap();
    let health = events.health();
    until(words, async || {
        let problem = health.problem().unwrap_or_default();
        let is_it = problem.contains(words);
        let is_first = problem.contains("not made yet");
        assert!(
            is_it || is_first || problem.contains("hung up"),
            "{config:?}: {problem}"
        );
        is_it
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_connection_is_said_in_words() {
    let broker = Mosquitto::start().unwrap();
    let address = broker.address();
    for version in [Version::V5, Version::V3] {
        let url = |url: String| config(&url, version, "utakata-le");
        trouble(
            url(format!("mqtt://admin:guess@{address}")),
            "user and password",
        )
        .await;
        trouble(
            url(format!("mqtt://nobody:secret@{address}")),
            "user and password",
        )
        .await;
        trouble(url(format!("mqtt://{address}")), "user and password").await;
        trouble(url("mqtt://nowhere.invalid".into()), "is not known").await;
        trouble(url(format!("mqtts://admin:secret@{address}")), "TLS").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_under_one_name_are_told_so_and_work() {
    for version in [Version::V5, Version::V3] {
        let broker = Mosquitto::start().unwrap();
        let one = || config(&broker.url(), version, "utakata-le");
        let first = MqttEvents::connect(one(), None).unwrap();
        soon(first.connected()).await;
        let second = MqttEvents::connect(one(), None).unwrap();
        let both = [&first, &second];
        until("one of them is told what to do", async || {
            let mut notices = both.iter().flat_map(|one| one.health().look().notices);
            notices.any(|notice| notice.contains("under the name utakata-le,"))
        })
        .await;
        until("both are connected", async || {
            both.iter().all(|one| one.health().problem().is_none())
        })
        .await;
        // A mark of its own passes the broker before one is subscribed.
        for one in both {
            let mut heard = one.events().subscribe(Interest::ALL).await.unwrap();
            let told = one.events().publish(vec![outcome("hall-1", 1)]).await;
            told.unwrap();
            wait_for(heard.as_mut(), "outcome hall-1 1").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_hides_the_connection_and_both_sides_show_certificates() {
    let broker = Mosquitto::start_with_tls().unwrap();
    let address = broker.address();
    for version in [Version::V5, Version::V3] {
        let with = |ca: &str, own: Option<(&str, &str)>| Config {
            tls: Tls {
                ca: Some(broker.file(ca)),
                certificate: own.map(|(certificate, _)| broker.file(certificate)),
                key: own.map(|(_, key)| broker.file(key)),
            },
            ..config(
                &format!("mqtts://admin:secret@{address}"),
                version,
                "utakata-le",
            )
        };
        let own = Some(("client.crt", "client.key"));
        let le = MqttEvents::connect(with("ca.crt", own), None).unwrap();
        soon(le.connected()).await;
        let mut heard = le.events().subscribe(Interest::ALL).await.unwrap();
        le.events()
            .publish(vec![outcome("hall-1", 1)])
            .await
            .unwrap();
        wait_for(heard.as_mut(), "outcome hall-1 1").await;
        le.close().await;

        let plain = format!("mqtt://admin:secret@{address}");
        trouble(config(&plain, version, "utakata-le"), "mqtts://").await;
        trouble(with("other.crt", own), "is not believed").await;
        trouble(with("ca.crt", None), "our certificate").await;
        trouble(with("none.crt", own), "cannot be read").await;
        trouble(
            with("ca.crt", Some(("client.crt", "ca.key"))),
            "cannot be used",
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn that_rabbitmq_speaks_no_mqtt_5_is_said_with_the_cure() {
    let broker = Rabbitmq::start().unwrap();
    let address = broker.mqtt().unwrap();
    let with =
        |login: &str, version| config(&format!("mqtt://{login}@{address}"), version, "utakata-le");
    trouble(with("admin:secret", Version::V5), "set version = \"3.1.1\"").await;
    trouble(with("admin:guess", Version::V3), "user and password").await;
}
