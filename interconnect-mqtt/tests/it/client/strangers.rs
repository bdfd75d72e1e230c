//! Others on the same broker: what they may see, and what they cannot do.

use std::net::SocketAddr;

use utakata_interconnect::{Event, Interest, Message as _};
use utakata_interconnect_mqtt::client::Version;
use utakata_tests::servers::Mosquitto;

use super::{
    samples::{answers, ledger, outcome, permit, readings, wait_for},
    world::{process, until},
};
use crate::mosquitto::{self, Subscriber};

const LOGIN: [&str; 4] = ["-u", "admin", "-P", "secret"];

async fn say(broker: SocketAddr, topic: &str, payload: &[u8], more: &[&str]) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), payload).unwrap();
    let file = file.path().to_str().unwrap();
    let arguments = ["-q", "1", "-t", topic, "-f", file];
    let arguments = [&LOGIN, arguments.as_slice(), more].concat();
    let (code, said) = mosquitto::run("mosquitto_pub", broker, &arguments).await;
    assert_eq!(code, 0, "{said}");
}

fn payload(event: &Event) -> Vec<u8> {
    match event {
        Event::Permits(batch) => batch.encode().unwrap(),
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_and_invalid_messages_are_ignored_and_counted() {
    for version in [Version::V5, Version::V3] {
        let broker = Mosquitto::start().unwrap();
        let at = broker.address();
        // It waits for newcomers repeatedly, as a retained message does.
        let permit_of_another = payload(&permit("wee-2", 1));
        say(at, "utakata/v1/permit/wee-1", &permit_of_another, &["-r"]).await;
        let wee = process(&broker.url(), version, "utakata-wee-1").await;
        let mut answered = wee.events().subscribe(answers("wee-1")).await.unwrap();
        let mut heard = wee.events().subscribe(ledger()).await.unwrap();
        let huge = vec![b' '; 33 * 1024 * 1024];
        say(at, "utakata/v1/permit/wee-1", b"\xff\x00garbage", &[]).await;
        say(at, "utakata/v1/permit/wee-1", &permit_of_another, &[]).await;
        say(at, "utakata/v1/recorded/wee-1", br#"{"version":2}"#, &[]).await;
        say(at, "utakata/v1/start/wee-1", &huge, &[]).await;
        say(at, "utakata/v1/reading/pdu-a1/read/more", b"{}", &[]).await;
        say(at, "utakata/v1/outcome/hall-1", b"[]", &["-r"]).await;
        let counts = wee.events();
        counts.publish(vec![outcome("hall-1", 1)]).await.unwrap();
        counts.publish(vec![permit("wee-1", 2)]).await.unwrap();
        assert_eq!(wait_for(answered.as_mut(), "permit wee-1 2").await.len(), 1);
        assert_eq!(wait_for(heard.as_mut(), "outcome hall-1 1").await.len(), 1);
        let health = wee.health();
        // If the broker knows our limit, it keeps the huge one to itself.
        let expect = if version == Version::V5 { 5 } else { 7 };
        until("all are counted", async || health.look().ignored >= expect).await;
        assert_eq!((health.look().lost, health.problem()), (0, None));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readings_are_retained_for_strangers_until_their_target_is_deleted() {
    for version in [Version::V5, Version::V3] {
        let broker = Mosquitto::start().unwrap();
        let wee = process(&broker.url(), version, "utakata-wee-1").await;
        let le = process(&broker.url(), version, "utakata-le").await;
        let mut heard = le.events().subscribe(Interest::ALL).await.unwrap();
        let seen = [("pdu-a1", 1.0), ("pdu-a1", 2.0), ("pdu-a2", 3.0)];
        let seen = seen.map(|(target, value)| readings(target, value));
        wee.events().publish(seen.to_vec()).await.unwrap();
        wait_for(heard.as_mut(), "reading pdu-a2 3").await;
        let all = [&LOGIN, ["-t", "utakata/v1/reading/#"].as_slice()].concat();
        let mut stranger = Subscriber::with(broker.address(), &all);
        for _ in 0..2 {
            let (is_retained, topic, _) = stranger.next().await;
            assert!(is_retained, "{topic}");
        }
        let deleted = vec![
            Event::Deleted("pdu-a1".parse().unwrap()),
            Event::Deleted("pdu-a9".parse().unwrap()),
        ];
        le.events().publish(deleted).await.unwrap();
        let came = wait_for(heard.as_mut(), "deleted pdu-a9").await;
        assert_eq!(came, ["deleted pdu-a1", "deleted pdu-a9"]);
        let (_, topic, payload) = stranger.next().await;
        assert_eq!(
            (topic.as_str(), payload.as_str()),
            ("utakata/v1/reading/pdu-a1/read", "")
        );
        let mut later = Subscriber::with(broker.address(), &all);
        assert_eq!(later.next().await.1, "utakata/v1/reading/pdu-a2/read");
        wee.events()
            .publish(vec![readings("pdu-a3", 4.0)])
            .await
            .unwrap();
        assert_eq!(later.next().await.1, "utakata/v1/reading/pdu-a3/read");
    }
}
