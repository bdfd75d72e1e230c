//! Task queues on a real RabbitMQ. It takes seconds to start, so few tests share one, and each part
//! has a virtual host of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests stop at the first thing that is not as it must be"
)]

mod backoff;
mod clocks;
mod killed;
mod refused;
mod rights;
mod sample;
mod shared;
mod stuck;
mod tls;

use std::{sync::Arc, time::Duration};

use utakata_interconnect_amqp::{Amqp, Config, Url};
use utakata_interconnect_conformance::{check_all, tasks};
use utakata_tests::{
    servers::Rabbitmq,
    wait::{soon, until},
};
use uuid::Uuid;

/// Creates a virtual host, and returns the configuration for it.
fn site(broker: &Rabbitmq) -> (String, Config) {
    let vhost = format!("site-{}", Uuid::now_v7());
    broker.add_vhost(&vhost).unwrap();
    let config = Config {
        url: Url::new(&broker.url(&vhost)).unwrap(),
        ..Config::default()
    };
    (vhost, config)
}

async fn connect(config: &Config) -> Amqp {
    let amqp = Amqp::connect(config.clone());
    within(amqp.connected()).await.unwrap();
    amqp
}

async fn within<T>(what: impl Future<Output = T>) -> T {
    soon("the broker answers", what).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbitmq_keeps_every_promise() {
    let broker = Rabbitmq::start().unwrap();
    let make = async || {
        let amqp = connect(&site(&broker).1).await;
        Ok(tasks::Setup {
            refuses_unserved: true,
            on_its_way: Duration::from_millis(300),
            ..tasks::Setup::new(Arc::new(amqp))
        })
    };
    assert_eq!(check_all(&tasks::PROMISES, make).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_as_it_must_be_is_reported_and_nothing_of_control_is_lost() {
    let broker = Rabbitmq::start().unwrap();
    refused::a_wrong_password_is_told(&broker).await;
    refused::a_vhost_that_is_not_there_is_told(&broker).await;
    refused::missing_rights_are_told(&broker).await;
    rights::zones_are_kept_apart(&broker).await;
    refused::what_nobody_serves_is_refused_until_somebody_does(&broker).await;
    refused::a_full_queue_is_told(&broker).await;
    refused::foreign_messages_go_to_the_dead_letters(&broker).await;
    refused::what_comes_back_too_often_goes_to_the_dead_letters(&broker).await;
    clocks::what_is_left_of_a_deadline_arrives(&broker).await;
    stuck::a_queue_that_is_stuck_holds_up_no_other(&broker).await;
    shared::what_nobody_fetches_goes_to_another(&broker).await;
    shared::a_connection_that_is_closed_is_made_again(&broker).await;
    shared::the_oldest_reads_go_when_there_are_too_many(&broker).await;
    shared::who_closes_gives_back(&broker).await;
}
