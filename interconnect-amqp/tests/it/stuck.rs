//! A stuck queue: the process on the broker that keeps it does nothing.

use std::sync::Arc;

use utakata_interconnect::{Error, Tasks};
use utakata_interconnect_amqp::Amqp;
use utakata_model::Class;
use utakata_tests::servers::Rabbitmq;

use super::{
    connect,
    sample::{Hall, fetch, numbers, tags},
    site, within,
};

/// Suspends or resumes the process of a queue.
fn order(broker: &Rabbitmq, vhost: &str, zone: &str, what: &str) {
    let queue = format!("{vhost}_utakata.{zone}.apc-pdu.control");
    let call = format!("sys:{what}(whereis(list_to_atom(\"{queue}\"))).");
    let said = broker.ctl(&["eval", &call]).unwrap();
    assert_eq!(said.trim(), "ok", "{call}");
}

/// The fate of a message published to a stuck queue is unknown. All others continue, including
/// those under way on the channel that was given up, and the queue works again once it is no
/// longer stuck.
pub async fn a_queue_that_is_stuck_holds_up_no_other(broker: &Rabbitmq) {
    let (vhost, config) = site(broker);
    let amqp: Arc<Amqp> = Arc::new(connect(&config).await);
    let (stuck, free) = (Hall::new("stuck"), Hall::new("free"));
    let mut consumers = Vec::new();
    for hall in [&stuck, &free] {
        consumers.push(within(amqp.consume(&hall.zone, &hall.kind)).await.unwrap());
        let first = hall.tasks(Class::Control, 0..1);
        assert_eq!(within(amqp.publish(first)).await, Ok(Vec::new()));
    }
    for consumer in &mut consumers {
        let came = fetch(consumer.as_mut(), 1).await;
        assert_eq!(numbers(&came), [0]);
        consumer.acknowledge(&tags(&came)).await.unwrap();
    }
    order(broker, &vhost, "stuck", "suspend");
    let held = {
        let (amqp, tasks) = (Arc::clone(&amqp), stuck.tasks(Class::Control, 1..2));
        tokio::spawn(async move { amqp.publish(tasks).await })
    };
    // All the while, even when the channel on which the other is stuck is given up.
    let mut sent = 1;
    while !held.is_finished() || sent < 50 {
        let task = free.tasks(Class::Control, sent..sent + 1);
        assert_eq!(within(amqp.publish(task)).await, Ok(Vec::new()));
        let came = fetch(consumers[1].as_mut(), 1).await;
        assert_eq!(numbers(&came), [sent]);
        consumers[1].acknowledge(&tags(&came)).await.unwrap();
        sent += 1;
    }
    let error = held.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Away { .. }), "{error}");
    order(broker, &vhost, "stuck", "resume");
    let again = stuck.tasks(Class::Control, 2..3);
    assert_eq!(within(amqp.publish(again)).await, Ok(Vec::new()));
    amqp.close().await;
}
