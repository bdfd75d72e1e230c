//! The access rights of clients: the access list that we ship, on a real broker.

use utakata_interconnect::{Event, Interest};
use utakata_interconnect_mqtt::{MqttEvents, client::Version};
use utakata_tests::{repository, servers::Mosquitto};

use super::{
    samples::{answers, ledger, outcome, permit, readings, recorded, running, start, wait_for},
    world::process,
};

struct Site {
    _broker: Mosquitto,
    version: Version,
    le: MqttEvents,
    one: MqttEvents,
    other: MqttEvents,
}

impl Site {
    async fn build(version: Version) -> Self {
        let acl = repository::root().join("deploy/mosquitto/acl.example");
        let users = ["utakata-le", "wee-1", "wee-2"];
        let broker = Mosquitto::start_with_rights(&acl, &users).unwrap();
        let environment = async |id: &str| {
            process(&broker.url_as(id), version, &format!("utakata-wee-{id}")).await
        };
        Self {
            le: process(&broker.url_as("utakata-le"), version, "utakata-le").await,
            one: environment("wee-1").await,
            other: environment("wee-2").await,
            _broker: broker,
            version,
        }
    }

    /// Makes the other environment publish what it may not.
    async fn trespass(&self, event: Event) {
        let published = self.other.events().publish(vec![event]).await;
        // 3.1.1 has no way to say so.
        if self.version == Version::V5 {
            let refused = published.unwrap_err().to_string();
            assert!(refused.contains("may not be written"), "{refused}");
        }
    }
}

const VERSIONS: [Version; 2] = [Version::V5, Version::V3];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_may_do_what_is_theirs() {
    for version in VERSIONS {
        let site = Site::build(version).await;
        let mut heard = site.le.events().subscribe(ledger()).await.unwrap();
        let mut answered = site.one.events().subscribe(answers("wee-1")).await.unwrap();
        let said = vec![
            running("wee-1"),
            start("wee-1", 1),
            readings("pdu-a1", 2.0),
            outcome("hall-1", 3),
        ];
        site.one.events().publish(said).await.unwrap();
        let came = wait_for(heard.as_mut(), "outcome hall-1 3").await;
        assert_eq!(came.len(), 4, "{came:?}");
        let said = vec![
            permit("wee-1", 4),
            Event::Deleted("pdu-a1".parse().unwrap()),
            recorded("wee-1", 5),
        ];
        site.le.events().publish(said).await.unwrap();
        wait_for(answered.as_mut(), "recorded wee-1 5").await;
        wait_for(heard.as_mut(), "deleted pdu-a1").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_environment_can_neither_read_nor_feed_the_queues_of_another() {
    for version in VERSIONS {
        let site = Site::build(version).await;
        let mut heard = site.le.events().subscribe(ledger()).await.unwrap();
        let mut mine = site.one.events().subscribe(answers("wee-1")).await.unwrap();
        let theirs = Interest {
            starts: true,
            readings: false,
            ..Interest::ALL
        };
        let other = site.other.events();
        let mut spy = other.subscribe(answers("wee-1")).await.unwrap();
        let mut eavesdropper = other.subscribe(theirs).await.unwrap();
        let mut own = other.subscribe(answers("wee-2")).await.unwrap();

        site.trespass(permit("wee-1", 1)).await;
        site.trespass(recorded("wee-1", 2)).await;
        site.trespass(start("wee-1", 3)).await;
        site.trespass(outcome("hall-1", 4)).await;
        site.trespass(running("wee-1")).await;
        site.one
            .events()
            .publish(vec![start("wee-1", 5)])
            .await
            .unwrap();
        other.publish(vec![start("wee-2", 6)]).await.unwrap();
        let came = wait_for(heard.as_mut(), "start wee-2 6").await;
        assert_eq!(came, ["start wee-1 5", "start wee-2 6"]);

        let both = vec![permit("wee-1", 7), permit("wee-2", 8)];
        site.le.events().publish(both).await.unwrap();
        assert_eq!(wait_for(mine.as_mut(), "permit wee-1 7").await.len(), 1);
        assert_eq!(wait_for(own.as_mut(), "permit wee-2 8").await.len(), 1);
        // Theirs arrived over the same connection before: nothing is under way any more.
        for subscription in [spy.as_mut(), eavesdropper.as_mut()] {
            let nothing = futures::FutureExt::now_or_never(subscription.next());
            assert!(nothing.is_none(), "{nothing:?}");
        }
    }
}
