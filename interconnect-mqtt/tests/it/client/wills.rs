//! The last wills: the broker's message about a process that is gone.

use utakata_interconnect::{Event, Interest};
use utakata_interconnect_mqtt::client::Version;
use utakata_model::EnvironmentState;
use utakata_tests::servers::Mosquitto;

use super::{
    samples::{outcome, running, status, wait_for},
    world::{process, soon, with_will},
};

const STATUSES: Interest = Interest {
    environments: true,
    outcomes: true,
    ..Interest::NONE
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_broker_says_of_a_process_that_died_that_its_environment_has_gone() {
    for version in [Version::V5, Version::V3] {
        let broker = Mosquitto::start().unwrap();
        let le = process(&broker.url(), version, "utakata-le").await;
        let mut heard = le.events().subscribe(STATUSES).await.unwrap();
        let alive = status("wee-1", EnvironmentState::Running);
        let life = alive.incarnation;
        let wee = with_will(&broker.url(), version, "utakata-wee-1", Some(alive)).await;
        wee.events().publish(vec![running("wee-1")]).await.unwrap();
        wait_for(heard.as_mut(), "wee-1 Running").await;
        // As after kill -9: the connection ends without a word.
        drop(wee);
        let said = soon(heard.next()).await.unwrap();
        let [Event::Environment(gone)] = said.as_slice() else {
            panic!("{said:?}");
        };
        assert_eq!(
            (gone.state, gone.incarnation),
            (EnvironmentState::Gone, life)
        );
        let again = process(&broker.url(), version, "utakata-3").await;
        let mut later = again.events().subscribe(STATUSES).await.unwrap();
        wait_for(later.as_mut(), "wee-1 Gone").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_ends_in_order_has_no_last_will() {
    for version in [Version::V5, Version::V3] {
        let broker = Mosquitto::start().unwrap();
        let le = process(&broker.url(), version, "utakata-le").await;
        let mut heard = le.events().subscribe(STATUSES).await.unwrap();
        let will = Some(status("wee-1", EnvironmentState::Running));
        let wee = with_will(&broker.url(), version, "utakata-wee-1", will).await;
        wee.events().publish(vec![running("wee-1")]).await.unwrap();
        soon(wee.close()).await;
        le.events()
            .publish(vec![outcome("hall-1", 1)])
            .await
            .unwrap();
        let came = wait_for(heard.as_mut(), "outcome hall-1 1").await;
        assert_eq!(came, ["wee-1 Running", "outcome hall-1 1"]);
    }
}
